// dialog.js — questions in front of the page: a token, a confirmation, the keys.
import {draw, h} from "./dom.js";
import {get, hasToken, setToken} from "./api.js";

// Opens one; `content(close)` says what is in it, each time that redraw() is called. Gives what
// close() was called with, undefined for Escape.
export function open(title, content) {
    const dialog = document.createElement("dialog");
    const before = document.activeElement;
    dialog.setAttribute("aria-label", title);
    document.body.append(dialog);
    return new Promise((resolve) => {
        let given;
        const close = (value) => {
            given = value;
            dialog.close();
        };
        const redraw = () => draw(dialog, h("h2", {}, title), content(close, redraw));
        dialog.addEventListener("close", () => {
            dialog.remove();
            before?.focus?.();
            resolve(given);
        });
        redraw();
        dialog.showModal();
        dialog.querySelector("[autofocus]")?.focus();
    });
}

const form = (submit, ...children) =>
    h("form", {on: {submit: (event) => {
        event.preventDefault();
        submit(new FormData(event.target));
    }}}, ...children);

let asking = null;

// One question, whoever needs the answer. Gives whether there is a new token that is known.
export function askToken(why) {
    asking ??= tokenDialog(why).finally(() => { asking = null; });
    return asking;
}

async function tokenDialog(why) {
    let error = null;
    const given = await open("A token, please", (close, redraw) => form(async (data) => {
        setToken(data.get("token").trim(), data.get("keep") === "on");
        try {
            await get("/v1/health");
            close(true);
        } catch (err) {
            setToken("", false);
            error = err.message;
            redraw();
        }
    },
        h("p", {}, why ?? "Changes, and what is in a job, need one."),
        h("label", {class: "field"}, h("span", {}, "Token"),
          h("input", {type: "password", name: "token", autocomplete: "off", required: true,
                      autofocus: true, spellcheck: "false"})),
        h("p", {class: "hint"}, "The service's own: ",
          h("code", {}, "cat ~/.local/state/pinion/token")),
        h("label", {class: "check"}, h("input", {type: "checkbox", name: "keep"}),
          h("span", {}, "Keep it until this tab is closed")),
        error ? h("p", {class: "error", role: "alert"}, error) : null,
        h("div", {class: "actions"},
          h("button", {type: "button", on: {click: () => close(false)}}, "Cancel"),
          h("button", {type: "submit", class: "primary"}, "Use it"))));
    return given === true && hasToken();
}

// `word`: to be typed first, for what hits many.
export async function confirm({title, text, word, label, danger = true}) {
    let typed = "";
    return (await open(title, (close, redraw) => form(() => {
        if (!word || typed === word) close(true);
    },
        h("p", {}, text),
        word ? h("label", {class: "field"},
                 h("span", {}, "Type ", h("b", {class: "mono"}, word), " to confirm"),
                 h("input", {name: "word", autocomplete: "off", autofocus: true,
                             spellcheck: "false", on: {input: (e) => {
                                 typed = e.target.value;
                                 redraw();
                             }}})) : null,
        h("div", {class: "actions"},
          h("button", {type: "button", autofocus: !word, on: {click: () => close(false)}}, "No"),
          h("button", {type: "submit", class: danger ? "danger" : "primary",
                       disabled: Boolean(word) && typed !== word}, label ?? title))))) === true;
}

const KEYS = [["g o", "overview"], ["g q", "queues"], ["g j", "jobs"], ["g s", "schedules"],
              ["g v", "servers"], ["g e", "events"], ["/", "to the filter"], ["r", "refresh"],
              ["t", "light, dark, or as the system"], ["k", "token"], ["?", "these keys"],
              ["Esc", "close what is in front"]];

export function showKeys() {
    return open("Keys", (close) => [
        h("dl", {class: "keys"}, KEYS.map(([keys, what]) =>
            h("div", {}, h("dt", {}, keys.split(" ").map((k) => h("kbd", {}, k))),
              h("dd", {}, what)))),
        h("div", {class: "actions"},
          h("button", {type: "button", autofocus: true, on: {click: () => close()}}, "Close")),
    ]);
}
