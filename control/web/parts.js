// parts.js — what several views show alike.
import {h} from "./dom.js";
import {ago, local} from "./format.js";
import {complain, say} from "./tell.js";

export const STATES =
    ["ready", "active", "scheduled", "waiting", "retry", "dead", "cancelled", "done"];
const BUSY = new Set(); // keys of the buttons whose work is under way

export const icon = (name) =>
    h("svg", {class: "icon", "aria-hidden": "true", focusable: "false"},
      h("use", {href: `#i-${name}`}));

export const badge = (state) => h("span", {class: `badge s-${state}`}, state);

export const time = (at) =>
    (at ? h("time", {datetime: at, title: at}, local(at)) : h("span", {class: "faint"}, "–"));

export const when = (at) =>
    (at ? h("time", {datetime: at, title: `${local(at)} (${at})`}, ago(at))
        : h("span", {class: "faint"}, "–"));

export const jobLink = (id) =>
    h("a", {class: "mono id", href: `#/jobs/${encodeURIComponent(id)}`, title: id}, id);

export const queueLink = (name) =>
    h("a", {href: `#/queues/${encodeURIComponent(name)}`}, name);

export const jobsHref = (values) => {
    const pairs = Object.entries(values).filter(([, value]) => value);
    return `#/jobs?${pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&")}`;
};

// What a person runs next, to be copied.
export const command = (text) => h("pre", {class: "command"}, h("code", {}, text));

export const empty = (title, ...children) =>
    h("div", {class: "empty", key: "empty"}, h("h2", {}, title), ...children);

// columns: [{name, cell(row), class?}]; a row becomes a card where the window is narrow.
export function table(caption, columns, rows, keyOf) {
    const head = columns.map(
        (c) =>
            h("th",
              {scope: "col", role: "columnheader", class: c.class === "number" ? "number" : null},
              c.name));
    const body = rows.map((row) =>
        h("tr", {key: keyOf(row), role: "row"},
          columns.map((c) => h("td", {role: "cell", class: c.class, "data-label": c.name},
                               c.cell(row)))));
    return h("table", {role: "table", key: "table"},
             h("caption", {class: "unseen"}, caption),
             h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, head)),
             h("tbody", {role: "rowgroup"}, body));
}

// A button whose work runs once at a time, and whose failure is shown. `work` gives what to say.
export function button(page, label, work, {kind = "", name, key = name ?? label} = {}) {
    const run = async () => {
        if (BUSY.has(key)) return;
        BUSY.add(key);
        page.draw();
        try {
            const said = await work();
            if (said) say(said);
        } catch (err) {
            complain(err);
        }
        BUSY.delete(key);
        page.refresh();
    };
    return h("button", {type: "button", class: kind, key, "aria-label": name,
                        "aria-busy": BUSY.has(key) ? "true" : null, on: {click: run}}, label);
}

export const heading = (title, ...tools) =>
    h("div", {class: "heading", key: "heading"}, h("h1", {}, title),
      tools.length ? h("div", {class: "actions"}, tools) : null);

export const field = (label, input, hint) =>
    h("label", {class: "field"}, h("span", {}, label), input,
      hint ? h("small", {}, hint) : null);

export const choice = (name, value, values, on) =>
    h("select", {name, value, on: on ? {change: (e) => on(e.target.value)} : undefined},
      values.map((v) => {
          const [text, label] = Array.isArray(v) ? v : [v, v];
          return h("option", {value: text, key: text}, label);
      }));

// [["name", value]...], without those that have nothing to say.
export const facts = (pairs) =>
    h("dl", {class: "facts"},
      pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
          .map(([name, value]) => h("div", {key: name}, h("dt", {}, name), h("dd", {}, value))));
