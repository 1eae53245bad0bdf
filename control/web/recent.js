// recent.js — what all servers did in the last minute, as one. Pure.

const TIMES = ["wait", "run", "lateness", "schedule_lateness"];
const QUANTILES = ["p50_ms", "p90_ms", "p99_ms"];

const most = (a, b) => (a === null || a === undefined ? b : b === null || b === undefined ? a
                                                                               : Math.max(a, b));

function addKind(kinds, kind) {
    const key = `${kind.queue} ${kind.kind}`, known = kinds.get(key);
    if (!known) {
        kinds.set(key, {...kind, run: {...kind.run}});
        return;
    }
    for (const name of ["running", "done", "failed"]) known[name] += kind[name];
    for (const name of ["p50_ms", "p99_ms"])
        known.run[name] = most(known.run[name], kind.run[name]);
}

// Percentiles do not add up: of several servers, that of the slowest is shown.
export function joined(recents) {
    const all = {kinds: []}, kinds = new Map();
    for (const what of TIMES) {
        all[what] = {count: 0};
        for (const recent of recents) {
            all[what].count += recent[what]?.count ?? 0;
            for (const name of QUANTILES)
                all[what][name] = most(all[what][name], recent[what]?.[name]);
        }
    }
    for (const recent of recents) for (const kind of recent.kinds ?? []) addKind(kinds, kind);
    all.kinds = [...kinds.values()];
    return all;
}
