#!/usr/bin/env python3
"""events.py PINION BENCH_EVENTS [--rounds N] [--clients N] [--jobs N] — what live events cost, and
how soon they come.

PINION, BENCH_EVENTS: of a release build. A redis-server of its own on a unix socket, without
persistence, one server on a port of 127.0.0.1; nothing is left running or on the disk.

    latency   RATE jobs a second, one by one over HTTP, for SECONDS: from the request to the `ready`
              and the `done` event at a client of /v1/events
    drain     JOBS no-ops: jobs/s with no client and with CLIENTS ones in turn, at ten frames a
              second each; the medians, and their ratio; and the CPU of a frame: of the service,
              by which its drain takes more than the one before it, and of the clients

The clients run on the same machine, and their cost is in the drain's. The machine's noise is in all
of it: compare within one run, and repeat it.
"""
import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import time

import growth
from growth import QUEUE
from schedules import cpu_s

RATE, SECONDS = 1000, 15


class World(growth.World):
    def begin(self):
        self.serve("127.0.0.1:0")
        with open(os.path.join(self.folder, "log")) as file:
            self.port = re.search(r"http=127\.0\.0\.1:(\d+)", file.read()).group(1)
        with open(os.path.join(self.folder, "state", "token")) as file:
            self.token = file.read().strip()

    def drain(self, jobs):
        """Jobs a second, of all that are there."""
        base = self.redis.done()
        began = time.monotonic()
        cpu = [cpu_s(p) for p in (self.server.pid, self.redis.process.pid)]
        self.run("queue", "resume", QUEUE)
        self.until("all is done", lambda: self.redis.done() - base == jobs, every_s=0.005)
        seconds = time.monotonic() - began
        self.cpu = [(cpu_s(p) - was) / jobs * 1e6
                    for p, was in zip((self.server.pid, self.redis.process.pid), cpu)]
        self.run("queue", "pause", QUEUE)
        return jobs / seconds


    def is_followed(self):
        return self.redis.do("EXISTS", "pinion:{%s}:watched" % QUEUE) != "0"


class Listeners:
    def __init__(self, program, port, count):
        self.process = subprocess.Popen([program, port, "listen", str(count)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline().strip() != "all hear":
            raise SystemExit("events.py: the clients hear nothing")

    def end(self):
        said, _ = self.process.communicate()
        return json.loads(said)


def latency(world, program):
    said = subprocess.run([program, world.port, "latency", world.token, str(RATE), str(SECONDS)],
                          text=True, stdout=subprocess.PIPE, check=True, timeout=120).stdout
    for line in said.splitlines():
        print(line, flush=True)


def drains(world, program, args):
    alone, heard, frames = [], [], []
    world.run("queue", "pause", QUEUE)
    for _ in range(args.rounds):
        world.enqueue(args.jobs, False)
        alone.append(world.drain(args.jobs))
        cpu = world.cpu
        world.enqueue(args.jobs, False)
        listeners = Listeners(program, world.port, args.clients)
        time.sleep(1)
        began = time.monotonic()
        heard.append(world.drain(args.jobs))
        seconds = time.monotonic() - began
        got = listeners.end()
        frames.append(got["frames"] / args.clients / seconds)
        frame_us = (world.cpu[0] - cpu[0]) * args.jobs / got["frames"]
        client_us = got["clients_cpu_s"] / got["frames"] * 1e6
        world.until("nobody follows the queue any more", lambda: not world.is_followed(), 0.5)
        print(json.dumps({"alone": round(alone[-1]), "heard": round(heard[-1]),
                          "ratio": round(heard[-1] / alone[-1], 2),
                          "frames_a_second": round(frames[-1], 1),
                          "alone_cpu_us": [round(us, 2) for us in cpu],
                          "heard_cpu_us": [round(us, 2) for us in world.cpu],
                          "frame_cpu_us": round(frame_us, 1),
                          "client_frame_cpu_us": round(client_us, 1), **got}), flush=True)
    print(json.dumps({"clients": args.clients, "alone": round(statistics.median(alone)),
                      "heard": round(statistics.median(heard)),
                      "ratio": round(statistics.median(h / a for h, a in zip(heard, alone)), 2)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pinion")
    parser.add_argument("bench_events")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1000000)
    args = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    with World(os.path.abspath(args.pinion)) as world:
        world.begin()
        latency(world, os.path.abspath(args.bench_events))
        drains(world, os.path.abspath(args.bench_events), args)


if __name__ == "__main__":
    main()
