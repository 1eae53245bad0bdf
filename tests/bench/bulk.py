#!/usr/bin/env python3
"""bulk.py PINION [--jobs N] — what live jobs notice of a bulk retry.

PINION: a release build. JOBS cancelled jobs (the dead go the same way) are all retried by one
`pinion job retry --all`, while a server runs, and one new job each LIVE_MS is enqueued over HTTP and
done. It has a redis-server of its own (on a unix socket, without persistence); nothing is left
running or on the disk. Rows of a markdown table:

    slowest command    of Redis, by its SLOWLOG
    live jobs wait     from the time at which each was to run to its start

The retried jobs are of a kind that nobody runs, so that what they cost is the retry itself.
"""
import argparse
import json
import subprocess
import time
import urllib.parse

import growth
import schedules

QUEUE = "growth"        # that growth's server serves
JOBS = 1000000
CHUNK = 1000000         # jobs of one file
LIVE_MS = 5
KIND = "bench.ended"


def end_badly(world, jobs):
    """All of them cancelled."""
    world.run("queue", "bound", QUEUE, "--keep-jobs", str(max(jobs, 1)))
    path = world.folder + "/jobs"
    line = json.dumps({"kind": KIND, "queue": QUEUE, "payload": "x" * 100, "retain_ms": 1}) + "\n"
    left = jobs
    while left > 0:
        count = min(left, CHUNK)
        with open(path, "w") as file:
            file.write(line * count)
        world.run("enqueue", "--bulk", path)
        left -= count
    world.run("job", "cancel", "--all", "-q", QUEUE, "--state", "ready", "--kind", KIND, "--yes")
    found = world.count("cancelled")
    if found != jobs:
        raise SystemExit("bulk.py: %d jobs are cancelled, expected %d" % (found, jobs))


def slowest_ms(redis):
    """Of what took a millisecond or more; 0: nothing did. And how many did."""
    script = ("local log = redis.call('SLOWLOG', 'GET', -1) local most = 0 "
              "for _, entry in ipairs(log) do most = math.max(most, entry[3]) end "
              "return most .. ' ' .. #log")
    most, count = redis.do("EVAL", script, "0").split()
    return int(most) / 1000, int(count)


def live_jobs(world, process):
    """One each LIVE_MS until the process has ended; their ids."""
    made, at = 0, time.monotonic()
    while process.poll() is None:
        world.ask("POST", "/v1/queues/%s/jobs" % QUEUE,
                  {"kind": "pinion.noop", "retain_ms": 3600000, "tags": ["live"]})
        made += 1
        at += LIVE_MS / 1000
        time.sleep(max(0, at - time.monotonic()))
    return made


def waits_ms(world, count):
    world.until("the live jobs are done", lambda: world.redis.done() >= count)
    jobs, after = [], ""
    while after is not None:
        page = json.loads(world.ask("GET", "/v1/queues/%s/jobs?state=done&tag=live&limit=500%s" % (
            QUEUE, after and "&after=" + urllib.parse.quote(after))))
        jobs, after = jobs + page["items"], page["next"]
    if len(jobs) != count:
        raise SystemExit("bulk.py: %d live jobs are kept, expected %d" % (len(jobs), count))
    return [schedules.ms_of(job["started_at"]) - schedules.ms_of(job["run_at"]) for job in jobs]


def measure(pinion, jobs):
    with schedules.World(pinion) as world:
        end_badly(world, jobs)
        world.begin()
        world.redis.do("CONFIG", "SET", "slowlog-log-slower-than", "1000")
        world.redis.do("CONFIG", "SET", "slowlog-max-len", "100000")
        world.redis.do("SLOWLOG", "RESET")
        began = time.monotonic()
        process = subprocess.Popen(
            [pinion, "job", "retry", "--all", "-q", QUEUE, "--state", "cancelled", "--yes",
             "--redis", world.redis.url], stdout=subprocess.DEVNULL)
        count = live_jobs(world, process)
        seconds = time.monotonic() - began
        if process.returncode != 0:
            raise SystemExit("bulk.py: job retry ended with %d" % process.returncode)
        slow, over = slowest_ms(world.redis)
        waits = waits_ms(world, count)
        return ["%d" % jobs, "%.0f" % (jobs / seconds), "%.1f" % slow, "%d" % over, "%d" % count,
                schedules.text_of(schedules.spread(waits))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pinion")
    parser.add_argument("--jobs", type=int, default=JOBS)
    given = parser.parse_args()
    heads = ["jobs retried", "/s", "slowest command ms", "commands over 1 ms", "live jobs",
             "live jobs wait ms: p50 / p99 / max"]
    print("| " + " | ".join(heads) + " |\n|" + " --: |" * len(heads), flush=True)
    print("| " + " | ".join(measure(given.pinion, given.jobs)) + " |")


if __name__ == "__main__":
    main()
