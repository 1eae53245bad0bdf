// jobs.js — jobs by state, through filters, a page at a time; and one verb for all that are left.
import {STATES, badge, button, choice, command, empty, field, heading, jobLink, jobsHref, queueLink,
        table, when} from "./parts.js";
import {bulk} from "./bulk.js";
import {get, part, query} from "./api.js";
import {h} from "./dom.js";

const LIMIT = 50;
const VERBS = {dead: ["retry", "delete"], cancelled: ["retry", "delete"], done: ["retry", "delete"],
               retry: ["cancel", "delete"], ready: ["cancel", "delete"],
               scheduled: ["cancel", "delete"], waiting: ["cancel", "delete"], active: ["cancel"]};

const COLUMNS = [
    {name: "job", class: "name", cell: (j) => jobLink(j.id)},
    {name: "kind", class: "mono kind", cell: (j) => j.kind},
    {name: "state", cell: (j) => badge(j.state)},
    {name: "queue", cell: (j) => queueLink(j.queue)},
    {name: "attempt", class: "number", cell: (j) => `${j.attempt} / ${j.attempts_max ?? "–"}`},
    {name: "made", cell: (j) => when(j.created_at)},
    {name: "due or ended", cell: (j) => when(j.finished_at ?? j.run_at)},
    {name: "error", class: "error-cell", cell: (j) => j.error ?? j.reason},
];

const tabs = (values) =>
    h("nav", {class: "tabs", "aria-label": "State", key: "tabs"}, ["", ...STATES].map((state) =>
        h("a", {href: jobsHref({...values, state, after: ""}), key: state || "all",
                "aria-current": (values.state ?? "") === state ? "true" : null}, state || "all")));

function filter(event) {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    location.hash = jobsHref({...values, state: new URLSearchParams(location.hash.split("?")[1])
                                                    .get("state")});
}

const text = (values, name, placeholder) =>
    h("input", {name, value: values[name] ?? "", placeholder, maxlength: 200, spellcheck: "false",
                autocomplete: "off"});

// Keyed by what is in force, so that another address brings other fields.
function filters(page) {
    const {values} = page, names = page.data.queues.map((q) => q.queue);
    if (values.queue && !names.includes(values.queue)) names.push(values.queue);
    return h("details", {class: "filters", key: "filters",
                         open: page.state.open ?? (FILTERED.some((name) => values[name]) || wide()),
                         on: {toggle: (e) => { page.state.open = e.target.open; }}},
        h("summary", {}, "Filter"),
        h("form", {class: "inline", on: {submit: filter}},
          field("Queue", choice("queue", values.queue ?? "", [["", "all"], ...names])),
          field("Kind", text(values, "kind", "mail.send")),
          field("Tag", text(values, "tag", "")),
          field("Error has", text(values, "error", "timed out")),
          field("Newer than", text(values, "newer_than", "2h")),
          field("Older than", text(values, "older_than", "7d")),
          h("div", {class: "actions"}, h("button", {type: "submit", class: "primary"}, "Show"),
            h("a", {class: "button", href: jobsHref({state: values.state})}, "Clear"))));
}

const wide = () => matchMedia("(min-width: 46rem)").matches;
const FILTERED = ["queue", "kind", "tag", "error", "newer_than", "older_than"];

function many(page) {
    const {queue, state} = page.values;
    if (!queue || !state || !page.data.items.length) return null;
    return h("div", {class: "actions many", key: "many"},
        h("span", {class: "faint"}, "All of these, on every page:"),
        VERBS[state].map((verb) =>
            button(page, `${verb[0].toUpperCase()}${verb.slice(1)} all…`,
                   () => bulk(verb, queue, state, page.values),
                   {kind: verb === "retry" ? "" : "danger", key: `all ${verb}`})));
}

function none(values) {
    if (FILTERED.some((name) => values[name]) || values.after)
        return empty("No job here",
                     h("p", {}, "None passes the filter in this state, at this moment."));
    if (values.state)
        return empty(`No job is ${values.state}`, h("p", {}, "Jobs pass through here and go on."));
    return empty("No jobs", h("p", {}, "A job that is done is kept only where that was asked for:"),
                 command("pinion enqueue count 'one two three' --retain 1h"));
}

const pages = ({values, data}) =>
    (data.next || values.after
         ? h("nav", {class: "pages", "aria-label": "Pages", key: "pages"},
             values.after
                 ? h("a", {class: "button", href: jobsHref({...values, after: ""})}, "First page")
                 : null,
             data.next ? h("a", {class: "button", href: jobsHref({...values, after: data.next})},
                           "Next page →")
                       : null)
         : null);

export const jobs = {
    title: (page) => (page.values.state ? `Jobs, ${page.values.state}` : "Jobs"),
    wants: (event, page) => (event.type === "job" || event.type === "more") &&
        (!page.values.queue || event.queue === page.values.queue),
    async load(page) {
        const {queue, ...others} = page.values;
        const path = queue ? `/v1/queues/${part(queue)}/jobs` : "/v1/jobs";
        const [list, known] = await Promise.all([
            get(path + query({...others, limit: LIMIT}), page.signal),
            get("/v1/queues?limit=200", page.signal)]);
        return {...list, queues: known.items};
    },
    body(page) {
        return [heading("Jobs"), tabs(page.values), filters(page), many(page),
                page.data.items.length ? table("Jobs", COLUMNS, page.data.items, (j) => j.id)
                                       : none(page.values),
                pages(page)];
    },
};
