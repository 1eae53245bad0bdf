#!/usr/bin/env python3
"""views.py PINION [--jobs N] [--rounds N] — what a look costs while N jobs wait.

Begins a redis-server and a server of its own (see growth.py), fills a queue: most jobs ready, a tenth
delayed, one in a thousand of a rare kind, with a tag, far behind all others; then asks every GET of the
API, one after the other, --rounds times each. A row of a markdown table for each, with the time that
the two of them worked for it (what a machine with nothing else to do would take); where that is above
LIMIT_MS, the exit status is 1. PINION: a release build. Nothing is left running or on the disk.
"""
import argparse
import http.client
import json
import os
import re
import sys
import time

import growth

LIMIT_MS = 200
LINE = '{"kind":"%s","queue":"%s","payload":"%s"%s}\n'


def fill(world, count):
    path = os.path.join(world.folder, "jobs")
    plain = LINE % ("plain", growth.QUEUE, growth.PAYLOAD, "")
    delayed = LINE % ("plain", growth.QUEUE, growth.PAYLOAD, ',"in_ms":3600000')
    rare = LINE % ("rare", growth.QUEUE, growth.PAYLOAD, ',"tags":["rare"]')
    for begun in range(0, count, growth.FILE_JOBS):
        lines = min(growth.FILE_JOBS, count - begun)
        with open(path, "w") as file:
            file.write(plain * (lines - lines // 10) + delayed * (lines // 10))
        world.run("enqueue", "--bulk", path)
    with open(path, "w") as file:
        file.write(rare * (count // 1000))
    world.run("enqueue", "--bulk", path)


class Web:
    def __init__(self, address, token):
        self.http = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Authorization": "Bearer " + token}

    def get(self, target):
        """Seconds, and the answer."""
        begun = time.perf_counter()
        self.http.request("GET", target, headers=self.headers)
        response = self.http.getresponse()
        body = response.read()
        seconds = time.perf_counter() - begun
        if response.status not in (200, 202):
            raise SystemExit("views.py: GET %s: %d %s" % (target, response.status, body[:200]))
        return seconds, body

    def next_of(self, target):
        return json.loads(self.get(target)[1])["next"]


def targets(web):
    jobs = "/v1/queues/%s/jobs" % growth.QUEUE
    first = json.loads(web.get(jobs + "?state=ready&limit=1")[1])["items"][0]["id"]
    after = None
    for _ in range(20):  # into the depth
        after = web.next_of(jobs + "?state=ready&limit=1000" + ("&after=" + after if after else ""))
    return ["/healthz", "/metrics", "/v1/health", "/v1/stats", "/v1/servers", "/v1/queues",
            "/v1/queues/" + growth.QUEUE, jobs, jobs + "?state=ready&limit=1000",
            jobs + "?state=ready&limit=1000&after=" + after, jobs + "?state=scheduled",
            jobs + "?kind=rare", jobs + "?kind=nobody", jobs + "?tag=rare",
            jobs + "?error=nothing", jobs + "?older_than=1d", jobs + "?state=dead", "/v1/jobs",
            "/v1/jobs?state=ready&limit=1000", "/v1/jobs?kind=nobody", "/v1/jobs/" + first,
            "/v1/jobs/" + first + "/explain", "/v1/jobs/" + first + "/result",
            "/v1/jobs/" + first + "/output", "/v1/queues/%s/batches" % growth.QUEUE,
            "/v1/schedules", "/v1/cron?spec=0+0+29+2+*&count=1000", "/openapi.json", "/"]


def worked_ms(world):
    total = 0
    for process in (world.server, world.redis.process):
        with open("/proc/%d/stat" % process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total * 1000 / growth.TICKS


def measure(world, web, target, rounds):
    worked = worked_ms(world)
    times = sorted(web.get(target)[0] * 1000 for _ in range(rounds))
    worked = (worked_ms(world) - worked) / rounds
    return worked, times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pinion")
    parser.add_argument("--jobs", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    slow = False
    with growth.World(os.path.abspath(args.pinion)) as world:
        fill(world, args.jobs)
        world.run("queue", "pause", growth.QUEUE)
        world.serve("127.0.0.1:0")
        with open(os.path.join(world.folder, "log")) as file:
            address = re.search(r"http=(\S+)", file.read()).group(1)
        with open(os.path.join(world.folder, "state", "token")) as file:
            web = Web(address, file.read().strip())
        print("| GET, %d jobs | worked ms | p50 ms | p99 ms |\n|---|--:|--:|--:|" % args.jobs)
        for target in targets(web):
            measured = measure(world, web, target, args.rounds)
            slow = slow or measured[0] > LIMIT_MS
            name = re.sub(r"(growth:)[^/?]*|(after=)[^&]*", r"\1\2ID", target)
            print("| %s | %.1f | %.1f | %.1f |" % ((name,) + measured), flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
