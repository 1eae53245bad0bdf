// schedule_form.js — makes or changes a schedule, and shows before it is kept when it would fire.
import {choice, field, heading} from "./parts.js";
import {ApiError, change, get, part, query} from "./api.js";
import {fires} from "./fires.js";
import {h} from "./dom.js";
import {href} from "./schedules.js";
import {parseDuration, plainDuration} from "./format.js";
import {say} from "./tell.js";

const PREVIEW = 8, TYPING_MS = 250;
const ZONES = Intl.supportedValuesOf?.("timeZone") ?? [];
const WAYS = [["cron", "by a cron expression"], ["every", "every so often"], ["at", "once"]];
const DST = [["vixie", "vixie: once, and at a gap's end"], ["skip", "skip what falls into a gap"],
             ["once-late", "once-late: the second of two"], ["both", "both of two"]];
const OVERLAP = [["skip", "skip the fire"], ["allow", "allow both"], ["queue", "let one wait"],
                 ["replace", "cancel the one that runs"]];
const CATCH_UP = [["one", "make up for one"], ["none", "for none"], ["all", "for all"]];
const NOT_SENT = ["name", "cron", "every_ms", "at", "tz", "dst", "phase_ms", "last_fire",
                  "next_fire", "fires", "last_job", "buffered", "revision", "history"];
const TEXTS = ["tz", "dst", "overlap", "catch_up", "kind", "queue", "payload"];

const fresh = () => ({type: "cron", cron: "30 2 * * *", every: "10m", at: "", tz: here(),
                      dst: "vixie", overlap: "skip", catch_up: "one", name: "", kind: "",
                      queue: "default",
                      within: "", payload: "", attempts: "", timeout: "", from: ""});

const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";

// What GET gave, as fields.
function fieldsOf(s) {
    const values = {...fresh(), name: s.name, type: s.cron ? "cron" : s.every_ms ? "every" : "at"};
    for (const name of TEXTS) values[name] = s[name] ?? "";
    if (s.cron) values.cron = s.cron;
    if (s.every_ms) values.every = plainDuration(s.every_ms);
    if (s.at) values.at = s.at;
    values.within = s.within_ms ? plainDuration(s.within_ms) : "";
    values.attempts = s.attempts_max ?? "";
    values.timeout = s.timeout_ms ? plainDuration(s.timeout_ms) : "";
    return values;
}

function durationOf(text, name) {
    const ms = parseDuration(text);
    if (ms === null) throw new Error(`${name} '${text}': expected one like 250ms, 10s, 5m, 2h, 3d`);
    return ms;
}

// What PUT takes: what GET gave (so that nothing of it is lost), with the fields upon it.
function bodyOf(values, before) {
    const body = {...before};
    for (const name of NOT_SENT) delete body[name];
    for (const [name, value] of Object.entries(body)) if (value === null) delete body[name];
    if (values.type === "cron") {
        Object.assign(body, {cron: values.cron, tz: values.tz || "UTC", dst: values.dst});
    } else if (values.type === "every") {
        body.every_ms = durationOf(values.every, "Every");
        if (before?.phase_ms) body.phase_ms = before.phase_ms;
    } else {
        body.at = values.at;
    }
    Object.assign(body, {overlap: values.overlap, catch_up: values.catch_up,
                         kind: values.kind.trim(), queue: values.queue.trim() || "default"});
    delete body.within_ms;
    if (values.catch_up === "all" && values.within)
        body.within_ms = durationOf(values.within, "Of the last");
    if (before?.payload_base64 === undefined) body.payload = values.payload;
    if (values.attempts) body.attempts_max = Number(values.attempts);
    if (values.timeout) body.timeout_ms = durationOf(values.timeout, "Timeout");
    return body;
}

// The next times: the service reads the expression; a steady beat is counted here.
async function preview(values, signal) {
    if (values.type === "cron") return ofCron(values, signal);
    if (values.type === "at") return {items: [values.at].filter(Boolean).map(plainFire)};
    const from = values.from ? new Date(values.from) : new Date();
    const every = durationOf(values.every, "Every"), start = Math.floor(from.getTime() / every) + 1;
    return {items: Array.from({length: PREVIEW}, (_, i) => plainFire((start + i) * every))};
}

// `from` is a time of the schedule's zone, as are those that it gives.
async function ofCron(values, signal) {
    const {next, notes, explain} = await get(`/v1/cron${query({
        spec: values.cron, tz: values.tz, dst: values.dst, name: values.name,
        from: values.from.replace("T", " "), count: PREVIEW})}`, signal);
    const items = next.map((local, i) =>
        ({fire_time: new Date(local).toISOString(), local, note: notes[i]}));
    return {items, explain};
}

const plainFire = (at) => {
    const time = new Date(at).toISOString();
    return {fire_time: time, local: time.slice(0, 19), note: null};
};

async function look(page) {
    const mine = page.state.asked = (page.state.asked ?? 0) + 1;
    let found;
    try {
        found = await preview(page.state.values, page.signal);
    } catch (err) {
        found = {error: err.message};
    }
    if (mine !== page.state.asked || page.signal.aborted) return;
    page.state.preview = found;
    page.draw();
}

function changed(page, name, value) {
    page.state.values[name] = value;
    page.draw();
    clearTimeout(page.state.timer);
    page.state.timer = setTimeout(() => look(page), TYPING_MS);
}

async function submit(page, event) {
    event.preventDefault();
    const {values, before} = page.state;
    page.state.error = null;
    try {
        const name = values.name.trim();
        const headers = before ? {"If-Match": `"${before.revision}"`} : {"If-None-Match": "*"};
        await change("PUT", `/v1/schedules/${part(name)}`, bodyOf(values, before), headers);
        say(`${name} is kept.`);
        page.leave(href(name));
    } catch (err) {
        page.state.error = err.status !== 412 ? err.message
            : before ? "It was changed by somebody else meanwhile: load it again."
            : "There is a schedule of that name.";
        page.draw();
    }
}

const text = (page, name, more) =>
    h("input", {name, value: page.state.values[name], spellcheck: "false",
                autocomplete: "off", ...more,
                on: {input: (e) => changed(page, name, e.target.value)}});

const pick = (page, name, values) =>
    choice(name, page.state.values[name], values, (value) => changed(page, name, value));

function timing(page) {
    const {type} = page.state.values;
    return h("fieldset", {key: "when"}, h("legend", {}, "When"),
        field("It fires", pick(page, "type", WAYS)),
        type === "cron" ? [
            field("Expression", text(page, "cron", {class: "mono", required: true}),
                  "minute hour day month weekday; or @hourly, 0 9 * * MON-FRI"),
            field("Zone", text(page, "tz", {list: "zones"})),
            h("datalist", {id: "zones"},
              ZONES.map((zone) => h("option", {value: zone, key: zone}))),
            field("When clocks change", pick(page, "dst", DST)),
        ] : type === "every"
            ? field("Every", text(page, "every", {required: true}), "250ms 10s 5m 2h 3d")
            : field("At", text(page, "at", {required: true, placeholder: "2026-12-24T18:00:00Z"})));
}

const work = (page) => h("fieldset", {key: "what"}, h("legend", {}, "What"),
    field("Kind", text(page, "kind", {required: true, placeholder: "count"})),
    field("Queue", text(page, "queue", {disabled: Boolean(page.state.before)})),
    page.state.before?.payload_base64 === undefined ? field("Payload",
        h("textarea", {name: "payload", rows: 3, value: page.state.values.payload,
                       spellcheck: "false",
                       on: {input: (e) => changed(page, "payload", e.target.value)}})) : null,
    field("While its last job runs", pick(page, "overlap", OVERLAP)),
    field("Of missed fires", pick(page, "catch_up", CATCH_UP)),
    page.state.values.catch_up === "all"
        ? field("Of the last", text(page, "within", {placeholder: "1h"}),
                "at most 1,000; not where a fire is skipped")
        : null,
    field("Attempts", text(page, "attempts", {type: "number", min: 1, placeholder: "25"})),
    field("Timeout", text(page, "timeout", {placeholder: "1h"})));

function found({preview}) {
    if (!preview) return h("p", {class: "faint", key: "looking"}, "Looking…");
    if (preview.error) return h("p", {class: "error", key: "error"}, preview.error);
    const {explain, items} = preview;
    return [explain ? h("p", {class: "faint", key: "words"}, explain) : null, fires(items)];
}

function times(page) {
    const from = h("input", {name: "from", type: "datetime-local", value: page.state.values.from,
                             on: {input: (e) => changed(page, "from", e.target.value)}});
    return h("section", {class: "preview", key: "preview", "aria-live": "polite"},
             h("h2", {}, "It would fire"), field("From", from, "now, unless said"),
             found(page.state));
}

// A change sends the payload back, so who may not see it may not change it here.
function checkContent(before) {
    if (before && before.payload === undefined && before.payload_base64 === undefined)
        throw new ApiError(401, "unauthorized",
                           "To change it needs a token that may see its payload.");
}

export const scheduleForm = {
    title: (page) => (page.args[0] ? `Edit ${page.args[0]}` : "New schedule"),
    async load(page) {
        if (page.state.values) return;
        const [name] = page.args;
        page.state.before = name ? await get(`/v1/schedules/${part(name)}`, page.signal) : null;
        checkContent(page.state.before);
        page.state.values = name ? fieldsOf(page.state.before) : fresh();
        look(page);
    },
    body(page) {
        const {error, before} = page.state, back = before ? href(before.name) : "#/schedules";
        return [heading(scheduleForm.title(page)),
            h("form", {class: "sheet", key: "form", on: {submit: (event) => submit(page, event)}},
              field("Name", text(page, "name", {required: true, maxlength: 64,
                                                disabled: Boolean(before)})),
              timing(page), work(page), times(page),
              error ? h("p", {class: "error", role: "alert", key: "problem"}, error) : null,
              h("div", {class: "actions", key: "go"},
                h("button", {type: "submit", class: "primary"}, "Keep it"),
                h("a", {class: "button", href: back}, "Cancel")))];
    },
};
