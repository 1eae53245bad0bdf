// live.mjs — what happens is seen as it happens; and, when asked for, how soon and at what price.
//
//     PINION_BROWSER_SOAK_S=600 PINION_BINARY=.../pinion node --test page.test.mjs
//
// keeps 1,000 jobs a second going for so long (and runs only that), tells after how long a change
// is in the page, and the size of its heap at each tenth of the time.
//
//     PINION_BROWSER_JOBS=10000000 PINION_BINARY=.../pinion node --test page.test.mjs
//
// goes through all views while so many jobs wait, and tells how long each took to have its data.
import assert from "node:assert/strict";
import {test} from "node:test";
import {setTimeout as pause} from "node:timers/promises";
import {enterToken, shoot} from "./world.mjs";

const RATE = 1_000, BATCHES = 10, PROBE_MS = 200; // jobs a second, calls for them, between probes
const P99_MS = 150, HEAP_GROWTH = 1.25;
const VIEW_MS = 200, LOOKS = 9, QUIET_MS = 60; // a view, how often, what follows the last answer

export function liveTests(world) {
    const {service} = world;

    test("what happens stands on top of the events, which can be bounded and held", async () => {
        const page = await world.open("#/events");
        await page.getByText("Live", {exact: true}).waitFor();
        const rows = page.getByRole("log").getByRole("listitem");
        const id = await service.pinion("enqueue", "count", "a b", "--queue", "mail");
        for (const state of ["ready", "active", "done"])
            await rows.filter({hasText: id}).filter({hasText: state}).waitFor();
        assert.match(await rows.filter({hasText: id}).first().textContent(), /count/); // its kind
        await shoot(page, "events-of-a-job");
        await page.getByRole("textbox", {name: "Queue"}).fill("reports");
        await rows.filter({hasText: id}).first().waitFor({state: "detached"});
        await page.getByRole("textbox", {name: "Queue"}).fill("");
        await rows.filter({hasText: id}).first().waitFor();
        await page.getByRole("button", {name: "Hold"}).click();
        const other =
            await world.open("#/events");  // it shows when the events of the next job are out
        await other.getByText("Live", {exact: true}).waitFor();
        const later = await service.pinion("enqueue", "count", "a b", "--queue", "mail");
        await other.getByRole("listitem").filter({hasText: later}).first().waitFor();
        await world.close(other);
        assert.equal(await rows.filter({hasText: later}).count(), 0);
        await page.getByRole("button", {name: "Go on"}).click();
        await rows.filter({hasText: later}).first().waitFor();
        await world.close(page);
    });

    test("a view that never looks by itself follows what happens", async () => {
        const page = await world.open("#/queues", {init: () => { window.setInterval = () => 0; }});
        await page.getByText("Live", {exact: true}).waitFor();
        await service.api("POST", "/v1/queues/xss/pause");
        await page.getByRole("row").filter({hasText: "xss"}).getByText("paused").waitFor();
        await service.api("POST", "/v1/queues/xss/resume");
        await page.getByRole("button", {name: "Pause xss"}).waitFor();
        await world.close(page);
    });
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

// In the page: when the row of each probe came, by its id.
function watchProbes() {
    window.seen = new Map();
    new MutationObserver((changes) => {
        const now = Date.now();
        for (const node of changes.flatMap((change) => [...change.addedNodes])) {
            const id = node.querySelector?.(".id")?.title;
            if (id && !window.seen.has(id)) window.seen.set(id, now);
        }
    }).observe(document.querySelector("main"), {childList: true, subtree: true});
}

async function heapOf(session) {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
}

export function soakTest(world, seconds) {
    const {service} = world;

    test(`${RATE} jobs a second for ${seconds} s`, {timeout: (seconds + 120) * 1_000},
         async (t) => {
             const page = await world.open("#/events");
             const session = await page.context().newCDPSession(page);
             await page.getByText("Live", {exact: true}).waitFor();
             await page.getByRole("textbox", {name: "Kind"}).fill("probe");
             await page.evaluate(watchProbes);
             const batch = Array.from({length: RATE / BATCHES}, () => ({kind: "pinion.noop"}));
             const load = setInterval(() => service.api("POST", "/v1/queues/mail/jobs", batch),
                                      1_000 / BATCHES);
             const sent = new Map(), heap = [], end = Date.now() + seconds * 1_000;
             let next = Date.now() + seconds * 100, made = 0;
             while (Date.now() < end) {
                 const id = `p${made++}`;
                 sent.set(`default:${id}`,
                          Date.now());  // before it is asked for: all that it takes counts
                 await service.api("POST", "/v1/queues/default/jobs",
                                   {kind: "probe", id, in_ms: 86_400_000});
                 await pause(PROBE_MS);
                 if (Date.now() < next) continue;
                 heap.push(await heapOf(session));
                 next += seconds * 100;
             }
             clearInterval(load);
             await pause(1_000);
             const seen = new Map(await page.evaluate(() => [...window.seen]));
             const took = [...sent]
                              .filter(([id]) => seen.has(id))
                              .map(([id, at]) => seen.get(id) - at)
                              .sort((a, b) => a - b);
             t.diagnostic(
                 `${took.length} of ${sent.size} probes seen; ms until in the page: p50 ` +
                 `${quantile(took, 0.5)}, p99 ${quantile(took, 0.99)}, most ${took.at(-1)}`);
             t.diagnostic(
                 `heap, MB at each tenth: ${heap.map((n) => (n / 1e6).toFixed(1)).join(" ")}`);
             assert.ok(took.length > 0.9 * sent.size); // in a large frame, some are only counted
             assert.ok(quantile(took, 0.99) < P99_MS, "p99");
             assert.ok(heap.at(-1) < heap[0] * HEAP_GROWTH, "the heap grew");
         });
}

// In the page: which of its questions are under way, and when the last answer came.
function countFetches() {
    const ask = window.fetch.bind(window);
    Object.assign(window, {asked: 0, flying: 0, answered: 0});
    window.fetch = async (...args) => {
        if (String(args[0]).includes("/v1/events")) return ask(...args); // never ends
        window.asked++;
        window.flying++;
        try {
            const answer = await ask(...args);
            await answer.clone().arrayBuffer();
            return answer;
        } finally {
            window.flying--;
            window.answered = performance.now();
        }
    };
}

// In the page: ms from going to a view until the last of its answers.
async function timeOf({hash, quiet}) {
    const begin = performance.now(), before = window.asked;
    window.location.hash = hash;
    do {
        await new Promise((resolve) => setTimeout(resolve, 5));
    } while (window.asked === before || window.flying || performance.now() - window.answered < quiet);
    return window.answered - begin;
}

export function crowdTest(world, count) {
    const {service} = world;

    test(`every view while ${count} jobs wait`, {timeout: 900_000}, async (t) => {
        await service.crowd("reports", count);
        await service.api("PUT", "/v1/schedules/nightly", {cron: "0 3 * * *", kind: "count"});
        const {items: [{id}]} = await service.api("GET", "/v1/queues/reports/jobs?limit=1");
        const page = await world.open("#/events", {init: countFetches});
        await enterToken(page, service.token);
        const slow = [];
        for (const hash of ["#/", "#/queues", "#/queues/reports", "#/jobs", "#/jobs?state=ready",
                            "#/jobs?queue=reports&kind=nobody", `#/jobs/${id}`, "#/schedules",
                            "#/schedules/nightly", "#/servers"]) {
            const took = [];
            for (let i = 0; i < LOOKS; i++) {
                await page.evaluate(() => { window.location.hash = "#/events"; });
                took.push(await page.evaluate(timeOf, {hash, quiet: QUIET_MS}));
            }
            took.sort((a, b) => a - b);
            const middle = quantile(took, 0.5);
            t.diagnostic(`${hash}: ${middle.toFixed(0)} ms, at most ${took.at(-1).toFixed(0)}`);
            if (middle > VIEW_MS) slow.push(hash);
        }
        assert.deepEqual(slow, []);
        await world.close(page);
    });
}
