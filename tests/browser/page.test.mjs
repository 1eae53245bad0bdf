// page.test.mjs — the dashboard in a real browser, on a real service: one of each for all tests,
// which run one after the other. What one makes, later ones find.
import {after, before} from "node:test";
import {Browser, Service, World} from "./world.mjs";
import {safetyTests} from "./safety.mjs";
import {scheduleTests} from "./schedules.mjs";
import {shapeTests} from "./shape.mjs";
import {steeringTests} from "./steering.mjs";
import {tlsTests} from "./tls.mjs";
import {crowdTest, liveTests, soakTest} from "./live.mjs";

const world = new World(new Service(), new Browser());

before(() => Promise.all([world.service.start(), world.browser.start()]));
after(async () => {
    await world.browser.stop();
    await world.service.stop();
});

const soak = Number(process.env.PINION_BROWSER_SOAK_S ?? 0);
const crowd = Number(process.env.PINION_BROWSER_JOBS ?? 0);

if (soak) {
    soakTest(world, soak);
} else if (crowd) {
    crowdTest(world, crowd);
} else {
    steeringTests(world);
    scheduleTests(world);
    safetyTests(world);
    liveTests(world);
    tlsTests(world);
    shapeTests(world); // ends with the service's own end
}
