// api.js — the only door to the service: /v1, with the token if there is one. The token is held
// in memory; in the tab's own storage only if its owner asked for that.

const KEPT = "pinion-token";
const TIMEOUT_MS = 30_000;

let token = sessionStorage.getItem(KEPT) ?? "";
let ask = async () => false; // asks for a token: gives whether there is a new one

export class ApiError extends Error {
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

export const hasToken = () => token !== "";
export const authorization = () => (token ? {Authorization: `Bearer ${token}`} : {});

export function setToken(text, keep) {
    token = text;
    if (text && keep) sessionStorage.setItem(KEPT, text);
    else sessionStorage.removeItem(KEPT);
}

export function onTokenNeeded(fn) {
    ask = fn;
}

export const part = encodeURIComponent; // of a path or a query

export function query(values) {
    const pairs = Object.entries(values).filter(([, value]) => value);
    return pairs.length ? `?${pairs.map((pair) => pair.map(part).join("=")).join("&")}` : "";
}

async function once(method, path, {body, headers, signal}) {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const options = {method, headers: {...authorization(), ...headers}, cache: "no-store",
                     signal: signal ? AbortSignal.any([signal, limit]) : limit};
    if (body !== undefined) {
        options.body = JSON.stringify(body);
        options.headers["Content-Type"] = "application/json";
    }
    let answer, json;
    try {
        answer = await fetch(path, options);
        json = await answer.json();
    } catch (err) {
        if (signal?.aborted) throw err;
        if (answer?.ok && err instanceof SyntaxError) return null;
        throw new ApiError(0, "offline", "The service does not answer.");
    }
    if (!answer.ok)
        throw new ApiError(answer.status, json?.error?.code ?? "error",
                           json?.error?.message ?? `status ${answer.status}`);
    return json;
}

export function get(path, signal) {
    return once("GET", path, {signal});
}

// A change: where it needs a token it asks for one, and goes on.
export async function change(method, path, body, headers) {
    for (;;) {
        try {
            return await once(method, path, {body, headers});
        } catch (err) {
            if (err.status !== 401 || !(await ask(err.message))) throw err;
        }
    }
}
