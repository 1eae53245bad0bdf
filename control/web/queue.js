// queue.js — one queue: what is in it by state, its limits and bounds, and what may be done to all
// of it.
import {STATES, button, choice, facts, field, heading, jobsHref} from "./parts.js";
import {boundsOf} from "./bounds.js";
import {change, get, part} from "./api.js";
import {complain, say} from "./tell.js";
import {count, duration} from "./format.js";
import {drainButton, flags, pauseButton} from "./queues.js";
import {h} from "./dom.js";
import {purge} from "./bulk.js";

const counts = (q) => h("div", {class: "tiles small", key: "counts"},
                        STATES.map((state) => h("a", {
                                       class: `tile ${q.counts[state] ? `t-${state}` : "zero"}`,
                                       href: jobsHref({queue: q.queue, state}),
                                       key: state
                                   },
                                                h("span", {class: "big"}, count(q.counts[state])),
                                                h("span", {}, state))));

const facing = (q) => facts([
    ["oldest ready", q.oldest_ready_ms ? duration(q.oldest_ready_ms) : "–"],
    ["enqueued", count(q.totals.enqueued)],
    ["done", count(q.totals.done)],
    ["failed attempts", count(q.totals.failed)],
    ["dead", count(q.totals.dead)],
    ["cancelled", count(q.totals.cancelled)],
    ["attempts lost", count(q.totals.reaped)],
]);

const limitText = (limit) => [
    limit.concurrency ? `${count(limit.concurrency)} at once` : null,
    limit.rate ? `${limit.rate}${limit.burst ? `, bursts of ${count(limit.burst)}` : ""}` : null,
    limit.running !== undefined ? `${count(limit.running)} running` : null,
].filter(Boolean).join(" · ");

// [[where, name, limit]...] of what PUT takes and GET gives.
function rowsOf(limits) {
    const rows = [];
    if (limits.queue) rows.push(["queue", "", limits.queue]);
    for (const [name, limit] of Object.entries(limits.kinds ?? {}))
        rows.push(["kinds", name, limit]);
    if (limits.each_group) rows.push(["each_group", "", limits.each_group]);
    for (const [name, limit] of Object.entries(limits.groups ?? {}))
        rows.push(["groups", name, limit]);
    return rows;
}

const WHERE = [["queue", "the whole queue"], ["kinds", "a kind"], ["each_group", "each group"],
               ["groups", "a group"]];
const NAMED = new Set(["kinds", "groups"]);

// What is sent back: without what only the answer has.
function plain(limits) {
    const body = {};
    for (const [where, name, {concurrency, rate, burst}] of rowsOf(limits)) {
        const limit = {concurrency, rate, burst};
        if (NAMED.has(where)) (body[where] ??= {})[name] = limit;
        else body[where] = limit;
    }
    return body;
}

async function put(page, limits, said) {
    try {
        await change("PUT", `/v1/queues/${part(page.args[0])}/limits`, limits);
        say(said);
    } catch (err) {
        complain(err);
    }
    page.refresh();
}

function addLimit(page, event) {
    event.preventDefault();
    const data = new FormData(event.target), where = data.get("where"), name = data.get("name");
    const limits = plain(page.data.limits), limit = {};
    if (data.get("concurrency")) limit.concurrency = Number(data.get("concurrency"));
    if (data.get("rate")) limit.rate = data.get("rate");
    if (data.get("burst")) limit.burst = Number(data.get("burst"));
    if (NAMED.has(where)) (limits[where] ??= {})[name] = limit;
    else limits[where] = limit;
    return put(page, limits, "The limit is in force.");
}

function dropLimit(page, where, name) {
    const limits = plain(page.data.limits);
    if (NAMED.has(where)) delete limits[where][name];
    else delete limits[where];
    return put(page, limits, "The limit is gone.");
}

function limitList(page, rows) {
    if (!rows.length) return h("p", {class: "faint"}, "None: it does as much as its servers can.");
    return h("ul", {class: "rows"}, rows.map(([where, name, limit]) =>
        h("li", {key: `${where} ${name}`},
          h("span", {}, WHERE.find(([word]) => word === where)[1], " ",
            name ? h("b", {class: "mono"}, name) : null),
          h("span", {}, limitText(limit)),
          button(page, "Remove", () => dropLimit(page, where, name),
                 {name: `Remove the limit of ${where} ${name}`, key: `drop ${where} ${name}`}))));
}

function limitForm(page) {
    const named = NAMED.has(page.state.where ?? "queue");
    return h("form", {class: "inline", on: {submit: (event) => addLimit(page, event)}},
        field("Limit of", choice("where", page.state.where ?? "queue", WHERE, (where) => {
            page.state.where = where;
            page.draw();
        })),
        named ? field("Name", h("input", {name: "name", required: true, maxlength: 128})) : null,
        field("At once", h("input", {name: "concurrency", type: "number", min: 1, max: 100000})),
        field("Rate", h("input", {name: "rate", placeholder: "100/1s", size: 10})),
        field("Burst", h("input", {name: "burst", type: "number", min: 1, max: 100000})),
        h("button", {type: "submit"}, "Set"));
}

export const queue = {
    title: (page) => page.args[0],
    wants: (event, page) => !event.queue || event.queue === page.args[0],
    load: (page) => get(`/v1/queues/${part(page.args[0])}`, page.signal),
    body(page) {
        const q = page.data;
        return [
            heading([q.queue, " ", flags(q)], pauseButton(page, q), drainButton(page, q),
                    button(page, "Purge…", () => purge(page, q),
                           {kind: "danger", name: `Purge ${q.queue}`})),
            counts(q),
            h("p", {key: "jobs"},
              h("a", {href: jobsHref({queue: q.queue})}, "All jobs of this queue →")),
            h("section", {key: "limits"}, h("h2", {}, "Limits"), limitList(page, rowsOf(q.limits)),
              limitForm(page)),
            boundsOf(page, q),
            h("section", {key: "facts"}, h("h2", {}, "Since it was made"), facing(q)),
        ];
    },
};
