#!/usr/bin/env python3
"""limits.py PINION [--only LETTERS] [--rounds N] — whether limits and turns hold, and what they cost.

PINION: a release build. Each measurement has a redis-server of its own (on a unix socket, without
persistence) and its servers; nothing is left running or on the disk. Rows of a markdown table:

    a  a rate of RATE a second on a queue, on a kind and on a group, SERVERS servers, one of which
       is killed and comes again: starts in each whole second but the first and the last
    b  a concurrency of AT_ONCE, SERVERS servers, commands of 50 ms: how many run at once
    c  one tenant with CROWD waiting jobs: how long another one's single job waits, in jobs' times;
       and how many of the crowd's are started before those of TENANTS tenants with one job each
    d  PARKED groups at their limit: a claim for a group that is not, beside none at its limit
    e  CPU of a job, server and Redis: limits that are not reached, beside none, in turn

Times of starts are those that the jobs keep (`started_at`, by the clock of Redis). The machine's
noise is in all that is a time: repeat a row that is off, and look there first.
"""
import argparse
import collections
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import growth
import schedules
from growth import QUEUE
from schedules import ms_of, spread, text_of

SERVERS = 3
RATE, RATE_S = 100, 22
KILL_AT_S, AWAY_S = 8, 2
STALL_MS = 15
AT_ONCE, COMMANDS = 5, 600
CROWD, TENANTS = 100000, 10000
SINGLES, SLEEP_MS = 20, 50
PARKED, PARKED_SINGLES = 10000, 500
CPU_JOBS, CPU_GROUPS = 100000, (10, 1000)
NEVER = 100000           # a limit that is not reached
PAGE = 500


class Fleet(growth.World):
    """One Redis, and servers by number."""

    def __enter__(self):
        self.servers = {}
        return super().__enter__()

    def __exit__(self, *error):
        for process in self.servers.values():
            process.kill()
            process.wait()
        super().__exit__(*error)

    def start(self, number, *flags):
        log = os.path.join(self.folder, "log%d" % number)
        with open(log, "w") as file:
            self.servers[number] = subprocess.Popen(
                [self.pinion, "serve", "--redis", self.redis.url, "--listen", "none", "-q", QUEUE,
                 "--state", os.path.join(self.folder, "state%d" % number), *flags],
                stdout=file, stderr=file)
        self.until("server %d is ready" % number, lambda: "event=ready" in open(log).read())

    def kill(self, number):
        self.servers[number].kill()
        self.servers.pop(number).wait()

    def make(self, lines):
        """Enqueues what the dicts say."""
        path = os.path.join(self.folder, "jobs")
        with open(path, "w") as file:
            file.writelines(json.dumps({"kind": "pinion.noop", "queue": QUEUE, **line}) + "\n"
                            for line in lines)
        self.run("enqueue", "--bulk", path)

    def limit(self, *flags):
        self.run("queue", "limit", QUEUE, *flags)

    def kept(self, tag):
        """The jobs of that tag that are done and kept."""
        found, after = [], []
        while after is not None:
            said = subprocess.run(
                [self.pinion, "job", "list", "-q", QUEUE, "--state", "done", "--tag", tag, "--limit",
                 str(PAGE), "--json", "--redis", self.redis.url, *after],
                stdout=subprocess.PIPE, check=True)
            page = json.loads(said.stdout)
            found, after = found + page["items"], page["next"] and ["--after", page["next"]]
        return found

    def key(self, name):
        return "pinion:{%s}:%s" % (QUEUE, name)

    def size(self, command, name):
        return int(self.redis.do(command, self.key(name)))


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def kept_job(**more):
    return {"retain_ms": 3600000, "tags": ["kept"], **more}


# ---- a: rate -------------------------------------------------------------------------------------


def most_within(starts, span_ms):
    """Of the starts, in any such span."""
    most, first = 0, 0
    for at, start in enumerate(starts):
        while start - starts[first] >= span_ms:
            first += 1
        most = max(most, at - first + 1)
    return most


def stalls(world, condition):
    """Seconds in which a look at Redis each 2 ms came STALL_MS late, until the condition."""
    stalled, at = set(), time.time()
    checked = at
    while at - checked < 0.5 or not condition():
        checked = at if at - checked >= 0.5 else checked
        time.sleep(0.002)
        world.redis.do("PING")
        now = time.time()
        if (now - at) * 1000 >= STALL_MS:
            stalled |= {int(at), int(now)}
        at = now
    return stalled


def measure_rate(pinion, scope, flags):
    with Fleet(pinion) as world:
        for number in range(SERVERS):
            world.start(number, "--concurrency", "50")
        world.limit(*flags, "--rate", "%d/1s" % RATE)
        count = RATE * RATE_S
        world.make([kept_job(group="g")] * count)
        until = time.monotonic() + KILL_AT_S
        stalled = stalls(world, lambda: time.monotonic() >= until)
        world.kill(0)
        until = time.monotonic() + AWAY_S
        stalled |= stalls(world, lambda: time.monotonic() >= until)
        world.start(0, "--concurrency", "50")
        stalled |= stalls(world, lambda: world.redis.done() >= count)
        starts = sorted(ms_of(job["started_at"]) for job in world.kept("kept"))
        if len(starts) != count:
            raise SystemExit("limits.py: %d jobs are kept, expected %d" % (len(starts), count))
        by_second = collections.Counter(int(start // 1000) for start in starts)
        seconds = range(min(by_second) + 1, max(by_second))
        inner = [by_second[s] for s in seconds]
        off = [s for s in seconds if abs(by_second[s] - RATE) > 1]
        row("a: %d/s on a %s, %d servers, one killed" % (RATE, scope, SERVERS),
            "starts in a second: least / most; in any 1,000 ms",
            "%d / %d; %d" % (min(inner), max(inner), most_within(starts, 1000)),
            "%d +- 1" % RATE, "%d of %d seconds off, %d of which the machine stalled in" %
            (len(off), len(inner), sum(s in stalled for s in off)))


# ---- b: concurrency ------------------------------------------------------------------------------


def most_at_once(jobs):
    """By what they keep; an end and a start of one millisecond do not overlap."""
    marks = sorted([(ms_of(job["started_at"]), 1) for job in jobs] +
                   [(ms_of(job["finished_at"]), -1) for job in jobs])
    now = most = 0
    for _, step in marks:
        now += step
        most = max(most, now)
    return most


def measure_at_once(pinion):
    with Fleet(pinion) as world:
        for number in range(SERVERS):
            world.start(number, "--concurrency", "10", "--command", "nap=sleep 0.05")
        world.limit("--concurrency", str(AT_ONCE))
        world.make([kept_job(kind="nap")] * COMMANDS)
        sampled = collections.Counter()

        def all_done():
            sampled[world.size("ZCARD", "active")] += 1
            return world.redis.done() >= COMMANDS

        world.until("all jobs are done", all_done, 0.002)
        jobs = world.kept("kept")
        full = sampled[AT_ONCE] / (sum(sampled.values()) or 1)
        row("b: concurrency %d, %d servers, %d commands of 50 ms" % (AT_ONCE, SERVERS, COMMANDS),
            "most at once: by the jobs' times; sampled",
            "%d; %d" % (most_at_once(jobs), max(sampled)), "%d" % AT_ONCE,
            "%d of %d samples at %d" % (sampled[AT_ONCE], sum(sampled.values()), AT_ONCE)
            if full else "never reached")


# ---- c: tenants ----------------------------------------------------------------------------------


def measure_single(pinion, slots):
    """One at a time, so that each comes to a server all of whose slots the crowd has."""
    with Fleet(pinion) as world:
        crowd = {"kind": "pinion.sleep", "payload": "%dms" % SLEEP_MS}
        world.make([{**crowd, "group": "crowd"}] * CROWD)
        world.start(0, "--concurrency", str(slots))
        world.until("the crowd runs", lambda: world.redis.done() > slots)
        for made in range(SINGLES):
            world.make([kept_job(**crowd, group="t%d" % made)])
            world.until("the single job is done",
                        lambda: world.size("ZCARD", "done") > made)
        waits = [ms_of(job["started_at"]) - ms_of(job["run_at"]) for job in world.kept("kept")]
        row("c: a tenant with %d waiting jobs of %d ms, %d slots" % (CROWD, SLEEP_MS, slots),
            "another's single job waits, ms: p50 / p99 / max", text_of(spread(waits)),
            "<= %d" % SLEEP_MS, "%d jobs" % len(waits))


def measure_tenants(pinion, slots):
    with Fleet(pinion) as world:
        job = {"kind": "pinion.sleep", "payload": "5ms"}
        world.make([{**job, "group": "crowd"}] * CROWD)
        world.make([kept_job(**job, group="t%05d" % n) for n in range(TENANTS)])
        world.start(0, "--concurrency", str(slots))
        world.until("all tenants had a turn", lambda: world.size("ZCARD", "done") >= TENANTS)
        crowd = world.redis.done() - TENANTS
        row("c: and %d tenants with one job each, %d slots" % (TENANTS, slots),
            "jobs of the crowd done before the last of them", "%d" % crowd, "few", "")


# ---- d: groups at their limit --------------------------------------------------------------------


def claim_us(redis):
    """Median and slowest of the claims in the slow log; a claim is told by its lease."""
    script = ("local all = {} for _, entry in ipairs(redis.call('SLOWLOG', 'GET', -1)) do "
              "if entry[4][1] == 'EVALSHA' and entry[4][7] == '10000' then all[#all + 1] = entry[3] "
              "end end return table.concat(all, ' ')")
    times = [int(word) for word in redis.do("EVAL", script, "0").split()]
    return statistics.median(times), max(times), len(times)


def watch_claims(redis):
    redis.do("CONFIG", "SET", "slowlog-max-len", "1000000")
    redis.do("CONFIG", "SET", "slowlog-log-slower-than", "0")
    redis.do("SLOWLOG", "RESET")


def singles(world, count):
    """us of the median claim, and the ms that each single job waited."""
    watch_claims(world.redis)
    done = world.size("ZCARD", "done")
    for made in range(count):
        world.make([kept_job(group="free%d" % made)])
        world.until("the single job is done",
                    lambda: world.size("ZCARD", "done") > done + made, 0.001)
    median, _, _ = claim_us(world.redis)
    waits = [ms_of(job["started_at"]) - ms_of(job["run_at"]) for job in world.kept("kept")]
    return median, spread(waits)


def measure_parked(pinion):
    with Fleet(pinion) as world:
        world.limit("--groups", "--concurrency", "1")
        world.start(0, "--concurrency", str(PARKED + 100))
        alone_us, alone = singles(world, PARKED_SINGLES)
    with Fleet(pinion) as world:
        world.limit("--groups", "--concurrency", "1")
        world.start(0, "--concurrency", str(PARKED + 100))
        watch_claims(world.redis)
        nap = {"kind": "pinion.sleep", "payload": "1h"}
        world.make([{**nap, "group": "g%d" % n} for n in range(PARKED)])
        world.make([{**nap, "group": "g%d" % n} for n in range(PARKED)] * 2)
        world.until("all groups are at their limit",
                    lambda: world.size("ZCARD", "parked") == PARKED)
        _, slowest, claims = claim_us(world.redis)
        parked_us, parked = singles(world, PARKED_SINGLES)
    row("d: %d groups at their limit" % PARKED, "claim for another, us: median; without them",
        "%d; %d" % (parked_us, alone_us), "flat", "%.2f times" % (parked_us / alone_us))
    row("d: the same", "enqueue to start, ms: p50 / p99 / max; without them",
        text_of(parked) + "; " + text_of(alone), "", "")
    row("d: the same", "slowest claim while they came to it, ms", "%.1f" % (slowest / 1000), "",
        "%d claims" % claims)


# ---- e: CPU --------------------------------------------------------------------------------------


def measure_cpu(pinion, groups, flags, more):
    """us of a job, in the server and in Redis."""
    with Fleet(pinion) as world:
        world.run("queue", "pause", QUEUE)
        world.make({**more, "group": "g%d" % (n * groups // CPU_JOBS)} if groups else more
                   for n in range(CPU_JOBS))
        if flags:
            world.limit(*flags)
        world.start(0, "--concurrency", str(growth.CONCURRENCY))
        world.until("all jobs are ready", lambda: world.size("ZCARD", "scheduled") == 0)
        pids = world.servers[0].pid, world.redis.process.pid
        before = [schedules.cpu_s(pid) for pid in pids]
        world.run("queue", "resume", QUEUE)
        world.until("all jobs are done", lambda: world.redis.done() >= CPU_JOBS, 0.05)
        return [(schedules.cpu_s(pid) - was) / CPU_JOBS * 1e6 for pid, was in zip(pids, before)]


def measure_costs(pinion, rounds):
    """All of them in turn, so that the machine's moods meet all of them."""
    cases = [("no group, no limit, single jobs", 0, (), {"in_ms": 1}),
             ("no group, no limit, packs", 0, (), {})]
    for groups in CPU_GROUPS:
        cases += [("%d groups, no limit" % groups, groups, (), {}),
                  ("%d groups, each at most %d at once" % (groups, NEVER), groups,
                   ("--groups", "--concurrency", str(NEVER)), {}),
                  ("%d groups, each at most %d/1s" % (groups, NEVER), groups,
                   ("--groups", "--rate", "%d/1s" % NEVER, "--burst", str(NEVER)), {})]
    costs = [[measure_cpu(pinion, *case[1:]) for case in cases] for _ in range(rounds)]
    for at, (name, groups, flags, _) in enumerate(cases):
        server, redis = (statistics.median(costs_of[at][part] for costs_of in costs)
                         for part in (0, 1))
        same = next(n for n, case in enumerate(cases) if case[1] == groups)
        plain, beside = (statistics.median(sum(costs_of[at]) / sum(costs_of[base])
                                           for costs_of in costs) for base in (0, same))
        row("e: " + name, "CPU us/job: server + Redis; times plain single jobs",
            "%.1f + %.1f; %.2f" % (server, redis, plain), "<= 2" if flags else "",
            "%.2f times the same without limits" % beside if flags else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pinion")
    parser.add_argument("--only", default="abcde", help="of a, b, c, d and e")
    parser.add_argument("--rounds", type=int, default=7, help="of e")
    args = parser.parse_args()
    if not os.access(args.pinion, os.X_OK):
        parser.error("expected the path of a release build, not " + args.pinion)
    if not set(args.only) <= set("abcde") or args.rounds < 1:
        parser.error("expected --only of the letters a to e, and --rounds from 1 on")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, growth.interrupted)
    os.environ.pop("PINION_REDIS_URL", None)
    pinion = os.path.abspath(args.pinion)
    row("", "figure", "measured", "promised", "")
    row("---", "---", "--:", "--:", "---")
    if "a" in args.only:
        for scope, flags in (("queue", ()), ("kind", ("--kind", "pinion.noop")),
                             ("group", ("--group", "g"))):
            measure_rate(pinion, scope, flags)
    if "b" in args.only:
        measure_at_once(pinion)
    if "c" in args.only:
        for slots in (1, 16):
            measure_single(pinion, slots)
        measure_tenants(pinion, 16)
    if "d" in args.only:
        measure_parked(pinion)
    if "e" in args.only:
        measure_costs(pinion, args.rounds)


if __name__ == "__main__":
    sys.exit(main())
