// safety.mjs — whatever a job holds is text; who has no token sees none of it; the policy is
// strict.
import assert from "node:assert/strict";
import {test} from "node:test";
import {enterToken} from "./world.mjs";

const MARKUP = `<img src=x onerror="window.hit=1"><script>window.hit=2</script>&lt;b&gt;`;

export function safetyTests(world) {
    const {service} = world;

    test("markup in payload, result, error, tags and names is shown as it is", async () => {
        const failed =
            await service.pinion("enqueue", "markup", MARKUP, "--attempts", "1", "--queue", "xss");
        const done =
            await service.pinion("enqueue", "echo", MARKUP, "--retain", "1h", "--queue", "xss");
        const tagged = await service.api("POST", "/v1/queues/xss/jobs", {
            kind: "count", payload: {note: MARKUP}, in_ms: 3_600_000});
        await service.api("PUT", "/v1/schedules/xss",
                          {cron: "0 4 * * *", kind: "count", payload: MARKUP});
        await world.becomes(failed, "dead");
        await world.becomes(done, "done");
        const page = await world.openAsAdmin(`#/jobs/${encodeURIComponent(failed)}`);
        const clean = async () => {
            assert.equal(await page.evaluate(() => window.hit), undefined);
            assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
        };
        await page.getByText(MARKUP).nth(1).waitFor(); // payload and error
        await clean();
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(done)}`);
        await page.getByText(MARKUP).nth(1).waitFor(); // payload and result
        await clean();
        await page.goto(`${service.url}/#/jobs/${encodeURIComponent(tagged.id)}`);
        await page.getByText("onerror").first().waitFor();
        await clean();
        await page.goto(`${service.url}/#/jobs?queue=xss&kind=${encodeURIComponent(MARKUP)}`);
        page.expected.push(/400/); // no kind has such letters: the API's words quote them
        await page.getByRole("alert").waitFor();
        await clean();
        await page.goto(`${service.url}/#/jobs?queue=xss`);
        await page.getByText("onerror").first().waitFor(); // the error
        await clean();
        await page.goto(`${service.url}/#/schedules/xss`);
        await page.getByText(MARKUP).first().waitFor();
        await clean();
        await page.goto(`${service.url}/#/queues/${encodeURIComponent(MARKUP)}`);
        await page.getByRole("alert").waitFor();
        await clean();
        await world.close(page);
    });

    test("without a token nothing of what is in a job is shown", async () => {
        const id = await service.pinion("enqueue", "count", "my secret words", "--in", "1h");
        const page = await world.open(`#/jobs/${encodeURIComponent(id)}`);
        await page.getByText("are shown to who has a token").waitFor();
        assert.equal(await page.getByText("my secret words").count(), 0);
        await page.keyboard.press("k");
        await page.getByLabel("Token", {exact: true}).fill(service.token);
        await page.getByLabel("Keep it until this tab is closed").check();
        await page.getByRole("button", {name: "Use it"}).click();
        await page.getByText("my secret words").waitFor();
        await page.reload();
        await page.getByText("my secret words").waitFor(); // it was kept, as was asked for
        await page.keyboard.press("k");
        await page.getByText("are shown to who has a token").waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        await world.close(page);
    });

    test("a token that only reads sees, and is told what it may not", async () => {
        const reader = await service.pinion("token", "make", "watcher", "--role", "read");
        const page = await world.open("#/queues", {expected: [/ 403 /]});
        await enterToken(page, reader.split("\n").at(-1).trim(), /watcher is in use: read/);
        await page.getByRole("button", {name: "Pause mail"}).click();
        await page.getByRole("alert").filter({hasText: "role"}).waitFor(); // the API's own words
        assert.equal((await service.api("GET", "/v1/queues/mail")).paused, false);
        await world.close(page);
    });

    test("who may not see a schedule's payload can not lose it by a change", async () => {
        const spec = {cron: "0 4 * * *", kind: "count", payload: "dear"};
        await service.api("PUT", "/v1/schedules/kept", spec);
        const page = await world.open("#/schedules/kept/edit");
        await page.getByRole("alert").filter({hasText: "may see its payload"}).waitFor();
        await page.getByRole("button", {name: "Enter a token"}).last().click();
        await page.getByLabel("Token", {exact: true}).fill(service.token);
        await page.getByRole("button", {name: "Use it"}).click();
        await page.waitForFunction(() => document.querySelector("textarea")?.value === "dear");
        await world.close(page);
    });

    test("what is not of the program is not loaded, and not run", async () => {
        const page = await world.open("#/queues", {expected: [/policy|Refused|violates|Trusted/]});
        const tried = await page.evaluate(async () => {
            const outcomes = {};
            const image = new Image();
            image.src = "http://127.0.0.1:9/x.png";
            outcomes.elsewhere =
                await fetch("http://127.0.0.1:9/").then(() => "went", () => "refused");
            const script = document.createElement("script");
            try {
                script.textContent = "window.hit = 1";
                document.body.append(script);
                outcomes.inline = window.hit ? "ran" : "refused";
            } catch { outcomes.inline = "refused"; }
            try {
                document.createElement("p").innerHTML = "<b>x</b>";
                outcomes.html = "made";
            } catch { outcomes.html = "refused"; }
            await new Promise((resolve) =>
                                  setTimeout(() => {  // what drives the page may, the page not
                                      try {
                                          outcomes.eval = window.eval("1");
                                      } catch { outcomes.eval = "refused"; }
                                      resolve();
                                  }));
            return outcomes;
        });
        assert
            .deepEqual(tried,
                       {elsewhere: "refused", inline: "refused", html: "refused", eval: "refused"});
        await world.close(page);
    });
}
