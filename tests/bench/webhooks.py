#!/usr/bin/env python3
"""webhooks.py PINION RESPONDER [--jobs N] [--rounds N] [--concurrency N] — how fast webhooks drain.

PINION: a release build; RESPONDER: tests/bench/responder of the same. A redis-server of its own (on
a unix socket, without persistence), a server, and the responder share the machine; nothing is left.
In turn, medians of the rounds:

    webhooks   jobs that are posted to the responder, signed; it answers each with 200 and "ok"
    no-ops     the same number of jobs of a handler that does nothing

and the CPU time that a webhook takes of the server and of the responder. The machine's noise is in
all of it: repeat it.
"""
import argparse
import os
import statistics
import subprocess
import time

import growth
from growth import QUEUE, TICKS


class World(growth.World):
    def make(self, kind, count):
        path = os.path.join(self.folder, "jobs")
        with open(path, "w") as file:
            file.write('{"kind":"%s","queue":"%s","payload":"%s"}\n' %
                       (kind, QUEUE, growth.PAYLOAD) * count)
        self.run("enqueue", "--bulk", path)

    def serve_hooks(self, port, concurrency):
        config, log = os.path.join(self.folder, "ini"), os.path.join(self.folder, "log")
        with open(config, "w") as file:
            file.write("[serve]\nwebhook-allow = 127.0.0.1\nconcurrency = %d\n"
                       "[webhook \"hook\"]\nurl = http://127.0.0.1:%d/\nsecret = s\n"
                       "host-concurrency = %d\n" % (growth.CONCURRENCY, port, concurrency))
        with open(log, "w") as file:
            self.server = subprocess.Popen(
                [self.pinion, "serve", "-c", config, "--redis", self.redis.url, "--listen", "none",
                 "--state", os.path.join(self.folder, "state"), "-q", QUEUE],
                stdout=file, stderr=file)
        while "event=ready" not in open(log).read():
            time.sleep(0.05)

    def drain(self, kind, count):
        """Jobs a second, from the moment at which the queue is no longer paused."""
        self.run("queue", "pause", QUEUE)
        self.make(kind, count)
        before, start = self.redis.done(), time.monotonic()
        self.run("queue", "resume", QUEUE)
        while self.redis.done() < before + count:
            time.sleep(0.005)
        return count / (time.monotonic() - start)


def cpu_s(process):
    with open("/proc/%d/stat" % process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pinion")
    parser.add_argument("responder")
    parser.add_argument("--jobs", type=int, default=50000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    a = parser.parse_args()
    hooks, noops, server_us, responder_us = [], [], [], []
    with World(os.path.abspath(a.pinion)) as world, subprocess.Popen(
            [a.responder, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as responder:
        world.serve_hooks(int(responder.stdout.readline()), a.concurrency)
        for _ in range(a.rounds):
            before = cpu_s(world.server), cpu_s(responder)
            hooks.append(world.drain("hook", a.jobs))
            server_us.append((cpu_s(world.server) - before[0]) / a.jobs * 1e6)
            responder_us.append((cpu_s(responder) - before[1]) / a.jobs * 1e6)
            noops.append(world.drain("pinion.noop", a.jobs))
        responder.stdin.close()
    middle = statistics.median
    print("| webhooks/s | no-ops/s | ratio | CPU us of a webhook: server | responder |")
    print("|--:|--:|--:|--:|--:|")
    print("| %d | %d | %.3f | %.1f | %.1f |" % (
        middle(hooks), middle(noops), middle(h / n for h, n in zip(hooks, noops)),
        middle(server_us), middle(responder_us)))


if __name__ == "__main__":
    main()
