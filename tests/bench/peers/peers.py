#!/usr/bin/env python3
"""peers.py DIR [--pinion PATH] [--rounds N] [PEER...] — Pinion beside its peers, in one table.

DIR is what install.sh has filled. Each peer gets a store of its own: a redis-server without
persistence on a unix socket, or beanstalkd without a log on 127.0.0.1. Its program is started once
for each role and prints one JSON object a line:

    enqueue N             {"seconds"}                      in bulk
    work N [mono|wall]    {"ready"}, {"seconds","cpu","samples"}   microseconds since each stamp
    trickle N             one job at a time, each with a stamp of the monotonic clock
    delay N OVER_MS       {"seconds"}; due from 2 s on, each with its due time

What is printed are medians of the rounds. `drain` ends with the last call of the handler, for
Pinion with the last ack that Redis accepted. Nothing is left running or on the disk.
"""
import argparse
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 300
LATENCY_JOBS, DELAYED_JOBS, OVER_MS = 300, 5000, 10000
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """A program with roles, and the store that it needs."""
    jobs = 50000

    def __init__(self, args, env=None, store="redis", jobs=None):
        self.args, self.env, self.kind = args, env or {}, store
        self.jobs = jobs or self.jobs

    def start_store(self, dir_, peers_dir):
        self.socket = os.path.join(dir_, "redis.sock")
        if self.kind == "redis":
            args = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
                    "--appendonly", "no", "--dir", dir_]
        else:
            self.port = free_port()
            args = [peers_dir + "/root/usr/bin/beanstalkd", "-l", "127.0.0.1", "-p",
                    str(self.port)]
        self.store = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self.answers():
            if time.monotonic() > until:
                raise RuntimeError("the store does not start")
            time.sleep(0.01)

    def answers(self):
        family, where = ((socket.AF_UNIX, self.socket) if self.kind == "redis" else
                         (socket.AF_INET, ("127.0.0.1", self.port)))
        with socket.socket(family) as s:
            return s.connect_ex(where) == 0

    def store_cpu(self):
        with open("/proc/%d/stat" % self.store.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def spawn(self, *role):
        port = [str(self.port)] if self.kind == "beanstalkd" else []
        env = {**os.environ, **self.env, "PEER_SOCKET": self.socket}
        return subprocess.Popen(self.args + port + [str(word) for word in role], env=env,
                                stdout=subprocess.PIPE, text=True)

    def run(self, *role):
        with self.spawn(*role) as process:
            out = process.communicate(timeout=TIMEOUT_S)[0]
        if process.returncode:
            raise RuntimeError("%s failed" % (role,))
        return json.loads(out.splitlines()[-1]) if out.strip() else None


def answer(process, field):
    """The next line that has the field; other lines are chatter."""
    for line in process.stdout:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and field in value:
            return value
    raise RuntimeError("the worker has ended")


def with_worker(peer, role, feed):
    worker = peer.spawn(*role)
    try:
        answer(worker, "ready")
        feed()
        return answer(worker, "seconds")
    finally:
        worker.terminate()
        try:
            worker.wait(5)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        worker.stdout.close()


def rank_ms(samples, share):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000


def measure(peer):
    n = peer.jobs
    result = {"enqueue": n / peer.run("enqueue", n)["seconds"]}
    before = peer.store_cpu()
    drained = with_worker(peer, ("work", n), lambda: None)
    result["drain"] = n / drained["seconds"]
    result["worker"] = drained["cpu"] * 1e6 / n
    result["store"] = (peer.store_cpu() - before) * 1e6 / n
    idle = with_worker(peer, ("work", LATENCY_JOBS, "mono"),
                       lambda: (time.sleep(1), peer.run("trickle", LATENCY_JOBS)))["samples"]
    late = with_worker(peer, ("work", DELAYED_JOBS, "wall"),
                       lambda: peer.run("delay", DELAYED_JOBS, OVER_MS))["samples"]
    for name, samples in (("idle", idle), ("late", late)):
        result[name + "50"], result[name + "99"] = rank_ms(samples, .5), rank_ms(samples, .99)
    result["early"] = sum(sample < -1000 for sample in late)
    return result


def measure_peer(peer, peers_dir):
    dir_ = tempfile.mkdtemp(prefix="peer-")
    try:
        peer.start_store(dir_, peers_dir)
        return measure(peer)
    finally:
        if hasattr(peer, "store"):
            peer.store.terminate()
            peer.store.wait()
        shutil.rmtree(dir_, ignore_errors=True)


def measure_pinion(program):
    def bench(*words):
        out = subprocess.run([program, "bench", *words, "--rounds", "1", "--fsync", "no",
                              "--json"], check=True, capture_output=True, text=True,
                             timeout=TIMEOUT_S).stdout
        return {m["measure"]: m for m in map(json.loads, out.splitlines())}

    m = bench("enqueue", "drain")
    m |= bench("latency", "--jobs", str(LATENCY_JOBS))
    m |= bench("lateness", "--jobs", str(DELAYED_JOBS), "--over", "%dms" % OVER_MS)
    return {"enqueue": m["enqueue"]["per_second"], "drain": m["drain"]["per_second"],
            "worker": m["drain"]["worker_cpu_s_per_million"],
            "store": m["drain"]["redis_cpu_s_per_million"],
            "idle50": m["latency"]["p50_ms"], "idle99": m["latency"]["p99_ms"],
            "late50": m["lateness"]["p50_ms"], "late99": m["lateness"]["p99_ms"],
            "early": m["lateness"]["early"], "lpush": m["enqueue"]["redis_lpush_per_second"]}


def peers_in(dir_):
    gems = glob.glob(dir_ + "/root/usr/share/rubygems-integration/all/gems/*/lib")
    ruby = dir_ + "/root/usr/lib/ruby/"
    lib = dir_ + "/root/usr/lib/x86_64-linux-gnu"
    node = {"NODE_PATH": dir_ + "/node/node_modules"}
    return {
        "beanstalkd": Peer([dir_ + "/beanstalk"], store="beanstalkd", jobs=200000),
        "bullmq": Peer(["node", HERE + "/bullmq.js"], node),
        "bee-queue": Peer(["node", HERE + "/bee_queue.js"], node),
        "sidekiq": Peer([dir_ + "/root/usr/bin/ruby3.1", HERE + "/sidekiq_peer.rb"], {
            "LD_LIBRARY_PATH": lib,
            "RUBYLIB": ":".join([ruby + "3.1.0", lib + "/ruby/3.1.0", ruby + "vendor_ruby"]
                                + gems)}),
        "celery": Peer([sys.executable, HERE + "/celery_peer.py"],
                       {"PYTHONPATH": dir_ + "/root/usr/lib/python3/dist-packages"}, jobs=10000),
    }


def print_table(rows):
    columns = [("bulk enqueue /s", "%.0f", "enqueue"), ("drain /s", "%.0f", "drain"),
               ("CPU s per 1M: worker", "%.1f", "worker"), ("store", "%.1f", "store"),
               ("idle p50 ms", "%.2f", "idle50"), ("p99", "%.2f", "idle99"),
               ("late p50 ms", "%.1f", "late50"), ("p99", "%.1f", "late99"),
               ("early", "%d", "early")]
    print("| | " + " | ".join(head for head, _, _ in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for name, rounds in rows.items():
        cells = [form % statistics.median(r[field] for r in rounds) for _, form, field in columns]
        print("| " + name + " | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir")
    parser.add_argument("peers", nargs="*", help="default: all")
    parser.add_argument("--pinion", help="the program; default: left out")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so tidy up
    peers_dir = os.path.abspath(options.dir)
    peers = peers_in(peers_dir)
    names = options.peers or list(peers)
    rows = {}
    for _ in range(options.rounds):
        if options.pinion:
            rows.setdefault("Pinion", []).append(measure_pinion(options.pinion))
        for name in names:
            rows.setdefault(name, []).append(measure_peer(peers[name], peers_dir))
            print(name, json.dumps(rows[name][-1]), file=sys.stderr)
    print_table(rows)


if __name__ == "__main__":
    main()
