// job.js — all that is known about one job, why it does not run, and what may be done to it.
import {badge, button, facts, heading, jobLink, queueLink, time, when} from "./parts.js";
import {change, get, hasToken, part, query} from "./api.js";
import {confirm} from "./dialog.js";
import {count, duration, pretty} from "./format.js";
import {h} from "./dom.js";

const OUTPUT_MAX = 20_000; // characters
const CAN = {
    cancel: ["scheduled", "waiting", "ready", "retry", "active"],
    run: ["scheduled", "retry"],
    retry: ["dead", "cancelled", "done"],
    delete: ["scheduled", "waiting", "ready", "retry", "dead", "cancelled", "done"],
};
const SAID = {cancelled: "It is cancelled.", marked: "Its server is told to stop it.",
              ready: "It is ready.", deleted: "It is deleted."};

function verb(page, j, word, label, kind, ask) {
    if (!CAN[word].includes(j.state)) return null;
    return button(page, label, async () => {
        if (ask && !(await confirm({title: `${label} this job?`, text: ask, label}))) return "";
        const path = `/v1/jobs/${part(j.id)}`;
        const answer = word === "delete" ? await change("DELETE", path)
                                         : await change("POST", `${path}/${word}`);
        if (word === "delete") page.leave("#/jobs");
        return SAID[answer?.status] ?? "Done.";
    }, {kind, key: `job ${word}`});
}

const verbs = (page, j) => [
    verb(page, j, "run", "Run now", "primary"),
    verb(page, j, "retry", "Retry", "primary"),
    verb(page, j, "cancel", "Cancel", "danger",
         j.state === "active" ? "Its server is told to stop what it does." : "It will not run."),
    verb(page, j, "delete", "Delete", "danger", "Nothing of it is kept."),
];

const why = ({explain: e}) => (e ? h("div", {class: "callout", key: "why"}, h("p", {}, e.message),
    e.hint ? h("p", {class: "hint"}, h("code", {}, e.hint)) : null) : null);

const block = (title, text, base64) => (text === null || text === undefined ? null
    : h("section", {key: title}, h("h2", {}, title, base64 ? h("small", {}, " base64") : null),
        text === "" ? h("p", {class: "faint"}, "empty")
                    : h("pre", {class: "content", tabindex: "0"}, base64 ? text : pretty(text))));

const content = (j) => (j.payload === undefined && j.payload_base64 === undefined
    ? h("p", {class: "callout", key: "hidden"}, hasToken()
        ? "The token may not see what is in a job."
        : "Payload, result and errors are shown to who has a token: press k.")
    : [block("Payload", j.payload ?? j.payload_base64, j.payload === undefined),
       j.error ? block("Error", j.error) : null,
       j.result !== null || j.result_base64 ? block("Result", j.result ?? j.result_base64,
                                                    j.result === undefined) : null]);

// What a running command has printed of late: the page asks for what came since, and keeps no more
// than OUTPUT_MAX of it.
async function look(page, path) {
    const {printed} = page.state;
    const o = await get(`${path}/output${query({after: printed?.next})}`, page.signal);
    const text = o.output ?? (o.output_base64 ? "(bytes that are no text)\n" : "");
    const goes = printed && o.attempt === printed.attempt;
    page.state.printed = {attempt: o.attempt, next: o.next,
                          text: ((goes ? printed.text : "") + text).slice(-OUTPUT_MAX)};
}

const output = (j, printed) => (j.state === "active" && printed?.text
    ? h("section", {key: "output"}, h("h2", {}, "What it prints"),
        h("pre", {class: "content", tabindex: "0"}, printed.text)) : null);

const attempts = (j) => (
    j.errors?.length
        ? h("section", {key: "attempts"}, h("h2", {}, "Attempts that failed"),
            h("ol", {class: "rows attempts"},
              j.errors.map(
                  (e, i) => h("li", {key: i},
                              h("span", {}, e.attempt ? `attempt ${e.attempt}` : `#${i + 1}`),
                              time(e.at), h("span", {class: "mono"}, e.error ?? e.message ?? "")))))
        : null);

const progress = (p) =>
    (p ? h("section", {key: "progress"}, h("h2", {}, "Progress"),
           h("div", {class: "progress"},
             h("progress", {max: 100, value: p.percent, "aria-label": "Progress"}),
             h("span", {}, `${p.percent} %`), p.note ? h("span", {}, p.note) : null,
             h("span", {class: "faint"}, when(p.at))))
       : null);

const took = (j) => (j.started_at && j.finished_at
    ? duration(Date.parse(j.finished_at) - Date.parse(j.started_at)) : null);

// A first attempt is written down when it ends; until then its lease says when it began.
const startOf = (j, e) => j.started_at ?? (j.state === "active" ? e?.since : null);

const about = (j, e) =>
    h("section", {key: "about"}, h("h2", {}, "About"), facts([
          ["queue", queueLink(j.queue)],
          ["kind", h("span", {class: "mono"}, j.kind)],
          ["attempt", `${j.attempt} of ${j.attempts_max ?? "–"}`],
          ["priority", j.priority],
          ["made", time(j.created_at)],
          ["due", time(j.run_at)],
          ["started", startOf(j, e) && time(startOf(j, e))],
          ["ended", j.finished_at && time(j.finished_at)],
          ["took", took(j)],
          ["server", j.server ?? e?.server],
          ["worker", j.worker ?? e?.worker],
          ["reason of the end", j.reason],
          ["timeout", duration(j.timeout_ms)],
          ["backoff", j.backoff],
          ["lease", j.lease_ms ? duration(j.lease_ms) : null],
          ["kept when done", j.retain_ms ? duration(j.retain_ms) : null],
          ["dropped unless started by", j.expires_at && time(j.expires_at)],
          ["group", j.group],
          ["unique", j.unique],
          ["batch", j.batch],
          [
              "tags",
              j.tags.length ? j.tags.map((tag) => h("span", {class: "tag", key: tag}, tag)) : null
          ],
          [
              "schedule",
              j.schedule ? h("a", {href: `#/schedules/${part(j.schedule)}`}, j.schedule) : null
          ],
          ["for the time", j.fire_time && time(j.fire_time)],
          ["jobs that wait for it", j.children_waiting ? count(j.children_waiting) : null],
          ["cancel", j.cancel_requested ? "asked for" : null],
          ["trace", j.traceparent && h("span", {class: "mono"}, j.traceparent)],
      ]));

const parents = (j) =>
    (j.after.length ? h("section", {key: "after"},
                        h("h2", {}, j.after_any_outcome ? "Runs after the end of" : "Runs after"),
                        h("ul", {class: "rows"},
                          j.after.map((p) => h("li", {key: p.id}, jobLink(p.id),
                                               p.outcome ? badge(p.outcome) : badge("waiting")))))
                    : null);

export const job = {
    title: (page) => page.args[0],
    wants: (event, page) => event.job === page.args[0] || event.type === "missed" ||
        (event.type === "more" && page.args[0].startsWith(`${event.queue}:`)),
    async load(page) {
        const path = `/v1/jobs/${part(page.args[0])}`;
        const [j, explain] = await Promise.all([
            get(path, page.signal), get(`${path}/explain`, page.signal).catch(() => null)]);
        if (j.state === "active" && hasToken())
            await look(page, path).catch(() => {}); // a token may not see it
        return {job: j, explain};
    },
    body(page) {
        const {job: j} = page.data;
        return [
            heading([h("span", {class: "mono id"}, j.id), " ", badge(j.state)], verbs(page, j)),
            why(page.data), progress(j.progress), output(j, page.state.printed), content(j),
            attempts(j), parents(j), about(j, page.data.explain)
        ];
    },
};
