// node_roles.js — what a peer written for Node must do; see peers.py for the roles and their output.
const PAYLOAD_BYTES = 100, CHUNK = 1000, TRICKLE_MS = 10;

const monoUs = () => Number(process.hrtime.bigint() / 1000n);
const wallUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
const pad = (text) => text.padEnd(PAYLOAD_BYTES - 2, 'x'); // two quotes make it 100 bytes of JSON
const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
const cpuSeconds = () => { const c = process.cpuUsage(); return (c.user + c.system) / 1e6; };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function bulk(peer, count, overMs) {
  const start = monoUs();
  for (let at = 0; at < count; at += CHUNK) {
    const n = Math.min(CHUNK, count - at), payloads = [], delays = [];
    for (let i = 0; i < n; i++) {
      const delay = overMs ? 2000 + Math.floor(overMs * (at + i) / count) : 0;
      delays.push(delay);
      payloads.push(pad(String(overMs ? (Date.now() + delay) * 1000 : 0)));
    }
    await peer.enqueue(payloads, overMs ? delays : null);
  }
  say({ seconds: (monoUs() - start) / 1e6 });
}

async function work(peer, count, clock) {
  const samples = [];
  let handled = 0, start, cpu;
  await peer.work((payload) => {
    if (handled === 0) { start = monoUs(); cpu = cpuSeconds(); }
    if (clock) samples.push((clock === 'mono' ? monoUs() : wallUs()) - parseInt(payload, 10));
    if (++handled === count)
      say({ seconds: (monoUs() - start) / 1e6, cpu: cpuSeconds() - cpu, samples });
  });
  say({ ready: true });
}

async function trickle(peer, count) {
  for (let i = 0; i < count; i++) {
    await sleep(TRICKLE_MS);
    await peer.enqueue([pad(String(monoUs()))], null);
  }
}

exports.run = async function run(peer) {
  const [role, count, argument] = process.argv.slice(2);
  await peer.open(role);
  if (role === 'enqueue') await bulk(peer, +count, 0);
  else if (role === 'delay') await bulk(peer, +count, +argument);
  else if (role === 'trickle') await trickle(peer, +count);
  else { await work(peer, +count, argument); return; } // until it is killed
  process.exit(0);
};
