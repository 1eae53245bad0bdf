// live.js — what happens, as it happens: /v1/events, read by fetch, for an EventSource can show
// no token. Where that cannot be had the views look for themselves, and it is tried again.
import {authorization} from "./api.js";

const AGAIN_MS = 2_000, ABSENT_MS = 30_000; // after a cut; where there is no such stream
const TEXT_MAX = 4 << 20;                   // of one message

let state = "polling", run = 0, stop = null, last = "";
const states = [], hearers = [];

function become(next) {
    if (next === state) return;
    state = next;
    for (const fn of states) fn();
}

// One message of Server-Sent Events: what its data holds, if any.
function message(text) {
    const data = [];
    for (const line of text.split("\n")) {
        const at = line.indexOf(":");
        const name = at < 0 ? line : line.slice(0, at);
        const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
        if (name === "data") data.push(value);
        else if (name === "id") last = value;
    }
    return data.length ? JSON.parse(data.join("\n")) : null;
}

// A frame as a list of events; what was only counted in it comes as one event a queue.
function eventsOf(frame) {
    const events = frame.events ?? [], at = new Date().toISOString();
    for (const [queue, counts] of Object.entries(frame.more ?? {}))
        events.push({type: "more", at, queue, counts});
    return events;
}

function hear(text) {
    const frame = message(text), events = frame ? eventsOf(frame) : [];
    if (events.length) for (const fn of hearers) fn(events);
}

async function read(body, mine) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const {value, done} = await reader.read();
        if (done || mine !== run) return;
        rest += value.replaceAll("\r", "");
        for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2))
            hear(rest.slice(0, end));
        if (rest.length > TEXT_MAX) throw new Error("a message without end");
    }
}

// Gives how long to wait until the next try.
async function follow(mine) {
    stop = new AbortController();
    try {
        const headers = {Accept: "text/event-stream", ...authorization()};
        if (last) headers["Last-Event-ID"] = last;
        const answer =
            await fetch("/v1/events?with=kind", {headers, signal: stop.signal, cache: "no-store"});
        if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
            become("polling");
            return answer.status === 503 || answer.status === 429 ? AGAIN_MS : ABSENT_MS;
        }
        become("live");
        await read(answer.body, mine);
        if (mine === run) become("polling");
    } catch {
        if (mine === run) become("offline");
    }
    return AGAIN_MS;
}

export const live = {
    get state() { return state; },
    onState(fn) { states.push(fn); },
    onEvents(fn) { hearers.push(fn); },
    lost() { become("offline"); },
    // Anew, with the token that there is now.
    async restart() {
        const mine = ++run;
        stop?.abort();
        while (mine === run) {
            const ms = await follow(mine);
            await new Promise((resolve) => setTimeout(resolve, ms));
        }
    },
};
