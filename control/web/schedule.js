// schedule.js — one schedule: when it fires next, and how its last fires went.
import {badge, button, facts, heading, jobLink, queueLink, time, when} from "./parts.js";
import {backfill} from "./backfill.js";
import {change, get, part} from "./api.js";
import {confirm} from "./dialog.js";
import {count, duration, pretty} from "./format.js";
import {fires} from "./fires.js";
import {h} from "./dom.js";
import {href, rule, steer} from "./schedules.js";

const HOUR_MS = 3_600_000; // of missed fires, unless said

const remove = (page, s) => button(page, "Remove", async () => {
    if (!(await confirm({title: `Remove ${s.name}?`, text: "It fires no more; its jobs stay.",
                         label: "Remove"}))) return "";
    // Only what was seen: not what somebody else made of it meanwhile.
    await change("DELETE", `/v1/schedules/${part(s.name)}`, undefined,
                 {"If-Match": `"${s.revision}"`});
    page.leave("#/schedules");
    return `${s.name} is removed.`;
}, {kind: "danger", key: "remove schedule"});

const fire = (f, i) =>
    h("li", {key: `${f.fire_time} ${i}`}, time(f.fire_time), badge(f.end ?? f.outcome ?? "fired"),
      f.job ? jobLink(f.job) : h("span", {class: "faint"}, "no job"),
      h("span", {class: "faint"},
        f.lateness_ms === null ? "" : `${duration(f.lateness_ms)} late`));

const history = (s) =>
    h("section", {key: "history"}, h("h2", {}, "Last fires"),
      s.history?.length ? h("ol", {class: "rows"}, s.history.map(fire))
                        : h("p", {class: "faint"}, "It has not fired yet."));

const about = (s) => h("section", {key: "about"}, h("h2", {}, "About"), facts([
    ["rule", rule(s)], ["kind", h("span", {class: "mono"}, s.kind)], ["queue", queueLink(s.queue)],
    ["next", when(s.next_fire)], ["last", when(s.last_fire)], ["fires", count(s.fires)],
    ["on nights on which clocks change", s.dst], ["while the last job runs", s.overlap],
    ["of missed fires", s.catch_up === "all" ? `all of the last ${duration(s.within_ms ?? HOUR_MS)}`
                                             : s.catch_up],
    ["jitter", s.jitter_ms ? duration(s.jitter_ms) : null],
    ["from", s.start && time(s.start)], ["until", s.end && time(s.end)],
    ["at most", s.limit ? `${count(s.limit)} fires` : null],
    ["attempts", s.attempts_max], ["timeout", duration(s.timeout_ms)],
]));

export const schedule = {
    title: (page) => page.args[0],
    wants: (event) => event.type === "schedule",
    async load(page) {
        const path = `/v1/schedules/${part(page.args[0])}`;
        const [s, next] = await Promise.all([
            get(path, page.signal), get(`${path}/next?count=8`, page.signal)]);
        return {schedule: s, next: next.items};
    },
    body(page) {
        const {schedule: s, next} = page.data;
        return [
            heading([s.name, " ", s.paused ? badge("paused") : null], steer(page, s),
                    button(page, "Backfill…", () => backfill(s), {key: "backfill"}),
                    h("a", {class: "button", href: `${href(s.name)}/edit`}, "Edit"),
                    remove(page, s)),
            h("section", {key: "next"}, h("h2", {}, "Next fires"),
              s.paused ? h("p", {class: "faint"},
                           "It is paused; these are passed over until it is resumed.")
                       : null,
              fires(next)),
            history(s),
            about(s),
            s.payload === undefined
                ? null
                : h("section", {key: "payload"}, h("h2", {}, "Payload of its jobs"),
                    s.payload ? h("pre", {class: "content", tabindex: "0"}, pretty(s.payload))
                              : h("p", {class: "faint"}, "empty")),
        ];
    },
};
