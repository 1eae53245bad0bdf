// app.js — the frame around the views: which one the address names, when it looks again, keys.
import {askToken, showKeys} from "./dialog.js";
import {draw, h} from "./dom.js";
import {get, hasToken, onTokenNeeded, setToken} from "./api.js";
import {events} from "./events.js";
import {icon} from "./parts.js";
import {job} from "./job.js";
import {jobs} from "./jobs.js";
import {live} from "./live.js";
import {overview} from "./overview.js";
import {queue} from "./queue.js";
import {queues} from "./queues.js";
import {schedule} from "./schedule.js";
import {scheduleForm} from "./schedule_form.js";
import {schedules} from "./schedules.js";
import {servers} from "./servers.js";
import {say, speak} from "./tell.js";
import {nextTheme, theme} from "./theme.js";

const VIEWS = [
    {path: /^$/, view: overview, tab: "overview"},
    {path: /^queues$/, view: queues, tab: "queues"},
    {path: /^queues\/([^/]+)$/, view: queue, tab: "queues"},
    {path: /^jobs$/, view: jobs, tab: "jobs"},
    {path: /^jobs\/([^/]+)$/, view: job, tab: "jobs"},
    {path: /^schedules$/, view: schedules, tab: "schedules"},
    {path: /^schedules\/-\/new$/, view: scheduleForm, tab: "schedules"},
    {path: /^schedules\/([^/]+)\/edit$/, view: scheduleForm, tab: "schedules"},
    {path: /^schedules\/([^/]+)$/, view: schedule, tab: "schedules"},
    {path: /^servers$/, view: servers, tab: "servers"},
    {path: /^events$/, view: events, tab: "events"},
];
const TABS = [["overview", "Overview", "#/"], ["queues", "Queues", "#/queues"],
              ["jobs", "Jobs", "#/jobs"], ["schedules", "Schedules", "#/schedules"],
              ["servers", "Servers", "#/servers"], ["events", "Events", "#/events"]];
const GO = {o: "#/", q: "#/queues", j: "#/jobs", s: "#/schedules", v: "#/servers", e: "#/events"};
const LOOK_MS = 2_000;     // how often a view looks again by itself
const AFTER_EVENT_MS = 100; // and how soon after what has happened,
const APART_MS = 1_000;     // but when much happens, no more often than that

const main = document.getElementById("main");
let page = null; // the one that is open

// One view on show. A view is {title, load(page), body(page), wants?(event), heard?(page, events),
// closed?(page)}; load() is never under way twice, and what it gives is page.data.
class Page {
    constructor(view, args, values, tab) {
        Object.assign(this, {view, args, values, tab, data: null, error: null, state: {}});
        this.leaving = new AbortController();
        this.signal = this.leaving.signal;
        this.loading = this.again = false;
        this.timer = null;
        this.looked = -APART_MS; // when the last look after an event was
    }

    async refresh() {
        if (this.signal.aborted) return;
        if (this.loading) {
            this.again = true;
            return;
        }
        this.loading = true;
        try {
            const data = await this.view.load?.(this);
            if (this.signal.aborted) return;
            this.data = data ?? {};
            this.error = null;
            if (live.state === "offline") live.restart();
        } catch (err) {
            if (this.signal.aborted) return;
            this.error = err;
            if (err.status === 0) live.lost();
        }
        this.loading = false;
        this.draw();
        if (this.again) {
            this.again = false;
            this.soon();
        }
    }

    soon() {
        this.timer ??= setTimeout(() => {
            this.timer = null;
            this.looked = performance.now();
            this.refresh();
        }, Math.max(AFTER_EVENT_MS, this.looked + APART_MS - performance.now()));
    }

    draw() {
        if (this.signal.aborted) return;
        const title = this.view.title(this);
        document.title = `${title} · Pinion`;
        draw(main, this.error ? problem(this) : null,
             this.data ? this.view.body(this) : this.error ? null
                 : h("p", {class: "loading", key: "loading", role: "status"}, "Looking…"));
    }

    // To another view, for this one's noun is no more.
    leave(hash) {
        this.leaving.abort();
        location.hash = hash;
    }

    close() {
        this.leaving.abort();
        clearTimeout(this.timer);
        this.view.closed?.(this);
    }
}

function problem({error}) {
    const needs = error.status === 401;
    return h("div", {class: "problem", role: "alert", key: "problem"},
             h("span", {}, error.message),
             needs ? h("button", {type: "button", class: "primary", on: {click: wantToken}},
                       "Enter a token") : null);
}

async function wantToken() {
    if (hasToken()) {
        setToken("", false);
        say("The token is forgotten.");
    } else if (await askToken()) {
        const {name, roles} = await get("/v1/caller");
        say(`The token ${name} is in use: ${roles.join(", ")}.`);
    }
    live.restart();
    tools();
    page?.refresh();
}

// "#/jobs/mail:1?x=y": which view, its arguments, and its values.
function route() {
    const [path, text] = location.hash.replace(/^#\/?/, "").split("?");
    const values = Object.fromEntries(new URLSearchParams(text ?? ""));
    for (const {path: pattern, view, tab} of VIEWS) {
        const match = pattern.exec(path);
        if (!match) continue;
        try {
            return {view, tab, values, args: match.slice(1).map(decodeURIComponent)};
        } catch {
            break; // a % that begins no character
        }
    }
    return {view: nowhere, tab: null, values, args: []};
}

const nowhere = {
    title: () => "Nothing here",
    body: () => h("div", {class: "empty"}, h("h1", {}, "There is nothing here"),
                  h("p", {}, h("a", {href: "#/"}, "To the overview"))),
};

function show() {
    const {view, args, values, tab} = route();
    const other = page && page.view !== view;
    page?.close();
    page = new Page(view, args, values, tab);
    nav(tab);
    page.draw();
    page.refresh();
    speak(view.title(page));
    if (other) {
        window.scrollTo(0, 0);
        if (document.activeElement?.closest?.("#nav") === null) main.focus({preventScroll: true});
    }
}

function nav(tab) {
    draw(document.getElementById("nav"), TABS.map(([name, label, href]) =>
        h("a", {href, "aria-current": name === tab ? "page" : null}, icon(name),
          h("span", {}, label))));
}

function tools() {
    const words = {live: "Live", polling: "Every 2 s", offline: "Offline"};
    const tool = (name, label, click, props) =>
        h("button", {type: "button", class: "tool", "aria-label": label, title: label, on: {click},
                     ...props}, icon(name));
    draw(document.getElementById("tools"),
         h("span", {class: `feed ${live.state}`, role: "status"}, words[live.state]),
         tool("key", hasToken() ? "Forget the token" : "Enter a token", wantToken,
              {"aria-pressed": hasToken() ? "true" : "false"}),
         tool("theme", `Colours: ${theme()}`, () => { nextTheme(); tools(); page?.draw(); }),
         tool("help", "Keys", showKeys, {class: "tool wide"}));
}

function toFilter() {
    const field = main.querySelector("form input, form select"), fold = field?.closest("details");
    if (fold) fold.open = true;
    field?.focus();
}

let prefix = 0; // when "g" was pressed

function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
        return;
    if (event.target.closest("input, select, textarea")) {
        if (event.key === "Escape") event.target.blur();
        return;
    }
    const after = event.timeStamp - prefix < 1_500;
    prefix = event.key === "g" ? event.timeStamp : 0;
    if (after && GO[event.key]) location.hash = GO[event.key];
    else if (event.key === "?") showKeys();
    else if (event.key === "t") { nextTheme(); tools(); page?.draw(); }
    else if (event.key === "k") wantToken();
    else if (event.key === "r") page?.refresh();
    else if (event.key === "/") toFilter();
    else return;
    event.preventDefault();
}

onTokenNeeded(async (why) => {
    const given = await askToken(why);
    if (given) live.restart();
    tools();
    return given;
});
live.onState(tools);
live.onEvents((heard) => {
    page?.view.heard?.(page, heard);
    if (page?.view.wants && heard.some((event) => page.view.wants(event, page))) page.soon();
});
window.addEventListener("hashchange", show);
document.addEventListener("keydown", key);
document.addEventListener("visibilitychange", () => { if (!document.hidden) page?.refresh(); });
setInterval(() => { if (!document.hidden) page?.refresh(); }, LOOK_MS);
tools();
show();
live.restart();
