// fires.js — times at which a schedule fires, with what the clocks do to them.
import {ago} from "./format.js";
import {h} from "./dom.js";

// The words of `note`, as `pinion schedule next` says them too.
const NOTES = {
    gap: "the clocks jump over its time: moved to the end of the gap",
    overlap_first: "this time comes twice: the first",
    overlap_second: "this time comes twice: the second",
};

const day = (local) => new Date(`${local.slice(0, 10)}T12:00:00Z`)
    .toLocaleDateString("en-GB", {weekday: "short", timeZone: "UTC"});

export const fires = (items) =>
    (items.length ? h("ol", {class: "rows fires", key: "fires"},
                      items.map((f) => h("li", {key: f.fire_time, class: f.note ? "noted" : null},
                                         h("span", {}, day(f.local), " ",
                                           h("time", {datetime: f.fire_time, class: "mono"},
                                             f.local.replace("T", " "))),
                                         h("span", {class: "faint"}, ago(f.fire_time)),
                                         f.note ? h("span", {class: "badge s-retry", title: f.note},
                                                    NOTES[f.note] ?? f.note)
                                                : null)))
                  : h("p", {class: "faint", key: "fires"}, "It never fires again."));
