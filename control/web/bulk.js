// bulk.js — one verb for many jobs: how many, a question, and steps until all are done.
import {ApiError, change, get, part, query} from "./api.js";
import {confirm, open} from "./dialog.js";
import {count} from "./format.js";
import {h} from "./dom.js";

const COUNT_PAGES = 5, PAGE = 1_000;
const DONE = {retry: "retried", cancel: "cancelled", delete: "deleted"};

const FILTERS = ["kind", "tag", "error", "older_than", "newer_than"];
const filtered = (values) => FILTERS.some((name) => values[name]);
const filterOf = (values) => Object.fromEntries(FILTERS.map((name) => [name, values[name]]));

// How many jobs a filter leaves: {jobs, exact}. Without one the queue's own count says it.
async function measure(queue, state, values) {
    if (!filtered(values)) {
        const q = await get(`/v1/queues/${part(queue)}`);
        return {jobs: q.counts[state], exact: true};
    }
    let jobs = 0, after = null;
    for (let i = 0; i < COUNT_PAGES; i++) {
        const page = await get(`/v1/queues/${part(queue)}/jobs` +
                               query({...filterOf(values), state, limit: PAGE, after}));
        jobs += page.items.length;
        after = page.next;
        if (!after) return {jobs, exact: true};
    }
    return {jobs, exact: false};
}

// Asks for one step after the other, and shows how far it is; closing the window ends it.
async function steps(title, path, values) {
    let changed = 0, after = null, stopped = false, show, end;
    const shown = open(title, (close, redraw) => {
        show = redraw;
        end = close;
        return [h("p", {role: "status"}, `${count(changed)} so far…`), h("progress", {}),
                h("div", {class: "actions"}, h("button", {type: "button", autofocus: true,
                                                          on: {click: () => close()}}, "Stop"))];
    });
    shown.then(() => { stopped = true; });
    try {
        do {
            const step = await change("POST", path + query({...values, after}));
            changed += step.changed;
            after = step.next;
            show?.();
        } while (after && !stopped);
    } finally {
        end?.();
    }
    return {changed, whole: !after};
}

// verb: retry, cancel or delete, of the jobs of one queue and state that the filter leaves.
export async function bulk(verb, queue, state, values) {
    const {jobs, exact} = await measure(queue, state, values);
    if (!jobs && exact) throw new ApiError(0, "nothing", "No job is left by that filter.");
    const many = `${exact ? "" : "more than "}${count(jobs)} ${jobs === 1 ? "job" : "jobs"}`;
    const title = `${verb[0].toUpperCase()}${verb.slice(1)} ${many}?`;
    const sure = await confirm({
        title,
        label: `${verb[0].toUpperCase()}${verb.slice(1)} ${many}`,
        danger: verb !== "retry",
        word: verb === "retry" ? null : queue,
        text: `${many} in state ${state} of ${queue}${
            filtered(values) ? " that pass the filter" : ""}.`
    });
    if (!sure) return "";
    const {changed, whole} = await steps(title, `/v1/queues/${part(queue)}/jobs/${verb}`,
                                         {...filterOf(values), state});
    return `${count(changed)} jobs ${DONE[verb]}${whole ? "" : "; then it was stopped"}.`;
}

export async function purge(page, q) {
    const jobs = Object.entries(q.counts).reduce((sum, [state, n]) =>
        sum + (state === "active" ? 0 : n), 0);
    const sure = await confirm({
        title: `Purge ${q.queue}?`, label: `Delete ${count(jobs)} jobs`, word: q.queue,
        text: `${count(jobs)} jobs are deleted, whatever their state; those that run go on.`});
    if (!sure) return "";
    const {changed, whole} =
        await steps(`Purging ${q.queue}`, `/v1/queues/${part(q.queue)}/purge`, {});
    return `${count(changed)} jobs deleted${whole ? "" : "; then it was stopped"}.`;
}
