#!/usr/bin/env python3
"""idle_connections.py PINION [--connections N] [--tls N] [--seconds N] — what a crowd costs the rest.

PINION: a release build. One server with an embedded Redis. A healthy client, a process of its own,
asks /v1/queues 200 times a second on one connection: alone; beside N connections that idle after a
request; beside N that each send one byte of a request's head a second; beside N that asked for much
and do not read. Prints its p50, p99 and max in each case, and the server's resident memory per
connection; with --tls also that of N that idle inside TLS. Loopback only; nothing is left behind.
"""
import argparse
import http.client
import json
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

GAP_S = 0.005
START_S = 20
SPARE = 500  # descriptors beside the crowd's
REQUEST = b"GET /v1/queues HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = b"GET /web/chart.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Server:
    def __init__(self, pinion, connections, folder, flags):
        self.state = os.path.join(folder, "state")
        self.process = subprocess.Popen(
            [os.path.abspath(pinion), "serve", "--listen", "127.0.0.1:0", "--log-level", "warn",
             "--http-connections", str(connections), "--http-peer-connections", str(connections),
             *flags], env=dict(os.environ, PINION_STATE=self.state))
        self.address = self.find()

    def find(self):
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                with open(os.path.join(self.state, "pinion.json"), encoding="utf-8") as file:
                    host, port = json.load(file)["http"].replace("https://", "").rsplit(":", 1)
                return host, int(port)
            except (OSError, KeyError, ValueError):
                time.sleep(0.02)
        sys.exit("idle_connections.py: the server did not begin")

    def resident_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def ask(address, seconds, tell):
    """The healthy client; `tell` gets its times, sorted."""
    client = http.client.HTTPConnection(*address)
    client.connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.perf_counter()
        client.request("GET", "/v1/queues")
        answer = client.getresponse()
        answer.read()
        assert answer.status == 200
        times.append(time.perf_counter() - begin)
        time.sleep(GAP_S)
    tell.send(sorted(times))


def measure(name, server, seconds, meanwhile=None):
    hear, tell = multiprocessing.Pipe(False)
    client = multiprocessing.Process(target=ask, args=(server.address, seconds, tell))
    client.start()
    while meanwhile and client.is_alive() and not hear.poll():
        meanwhile()
    times = hear.recv()
    client.join()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print("%-32s p50 %6.2f ms   p99 %6.2f ms   max %6.2f ms   %5d requests" %
          (name, p50 * 1e3, p99 * 1e3, times[-1] * 1e3, len(times)), flush=True)


def connect(server, count, hello, context=None):
    crowd = []
    for number in range(count):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it leaves, we hold
        client.connect(server.address)
        if context:
            client = context.wrap_socket(client, server_hostname="localhost")
        client.sendall(hello)
        if hello == REQUEST:
            client.recv(65536)
        elif number % 64 == 0:
            time.sleep(0.001)
        crowd.append(client)
    return crowd


def leave(crowd):
    for client in crowd:
        client.close()
    time.sleep(1)


def drip(crowd):
    """One byte of a head from each, spread over a second."""
    place = [0]

    def some():
        for _ in range(max(1, len(crowd) // 100)):
            client = crowd[place[0] % len(crowd)]
            place[0] += 1
            try:
                client.send(b"x")
            except OSError:
                pass  # cut at its deadline: that is what it is for
        time.sleep(0.01)

    return some


def certificate(folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    return ["--tls-cert", cert, "--tls-key", key]


def crowds(arguments, folder):
    count, seconds = arguments.connections, arguments.seconds
    server = Server(arguments.pinion, count + SPARE, folder, [])
    try:
        measure("alone", server, seconds)
        before = server.resident_kib()
        crowd = connect(server, count, REQUEST)
        held = server.resident_kib() - before
        measure("%d idle" % count, server, seconds)
        leave(crowd)
        print("%-32s %.2f KiB each" % ("resident, idle", held / count))
        crowd = connect(server, count, b"GET /v1/queues HTTP/1.1\r\nX: ")
        measure("%d that send a byte a second" % count, server, min(seconds, 8), drip(crowd))
        leave(crowd)
        before = server.resident_kib()
        crowd = connect(server, count, LARGE)
        held = server.resident_kib() - before
        measure("%d that do not read" % count, server, seconds)
        leave(crowd)
        print("%-32s %.0f MiB in all" % ("resident, unread", held / 1024))
    finally:
        server.stop()


def crowd_of_tls(arguments, folder):
    count = arguments.tls
    server = Server(arguments.pinion, count + SPARE, folder, certificate(folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        leave(connect(server, 50, REQUEST, context))
        before, begin = server.resident_kib(), time.monotonic()
        crowd = connect(server, count, REQUEST, context)
        print("%-32s %.2f KiB each, %.0f handshakes/s" %
              ("resident, idle inside TLS", (server.resident_kib() - before) / count,
               count / (time.monotonic() - begin)))
        leave(crowd)
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pinion")
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--tls", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = max(arguments.connections, arguments.tls) + SPARE
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit("idle_connections.py: expected a limit of %d descriptors, not %d" % (needed, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    folder = tempfile.mkdtemp(prefix="pinion-idle-")
    try:
        if arguments.connections:
            crowds(arguments, folder)
        if arguments.tls:
            crowd_of_tls(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
