// page.test.mjs — the dashboard in a real browser, on a real service: what a person does with it.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {Browser, Service, enterToken, eventually, shoot} from "./world.mjs";

const service = new Service(), browser = new Browser();

before(async () => { await Promise.all([service.start(), browser.start()]); });
after(async () => {
    await browser.stop();
    await service.stop();
});

async function open(hash, options) {
    return browser.page(`${service.url}/${hash}`, options);
}

async function close(page) {
    assert.deepEqual(page.complaints, []);
    await page.context().close();
}

test("an empty service teaches the first command", async () => {
    const page = await open("");
    await page.getByText("Nothing has been enqueued yet").waitFor();
    await page.getByText("pinion enqueue count 'one two three' --wait").waitFor();
    await shoot(page, "overview-empty");
    await close(page);
});

test("a queue is paused and resumed with a token, and not with a wrong one", async () => {
    await service.pinion("enqueue", "count", "one two", "--queue", "mail", "--in", "1h");
    const page = await open("#/queues", {expected: [/401/]});
    await page.getByRole("button", {name: "Pause mail"}).click();
    await page.getByLabel("Token", {exact: true}).fill("not-a-token");
    await page.getByRole("button", {name: "Use it"}).click();
    await page.getByRole("alert").filter({hasText: "that token is not known"}).waitFor();
    assert.equal((await service.api("GET", "/v1/queues/mail")).paused, false);
    await page.getByLabel("Token", {exact: true}).fill(service.token);
    await page.getByRole("button", {name: "Use it"}).click();
    await page.getByRole("button", {name: "Resume mail"}).waitFor();
    assert.equal((await service.api("GET", "/v1/queues/mail")).paused, true);
    await page.getByRole("button", {name: "Resume mail"}).click();
    await page.getByRole("button", {name: "Pause mail"}).waitFor();
    assert.equal((await service.api("GET", "/v1/queues/mail")).paused, false);
    await close(page);
});
