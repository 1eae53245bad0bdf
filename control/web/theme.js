// theme.js — light, dark, or as the system has it; and the colours that a canvas must be told.

const KEPT = "pinion-theme";
const ORDER = ["system", "light", "dark"];
let current = ORDER.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "system";

function apply() {
    if (current === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = current;
}

export const theme = () => current;

export function nextTheme() {
    current = ORDER[(ORDER.indexOf(current) + 1) % ORDER.length];
    localStorage.setItem(KEPT, current);
    apply();
}

export const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

apply();
