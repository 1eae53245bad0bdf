"""Celery at its best setting: one connection for all of the enqueueing, acks late, no results, the
pool `solo` (jobs that do nothing gain by no process beside it), 128 prefetched, no gossip, the unix
socket."""
import json
import os
import resource
import sys
import time

from celery import Celery

PAYLOAD_BYTES, TRICKLE_S = 100, 0.01
app = Celery("bench", broker="redis+socket://" + os.environ["PEER_SOCKET"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=128,
                task_default_queue="bench", worker_send_task_events=False, broker_pool_limit=1,
                worker_enable_remote_control=False, worker_redirect_stdouts=False,
                task_store_errors_even_if_ignored=False)
tally = {"handled": 0, "samples": []}


def mono_us():
    return time.monotonic_ns() // 1000


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def pad(number):
    return str(int(number)).ljust(PAYLOAD_BYTES - 2, "x")


def say(thing):
    print(json.dumps(thing), flush=True)


@app.task(name="noop")
def noop(payload):
    clock = os.environ.get("PEER_CLOCK")
    if tally["handled"] == 0:
        tally["start"], tally["cpu"] = mono_us(), cpu_s()
    if clock:
        now = mono_us() if clock == "mono" else time.time_ns() // 1000
        tally["samples"].append(now - int(payload.rstrip("x")))
    tally["handled"] += 1
    if tally["handled"] == int(os.environ["PEER_COUNT"]):
        say({"seconds": (mono_us() - tally["start"]) / 1e6, "cpu": cpu_s() - tally["cpu"],
             "samples": tally["samples"]})


def bulk(count, over_ms):
    start = mono_us()
    with app.producer_pool.acquire(block=True) as producer:
        for i in range(count):
            delay = 2 + over_ms * i / count / 1000 if over_ms else None
            payload = pad((time.time() + delay) * 1e6 if over_ms else 0)
            noop.apply_async((payload,), countdown=delay, producer=producer)
    say({"seconds": (mono_us() - start) / 1e6})


def work(count, clock):
    from celery.signals import worker_ready
    os.environ["PEER_COUNT"], os.environ["PEER_CLOCK"] = count, clock
    worker_ready.connect(lambda **_: say({"ready": True}), weak=False)
    app.worker_main(["worker", "--pool=solo", "--without-gossip", "--without-mingle",
                     "--without-heartbeat", "--loglevel=ERROR"])


def main(role, count, argument=""):
    if role == "enqueue":
        bulk(int(count), 0)
    elif role == "delay":
        bulk(int(count), int(argument))
    elif role == "work":
        work(count, argument)
    else:
        for _ in range(int(count)):
            time.sleep(TRICKLE_S)
            noop.delay(pad(mono_us()))


if __name__ == "__main__":
    main(*sys.argv[1:])
