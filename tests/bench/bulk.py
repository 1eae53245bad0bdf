#!/usr/bin/env python3
"""bulk.py PINION [--jobs N] [--only STEP...] — what live jobs notice of a change of very many.

PINION: a release build. JOBS jobs are changed by one command after the other, while a server runs
and one new job each LIVE_MS is enqueued over HTTP and done. It has a redis-server of its own (on a
unix socket, without persistence); nothing is left running or on the disk. Rows of a markdown table:

    cancel     `job cancel --all` of ready jobs that were enqueued together, so each leaves its pack
    retry      `job retry --all` of the cancelled ones (the dead go the same way)
    purge      `queue purge` of ready jobs that stand for themselves
    trim       cancelled jobs that are more than the queue keeps, by its server
    packs      `queue purge` of ready jobs that were enqueued together

    a step             of that change in Redis, by its SLOWLOG; and how many took over GOAL_MS
    the control        a script that counts for as long as a step takes at best, each CONTROL_MS, in
                       the same time: what it took at worst, and how often over GOAL_MS, is the
                       machine and nothing else
    slowest other      command of Redis
    live jobs wait     from the time at which each was to run to its start

The changed jobs are of a kind that nobody runs, so that what they cost is the change itself.
"""
import argparse
import json
import subprocess
import threading
import time
import urllib.parse

import growth
import schedules

QUEUE = "growth"        # that growth's server serves
JOBS = 1000000
CHUNK = 1000000         # jobs of one file
LIVE_MS = 5
CONTROL_MS = 10
CONTROL_LENGTH_MS = 1.0
LOG_OVER_US = 200
LOG_LEN = 1000000
GOAL_MS = 5
NONE = (0, 0, 0, 0)
KIND = "bench.ended"
COUNT_LUA = "local n = tonumber(ARGV[1]) local x = 0 for i = 1, n do x = x + i % 7 end return x"
WHO_LUA = """
local log, of = redis.call('SLOWLOG', 'GET', -1), {}
local function add(who, us)
  of[who] = of[who] or {}
  table.insert(of[who], us)
end
for _, entry in ipairs(log) do
  local words = entry[4]
  local script = words[1]:upper() == 'EVALSHA'
  if script and words[2] == ARGV[2] then add('control', entry[3])
  elseif script and (words[5] == 'retry' or words[5] == 'cancel' or words[5] == 'delete') then
    add('step', entry[3])
  elseif script and #words == 6 and tonumber(words[5]) and tonumber(words[6]) then add('sweep', entry[3])
  elseif words[1]:upper() ~= 'SLOWLOG' then add('other', entry[3]) end
end
local answer = {}
for who, us in pairs(of) do
  local over = 0
  for _, each in ipairs(us) do over = over + (each > tonumber(ARGV[1]) and 1 or 0) end
  table.sort(us)
  answer[who] = {#us, us[math.ceil(#us / 2)], us[#us], over}
end
return cjson.encode(answer)
"""


class Control:
    """Runs a script of a known length every now and then, on a connection of its own."""

    def __init__(self, world):
        self.redis = growth.Redis.__new__(growth.Redis)
        self.redis.socket = schedules.socket.socket(schedules.socket.AF_UNIX)
        self.redis.socket.connect(world.redis.path)
        self.redis.replies = self.redis.socket.makefile("rb")
        self.sha, self.calls, self.stop = self.redis.do("SCRIPT", "LOAD", COUNT_LUA), 0, False
        best = min(self.time_of(100000) for _ in range(20))
        self.loops = str(int(100000 * CONTROL_LENGTH_MS / 1000 / best))
        self.thread = threading.Thread(target=self.run)

    def time_of(self, loops):
        began = time.perf_counter()
        self.redis.do("EVALSHA", self.sha, "0", str(loops))
        return time.perf_counter() - began

    def run(self):
        while not self.stop:
            self.redis.do("EVALSHA", self.sha, "0", self.loops)
            self.calls += 1
            time.sleep(CONTROL_MS / 1000)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop = True
        self.thread.join()


def slow_commands(world, control):
    """{'step' | 'control' | 'sweep' | 'other': (logged, p50 ms, slowest ms, over GOAL_MS)}"""
    found = json.loads(world.redis.do("EVAL", WHO_LUA, "0", str(GOAL_MS * 1000), control.sha))
    return {who: (n, p50 / 1000, us / 1000, over) for who, (n, p50, us, over) in found.items()}


def live_jobs(world, ended):
    """One each LIVE_MS until all has ended; how many."""
    made, at = 0, time.monotonic()
    while not ended():
        world.ask("POST", "/v1/queues/%s/jobs" % QUEUE,
                  {"kind": "pinion.noop", "retain_ms": 3600000, "tags": ["live"]})
        made += 1
        at += LIVE_MS / 1000
        time.sleep(max(0, at - time.monotonic()))
    return made


def take_live_jobs(world, count):
    """ms that they waited; they are gone then."""
    def live(state):
        jobs, after = [], ""
        while after is not None:
            page = json.loads(world.ask("GET", "/v1/queues/%s/jobs?state=%s&tag=live&limit=500%s" % (
                QUEUE, state, after and "&after=" + urllib.parse.quote(after))))
            jobs, after = jobs + page["items"], page["next"]
        return jobs

    world.until("the live jobs are done", lambda: len(live("done")) == count)
    jobs = live("done")
    world.run("job", "delete", "--all", "-q", QUEUE, "--state", "done", "--yes")
    return [schedules.ms_of(job["started_at"]) - schedules.ms_of(job["run_at"]) for job in jobs]


def command(world, *args):
    """Begins it; gives what says whether it has ended."""
    process = subprocess.Popen([world.pinion, *args, "--redis", world.redis.url],
                               stdout=subprocess.DEVNULL)

    def ended():
        if process.poll() is None:
            return False
        if process.returncode != 0:
            raise SystemExit("bulk.py: pinion %s ended with %d" % (" ".join(args),
                                                                   process.returncode))
        return True
    return ended


def trimming(world):
    world.run("queue", "bound", QUEUE, "--keep-jobs", "1")
    key = "pinion:{%s}:cancelled" % QUEUE
    return lambda: world.redis.do("EVAL", "return redis.call('ZCARD', ARGV[1]) .. ''", "0",
                                  key) == "1"


def measure(world, name, jobs, begin, who):
    redis = world.redis
    redis.do("CONFIG", "SET", "slowlog-log-slower-than", str(LOG_OVER_US))
    redis.do("CONFIG", "SET", "slowlog-max-len", str(LOG_LEN))
    control = Control(world)
    redis.do("SLOWLOG", "RESET")
    began = time.monotonic()
    with control:
        count = live_jobs(world, begin())
        seconds = time.monotonic() - began
    slow = slow_commands(world, control)
    redis.do("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    waits = take_live_jobs(world, count)

    def row_of(what):
        n, p50, most, over = slow.get(what, NONE)
        return "%.1f / %.1f (%d of %d)" % (p50, most, over,
                                           control.calls if what == "control" else n)
    print("| " + " | ".join([
        name, "%.0f" % (jobs / seconds), row_of(who), row_of("control"),
        "%.1f" % max(v[2] for k, v in {"": NONE, **slow}.items() if k not in (who, "control")),
        "%d" % count, schedules.text_of(schedules.spread(waits))]) + " |", flush=True)


def enqueue(world, jobs):
    path, line = world.folder + "/jobs", json.dumps(
        {"kind": KIND, "queue": QUEUE, "payload": "x" * 100}) + "\n"
    for left in range(jobs, 0, -CHUNK):
        with open(path, "w") as file:
            file.write(line * min(left, CHUNK))
        world.run("enqueue", "--bulk", path)


def cancel(world):
    return command(world, "job", "cancel", "--all", "-q", QUEUE, "--state", "ready", "--kind", KIND,
                   "--yes")


def retry(world):
    return command(world, "job", "retry", "--all", "-q", QUEUE, "--state", "cancelled", "--yes")


def purge(world):
    return command(world, "queue", "purge", QUEUE, "--state", "ready", "--kind", KIND, "--yes")



def run_all(pinion, jobs, only):
    plan = [("cancel", cancel, "step"), ("retry", retry, "step"), ("trim", trimming, "sweep"),
            ("packs", purge, "step"), ("purge", purge, "step")]
    with schedules.World(pinion) as world:
        world.run("queue", "bound", QUEUE, "--keep-jobs", str(max(jobs, 1)))
        world.begin()
        for name, begin, who in plan:
            if only and name not in only:
                continue
            prepare(world, name, jobs)
            measure(world, name, jobs, lambda: begin(world), who)
            world.run("queue", "purge", QUEUE, "--yes")


def prepare(world, name, jobs):
    world.run("queue", "bound", QUEUE, "--keep-jobs", str(max(jobs, 1)))
    enqueue(world, jobs)
    if name in ("retry", "trim", "purge"):
        world.until("all are cancelled", cancel(world))
    if name == "purge":
        world.until("all stand for themselves", retry(world))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pinion")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--only", nargs="+", default=[])
    given = parser.parse_args()
    heads = ["%d jobs" % given.jobs, "/s",
             "a step ms: p50 / slowest (over %d)" % GOAL_MS,
             "the control ms: p50 / slowest (over %d)" % GOAL_MS,
             "slowest other ms", "live jobs", "live jobs wait ms: p50 / p99 / max"]
    print("| " + " | ".join(heads) + " |\n|" + " --: |" * len(heads), flush=True)
    run_all(given.pinion, given.jobs, given.only)


if __name__ == "__main__":
    main()
