#!/usr/bin/env python3
"""growth.py PINION [--jobs N...] [--rounds N] — what a job costs as ever more of them wait.

For each number of waiting jobs, and then of delayed ones, it begins a redis-server of its own (on a
unix socket, without persistence), fills it by `pinion enqueue --bulk`, and prints a row of a
markdown table. PINION: a release build. Nothing is left running or on the disk.

    enqueue    from an empty queue to that number, as the command itself reports it
    ... more   another SAMPLE jobs, while the others are there
    drain      the oldest SAMPLE jobs by a handler that does nothing, while so many others go on
               waiting in the same lane
    idle       a server that serves the queue of delayed jobs, all due in an hour, for IDLE_S

All but the first are medians of the rounds. The machine's noise is in all of them: compare rows of
one run, and repeat it.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

QUEUE = "growth"
SAMPLE = 100000          # jobs of one round: some tenths of a second
WARM = 10000             # of them before the clock is started
FILE_JOBS = 1000000      # lines of one file: more jobs are enqueued by giving it again
CONCURRENCY = 2048       # as `pinion bench` has it
IDLE_S = 10
TIMEOUT_S = 600
BYTES_MAX = 500          # a job takes less: so much memory must be there
TICKS = os.sysconf("SC_CLK_TCK")
PAYLOAD = "x" * 100


class Redis:
    """A redis-server of our own, and one connection to it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "redis.sock")
        self.url = "unix:" + self.path
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
             "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(self.path)
                break
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit("growth.py: redis-server does not start")
                time.sleep(0.01)
        self.replies = self.socket.makefile("rb")

    def do(self, *words):
        """The reply of one command whose reply is a status, a number or a string."""
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word.encode()))
        self.socket.sendall(b"".join(parts))
        line = self.replies.readline().rstrip()
        if line[:1] == b"-":
            raise SystemExit("growth.py: Redis says " + line[1:].decode())
        if line[:1] != b"$" or line == b"$-1":
            return None if line == b"$-1" else line[1:].decode()
        return self.replies.read(int(line[1:]) + 2)[:-2].decode()

    def info(self, section, field):
        found = re.search(r"^%s:(.*?)\r?$" % re.escape(field), self.do("INFO", section), re.M)
        return found.group(1) if found else None

    def used_bytes(self):
        return int(self.info("memory", "used_memory"))

    def evalshas(self):
        calls = self.info("commandstats", "cmdstat_evalsha")
        return int(re.match(r"calls=(\d+)", calls).group(1)) if calls else 0

    def done(self):
        return int(self.do("HGET", "pinion:{%s}:meta" % QUEUE, "done") or 0)


class World:
    """One Redis, perhaps one server, and a folder; all gone at the end."""

    def __init__(self, pinion):
        self.pinion, self.server = pinion, None
        self.folder = tempfile.mkdtemp(prefix="pinion-growth-")
        self.redis = None

    def __enter__(self):
        self.redis = Redis(self.folder)
        return self

    def __exit__(self, *_):
        for process in (self.server, self.redis and self.redis.process):
            if process:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def run(self, *args):
        end = subprocess.run([self.pinion, *args, "--redis", self.redis.url], text=True,
                             capture_output=True, timeout=TIMEOUT_S)
        if end.returncode != 0:
            raise SystemExit("growth.py: pinion %s ended with %d: %s" %
                             (args[0], end.returncode, end.stderr))
        return end.stderr

    def enqueue(self, count, delayed):
        """Seconds that it took, as the command says."""
        path, seconds = os.path.join(self.folder, "jobs"), 0.0
        while count > 0:
            lines = min(count, FILE_JOBS)
            line = '{"kind":"pinion.noop","queue":"%s","payload":"%s"%s}\n' % (
                QUEUE, PAYLOAD, ',"in_ms":3600000' if delayed else "")
            with open(path, "w") as file:
                file.write(line * lines)
            said = self.run("enqueue", "--bulk", path)
            rate = re.search(r"(\d+) jobs enqueued.*\((\d+)/s\)", said)
            if not rate or int(rate.group(1)) != lines:
                raise SystemExit("growth.py: not understood: " + said)
            seconds += lines / int(rate.group(2))
            count -= lines
        return seconds

    def serve(self, listen="none"):
        state = os.path.join(self.folder, "state")
        log = os.path.join(self.folder, "log")
        with open(log, "w") as file:
            self.server = subprocess.Popen(
                [self.pinion, "serve", "--redis", self.redis.url, "--state", state, "--listen",
                 listen, "-q", QUEUE, "--concurrency", str(CONCURRENCY)],
                stdout=file, stderr=file)
        self.until("the server is ready", lambda: "event=ready" in open(log).read())

    def until(self, what, condition, every_s=0.02):
        until = time.monotonic() + TIMEOUT_S
        while not condition():
            if time.monotonic() > until or (self.server and self.server.poll() is not None):
                raise SystemExit("growth.py: never came: " + what)
            time.sleep(every_s)

    def resident_kib(self):
        with open("/proc/%d/status" % self.server.pid) as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1))

    def count(self, state):
        said = subprocess.run([self.pinion, "queue", "show", QUEUE, "--json", "--redis",
                               self.redis.url], text=True, capture_output=True, check=True)
        return int(re.search(r'"%s":\s*(\d+)' % state, said.stdout).group(1))

    def drain_sample(self):
        """us a job, of the next SAMPLE ones. The queue is paused before and afterwards."""
        redis, base, at = self.redis, self.redis.done(), {}

        def passed(count):
            done = redis.done() - base
            if done < count:
                return False
            at[count] = (time.monotonic(), done)
            return True

        self.run("queue", "resume", QUEUE)
        self.until("the first jobs are done", lambda: passed(WARM), every_s=0.001)
        self.until("the sample is done", lambda: passed(SAMPLE - WARM), every_s=0.001)
        self.run("queue", "pause", QUEUE)
        self.until("nothing runs any more", lambda: self.count("active") == 0)
        (began, first), (ended, last) = at[WARM], at[SAMPLE - WARM]
        return (ended - began) / (last - first) * 1e6


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def warm(world):
    """Scripts are loaded, and the queue is known, before memory is looked at."""
    world.enqueue(1, False)
    world.serve()
    world.until("the first job is done", lambda: world.redis.done() == 1)
    world.server.send_signal(signal.SIGTERM)
    world.server.wait()
    world.server = None


def fill(world, jobs, delayed, rounds):
    """us a job from nothing, us a job of some more, and bytes a job."""
    before = world.redis.used_bytes()
    first = world.enqueue(jobs, delayed) / jobs
    bytes_each = (world.redis.used_bytes() - before) / jobs
    more = [world.enqueue(SAMPLE, delayed) / SAMPLE for _ in range(rounds)]
    return first * 1e6, statistics.median(more) * 1e6, bytes_each


def measure_waiting(pinion, jobs, rounds):
    with World(pinion) as world:
        warm(world)
        world.run("queue", "pause", QUEUE)
        first, more, bytes_each = fill(world, jobs, False, rounds)
        world.serve()
        drains = []
        for _ in range(rounds):
            missing = jobs + SAMPLE - world.count("ready")
            if missing > 0:
                world.enqueue(missing, False)
            drains.append(world.drain_sample())
        median, best = statistics.median(drains), min(drains)
        row("%d waiting" % jobs, "%.2f" % first, "%.2f" % more, "%.0f" % bytes_each,
            "%.2f / %.2f" % (median, best), "%.1f" % (world.resident_kib() / 1024))
        return median, best


def measure_delayed(pinion, jobs, rounds):
    with World(pinion) as world:
        warm(world)
        first, more, bytes_each = fill(world, jobs, True, rounds)
        world.serve()
        begun = world.redis.evalshas()
        world.until("a first heartbeat", lambda: world.redis.evalshas() > begun)
        calls, cpu, redis_cpu = (world.redis.evalshas(), cpu_s(world.server.pid),
                                 cpu_s(world.redis.process.pid))
        time.sleep(IDLE_S)
        row("%d delayed" % jobs, "%.2f" % first, "%.2f" % more, "%.0f" % bytes_each, "",
            "%.1f" % (world.resident_kib() / 1024),
            "%d" % (world.redis.evalshas() - calls),
            "%.2f" % ((cpu_s(world.server.pid) - cpu) / IDLE_S * 100),
            "%.2f" % ((cpu_s(world.redis.process.pid) - redis_cpu) / IDLE_S * 100))


def row(*cells):
    print("| " + " | ".join([*cells] + [""] * (9 - len(cells))) + " |", flush=True)


def available_bytes():
    with open("/proc/meminfo") as file:
        return int(re.search(r"MemAvailable:\s*(\d+)", file.read()).group(1)) * 1024


def interrupted(number, _frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pinion")
    parser.add_argument("--jobs", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if not os.access(args.pinion, os.X_OK):
        parser.error("expected the path of a release build, not " + args.pinion)
    if min(args.jobs) < 1 or args.rounds < 1:
        parser.error("expected numbers from 1 on")
    if max(args.jobs) * BYTES_MAX > available_bytes():
        parser.error("%d jobs may take %d MiB, and less is free" %
                     (max(args.jobs), max(args.jobs) * BYTES_MAX >> 20))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    os.environ.pop("PINION_REDIS_URL", None)
    pinion = os.path.abspath(args.pinion)
    row("jobs", "enqueue us/job", "%d more us/job" % SAMPLE, "Redis bytes/job",
        "drain us/job: median / best", "server RSS MiB", "EVALSHA in %d s idle" % IDLE_S,
        "server CPU %", "Redis CPU %")
    row("---", *["--:"] * 8)
    drains = [measure_waiting(pinion, jobs, args.rounds) for jobs in args.jobs]
    for jobs in args.jobs:
        measure_delayed(pinion, jobs, args.rounds)
    print("\ndrain, dearest row by cheapest: %.2f, by the best rounds %.2f" %
          tuple(max(column) / min(column) for column in zip(*drains)))


if __name__ == "__main__":
    sys.exit(main())
