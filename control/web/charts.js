// charts.js — lines over the last five minutes, each with a sentence that says the same.
import {h} from "./dom.js";
import {clock} from "./format.js";
import {POINTS_MAX} from "./series.js";
import {colour} from "./theme.js";

const charts = new Map(); // by name: {chart, lines}; those of the view that is open

function dataset(line) {
    return {label: line.label, data: [], borderColor: colour(line.colour), borderWidth: 2,
            borderDash: line.dash ?? [], pointRadius: 0, pointHitRadius: 6, tension: 0.25,
            backgroundColor: "transparent", spanGaps: false, fill: false};
}

function scales(format) {
    const ticks = {color: colour("faint"), font: {size: 11}, maxRotation: 0, autoSkipPadding: 24};
    return {
        x: {grid: {display: false}, ticks, border: {display: false}},
        y: {beginAtZero: true, suggestedMax: 1, grid: {color: colour("line"), drawBorder: false},
            ticks: {...ticks, maxTicksLimit: 4, callback: format}},
    };
}

function make(canvas, lines, format) {
    return new window.Chart(canvas, {
        type: "line",
        data: {labels: [], datasets: lines.map(dataset)},
        options: {
            animation: false,
            responsive: true,
            maintainAspectRatio: false,
            normalized: true,
            interaction: {mode: "index", intersect: false},
            plugins: {
                legend: {display: false},
                tooltip: {callbacks: {label: (at) => ` ${at.dataset.label}: ${format(at.raw)}`}}
            },
            scales: scales(format),
        },
    });
}

function paint({chart, lines, format, look}, points) {
    const now =
        document.documentElement.dataset.theme + matchMedia("(prefers-color-scheme: dark)").matches;
    if (look.theme !== now) { // a canvas knows nothing of style sheets
        look.theme = now;
        lines.forEach((line, i) => { chart.data.datasets[i].borderColor = colour(line.colour); });
        chart.options.scales = scales(format);
    }
    const pad = POINTS_MAX / 5 - points.length; // a minute at least, so that few points are no wall
    const lead = Array(Math.max(0, pad)).fill(null);
    chart.data.labels = [...lead.map(() => ""), ...points.map((p) => clock(p.at))];
    lines.forEach((line, i) => {
        chart.data.datasets[i].data = [...lead, ...points.map(line.of)];
    });
    chart.update("none");
}

const dot = (line) => h("span", {class: `dot b-${line.colour}${line.dash ? " dash" : ""}`,
                                 "aria-hidden": "true"});

// A figure: title, legend with what is now, lines. lines: [{label, colour, of(point), dash?}].
export function figure(name, title, lines, points, format, note) {
    const newest = points[points.length - 1];
    const told = lines.map((line) => [line, newest ? line.of(newest) : null]);
    const words = (value, none) => (value === null || value === undefined ? none : format(value));
    const say = ([line, value]) => `${line.label} ${words(value, "none")}`;
    const known = charts.get(name);
    if (known) paint(known, points);
    return h(
        "figure", {class: "chart", key: name},
        h("figcaption", {}, h("h2", {}, title), note ? h("small", {}, note) : null),
        h("ul", {class: "legend"}, told.map(([line, value]) =>
            h("li", {key: line.label}, dot(line), line.label, " ", h("b", {}, words(value, "–"))))),
        h("div",
          {class: "plot", role: "img", "aria-label": `${title}, now: ${told.map(say).join(", ")}`},
          h("canvas", {made: (canvas) => begin(name, canvas, lines, format, points)})));
}

// Behind the drawing: the canvas must stand in the page to know how large it is.
function begin(name, canvas, lines, format, points) {
    queueMicrotask(() => {
        if (!window.Chart || !canvas.isConnected) return;
        const entry = {chart: make(canvas, lines, format), lines, format, look: {}};
        charts.set(name, entry);
        paint(entry, points);
    });
}

export function endCharts() {
    for (const {chart} of charts.values()) chart.destroy();
    charts.clear();
}
