// format.js — numbers, durations and times as people read them. Pure.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
const fine = new Intl.NumberFormat("en", {maximumFractionDigits: 1});
const day = new Intl.DateTimeFormat("en-GB", {day: "2-digit", month: "short"});
const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000], ["ms", 1]];

export const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const compact = (n) => (n < 10_000 ? whole.format(n) : short.format(n));
export const rate = (n) => (n >= 10_000 ? short.format(n) : n >= 100 ? whole.format(Math.round(n))
                                                                     : fine.format(n));
export const percent = (n) => `${fine.format(n)} %`;

// 1500 -> "1.5 s", 90000 -> "1 m 30 s": two units at most.
export function duration(ms) {
    if (ms === null || ms === undefined) return "–";
    if (ms < 1) return ms > 0 ? "< 1 ms" : "0 ms";
    if (ms < 1_000) return `${Math.round(ms)} ms`;
    if (ms < 10_000) return `${fine.format(ms / 1_000)} s`;
    const at = UNITS.findIndex(([, size]) => ms >= size);
    const [unit, size] = UNITS[at], [below, step] = UNITS[at + 1];
    const rest = Math.floor((ms % size) / step);
    return `${Math.floor(ms / size)} ${unit}${rest && unit !== "s" ? ` ${rest} ${below}` : ""}`;
}

// As the API and the command write it: 1h30m is not theirs, so the largest unit that divides.
export function plainDuration(ms) {
    const unit = UNITS.find(([, size]) => ms % size === 0);
    return ms ? `${ms / unit[1]}${unit[0]}` : "0s";
}

// "250ms", "10s", "5m", "2h", "3d"; null where it is none of these.
export function parseDuration(text) {
    const match = /^(\d+)(ms|s|m|h|d)$/.exec(text.trim());
    return match ? Number(match[1]) * UNITS.find(([unit]) => unit === match[2])[1] : null;
}

export function ago(time, now = Date.now()) {
    if (!time) return "–";
    const ms = now - Date.parse(time);
    if (Math.abs(ms) < 1_000) return "now";
    const whole = Math.floor(Math.abs(ms) / 1_000) * 1_000; // tenths would only flicker
    return ms > 0 ? `${duration(whole)} ago` : `in ${duration(whole)}`;
}

const two = (n) => String(n).padStart(2, "0");

export function clock(time) {
    const t = new Date(time);
    return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

export const clockMs = (time) =>
    `${clock(time)}.${String(new Date(time).getMilliseconds()).padStart(3, "0")}`;

// In the reader's zone; the date only where it is not today.
export function local(time) {
    if (!time) return "–";
    const t = new Date(time), today = new Date();
    if (t.toDateString() === today.toDateString()) return clock(t);
    const year = t.getFullYear() === today.getFullYear() ? "" : ` ${t.getFullYear()}`;
    return `${day.format(t)}${year}, ${clock(t)}`;
}

// JSON is laid out; all else is as it was.
export function pretty(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === "object" && value ? JSON.stringify(value, null, 2) : text;
    } catch {
        return text;
    }
}
