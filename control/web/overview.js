// overview.js — is all well? What there is, how fast it goes, and what wants attention.
import {command, empty, heading, jobsHref, queueLink, table} from "./parts.js";
import {compact, count, duration, rate} from "./format.js";
import {endCharts, figure} from "./charts.js";
import {get} from "./api.js";
import {h} from "./dom.js";
import {flags} from "./queues.js";
import {series} from "./series.js";

const TILES = ["ready", "active", "scheduled", "retry", "dead"];
const RATES = [
    {label: "enqueued", colour: "scheduled", of: (p) => p.enqueued},
    {label: "done", colour: "done", of: (p) => p.done},
    {label: "failed", colour: "dead", of: (p) => p.failed},
];
const quantile = (what, name) => (p) => p.recent?.[what]?.[name] ?? null;
const TIMES = [
    {label: "wait p50", colour: "ready", of: quantile("wait", "p50_ms")},
    {label: "wait p99", colour: "ready", dash: [4, 3], of: quantile("wait", "p99_ms")},
    {label: "run p50", colour: "active", of: quantile("run", "p50_ms")},
    {label: "run p99", colour: "active", dash: [4, 3], of: quantile("run", "p99_ms")},
];
const LATE = [
    {label: "p50", colour: "retry", of: quantile("lateness", "p50_ms")},
    {label: "p99", colour: "retry", dash: [4, 3], of: quantile("lateness", "p99_ms")},
];
const KINDS_SHOWN = 8, QUEUES_SHOWN = 6;

const tile = (stats) => (state) =>
    h("a", {
        class: `tile ${stats.counts[state] ? `t-${state}` : "zero"}`,
        href: jobsHref({state}),
        key: state
    },
      h("span", {class: "big"}, compact(stats.counts[state])), h("span", {}, state));

function tiles(stats) {
    const {alive, lost} = stats.servers;
    return h("div", {class: "tiles", key: "tiles"}, TILES.map(tile(stats)),
             h("div", {class: "tile", key: "oldest"},
               h("span", {class: "big"},
                 stats.oldest_ready_ms ? duration(stats.oldest_ready_ms) : "–"),
               h("span", {}, "oldest ready")),
             h("a", {class: "tile", href: "#/servers", key: "servers"},
               h("span", {class: "big"}, count(alive),
                 lost ? h("small", {class: "c-dead"}, ` +${lost} lost`) : null),
               h("span", {}, alive === 1 ? "server" : "servers")));
}

function plots() {
    const points = series.points();
    return h("div", {class: "charts", key: "charts"},
        figure("rates", "Jobs per second", RATES, points, rate),
        figure("times", "Wait and run", TIMES, points, duration, "of the last minute"),
        figure("late", "Lateness of delayed jobs", LATE, points, duration, "of the last minute"));
}

const KINDS = [
    {name: "kind", class: "name mono", cell: (k) => k.kind},
    {name: "queue", cell: (k) => queueLink(k.queue)},
    {name: "running", class: "number", cell: (k) => count(k.running)},
    {name: "done", class: "number", cell: (k) => count(k.done)},
    {name: "failed", class: "number",
     cell: (k) => h("span", {class: k.failed ? "c-dead" : "faint"}, count(k.failed))},
    {name: "run p50", class: "number", cell: (k) => duration(k.run?.p50_ms)},
    {name: "run p99", class: "number", cell: (k) => duration(k.run?.p99_ms)},
];

function kinds(recent) {
    if (!recent?.kinds?.length) return null;
    return h("section", {key: "kinds"}, h("h2", {}, "Kinds, slowest and most failing"),
        table("Kinds of the last minute", KINDS, recent.kinds.slice(0, KINDS_SHOWN),
              (k) => `${k.queue} ${k.kind}`));
}

const COLUMNS = [
    {name: "queue", class: "name", cell: (q) => [queueLink(q.queue), " ", flags(q)]},
    ...["ready", "active", "retry", "dead"].map(
        (state) => ({
            name: state,
            class: "number",
            cell: (q) => h("a", {
                class: q.counts[state] ? `c-${state}` : "faint",
                href: jobsHref({queue: q.queue, state})
            },
                           count(q.counts[state]))
        })),
    {
        name: "oldest",
        class: "number",
        cell: (q) => (q.oldest_ready_ms ? duration(q.oldest_ready_ms) : "–")
    },
];

// What wants a look first: paused ones, then by what waits or has died.
function worst(queues) {
    const weight = (q) => (q.paused || q.draining ? 1e15 : 0) + q.counts.ready + 10 * q.counts.dead;
    return [...queues].sort((a, b) => weight(b) - weight(a)).slice(0, QUEUES_SHOWN);
}

function busiest(queues) {
    return h("section", {key: "queues"},
        h("h2", {}, queues.length > QUEUES_SHOWN ? "Queues that want a look" : "Queues"),
        table("Queues", COLUMNS, worst(queues), (q) => q.queue));
}

const first = () => empty("Nothing has been enqueued yet",
    h("p", {}, "Serve a kind of job, and enqueue one:"),
    command("pinion serve --command count='wc -w'"),
    command("pinion enqueue count 'one two three' --wait"));

export const overview = {
    title: () => "Overview",
    wants: (event) => event.type !== "job",
    async load(page) {
        series.offPoint(page.onPoint);
        page.onPoint = () => page.draw();
        series.onPoint(page.onPoint);
        const [list] = await Promise.all([get("/v1/queues?limit=200", page.signal),
                                          series.stats ? null : series.look()]);
        if (!series.stats && series.error) throw series.error;
        return {queues: list.items};
    },
    body(page) {
        const stats = series.stats;
        if (!stats) return null;
        const some = page.data.queues.length > 0 && (stats.totals.enqueued > 0 ||
            Object.values(stats.counts).some((n) => n > 0));
        return [heading("Overview"), tiles(stats), some ? null : first(), plots(),
                some ? busiest(page.data.queues) : null, kinds(series.recent)];
    },
    closed(page) {
        series.offPoint(page.onPoint);
        endCharts();
    },
};
