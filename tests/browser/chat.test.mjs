// chat.test.mjs — examples/chat.c in a real browser: a page, a live room and a job of one program.
import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after, before, test} from "node:test";
import {Browser, eventually, shoot} from "./world.mjs";

const browser = new Browser(), folder = mkdtempSync(join(tmpdir(), "pinion-chat-"));
let chat, said = "", url;

before(async () => {
    chat = spawn(process.env.PINION_CHAT, [join(folder, "state")], {stdio: ["ignore", "ignore", "pipe"]});
    chat.stderr.on("data", (text) => { said += text; });
    [url] = await Promise.all([
        eventually("the chat's page", () => said.match(/^http:.*$/m)?.[0]), browser.start()]);
});

after(async () => {
    await browser.stop();
    const ended = new Promise((resolve) => { chat.on("exit", resolve); });
    chat.kill("SIGTERM");
    assert.equal(await ended, 0);
    rmSync(folder, {recursive: true, force: true});
});

async function enter(options) {
    const page = await browser.page(url, {...options, expected: [/favicon/]});
    await page.getByText("(open)").waitFor();
    return page;
}

async function say(page, text) {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", {name: "Say"}).click();
}

test("two browsers talk, and a job shouts into the room", async () => {
    const ann = await enter(), ben = await enter({width: 360, height: 640});
    await say(ann, "hello");
    await ben.getByText("hello", {exact: true}).waitFor();
    await say(ben, "!is anybody here?");
    for (const page of [ann, ben]) await page.getByText("!IS ANYBODY HERE?", {exact: true}).waitFor();
    await say(ann, "<img src=x onerror=alert(1)>"); // is text, and stays text
    await ben.getByText("<img src=x", {exact: false}).waitFor();
    assert.equal(await ben.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    await shoot(ben, "chat-360");
    for (const page of [ann, ben]) assert.deepEqual(page.complaints, []);
});

test("a page of another origin does not get in", async () => {
    const page = await browser.page(`data:text/html,<p>elsewhere`);
    const room = `${url.replace(/^http/, "ws")}/room`;
    const outcome = await page.evaluate((address) => new Promise((resolve) => {
        const socket = new WebSocket(address);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    }), room);
    assert.equal(outcome, "refused");
});
