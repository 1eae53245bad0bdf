// series.js — the service's numbers over the last minutes, looked at each second, whichever view
// is open: so the charts have a past when somebody comes to see them.
import {Ring} from "./ring.js";
import {get} from "./api.js";
import {joined} from "./recent.js";

const EACH_MS = 1_000;
export const POINTS_MAX = 300; // five minutes

const ring = new Ring(POINTS_MAX), hearers = new Set();
let before = null, latest = null, minute = null, failed = null;

// What a second brought, of totals that only grow; a service that began anew has less than before.
function point(stats, recent, now) {
    const past = before && now > before.now ? before : null;
    const rate = (name) => (past ? Math.max(0, (stats.totals[name] - past.stats.totals[name]) *
                                               1_000 / (now - past.now)) : null);
    return {
        at: now,
        enqueued: rate("enqueued"),
        done: rate("done"),
        failed: rate("failed"),
        recent
    };
}

// The one that answers tells of itself; what the others did they say in their heartbeats.
async function recentOf(stats) {
    const mine = stats.server?.recent;
    if (stats.servers.alive < 2) return mine ? joined([mine]) : null;
    const {items} = await get("/v1/servers");
    return joined(items.map((server) => server.recent).filter(Boolean));
}

async function look() {
    if (document.hidden) return;
    try {
        const stats = await get("/v1/stats"), now = Date.now();
        const recent = await recentOf(stats);
        ring.push(point(stats, recent, now));
        before = {stats, now};
        latest = stats;
        minute = recent;
        failed = null;
    } catch (err) {
        before = null;
        failed = err;
        return;
    }
    for (const fn of hearers) fn();
}

export const series = {
    get stats() { return latest; },
    get recent() { return minute; },
    get error() { return failed; }, // of the last look
    points: () => ring.all(),
    onPoint(fn) { hearers.add(fn); },
    offPoint(fn) { hearers.delete(fn); },
    look,
};

setInterval(look, EACH_MS);
