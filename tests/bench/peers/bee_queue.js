// bee_queue.js — bee-queue at its best setting: saveAll by 1000, one worker process with 128 jobs at
// once, jobs neither stored in memory nor kept when done, no events, the unix socket.
const Queue = require('bee-queue');
const { run } = require('./node_roles.js');

const settings = {
  redis: { path: process.env.PEER_SOCKET }, removeOnSuccess: true, removeOnFailure: true,
  storeJobs: false, sendEvents: false, getEvents: false, activateDelayedJobs: true,
  delayedDebounce: 1, // a second by default: delayed jobs would be half of one late
};
let queue;

run({
  async open(role) {
    const isClient = ['enqueue', 'trickle', 'delay'].includes(role);
    // A client has to announce an earlier due time, which only `sendEvents` does.
    queue = new Queue('bench', { ...settings, isWorker: !isClient, sendEvents: role === 'delay',
      activateDelayedJobs: !isClient });
    await queue.ready();
  },
  async enqueue(payloads, delaysMs) {
    const jobs = payloads.map((p, i) => {
      const job = queue.createJob(p);
      return delaysMs ? job.delayUntil(Date.now() + delaysMs[i]) : job;
    });
    const errors = await queue.saveAll(jobs);
    if (errors.size) throw [...errors.values()][0];
  },
  async work(handle) {
    queue.process(128, async (job) => handle(job.data));
  },
});
