// schedules.mjs — a schedule is written, looked at first, kept, run, changed, removed.
import assert from "node:assert/strict";
import {test} from "node:test";
import {shoot} from "./world.mjs";

export function scheduleTests(world) {
    const {service} = world;
    const preview = (page) => page.locator(".preview");

    test("a preview shows what the nights of daylight saving do", async () => {
        const page = await world.openAsAdmin("#/schedules/-/new");
        await page.getByLabel(/^Expression/).fill("30 2 * * *");
        await page.getByLabel("Zone").fill("Europe/Berlin");
        await page.getByLabel(/^From/).fill("2027-03-27T00:00");
        const gap =
            preview(page).getByRole("listitem").filter({hasText: "2027-03-28 03:00:00+02:00"});
        await gap.getByText("the clocks jump over its time").waitFor();
        await shoot(page, "schedule-new-gap");
        await page.getByLabel(/^From/).fill("2027-10-30T03:00");
        await page.getByLabel("When clocks change").selectOption("both");
        const twice = preview(page).getByRole("listitem").filter({hasText: "2027-10-31 02:30:00"});
        await twice.getByText("this time comes twice: the first").waitFor();
        await twice.getByText("this time comes twice: the second").waitFor();
        assert.equal(await twice.count(), 2);
        page.expected.push(/400/); // half an expression is none
        await page.getByLabel(/^Expression/).fill("30 25 * * *");
        await preview(page).getByText("hour, column 4: expected 0 to 23, found '25'").waitFor();
        await page.getByLabel("It fires").selectOption("every");
        await page.getByLabel(/^Every/).fill("10m");
        await page.waitForFunction(() => document.querySelectorAll(".preview li").length === 8);
        await world.close(page);
    });

    test("a schedule is kept, run, paused, changed and removed", async () => {
        const page = await world.openAsAdmin("#/schedules");
        await page.getByRole("link", {name: "New schedule"}).click();
        await page.getByLabel("Name").fill("nightly");
        await page.getByLabel(/^Expression/).fill("30 2 * * *");
        await page.getByLabel("Zone").fill("Europe/Berlin");
        await page.getByLabel("Kind").fill("count");
        await page.getByLabel("Payload").fill("one two");
        await page.getByRole("button", {name: "Keep it"}).click();
        await page.getByRole("heading", {name: "Next fires"}).waitFor();
        const kept = await service.api("GET", "/v1/schedules/nightly");
        assert.deepEqual([kept.cron, kept.tz, kept.payload],
                         ["30 2 * * *", "Europe/Berlin", "one two"]);
        await page.getByRole("button", {name: "Run nightly now"}).click();
        await page.getByText("nightly: made default:").first().waitFor();
        await page.getByRole("button", {name: "Pause nightly"}).click();
        await page.getByRole("button", {name: "Resume nightly"}).click();
        await page.getByRole("button", {name: "Pause nightly"}).waitFor();
        await page.getByRole("link", {name: "Edit"}).click();
        await page.getByLabel(/^Expression/).fill("45 3 * * MON-FRI");
        await page.getByRole("button", {name: "Keep it"}).click();
        await page.getByRole("heading", {name: "Next fires"}).waitFor();
        const changed = await service.api("GET", "/v1/schedules/nightly");
        assert.deepEqual([changed.cron, changed.payload], ["45 3 * * MON-FRI", "one two"]);
        await page.getByRole("button", {name: "Remove"}).click();
        await page.getByRole("dialog").getByRole("button", {name: "Remove"}).click();
        await page.getByText("No schedules yet").waitFor();
        await world.close(page);
    });

    test("past times are looked at, and then filled by keys alone", async () => {
        await service.api("PUT", "/v1/schedules/daily", {cron: "0 4 * * *", tz: "Europe/Berlin",
                                                         kind: "count", queue: "mail",
                                                         paused: true}); // but by hand
        const made = async () =>
            (await service.api("GET", "/v1/schedules/daily")).history.map((f) => f.fire_time);
        const page = await world.openAsAdmin("#/schedules/daily", {width: 360, height: 740});
        const dialog = page.getByRole("dialog", {name: "Backfill daily"});
        const button = page.getByRole("button", {name: "Backfill…"});
        await button.focus();
        await page.keyboard.press("Enter");
        await dialog.getByLabel("From").fill("2025-03-20T00:00"); // it has the focus
        await dialog.getByLabel("To, which").fill("2025-02-20T00:00");
        page.expected.push(/400|413/);
        await page.keyboard.press("Enter");
        await dialog.getByRole("alert").filter({hasText: "after `from`"}).waitFor();
        await dialog.getByLabel("From").fill("2020-01-01T00:00");
        await page.keyboard.press("Enter");
        await dialog.getByRole("alert").filter({hasText: "at most 1000"}).waitFor();
        await dialog.getByLabel("From").fill("2025-02-19T04:00:01");
        await page.keyboard.press("Enter");
        await dialog.getByText("no time in that range").waitFor();
        assert.equal(await dialog.getByRole("button", {name: "Make"}).isDisabled(), true);
        await dialog.getByLabel("From").fill("2025-01-01T00:00");
        await page.keyboard.press("Enter");
        await dialog.getByText("… and 30 more.").waitFor();
        await shoot(page, "schedule-backfill-360");
        assert.equal(await dialog.evaluate((d) => d.scrollWidth > d.clientWidth ||
                                               d.getBoundingClientRect().right > innerWidth), false);
        assert.deepEqual(await made(), []); // so far it was looked at
        await dialog.getByLabel("From").fill("2025-02-18T00:00");
        assert.equal(await dialog.getByRole("button", {name: "Make"}).isDisabled(), true);
        await page.keyboard.press("Enter");
        await dialog.getByRole("button", {name: "Make 2 jobs"}).focus();
        await page.keyboard.press("Enter");
        await page.getByText("daily: made 2 jobs.").first().waitFor();
        assert.deepEqual((await made()).sort(),
                         ["2025-02-18T03:00:00.000Z", "2025-02-19T03:00:00.000Z"]);
        assert.equal(await button.evaluate((node) => node === document.activeElement), true);
        await service.api("DELETE", "/v1/schedules/daily");
        await world.close(page);
    });

    test("what is made up for is bounded where all of it is", async () => {
        await service.api("PUT", "/v1/schedules/late", {every_ms: 3_600_000, kind: "count",
                                                        overlap: "allow", catch_up: "all",
                                                        within_ms: 7_200_000});
        const kept = async () => {
            const {catch_up, within_ms} = await service.api("GET", "/v1/schedules/late");
            return [catch_up, within_ms];
        };
        const keep = async () => {
            await page.getByRole("button", {name: "Keep it"}).click();
            await page.getByRole("heading", {name: "Next fires"}).waitFor();
        };
        const page = await world.openAsAdmin("#/schedules/late");
        await page.getByText("all of the last 2 h").waitFor();
        await page.getByRole("link", {name: "Edit"}).click();
        await page.getByLabel(/^Of the last/).fill("90m");
        await keep();
        assert.deepEqual(await kept(), ["all", 5_400_000]);
        await page.getByRole("link", {name: "Edit"}).click();
        await page.getByLabel("Of missed fires").selectOption("one");
        assert.equal(await page.getByLabel(/^Of the last/).count(), 0);
        await keep();
        assert.equal((await kept())[0], "one");
        await service.api("DELETE", "/v1/schedules/late");
        await world.close(page);
    });

    test("two who change the same one do not overwrite each other", async () => {
        const spec = {cron: "0 4 * * *", kind: "count"};
        await service.api("PUT", "/v1/schedules/shared", spec);
        const page = await world.openAsAdmin("#/schedules/shared/edit");
        await page.getByLabel("Payload").fill("mine");
        await service.api("PUT", "/v1/schedules/shared", {...spec, payload: "theirs"});
        page.expected.push(/412/);
        await page.getByRole("button", {name: "Keep it"}).click();
        await page.getByText("It was changed by somebody else meanwhile").waitFor();
        assert.equal((await service.api("GET", "/v1/schedules/shared")).payload, "theirs");
        await world.close(page);
    });
}
