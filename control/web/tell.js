// tell.js — what just happened: a line at the window's edge, which is also spoken.
import {draw, h} from "./dom.js";

const SHOWN_MAX = 3;
const SAID_MS = 5_000;
let toasts = [], number = 0;

function show() {
    draw(document.getElementById("toasts"), toasts.map((toast) =>
        h("div", {class: `toast ${toast.kind}`, key: toast.number,
                  role: toast.kind === "bad" ? "alert" : null},
          h("span", {}, toast.text),
          h("button", {type: "button", class: "plain", "aria-label": "Dismiss",
                       on: {click: () => drop(toast)}}, "×"))));
}

function drop(toast) {
    toasts = toasts.filter((other) => other !== toast);
    show();
}

function add(kind, text) {
    const toast = {kind, text, number: ++number};
    toasts = [...toasts, toast].slice(-SHOWN_MAX);
    show();
    return toast;
}

export function say(text) {
    const toast = add("good", text);
    speak(text);
    setTimeout(() => drop(toast), SAID_MS);
}

// An error stays until it is dismissed. An ended dialog is none.
export function complain(err) {
    if (err.name !== "AbortError") add("bad", err.message);
}

export function speak(text) {
    document.getElementById("spoken").textContent = text;
}
