// backfill.js — jobs for times of a schedule that have passed: looked at first, then made.
import {change, part} from "./api.js";
import {count} from "./format.js";
import {field, time} from "./parts.js";
import {h} from "./dom.js";
import {open} from "./dialog.js";

const SHOWN_MAX = 20;

const many = (n) => `${count(n)} ${n === 1 ? "job" : "jobs"}`;

function found(items) {
    if (!items) return null;
    if (!items.length) return h("p", {key: "found"}, "The schedule has no time in that range.");
    const more = items.length - SHOWN_MAX;
    return [
        h("ol", {class: "rows", key: "found"}, items.slice(0, SHOWN_MAX).map((item) =>
            h("li", {key: item.fire_time}, time(item.fire_time)))),
        more > 0 ? h("p", {class: "faint", key: "more"}, `… and ${count(more)} more.`) : null,
    ];
}

// Gives what is to be said; "" when nothing was made.
export async function backfill(s) {
    const range = {from: "", to: ""};
    let items = null, error = null, busy = false;

    async function ask(dry, redraw, then) {
        if (busy) return;
        busy = true;
        error = null;
        redraw();
        try {
            // The fields hold times of the reader's zone, as all that the page shows.
            const [from, to] = [range.from, range.to].map((at) => new Date(at).toISOString());
            then((await change("POST", `/v1/schedules/${part(s.name)}/backfill`,
                               {from, to, ...(dry ? {dry_run: true} : {})})).items);
        } catch (err) {
            error = err.message;
        }
        busy = false;
        redraw();
    }

    const at = (name, label, redraw, more) => field(label, h("input", {
        name, type: "datetime-local", step: 1, required: true, value: range[name], ...more,
        on: {input: (e) => {
            range[name] = e.target.value;
            items = error = null;
            redraw();
        }}
    }));

    return (await open(`Backfill ${s.name}`, (close, redraw) =>
        h("form", {on: {submit: (event) => {
            event.preventDefault();
            ask(true, redraw, (answer) => { items = answer; });
        }}},
            h("p", {}, "A job for each time of a past range, whatever was fired before."),
            at("from", "From", redraw, {autofocus: true}),
            at("to", "To, which counts no more", redraw),
            h("div", {role: "status", class: "found", key: "status"}, found(items)),
            error ? h("p", {class: "error", role: "alert", key: "error"}, error) : null,
            h("div", {class: "actions", key: "go"},
              h("button", {type: "button", on: {click: () => close("")}}, "Close"),
              h("button", {type: "submit", "aria-busy": busy ? "true" : null}, "Look"),
              h("button", {
                  type: "button", class: "primary", disabled: !items?.length,
                  on: {click: () => ask(false, redraw, (made) =>
                      close(`${s.name}: made ${many(made.length)}.`))}
              }, items?.length ? `Make ${many(items.length)}` : "Make them"))))) ?? "";
}
