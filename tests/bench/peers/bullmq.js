// bullmq.js — BullMQ at its best setting: addBulk by 1000, one worker process with 128 jobs at once,
// ended jobs removed, no check for stalled jobs in between, ioredis on the unix socket.
const { Queue, Worker } = require('bullmq');
const IORedis = require('ioredis');
const { run } = require('./node_roles.js');

const connect = () => new IORedis({ path: process.env.PEER_SOCKET, maxRetriesPerRequest: null });
const options = { removeOnComplete: true, removeOnFail: true };
let queue;

run({
  async open() {
    queue = new Queue('bench', { connection: connect(), defaultJobOptions: options });
    await queue.waitUntilReady();
  },
  async enqueue(payloads, delaysMs) {
    await queue.addBulk(payloads.map((p, i) => ({
      name: 'n', data: p, opts: delaysMs ? { ...options, delay: delaysMs[i] } : options,
    })));
  },
  async work(handle) {
    const worker = new Worker('bench', async (job) => handle(job.data), {
      connection: connect(), concurrency: 128, skipStalledCheck: true, autorun: false,
    });
    await worker.waitUntilReady();
    worker.run();
  },
});
