#!/usr/bin/env python3
"""schedules.py PINION [--only LETTERS] [--rounds N] — how late schedules are, and what idle ones cost.

PINION: a release build. Each measurement has a redis-server of its own (on a unix socket, without
persistence) and one server; nothing is left running or on the disk. Rows of a markdown table:

    a  BURST schedules of the same seconds, SECONDS of them: from the second to each job's start
    b  one schedule each ALONE_MS on an otherwise idle server, for ALONE_S: from its time to the
       job being ready (the server's own histogram, so each figure is an upper bound, a power of
       two), and to the job's start
    c  IDLE_JOBS delayed jobs and IDLE_SCHEDULES schedules, all due in hours: IDLE_S of nothing

CPU is what the process got, in shares of one core. The machine's noise is in all of the times, not
in that: repeat a row that is late, and look there first.
"""
import argparse
import collections
import datetime
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import growth
from growth import QUEUE, row

BURST, SECONDS = 1000, 10
ALONE_MS, ALONE_S = 100, 20
IDLE_JOBS, IDLE_SCHEDULES, IDLE_S = 1000000, 10000, 10
SETTLE_S = 2               # after all is loaded: two heartbeats
LEAD_S = 2                 # from the last schedule that is made to the first second that counts
PAGE = 500

Run = collections.namedtuple("Run", "evalshas server redis")


class UnixHttp(http.client.HTTPConnection):
    """One kept connection to the server's unix socket."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class World(growth.World):
    """One Redis and one server that has HTTP on a unix socket."""

    def begin(self):
        path = os.path.join(self.folder, "http.sock")
        self.serve("unix:" + path)
        self.http = UnixHttp(path)
        with open(os.path.join(self.folder, "state", "token")) as file:
            self.headers = {"Authorization": "Bearer " + file.read().strip(),
                            "Content-Type": "application/json"}

    def ask(self, verb, path, body=None):
        self.http.request(verb, path, body and json.dumps(body), self.headers)
        answer = self.http.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise SystemExit("schedules.py: %s %s: %d %s" % (verb, path, answer.status, text))
        return text

    def schedule(self, name, **timing):
        self.ask("PUT", "/v1/schedules/" + name, {
            "kind": "pinion.noop", "queue": QUEUE, "overlap": "allow", "retain_ms": 3600000,
            **timing})

    def jobs(self):
        """All that are kept."""
        found, after = [], ""
        while after is not None:
            page = json.loads(self.ask("GET", "/v1/queues/%s/jobs?limit=%d%s" % (
                QUEUE, PAGE, after and "&after=" + urllib.parse.quote(after))))
            found, after = found + page["items"], page["next"]
        return found

    def look(self):
        return Run(self.redis.evalshas(), cpu_s(self.server.pid), cpu_s(self.redis.process.pid))


def cpu_s(pid):
    """Seconds of all its threads; exact, where growth.cpu_s counts ticks of 10 ms."""
    folder, total = "/proc/%d/task" % pid, 0
    for task in os.listdir(folder):
        with open(os.path.join(folder, task, "schedstat")) as file:
            total += int(file.read().split()[0])
    return total / 1e9


def ms_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def at(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (ms % 1000)


def spread(values):
    """p50, p99 and the worst."""
    values = sorted(values)
    return (values[(len(values) - 1) // 2], values[(len(values) * 99 + 99) // 100 - 1], values[-1])


def text_of(values):
    return " / ".join("%.1f" % value for value in values)


def lateness_bounds(metrics):
    """ms under which half, 99 of 100, and all fires were."""
    rows = re.findall(r'^pinion_schedule_lateness_seconds_bucket\{le="([0-9.]+)"\} (\d+)', metrics,
                      re.M)
    total = int(rows[-1][1])
    return [next(float(le) * 1000 for le, count in rows if int(count) >= total * part)
            for part in (0.5, 0.99, 1)]


def measure_fires(pinion, what, schedules, times, timing, period_s):
    """Each of the schedules has so many times from a second on that is yet to come."""
    with World(pinion) as world:
        world.begin()
        made = time.monotonic()
        world.schedule("first", at=at(4102444800000))
        guess_s = (time.monotonic() - made) * schedules * 4
        start_ms = int(time.time() + guess_s + LEAD_S) * 1000
        end_ms = start_ms + int(period_s * 1000) * times
        for n in range(schedules):
            world.schedule("s%d" % n, start=at(start_ms), end=at(end_ms), **timing)
        if time.time() * 1000 > start_ms - 500:
            raise SystemExit("schedules.py: making them took too long, on a busy machine")
        time.sleep(start_ms / 1000 - 0.5 - time.time())
        began = world.look()
        world.until("all jobs have ended", lambda: world.redis.done() >= schedules * times, 0.2)
        ended, took_s = world.look(), period_s * times
        jobs = world.jobs()
        late = [ms_of(job["started_at"]) - ms_of(job["fire_time"]) for job in jobs]
        distinct = {(job["schedule"], job["fire_time"]) for job in jobs}
        if len(jobs) != schedules * times or len(distinct) != len(jobs):
            raise SystemExit("schedules.py: %d jobs, %d distinct, of %d" %
                             (len(jobs), len(distinct), schedules * times))
        print_row(world, what, took_s, began, ended, "%d" % len(jobs), text_of(spread(late)),
                  text_of(lateness_bounds(world.ask("GET", "/metrics"))))


def measure_idle(pinion):
    with World(pinion) as world:
        growth.warm(world)
        world.enqueue(IDLE_JOBS, True)
        world.begin()
        hour = time.gmtime(time.time() + 6 * 3600).tm_hour
        for n in range(IDLE_SCHEDULES):
            world.schedule("s%d" % n, cron="%d %d * * *" % (n % 60, hour))
        time.sleep(SETTLE_S)
        began = world.look()
        time.sleep(IDLE_S)
        print_row(world, "c: %d delayed jobs, %d schedules" % (IDLE_JOBS, IDLE_SCHEDULES), IDLE_S,
                  began, world.look(), "0", "", "")


def print_row(world, what, seconds, began, ended, jobs, started, ready):
    row(what, jobs, started, ready, "%.1f" % ((ended.evalshas - began.evalshas) / seconds),
        "%.2f" % ((ended.server - began.server) / seconds * 100),
        "%.2f" % ((ended.redis - began.redis) / seconds * 100),
        "%.1f" % (world.resident_kib() / 1024), "%.0f" % (world.redis.used_bytes() / 2**20))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pinion")
    parser.add_argument("--only", default="abc", help="of a, b and c")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    if not os.access(args.pinion, os.X_OK):
        parser.error("expected the path of a release build, not " + args.pinion)
    if not set(args.only) <= set("abc") or args.rounds < 1:
        parser.error("expected --only of the letters a, b and c, and --rounds from 1 on")
    if IDLE_JOBS * growth.BYTES_MAX > growth.available_bytes():
        parser.error("expected %d MiB of free memory" % (IDLE_JOBS * growth.BYTES_MAX >> 20))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, growth.interrupted)
    os.environ.pop("PINION_REDIS_URL", None)
    pinion = os.path.abspath(args.pinion)
    row("", "jobs", "started late, ms: p50 / p99 / max", "ready late, ms, below: p50 / p99 / max",
        "EVALSHA /s", "server CPU %", "Redis CPU %", "server RSS MiB", "Redis MiB")
    row("---", *["--:"] * 8)
    for _ in range(args.rounds):
        if "a" in args.only:
            measure_fires(pinion, "a: %d schedules, each second" % BURST, BURST, SECONDS,
                          {"cron": "* * * * * *"}, 1)
        if "b" in args.only:
            measure_fires(pinion, "b: one schedule, each %d ms" % ALONE_MS, 1,
                          ALONE_S * 1000 // ALONE_MS, {"every_ms": ALONE_MS}, ALONE_MS / 1000)
        if "c" in args.only:
            measure_idle(pinion)


if __name__ == "__main__":
    sys.exit(main())
