// bounds.js — how much a queue may hold, and how much it keeps of what ended badly.
import {change, part} from "./api.js";
import {complain, say} from "./tell.js";
import {count, duration, parseDuration, plainDuration} from "./format.js";
import {field} from "./parts.js";
import {h} from "./dom.js";

const BOUND_MAX = 1e15; // of the API
const FIELDS = [
    ["max_jobs", "Jobs at most", "no bound", "that have not ended; more are refused"],
    ["max_bytes", "Bytes at most", "no bound", "of memory, as Redis estimates it"],
    ["keep_jobs", "Dead, and cancelled", "the default", "so many of each are kept, the newest"],
    ["keep_ms", "Kept for", "the default", "250ms 10s 5m 2h 3d"],
];

const isDuration = (name) => name === "keep_ms";

const textOf = (name, value) =>
    (!value ? "" : isDuration(name) ? plainDuration(value) : String(value));

// What PUT takes: null is none of its own.
function valueOf(name, text) {
    if (!text.trim()) return null;
    if (!isDuration(name)) return Number(text);
    const ms = parseDuration(text);
    if (!ms) throw new Error(`Kept for '${text}': expected one like 10s, 5m, 2h, 3d, or nothing`);
    return ms;
}

// What was typed stands in page.state.bounds until it is in force: a look at the queue that comes
// meanwhile does not take it away, and what was left alone is not sent.
async function submit(page, event, bounds) {
    event.preventDefault();
    const typed = {...page.state.bounds}, body = {};
    try {
        for (const [name, text] of Object.entries(typed))
            if (text !== textOf(name, bounds[name])) body[name] = valueOf(name, text);
        const differs = Object.keys(body).length > 0;
        if (differs) await change("PUT", `/v1/queues/${part(page.args[0])}/bounds`, body);
        for (const [name, text] of Object.entries(typed)) // what was typed since then stays
            if (page.state.bounds[name] === text) delete page.state.bounds[name];
        say(differs ? "The bounds are in force." : "The bounds are as they were.");
    } catch (err) {
        complain(err);
    }
    page.refresh();
}

function input(page, bounds, [name, label, placeholder, hint]) {
    const typed = page.state.bounds ?? {};
    const kind = isDuration(name) ? {spellcheck: "false", autocomplete: "off"}
                                  : {type: "number", min: 1, max: BOUND_MAX};
    return field(label, h("input", {
        name, placeholder, ...kind, value: typed[name] ?? textOf(name, bounds[name]),
        on: {input: (e) => { page.state.bounds = {...page.state.bounds, [name]: e.target.value}; }}
    }), hint);
}

const words = (b) =>
    `It holds ${b.max_jobs ? `at most ${count(b.max_jobs)} jobs` : "any number of jobs"}` +
    `${b.max_bytes ? `, in ${count(b.max_bytes)} bytes` : ""}, and keeps ${count(b.keep_jobs)} ` +
    `dead and as many cancelled ones, for ${duration(b.keep_ms)}.`;

export const boundsOf = (page, {bounds}) =>
    h("section", {key: "bounds"}, h("h2", {}, "Bounds"), h("p", {class: "faint"}, words(bounds)),
      h("form", {class: "inline hinted", on: {submit: (event) => submit(page, event, bounds)}},
        FIELDS.map((f) => input(page, bounds, f)),
        h("button", {type: "submit"}, "Apply")));
