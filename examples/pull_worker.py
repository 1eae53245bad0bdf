#!/usr/bin/env python3
"""pull_worker.py QUEUE KIND - a worker in Python, of its standard library alone.

It does up to four jobs at once, extends their leases while they are done, and notices when one was
cancelled or is not its own any more. PINION_URL says where the service is, and PINION_TOKEN who we
are; with PINION_WAIT=1s it ends when nothing came for so long.
"""
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

URL, TOKEN = os.environ["PINION_URL"], os.environ["PINION_TOKEN"]
WAIT = os.environ.get("PINION_WAIT")
AT_ONCE, LEASE_MS = 4, 3000


def post(path, body=None):
    """The status and the JSON of the answer."""
    request = urllib.request.Request(
        URL + "/v1/" + path,
        data=b"" if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Stopped(Exception):
    """The job was cancelled, or its lease is lost."""


class Work(threading.Thread):
    def __init__(self, job, do, slots):
        super().__init__()
        self.job, self.do, self.slots = job, do, slots
        self.over, self.stop, self.lost = threading.Event(), threading.Event(), False

    def say(self, verb, **said):
        return post("jobs/%s/%s" % (self.job["id"], verb), {"token": self.job["token"], **said})

    def extend(self):
        """Beside the work, three times in a lease."""
        while not self.over.wait(LEASE_MS / 3000):
            try:
                status, answer = self.say("extend", lease_ms=LEASE_MS)
            except OSError:
                continue  # the service is away: the lease may outlast that
            if status == 409:
                self.lost = True  # somebody else does it again, or it had its time
            if status == 409 or answer.get("cancelled"):
                self.stop.set()

    def tell(self, percent, note=""):
        """For what does the work: how far it is. Raises Stopped when it is to stop."""
        self.say("progress", percent=percent, note=note)
        if self.stop.is_set():
            raise Stopped("stopped")

    def settle(self, verb, **said):
        while not self.lost:
            try:
                self.say(verb, **said)  # a 409 needs no more than this: the job is not ours
                return
            except OSError:
                time.sleep(1)  # no answer: to say it twice does no harm

    def run(self):
        extender = threading.Thread(target=self.extend)
        extender.start()
        try:
            self.settle("ack", result=self.do(self.job["payload"], self.tell))
        except Exception as error:
            self.settle("fail", error=str(error), retry=not isinstance(error, ValueError))
        finally:
            self.over.set()
            extender.join()
            self.slots.release()


def serve(queue, kind, do):
    slots = threading.Semaphore(AT_ONCE)
    while True:
        slots.acquire()
        try:
            status, answer = post("queues/%s/lease?kind=%s&lease_ms=%d&wait=%s&worker=python-%d" % (
                queue, kind, LEASE_MS, WAIT or "30s", os.getpid()))
        except OSError:
            status, answer = 503, None
        if status == 200 and answer["items"]:
            Work(answer["items"][0], do, slots).start()
            continue
        slots.release()
        if status == 200 and WAIT:
            return
        if status != 200:
            print("no jobs:", answer, file=sys.stderr)
            time.sleep(1)


def add_up(payload, tell):
    """What this worker can do: the sum of numbers, slowly when it begins with "slow"."""
    words = payload.split()
    if words and words[0] == "slow":
        for percent in range(0, 100, 2):
            tell(percent, "adding up")
            time.sleep(0.1)
        words = words[1:]
    return sum(int(word) for word in words)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], add_up)
