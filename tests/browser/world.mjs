// world.mjs — a real service with a private Redis, the system's chromium, and what pages said.
//
// Everything waits for a condition with a deadline. Whatever was started ends with the test.
import assert from "node:assert/strict";
import {execFile, spawn} from "node:child_process";
import {once} from "node:events";
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {setTimeout as pause} from "node:timers/promises";
import {promisify} from "node:util";
import {chromium} from "playwright-core";

const WAIT_MS = 20_000;
const run = promisify(execFile);
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               "--disable-dev-shm-usage", "--js-flags=--expose-gc"];
const QUEUES = ["default", "mail", "bulk", "xss", "reports"];
const HANDLERS = {
    count: "wc -w", slow: "sleep 60", echo: "cat", talk: "sh -c 'echo so far so good; sleep 60'",
    bad: "sh -c 'echo it went wrong >&2; exit 3'",
    markup: "sh -c 'cat >&2; exit 3'", // fails with its payload as the error
    once: "sh -c 'test -e mended'",    // fails until somebody mends it
};

export async function eventually(what, condition) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
        const found = await condition();
        if (found) return found;
        if (Date.now() > deadline) throw new Error(`${what}: not within ${WAIT_MS / 1000} s`);
        await pause(20);
    }
}

export class Service {
    constructor() {
        this.folder = mkdtempSync(join(tmpdir(), "pinion-browser-"));
        this.state = join(this.folder, "state");
        this.log = "";
    }

    async start(...flags) {
        const program = process.env.PINION_BINARY;
        if (!program) throw new Error("PINION_BINARY: expected the path of the built pinion");
        const handlers =
            Object.entries(HANDLERS).flatMap(([kind, argv]) => ["--command", `${kind}=${argv}`]);
        this.child = spawn(program,
                           [
                               "serve", "--state", this.state, "--listen", "127.0.0.1:0",
                               ...QUEUES.flatMap((queue) => ["-q", queue]), ...handlers, ...flags
                           ],
                           {cwd: this.folder, stdio: ["ignore", "ignore", "pipe"]});
        this.child.stderr.on("data", (text) => { this.log += text; });
        await eventually(`the service (it said: ${this.log})`, () => {
            if (this.child.exitCode !== null) throw new Error(`the service ended: ${this.log}`);
            return this.log.includes("event=ready");
        });
        const {http} = JSON.parse(readFileSync(join(this.state, "pinion.json")));
        this.url = http.startsWith("https:") ? http : `http://${http}`;
        this.token = readFileSync(join(this.state, "token"), "utf8").trim();
        return this;
    }

    // What `pinion` prints.
    async pinion(...args) {
        const env = {...process.env, PINION_STATE: this.state};
        return (await run(process.env.PINION_BINARY, args, {env, cwd: this.folder})).stdout.trim();
    }

    // So many jobs that nobody runs, of one kind in a hundred another.
    async crowd(queue, count) {
        const env = {...process.env, PINION_STATE: this.state};
        const child = spawn(process.env.PINION_BINARY, ["enqueue", "--bulk", "-", "-q", queue],
                            {env, stdio: ["pipe", "ignore", "ignore"]});
        const ended = new Promise((resolve) => { child.on("exit", resolve); });
        const part = (n) => `{"kind":"crowd${n % 100 ? "" : ".rare"}","payload":"${n}"}\n`;
        for (let n = 0; n < count;) {
            let lines = "";
            for (const until = Math.min(n + 10_000, count); n < until; n++) lines += part(n);
            if (!child.stdin.write(lines)) await once(child.stdin, "drain");
        }
        child.stdin.end();
        assert.equal(await ended, 0);
    }

    async api(method, path, body) {
        const headers = {Authorization: `Bearer ${this.token}`, "Content-Type": "application/json"};
        const answer =
            await fetch(this.url + path, {method, headers, body: body && JSON.stringify(body)});
        return answer.json();
    }

    async stop() {
        if (this.child?.exitCode === null) {
            const ended = new Promise((resolve) => { this.child.on("exit", resolve); });
            this.child.kill("SIGTERM");
            const late = setTimeout(() => this.child.kill("SIGKILL"), WAIT_MS);
            await ended;
            clearTimeout(late);
        }
        rmSync(this.folder, {recursive: true, force: true});
    }
}

export class Browser {
    async start() {
        const executablePath = process.env.PINION_BROWSER ?? BROWSERS.find(existsSync);
        if (!executablePath) throw new Error(`no browser: expected one of ${BROWSERS.join(", ")}`);
        this.browser = await chromium.launch({executablePath, args: FLAGS});
        return this;
    }

    // A page that holds what it complained of in `page.complaints`: errors of the console and of
    // scripts, and breaches of the policy. An answer that a test provokes is none.
    async page(url, {width = 1280, height = 900, scheme = "light", expected = [], init,
                     ignoreHTTPSErrors = false} = {}) {
        const context = await this.browser.newContext({
            ignoreHTTPSErrors,
            viewport: {width, height},
            colorScheme: scheme,
            locale: "en-GB",
            timezoneId: "Europe/Berlin"
        });
        const page = await context.newPage();
        page.setDefaultTimeout(WAIT_MS);
        page.complaints = [];
        page.expected = expected;
        const complain = (text) => {
            if (!page.expected.some((pattern) => pattern.test(text))) page.complaints.push(text);
        };
        page.on("console", (message) => {
            if (["error", "warning"].includes(message.type()))
                complain(`${message.text()} ${message.location().url}`);
        });
        page.on("pageerror", (err) => complain(String(err)));
        await page.addInitScript(() => {
            document.addEventListener("securitypolicyviolation", (event) =>
                console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
        });
        if (init) await page.addInitScript(init);
        await page.goto(url);
        return page;
    }

    stop() {
        return this.browser?.close();
    }
}

const SHOTS = process.env.PINION_SCREENSHOTS ?? "screenshots";

export async function shoot(page, name) {
    mkdirSync(SHOTS, {recursive: true});
    await page.screenshot({path: join(SHOTS, `${name}.png`), fullPage: true});
}

// What the tests share.
export class World {
    constructor(service, browser) {
        Object.assign(this, {service, browser});
    }

    open(hash, options) {
        return this.browser.page(`${this.service.url}/${hash}`, options);
    }

    // With a token already.
    async openAsAdmin(hash, options) {
        const page = await this.open(hash, options);
        await enterToken(page, this.service.token);
        return page;
    }

    // The page must not have complained.
    async close(page) {
        assert.deepEqual(page.complaints, []);
        await page.context().close();
    }

    async stateOf(id) {
        return (await this.service.api("GET", `/v1/jobs/${encodeURIComponent(id)}`)).state;
    }

    becomes(id, state) {
        return eventually(`${id} is ${state}`, async () => (await this.stateOf(id)) === state);
    }
}

// Gives the page the service's token, as a person does.
export async function enterToken(page, token, said = /is in use/) {
    await page.keyboard.press("k");
    await page.getByLabel("Token", {exact: true}).fill(token);
    await page.getByRole("button", {name: "Use it"}).click();
    await page.getByRole("dialog").waitFor({state: "detached"});
    const toast = page.locator(".toast").filter({hasText: said});
    await toast.waitFor();
    const gone = toast.waitFor({state: "detached"}); // by our click, or by itself before it
    await Promise.race([toast.getByRole("button").click().catch(() => gone), gone]);
    await gone;
}
