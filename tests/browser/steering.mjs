// steering.mjs — what a person changes: queues, jobs one by one and many at once, servers.
import assert from "node:assert/strict";
import {writeFileSync} from "node:fs";
import {join} from "node:path";
import {test} from "node:test";
import {isDeepStrictEqual} from "node:util";
import {eventually, shoot} from "./world.mjs";

const state = (page, word) => page.locator("h1 .badge", {hasText: word}).waitFor();
const agree = (page, label) => page.getByRole("dialog").getByRole("button", {name: label}).click();

export function steeringTests(world) {
    const {service} = world;

    test("an empty service teaches the first command", async () => {
        const page = await world.open("");
        await page.getByText("Nothing has been enqueued yet").waitFor();
        await page.getByText("pinion enqueue count 'one two three' --wait").waitFor();
        await shoot(page, "overview-empty");
        await page.goto(`${service.url}/#/schedules`);
        await page.getByText("No schedules yet").waitFor();
        await page.goto(`${service.url}/#/jobs`);
        await page.getByText("No jobs").waitFor();
        await world.close(page);
    });

    test("a queue is paused and resumed with a token, and not with a wrong one", async () => {
        const paused = async () => (await service.api("GET", "/v1/queues/mail")).paused;
        await service.pinion("enqueue", "count", "one two", "--queue", "mail", "--in", "1h");
        const page = await world.open("#/queues", {expected: [/401/]});
        await page.getByRole("button", {name: "Pause mail"}).click();
        await page.getByLabel("Token", {exact: true}).fill("not-a-token");
        await page.getByRole("button", {name: "Use it"}).click();
        await page.getByRole("alert").filter({hasText: "that token is not known"}).waitFor();
        await shoot(page, "token-refused");
        assert.equal(await paused(), false);
        await page.getByLabel("Token", {exact: true}).fill(service.token);
        await page.getByRole("button", {name: "Use it"}).click();
        await page.getByRole("button", {name: "Resume mail"}).waitFor();
        assert.equal(await paused(), true);
        await page.getByRole("button", {name: "Resume mail"}).click();
        await page.getByRole("button", {name: "Pause mail"}).waitFor();
        assert.equal(await paused(), false);
        assert.equal(await page.evaluate(() => sessionStorage.length),
                     0);  // nobody asked to keep it
        await world.close(page);
    });

    test("a job moves before one's eyes, and is run, cancelled and retried", async () => {
        const page = await world.openAsAdmin("#/jobs");
        const later =
            await service.pinion("enqueue", "count", "a b c", "--in", "1h", "--retain", "1h");
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(later)}`);
        await state(page, "scheduled");
        await page.getByRole("button", {name: "Run now"}).click();
        await state(page, "done");
        await page.locator("section", {hasText: "Result"}).getByText("3", {exact: true}).waitFor();

        const slow = await service.pinion("enqueue", "slow");
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(slow)}`);
        await state(page, "active");
        await page.getByText("it is running since").waitFor();
        await page.getByRole("button", {name: "Cancel"}).click();
        await agree(page, "Cancel");
        await state(page, "cancelled");
        assert.equal(await world.stateOf(slow), "cancelled");

        const talker = await service.pinion("enqueue", "talk");
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(talker)}`);
        await page.getByRole("heading", {name: "What it prints"}).waitFor();
        await page.getByText("so far so good").waitFor();
        await page.getByRole("button", {name: "Cancel"}).click();
        await agree(page, "Cancel");
        await state(page, "cancelled");

        const broken = await service.pinion("enqueue", "once", "--attempts", "1", "--retain", "1h");
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(broken)}`);
        await state(page, "dead");
        await page.getByText("exit status 1").first().waitFor();
        writeFileSync(join(service.folder, "mended"), "");
        await page.getByRole("button", {name: "Retry"}).click();
        await state(page, "done");
        await world.close(page);
    });

    test("many are deleted at once, when their number was seen and the queue's name typed",
         async () => {
             for (let i = 0; i < 3; i++)
                 await service.pinion("enqueue", "bad", "--attempts", "1", "--queue", "bulk",
                                      "--id", `b${i}`);
             await service.pinion("enqueue", "markup", "other", "--attempts", "1", "--queue",
                                  "bulk", "--id", "c");
             await world.becomes("bulk:b2", "dead");
             await world.becomes("bulk:c", "dead");
             const page = await world.openAsAdmin("#/jobs?queue=bulk&state=dead");
             await page.getByLabel("Kind").fill("bad");
             await page.getByRole("button", {name: "Show"}).click();
             await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length ===
                                              3);
             await page.getByRole("button", {name: "Delete all…"}).click();
             const sure = page.getByRole("dialog").getByRole("button", {name: "Delete 3 jobs"});
             assert.equal(await sure.isDisabled(), true);
             await shoot(page, "bulk-delete");
             await page.getByLabel("to confirm").fill("bulk");
             await sure.click();
             await page.getByText("3 jobs deleted.").first().waitFor();
             const left = await service.api("GET", "/v1/queues/bulk/jobs?state=dead");
             assert.deepEqual(left.items.map((job) => job.id), ["bulk:c"]);
             await page.getByText("No job here").waitFor();
             await world.close(page);
         });

    test("a queue gets a limit, is drained and purged", async () => {
        const page = await world.openAsAdmin("#/queues/bulk");
        await page.getByLabel("Limit of").selectOption("kinds");
        await page.getByLabel("Name").fill("bad");
        await page.getByLabel("At once").fill("2");
        await page.getByLabel("Rate").fill("nonsense");
        await page.getByRole("button", {name: "Set"}).click();
        page.expected.push(/400/);
        await page.getByRole("alert").filter({hasText: "rate"}).waitFor(); // the API's own words
        await page.getByLabel("Rate").fill("10/1s");
        await page.getByRole("button", {name: "Set"}).click();
        await page.getByText("2 at once · 10/1s").waitFor();
        const {limits} = await service.api("GET", "/v1/queues/bulk");
        assert.equal(limits.kinds.bad.concurrency, 2);
        await page.getByRole("button", {name: "Remove the limit of kinds bad"}).click();
        await page.getByText("None: it does as much as its servers can.").waitFor();
        await page.getByRole("button", {name: "Drain bulk", exact: true}).click();
        await agree(page, "Drain bulk");
        await page.getByText("draining", {exact: true}).waitFor();
        await page.getByRole("button", {name: "Stop draining bulk"}).click();
        await page.getByRole("button", {name: "Drain bulk", exact: true}).waitFor();
        await page.getByRole("button", {name: "Purge bulk"}).click();
        await page.getByLabel("to confirm").fill("bulk");
        await agree(page, "Delete 1 jobs");
        await page.getByText("1 jobs deleted.").first().waitFor();
        page.complaints = page.complaints.filter((text) => !/ 400 /.test(text));
        await world.close(page);
    });

    test("a queue is bounded by keys alone, and what is typed outlives a look", async () => {
        const page = await world.openAsAdmin("#/queues/reports", {width: 360, height: 740});
        const bounds = async () => (await service.api("GET", "/v1/queues/reports")).bounds;
        const jobs = page.getByLabel("Jobs at most"), keep = page.getByLabel("Kept for");
        const apply = async (max_jobs, max_bytes, keep_jobs, keep_ms) => {
            await page.keyboard.press("Enter");
            await eventually("the bounds", async () => isDeepStrictEqual(
                await bounds(), {max_jobs, max_bytes, keep_jobs, keep_ms}));
        };
        await page.getByText("any number of jobs").waitFor();
        await jobs.focus();
        await page.keyboard.type("2");
        await service.api("PUT", "/v1/queues/reports/bounds", {max_bytes: 1_000_000});
        await page.getByText("in 1,000,000 bytes").waitFor(); // looked at again
        assert.equal(await jobs.inputValue(), "2");
        assert.equal(await jobs.evaluate((node) => node === document.activeElement), true);
        await apply(2, 1_000_000, 100_000, 2_592_000_000);
        await page.getByText("at most 2 jobs, in 1,000,000 bytes").waitFor();
        await keep.fill("a week");
        await page.keyboard.press("Enter"); // and nothing is sent
        await page.getByRole("alert").filter({hasText: "'a week': expected one like"}).waitFor();
        await keep.fill("7d");
        await page.getByLabel("Bytes at most").fill("");
        await page.getByLabel(/^Dead, and cancelled/).fill("10");
        await apply(2, null, 10, 604_800_000);
        await page.getByText("keeps 10 dead and as many cancelled ones, for 7 d").waitFor();
        await shoot(page, "queue-bounds-360");
        await jobs.fill("");
        await keep.fill("");
        await page.getByLabel(/^Dead, and cancelled/).fill("");
        await apply(null, null, 100_000, 2_592_000_000);
        await page.waitForFunction(() => document.querySelector("[name=keep_ms]").value === "30d");
        await world.close(page);
    });

    test("a server is made quiet, and takes jobs again", async () => {
        const page = await world.openAsAdmin("#/servers");
        await page.getByRole("button", {name: /^Quiet /}).click();
        await agree(page, "Quiet");
        await page.getByText("quiet", {exact: true}).waitFor();
        await eventually("a quiet server", async () =>
            (await service.api("GET", "/v1/servers")).items[0].state === "quiet");
        await page.getByRole("button", {name: /^Resume /}).click();
        await page.getByText("serving", {exact: true}).waitFor();
        await world.close(page);
    });
}
