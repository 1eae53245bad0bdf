#!/usr/bin/env python3
"""mixed.py PINION PLUGIN [--threads N] [--commands N] [--seconds N] — is the loop free meanwhile?

PINION: a release build; PLUGIN: mixed_plugin.so beside it. One server with an embedded Redis runs
N jobs that block on threads and N commands (sleep); once all of them run, /healthz is asked 100
times a second on one connection, and a timer of 5 ms notes how late it is. Prints both, p50, p99
and max, while nothing else runs and while all of them do. Nothing is left running or on the disk.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

GAP_S = 0.01
START_S = 60


def rank(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


class Server:
    def __init__(self, arguments):
        self.pinion = os.path.abspath(arguments.pinion)
        self.folder = tempfile.mkdtemp(prefix="pinion-mixed-")
        self.environment = dict(os.environ, PINION_STATE=os.path.join(self.folder, "state"))
        slots = arguments.threads + arguments.commands + 100
        self.process = subprocess.Popen(
            [self.pinion, "serve", "--listen", "127.0.0.1:0", "--concurrency", str(slots),
             "--plugin", os.path.abspath(arguments.plugin), "--command", "nap=sleep %d" %
             arguments.seconds, "--log-level", "warn"], env=self.environment)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for _ in range(2):
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        self.process.wait()
        shutil.rmtree(self.folder)

    def run(self, *words, text=None):
        return subprocess.run([self.pinion, *words], env=self.environment, input=text, text=True,
                              check=True, stdout=subprocess.PIPE).stdout

    def connect(self):
        path = os.path.join(self.environment["PINION_STATE"], "pinion.json")
        for _ in range(START_S * 10):
            try:
                with open(path, encoding="utf-8") as file:
                    address = json.load(file)["http"].replace("http://", "").rstrip("/")
                return http.client.HTTPConnection(address)
            except (OSError, KeyError, ValueError):
                time.sleep(0.1)
        sys.exit("mixed.py: the server did not start")

    def enqueue(self, kind, count, payload):
        line = json.dumps({"kind": kind, "payload": payload})
        self.run("enqueue", "--bulk", "-", text="\n".join([line] * count) + "\n")


def get(connection, path):
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def running(connection):
    for line in get(connection, "/metrics").splitlines():
        if line.startswith("pinion_jobs_running "):
            return int(float(line.split()[1]))
    return 0


def measure(server, connection, seconds, name):
    times = []
    server.run("enqueue", "mixed.report", "--wait")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        get(connection, "/healthz")
        times.append((time.monotonic() - began) * 1e3)
        time.sleep(GAP_S)
    late = [int(word) for word in server.run("enqueue", "mixed.report", "--wait").split()]
    times.sort()
    print("| %s | %d | %.2f | %.2f | %.2f | %d | %.2f | %.2f | %.2f |" % (
        name, len(times), rank(times, .5), rank(times, .99), times[-1], late[0], late[1] / 1e3,
        late[2] / 1e3, late[3] / 1e3), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pinion")
    parser.add_argument("plugin")
    parser.add_argument("--threads", type=int, default=1000)
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    with Server(arguments) as server:
        connection = server.connect()
        print("| | /healthz | p50 ms | p99 | max | timers | late p50 ms | p99 | max |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
        measure(server, connection, 5, "idle")
        server.enqueue("mixed.block", arguments.threads, str(arguments.seconds))
        server.enqueue("nap", arguments.commands, "")
        began = time.monotonic()
        while running(connection) < arguments.threads + arguments.commands:
            if time.monotonic() - began > START_S:
                sys.exit("mixed.py: %d run" % running(connection))
            time.sleep(0.05)
        print("all run after %.1f s" % (time.monotonic() - began), file=sys.stderr)
        measure(server, connection, 10, "%d on threads, %d commands" %
                (arguments.threads, arguments.commands))
        if running(connection) < arguments.threads:
            sys.exit("mixed.py: they ended too early; give them more --seconds")


if __name__ == "__main__":
    main()
