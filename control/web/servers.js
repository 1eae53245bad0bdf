// servers.js — who runs jobs: how busy each is, what it can run, and what it runs now.
import {badge, button, command, empty, facts, heading, jobLink, jobsHref, when} from "./parts.js";
import {change, get, part} from "./api.js";
import {confirm} from "./dialog.js";
import {count, duration, rate} from "./format.js";
import {h} from "./dom.js";

const RUNNING_MAX = 12;

const tell = (page, s, word, label, kind, ask) => button(page, label, async () => {
    if (ask && !(await confirm({title: `${label} ${s.name}?`, text: ask, label}))) return "";
    await change("POST", `/v1/servers/${part(s.name)}/${word}`);
    return `${s.name}: told to ${word}.`;
}, {kind, name: `${label} ${s.name}`, key: `${word} ${s.name}`});

const verbs = (page, s) => (s.alive ? h("div", {class: "actions"},
    s.state === "quiet" ? tell(page, s, "resume", "Resume")
        : tell(page, s, "quiet", "Quiet", "", "It takes no more jobs, and ends what it runs."),
    tell(page, s, "stop", "Stop", "danger", "It ends; what runs has its grace time.")) : null);

const latency = (recent, what) => (recent?.[what]?.count
    ? `${duration(recent[what].p50_ms)} / ${duration(recent[what].p99_ms)}` : null);

function now(s, running) {
    const mine = running.filter((j) => j.server === s.name);
    const more = s.running - mine.length;
    if (!mine.length) return null;
    return h("div", {key: "now"}, h("h3", {}, "Runs now"),
             h("ul", {class: "rows"},
               mine.map((j) => h("li", {key: j.id}, jobLink(j.id),
                                 h("span", {class: "mono"}, j.kind), when(j.since)))),
             more > 0 ? h("p", {class: "faint"}, `and ${count(more)} more: `,
                          h("a", {href: jobsHref({state: "active"})}, "all that run"))
                      : null);
}

// Who runs a job stands in its explanation, not in a listing: so for a few of them.
async function runningNow(signal) {
    const {items} = await get(`/v1/jobs?state=active&limit=${RUNNING_MAX}`, signal);
    return Promise.all(items.map(async (j) => {
        const e = await get(`/v1/jobs/${part(j.id)}/explain`, signal).catch(() => ({}));
        return {id: j.id, kind: j.kind, server: e.server, since: e.since};
    }));
}

const card = (page, running) => (s) =>
    h("article", {class: "card", key: s.name, "aria-label": s.name},
      h("div", {class: "heading"},
        h("h2", {}, h("span", {class: "mono"}, s.name), " ",
          badge(s.alive ? (s.state ?? "serving") : "lost")),
        verbs(page, s)),
      s.alive ? h("div", {class: "progress"},
                  h("meter", {max: s.concurrency, value: s.running, "aria-label": "Slots in use"}),
                  h("span", {}, `${count(s.running)} of ${count(s.concurrency)} at once`))
              : null,
      facts([
          ["host", s.host ? `${s.host}, process ${s.pid}` : null], ["address", s.http],
          ["version", s.version], ["seen", when(s.seen_at)], ["queues", s.queues.join(", ")],
          ["done /s", s.recent ? rate(s.recent.rates?.done ?? 0) : null],
          ["wait p50 / p99", latency(s.recent, "wait")], ["run p50 / p99", latency(s.recent, "run")]
      ]),
      s.handlers?.length
          ? h("div", {class: "tags", key: "kinds"}, h("h3", {}, "Kinds"),
              s.handlers.map((kind) => h("span", {
                                 class: `tag mono${s.full?.includes(kind) ? " full" : ""}`,
                                 key: kind,
                                 title: s.full?.includes(kind) ? "all its slots are in use" : null
                             },
                                         kind)))
          : null,
      now(s, running));

export const servers = {
    title: () => "Servers",
    wants: (event) => event.type === "server",
    async load(page) {
        const [list, active] = await Promise.all([
            get("/v1/servers", page.signal),
            runningNow(page.signal)]);
        return {servers: list.items, running: active};
    },
    body(page) {
        const {servers: all, running} = page.data;
        return [heading("Servers"), all.length ? h("div", {class: "cards", key: "cards"},
                                                   all.map(card(page, running)))
            : empty("No server runs jobs", h("p", {}, "Start one:"),
                    command("pinion serve --command count='wc -w'"))];
    },
};
