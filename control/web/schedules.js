// schedules.js — all schedules: when each fires next, and what it did last.
import {badge, button, command, empty, heading, queueLink, table, when} from "./parts.js";
import {change, get, part, query} from "./api.js";
import {count, duration} from "./format.js";
import {h} from "./dom.js";

const LIMIT = 100;

export const rule = (s) => (s.cron
    ? h("span", {}, h("span", {class: "mono"}, s.cron), " ", h("span", {class: "faint"}, s.tz))
    : s.every_ms ? `every ${duration(s.every_ms)}` : `once, ${s.at}`);

export const href = (name) => `#/schedules/${part(name)}`;

export function steer(page, s) {
    const verb = s.paused ? "resume" : "pause", path = `/v1/schedules/${part(s.name)}`;
    return [
        button(page, "Run now", async () => {
            const {id} = await change("POST", `${path}/run`);
            return `${s.name}: made ${id}.`;
        }, {name: `Run ${s.name} now`, key: `run ${s.name}`}),
        button(page, s.paused ? "Resume" : "Pause", async () => {
            await change("POST", `${path}/${verb}`);
            return s.paused ? `${s.name} fires again.` : `${s.name} is paused.`;
        }, {name: `${s.paused ? "Resume" : "Pause"} ${s.name}`, key: `pause schedule ${s.name}`}),
    ];
}

const COLUMNS = (page) => [
    {name: "schedule", class: "name", cell: (s) => [h("a", {href: href(s.name)}, s.name), " ",
                                                    s.paused ? badge("paused") : null]},
    {name: "rule", cell: rule},
    {name: "kind", class: "mono kind", cell: (s) => s.kind},
    {name: "queue", cell: (s) => queueLink(s.queue)},
    {name: "next", cell: (s) => when(s.next_fire)},
    {name: "last", cell: (s) => when(s.last_fire)},
    {name: "fires", class: "number", cell: (s) => count(s.fires)},
    {name: "", class: "act", cell: (s) => h("div", {class: "actions"}, steer(page, s))},
];

export const schedules = {
    title: () => "Schedules",
    wants: (event) => event.type === "schedule",
    load: (page) =>
        get(`/v1/schedules${query({limit: LIMIT, after: page.values.after})}`, page.signal),
    body(page) {
        const {items, next} = page.data;
        return [
            heading("Schedules",
                    h("a", {class: "button primary", href: "#/schedules/-/new"}, "New schedule")),
            items.length
                ? table("Schedules", COLUMNS(page), items, (s) => s.name)
                : empty(
                      "No schedules yet", h("p", {}, "Make one here, or in a terminal:"),
                      command(
                          "pinion schedule add nightly --cron '30 2 * * *' count 'a b'")),
            next || page.values.after
                ? h("nav", {class: "pages", "aria-label": "Pages", key: "pages"},
                    page.values.after ? h("a", {class: "button", href: "#/schedules"}, "First page")
                                      : null,
                    next ? h("a", {class: "button", href: `#/schedules${query({after: next})}`},
                             "Next page →")
                         : null)
                : null,
        ];
    },
};
