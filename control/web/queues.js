// queues.js — all queues: what waits, what runs, and the two buttons that matter.
import {button, command, empty, heading, jobsHref, queueLink, table} from "./parts.js";
import {change, get, part, query} from "./api.js";
import {confirm} from "./dialog.js";
import {count, duration} from "./format.js";
import {h} from "./dom.js";

const LIMIT = 200;

const number = (state) => ({
    name: state,
    class: "number",
    cell: (q) =>
        (q.counts[state] ? h("a", {href: jobsHref({queue: q.queue, state}), class: `c-${state}`},
                             count(q.counts[state]))
                         : h("span", {class: "faint"}, "0")),
});

export const flags = (q) => [
    q.paused ? h("span", {class: "badge s-paused"}, "paused") : null,
    q.draining ? h("span", {class: "badge s-paused"}, "draining") : null,
];

export function pauseButton(page, q) {
    const verb = q.paused ? "resume" : "pause";
    return button(page, q.paused ? "Resume" : "Pause", async () => {
        await change("POST", `/v1/queues/${part(q.queue)}/${verb}`);
        return q.paused ? `${q.queue} goes on.` : `${q.queue} is paused.`;
    }, {name: `${q.paused ? "Resume" : "Pause"} ${q.queue}`, key: `pause ${q.queue}`});
}

export function drainButton(page, q) {
    return button(page, q.draining ? "Stop draining" : "Drain", async () => {
        if (!q.draining && !(await confirm({
                title: "Drain",
                label: `Drain ${q.queue}`,
                danger: false,
                text: `${q.queue} takes no new jobs until that is ended; what it has goes on.`
            })))
            return "";
        await change("POST", `/v1/queues/${part(q.queue)}/drain${q.draining ? "?off=true" : ""}`);
        return q.draining ? `${q.queue} takes new jobs again.` : `${q.queue} takes no new jobs.`;
    }, {name: `${q.draining ? "Stop draining" : "Drain"} ${q.queue}`, key: `drain ${q.queue}`});
}

const COLUMNS =
    (page) => [{name: "queue", class: "name", cell: (q) => [queueLink(q.queue), " ", flags(q)]},
               number("ready"),
               number("active"),
               number("scheduled"),
               number("retry"),
               number("dead"),
               {name: "done", class: "number", cell: (q) => count(q.totals.done)},
               {
                   name: "oldest",
                   class: "number",
                   cell: (q) => (q.oldest_ready_ms ? duration(q.oldest_ready_ms)
                                                   : h("span", {class: "faint"}, "–"))
               },
               {name: "", class: "act", cell: (q) => pauseButton(page, q)},
];

export const noQueues = () => empty("No queues yet",
    h("p", {}, "A queue is there with its first job, or as soon as a server serves it:"),
    command("pinion enqueue count 'one two three' --queue mail"));

export const queues = {
    title: () => "Queues",
    wants: (event) => event.type !== "server",
    load: (page) =>
        get(`/v1/queues${query({limit: LIMIT, after: page.values.after})}`, page.signal),
    body(page) {
        const {items, next} = page.data;
        return [
            heading("Queues"),
            items.length ? table("Queues", COLUMNS(page), items, (q) => q.queue) : noQueues(),
            next || page.values.after
                ? h("nav", {class: "pages", "aria-label": "Pages", key: "pages"},
                    page.values.after ? h("a", {href: "#/queues"}, "First page") : null,
                    next ? h("a", {href: `#/queues${query({after: next})}`}, "Next page") : null)
                : null,
        ];
    },
};
