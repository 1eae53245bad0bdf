// tls.mjs — the dashboard by https, with a certificate that was made by hand: what goes between the
// browser and the service is read by somebody in between, who must not learn anything.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {once} from "node:events";
import net from "node:net";
import {join} from "node:path";
import {test} from "node:test";
import {Service, enterToken, shoot} from "./world.mjs";

function makeCertificate(folder) {
    const files = {key: join(folder, "key.pem"), cert: join(folder, "cert.pem")};
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                             "/CN=localhost", "-addext",
                             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", files.key,
                             "-out", files.cert], {stdio: "ignore"});
    return files;
}

// Who stands in between: passes all on, and keeps what each connection said.
async function listenBetween(url) {
    const {hostname, port} = new URL(url), heard = [];
    const between = net.createServer((client) => {
        const service = net.connect(port, hostname), said = [];
        heard.push(said);
        client.on("data", (bytes) => said.push(bytes));
        client.pipe(service).pipe(client);
        client.on("error", () => service.destroy());
        service.on("error", () => client.destroy());
    });
    between.listen(0, "127.0.0.1");
    await once(between, "listening");
    return {
        url: `https://127.0.0.1:${between.address().port}`,
        said: () => heard.map((parts) => Buffer.concat(parts)).filter((bytes) => bytes.length),
        close: () => between.close(),
    };
}

// In the page: the first that a WebSocket of it tells.
const hear = () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${location.host}/v1/events`);
    socket.onmessage = (message) => {
        socket.close();
        resolve(message.data);
    };
    socket.onerror = () => reject(new Error("no WebSocket"));
});

// In the page: what it would send in the clear is refused by its policy.
const tryInTheClear = () =>
    fetch(`http://${location.host}/v1/health`, {headers: {Authorization: "Bearer x"}})
        .then(() => "went", () => "refused");

export function tlsTests({browser}) {
    test("by https nothing goes in the clear, and what happens is told all the same", async (t) => {
        const service = new Service();
        t.after(() => service.stop());
        const {cert, key} = makeCertificate(service.folder);
        await service.start("--tls-cert", cert, "--tls-key", key);
        assert.match(service.url, /^https:/);
        const between = await listenBetween(service.url);
        t.after(() => between.close());

        const page = await browser.page(`${between.url}/#/events`, {ignoreHTTPSErrors: true});
        t.after(() => page.context().close());
        await enterToken(page, service.token);
        await page.locator(".feed.live").waitFor();
        await service.pinion("enqueue", "count", "one two", "--id", "told", "--retain", "1h");
        await page.locator(".event", {hasText: "default:told"}).first().waitFor();
        assert.match(await page.evaluate(hear), /"type"/); // over wss
        await page.goto(`${between.url}/#/jobs/default%3Atold`);
        await page.getByText("one two").waitFor(); // by the token
        await shoot(page, "tls-job");
        assert.deepEqual(page.complaints, []);
        page.expected.push(/policy: connect-src|Content Security Policy/);
        assert.equal(await page.evaluate(tryInTheClear), "refused");
        assert.deepEqual(await page.context().cookies(), []);

        const said = between.said();
        assert.notEqual(said.length, 0);
        for (const bytes of said) {
            assert.equal(bytes[0], 0x16); // a handshake of TLS, and no method of HTTP
            for (const word of [service.token, "Authorization", "Cookie", "/v1/"])
                assert.equal(bytes.includes(word), false, word);
        }
        assert.deepEqual(page.complaints, []);
    });
}
