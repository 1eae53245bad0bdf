// events.js — what happens, line by line, as it happens. The last so many are kept, no more.
import {Ring} from "./ring.js";
import {badge, choice, empty, field, heading, jobLink, queueLink} from "./parts.js";
import {clockMs, count} from "./format.js";
import {h} from "./dom.js";
import {live} from "./live.js";

const KEPT_MAX = 500, SHOWN_MAX = 150;
const TYPES = [["", "all"], ["job", "jobs"], ["queue", "queues"], ["schedule", "schedules"],
               ["server", "servers"]];

const ring = new Ring(KEPT_MAX);
let number = 0, held = null, drawing = false; // held: what was shown when it was stopped

const passes = (event, {type, queue, kind}) =>
    (!type || event.type === type || event.type === "missed" ||
     (type === "job" && event.type === "more")) &&
    (!queue || event.queue === queue) && (!kind || event.kind === kind || event.type !== "job");

const states = (counts) => Object.entries(counts ?? {}).filter(([, n]) => n)
    .map(([state, n]) => h("span", {class: `c-${state}`, key: state}, `${count(n)} ${state} `));

// What each type has to tell beside its queue.
const WHAT = {
    job: (e) => [jobLink(e.job), " ", badge(e.state), " ",
                 e.kind ? h("span", {class: "mono"}, e.kind) : null],
    progress: (e) => [jobLink(e.job), " told how far it is"],
    more: (e) => ["and of others: ", states(e.counts)],
    queue: (e) => [e.paused ? badge("paused") : null, e.draining ? badge("draining") : null, " ",
                   states(e.counts)],
    schedule: (e) => [h("a", {href: `#/schedules/${encodeURIComponent(e.schedule)}`}, e.schedule),
                      ` ${e.outcome} `, e.job ? jobLink(e.job) : null],
    server: (e) => [h("span", {class: "mono"}, e.server), " ", badge(e.state)],
    missed: (e) => [`${e.count ? count(e.count) : "some"} events did not come through: ${e.why}; `,
                    "what the other views show is whole"],
};

const line = (event) => h("li", {key: event.number, class: `event e-${event.type}`},
    h("time", {datetime: event.at}, clockMs(event.at)), h("span", {class: "type"}, event.type),
    h("span", {}, event.queue ? queueLink(event.queue) : null),
    h("span", {class: "what"}, WHAT[event.type]?.(event) ?? ""));

// At most once a frame, however fast they come.
function later(page) {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
        drawing = false;
        page.draw();
    });
}

function controls(page) {
    const set = (name) => (value) => {
        page.state[name] = value.trim();
        page.draw();
    };
    const input = (name) => h("input", {name, spellcheck: "false", autocomplete: "off",
                                        on: {input: (e) => set(name)(e.target.value)}});
    const hold = () => {
        held = held ? null : ring.newest(KEPT_MAX);
        page.draw();
    };
    const clear = () => {
        ring.clear();
        held = null;
        page.draw();
    };
    return h("form", {class: "inline", key: "controls", on: {submit: (e) => e.preventDefault()}},
             field("Type", choice("type", page.state.type ?? "", TYPES, set("type"))),
             field("Queue", input("queue")), field("Kind", input("kind")),
             h("div", {class: "actions"},
               h("button", {type: "button", on: {click: hold}}, held ? "Go on" : "Hold"),
               h("button", {type: "button", on: {click: clear}}, "Clear")));
}

export const events = {
    title: () => "Events",
    heard: (page) => {
        if (!held) later(page);
    },
    body(page) {
        const all = (held ?? ring.newest(KEPT_MAX)).filter((e) => passes(e, page.state));
        return [
            heading("Events"),
            controls(page),
            all.length
                ? h("ol", {
                      class: "log",
                      key: "log",
                      role: "log",
                      "aria-live": "off",
                      "aria-label": "Events, the newest first",
                      tabindex: "0"
                  },
                    all.slice(0, SHOWN_MAX).map(line))
                : empty(live.state === "live" ? "Nothing has happened yet" : "No live events",
                        h("p", {},
                          live.state === "live"
                              ? "What happens from now on stands here, the newest on top."
                              : "The service tells none at the moment; it is asked again.")),
        ];
    },
    closed() { held = null;},
};

live.onEvents((heard) => {
    for (const event of heard)
        ring.push({...event, at: event.at ?? new Date().toISOString(), number: ++number});
});
