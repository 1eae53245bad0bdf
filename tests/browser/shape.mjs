// shape.mjs — every view in the light, in the dark and at 360 px: what fits, what has a name, what
// can be read; keys alone; and what is shown when the service ends.
import assert from "node:assert/strict";
import {test} from "node:test";
import {shoot} from "./world.mjs";

const NARROW = 360;

// In the page: what does not fit the window, has no name, or is too small for a thumb.
function misfits(width) {
    const found = [];
    if (document.scrollingElement.scrollWidth > width)
        found.push(`the page is ${document.scrollingElement.scrollWidth} px wide`);
    for (const node of document.querySelectorAll("a, button, input, select, textarea, summary")) {
        const box = node.getBoundingClientRect();
        if (!box.width || node.closest(".skip, thead")) continue;
        const name = node.getAttribute("aria-label") || node.textContent.trim() || node.title ||
            [...(node.labels ?? [])].map((label) => label.textContent).join("");
        if (!name) found.push(`no name: ${node.outerHTML.slice(0, 80)}`);
        if (box.left < -1 || box.right > width + 1) found.push(`not within the window: ${name}`);
        if (node.localName === "button" && (box.height < 24 || box.width < 24))
            found.push(`${name}: ${box.width} by ${box.height}`);
    }
    for (const tiles of document.querySelectorAll(".tiles")) {
        const long = tiles.cloneNode(true); // the same, with the widest that a tile may have to say
        long.style.width = "1000px"; // where as many as can be stand side by side
        tiles.after(long);
        for (const big of long.querySelectorAll(".big")) {
            big.textContent = "23 h 59 m";
            const text = document.createRange();
            text.selectNodeContents(big);
            const tile = big.closest(".tile").getBoundingClientRect();
            if (text.getBoundingClientRect().right > tile.right)
                found.push(`not within its tile: ${big.parentElement.lastChild.textContent}`);
        }
        long.remove();
    }
    if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
    return found;
}

// In the page: text whose contrast to what is behind it is below 4.5 (3 where it is large).
function unreadable() {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = (colour, under) => {
        canvas.clearRect(0, 0, 1, 1);
        if (under) {
            canvas.fillStyle = `rgb(${under.join(" ")})`;
            canvas.fillRect(0, 0, 1, 1);
        }
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (c) => c.map((v) => v / 255)
                             .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                             .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (node) => {
        const chain = [];
        for (let at = node; at; at = at.parentElement)
            chain.unshift(getComputedStyle(at).backgroundColor);
        return chain.reduce((under, colour) => rgb(colour, under), [255, 255, 255]);
    };
    const found = new Set();
    for (const node of document.querySelectorAll("body *")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        const style = getComputedStyle(node);
        if (!own || !node.getClientRects().length ||
            node.closest(".unseen, .skip, option, noscript") || node.disabled)
            continue;
        const back = behind(node), front = rgb(style.color, back);
        const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
        const large = parseFloat(style.fontSize) >= 24 ||
            (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
        if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5))
            found.add(
                `${node.className || node.localName}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
    }
    return [...found];
}

async function furnish({service, becomes}) {
    await service.pinion("enqueue", "count", "one two three", "--retain", "1h", "--queue", "mail");
    const dead = await service.pinion("enqueue", "bad", '{"to":"ann@example.org","tries":[1,2]}',
                                      "--attempts", "1", "--queue", "mail");
    const slow = await service.pinion("enqueue", "slow", "--queue", "reports");
    for (let i = 0; i < 5; i++)
        await service.pinion("enqueue", "count", "x", "--queue", "mail", "--in", "2h");
    await service.api(
        "PUT", "/v1/schedules/nightly",
        {cron: "30 2 * * *", tz: "Europe/Berlin", kind: "count", payload: "a b", queue: "reports"});
    await service.api("POST", "/v1/schedules/nightly/run");
    await service.api("PUT", "/v1/queues/mail/limits",
                      {kinds: {bad: {concurrency: 2, rate: "10/1s"}}});
    await service.api("POST", "/v1/queues/reports/pause");
    return {dead, slow};
}

const VIEWS = ({dead, slow}) => [
    ["queues", "#/queues", "tbody tr"], ["queue", "#/queues/mail", ".tile"],
    ["jobs", "#/jobs", "tbody tr"], ["jobs-dead", "#/jobs?queue=mail&state=dead", "tbody tr"],
    ["job-dead", `#/jobs/${encodeURIComponent(dead)}`, "h1 .badge"],
    ["job-active", `#/jobs/${encodeURIComponent(slow)}`, "h1 .badge"],
    ["schedules", "#/schedules", "tbody tr"], ["schedule", "#/schedules/nightly", ".fires"],
    ["schedule-new", "#/schedules/-/new", ".fires"], ["servers", "#/servers", ".card"],
    ["events", "#/events", "form"], ["nothing", "#/nowhere", ".empty"],
    ["overview", "#/", ".tile"], // the last, so that its charts have something to show
];

export function shapeTests(world) {
    const {service} = world;
    const all = {};

    // Work, so that there is something to see.
    function busy() {
        const jobs = Array.from({length: 12}, () => ({kind: "echo", payload: "x"}));
        return setInterval(() => service.api("POST", "/v1/queues/mail/jobs", jobs).catch(() => {}),
                           400);
    }

    // One page goes through all views; each must fit, be readable, and have named controls.
    async function through(name, options) {
        const page = await world.openAsAdmin("#/", options);
        const work = busy();
        for (const [view, hash, sign] of VIEWS(all)) {
            await page.goto(`${service.url}/${hash}`);
            await page.locator(`main ${sign}`).first().waitFor();
            await shoot(page, `${view}-${name}`);
            assert.deepEqual(await page.evaluate(misfits, options.width ?? 1280), [], view);
            assert.deepEqual(await page.evaluate(unreadable), [], view);
        }
        clearInterval(work);
        await world.close(page);
    }

    test("every view in the light", async () => {
        Object.assign(all, await furnish({service}));
        await world.becomes(all.dead, "dead");
        await through("light", {});
    });

    test("every view in the dark", () => through("dark", {scheme: "dark"}));

    test("every view at 360 px", () => through("360", {width: NARROW, height: 740}));

    test("light and dark by hand, which the next visit remembers", async () => {
        const page = await world.open("#/queues", {scheme: "dark"});
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const dark = await ground();
        await page.getByRole("button", {name: "Colours: system"}).click();
        assert.notEqual(await ground(), dark);
        await page.reload();
        await page.getByRole("button", {name: "Colours: light"}).click();
        assert.equal(await ground(), dark);
        await world.close(page);
    });

    test("keys alone pause a queue, and what had the focus keeps it", async () => {
        const page = await world.open("", {expected: [/ 401 /]});
        await page.getByRole("heading", {name: "Overview"}).waitFor();
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate(() => document.activeElement.textContent),
                     "Skip to the content");
        await page.keyboard.press("?");
        await page.getByRole("dialog", {name: "Keys"}).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({state: "detached"});
        await page.keyboard.press("g");
        await page.keyboard.press("q");
        const button = page.getByRole("button", {name: "Pause mail"});
        await button.waitFor();
        for (let i = 0;
             i < 60 && !(await button.evaluate((node) => node === document.activeElement)); i++)
            await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.getByLabel("Token", {exact: true}).waitFor();
        await page.keyboard.type(service.token); // the field has the focus
        await page.keyboard.press("Enter");
        await page.getByRole("button", {name: "Resume mail"}).waitFor();
        assert.equal((await service.api("GET", "/v1/queues/mail")).paused, true);
        // Looked at again, and drawn again: the focus is still where it was.
        await page.keyboard.press("r");
        assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")),
                     "Resume mail");
        await page.keyboard.press("Enter");
        await page.getByRole("button", {name: "Pause mail"}).waitFor();
        await world.close(page);
    });

    test("a service that ends is told, with what was last seen", async () => {
        const page = await world.openAsAdmin("#/queues", {expected: [/ERR_|net::/]});
        await page.locator("main tbody tr").first().waitFor();
        await service
            .api("POST", `/v1/jobs/${encodeURIComponent(all.slow)}/cancel`);  // or it has its grace
        await world.becomes(all.slow, "cancelled");
        await service.stop();
        await page.getByRole("alert").filter({hasText: "does not answer"}).waitFor();
        assert.notEqual(await page.locator("main tbody tr").count(), 0);
        await page.getByText("Offline").waitFor();
        await shoot(page, "offline");
        await world.close(page);
    });
}
