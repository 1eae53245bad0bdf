/* workers/workers.h — all that runs jobs in one server: handlers, slots, and a consumer per queue.
 *
 * Made and wired by the service; a test makes it with a link and a clock of its own. Loop thread
 * only.
 */
#ifndef PINION_WORKERS_WORKERS_H
#define PINION_WORKERS_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/metrics.h"
#include "base/text.h"
#include "include/pinion.h"
#include "queue/limit.h"
#include "queue/redis_clock.h"
#include "queue/steer.h"
#include "scheduler/timetable.h"
#include "workers/consumer.h"
#include "workers/limits.h"
#include "workers/registry.h"
#include "workers/tally.h"

struct ev_loop;
struct json_t;
struct link;
struct pull;
struct redis_info;
struct ticker;
struct workers;

struct workers_options {
    struct ev_loop *loop;       /* NULL: a test calls workers_flush() itself */
    struct ticker  *ticker;
    const char     *name_space, *server; /* server: its lasting id */
    const char     *http;       /* address, told by `server list`; NULL: none */
    struct zone_cache *zones;   /* of schedules; NULL: none are served */
    const char     *boot;       /* id of this boot of the machine, for @reboot; NULL: unknown */
    unsigned        concurrency;
    const struct histogram *stall_us; /* of the loop, for those who look on; NULL: not measured */
    bool            strict;      /* a queue gets slots only when those before it need none */
    unsigned        memory_mark; /* per cent of Redis's maxmemory; 0: none */
    uint64_t        lease_ms, grace_ms;
    void          (*on_serving)(void *ctx); /* every queue is served, for the first time or again */
    void          (*on_stopped)(void *ctx);
    void          (*on_told_stop)(void *ctx); /* somebody wants this server to stop; NULL: nobody
                                               * may */
    void           *ctx;
};

struct workers *workers_new(const struct workers_options *);
void            workers_free(struct workers *); /* stopped, or never started */

struct queue_options {
    const char *name;
    unsigned    weight;          /* 1 .. WEIGHT_MAX */
    const char *on_dead;         /* kind of the jobs that carry its dead ones; "": none any more;
                                  * NULL: as Redis has it */
    const struct limit *limits;  /* checked; borrowed until others are given */
    size_t      limits_count;
    const struct bounds *bounds; /* the same; NULL: as Redis has them */
};

/* Before the start. */
enum pinion_err workers_add_queue(struct workers *, const struct queue_options *,
                                  struct error *why) must_use;
enum pinion_err workers_add_handler(struct workers *, struct handler *, struct error *why) must_use;
void            workers_use_link(struct workers *,
                                 struct link *); /* borrowed; and subscribes its channels */

/* At any time, of these: concurrency, strict, memory_mark, lease_ms and grace_ms. */
void            workers_set(struct workers *, const struct workers_options *);
/* At any time: weight, on_dead, limits and bounds of a queue that was added; these are put into
 * Redis again. What was given before is not borrowed any more. Another queue: no-op. */
void            workers_set_queue(struct workers *, const struct queue_options *);
/* At any time: the handlers that are `configured` go, and those of `fresh` come in their place, all
 * or none of them. `fresh` is empty then; on failure it is left alone. What runs goes on with the
 * handler that it began with. PINION_CONFLICT: a kind has a handler that is not configured. */
enum pinion_err workers_replace_handlers(struct workers *, struct registry *fresh,
                                         struct error *why) must_use;

/* What the link tells is passed on here. */
void workers_up(struct workers *, const struct redis_info *);
void workers_down(struct workers *);
void workers_subscribed(struct workers *, bool);
void workers_message(struct workers *, struct span channel, struct span text);

/* No more claims; after the grace (or at once, when called again) what runs is stopped and
 * released; on_stopped is called when all is settled and Redis was told. */
void workers_stop(struct workers *);
bool workers_stopped(const struct workers *);
unsigned workers_running(const struct workers *);
struct pull *workers_pull(struct workers *); /* those who pull over HTTP */
/* Redis's clock, as the heartbeats tell; 0: there was none yet. */
int64_t  workers_now_ms(const struct workers *);

/* Files of zones changed: schedules are read anew. */
void workers_zones_changed(struct workers *);

/* A handler that gave no slots gives some again. */
void workers_look_again(struct workers *);

/* Sends what is pending. The loop does it before it sleeps. */
void workers_flush(struct workers *);

/* For metrics and tests. */
struct workers_totals {
    struct counter   pulled; /* of those claimed: leased to workers elsewhere */
    struct counter   claimed, done, failed, released, stale, wakes;
    struct counter   untold; /* of the outbox: what other queues could not be told */
    struct histogram wait_us, run_us, late_us; /* late: of delayed jobs, start after run-at */
    struct tally    *ends;                     /* of attempts, as Redis accepted them */
    struct timetable_totals schedules;
};
const struct workers_totals *workers_totals(const struct workers *);
/* What was done of late; see recent.h. The caller's. */
struct json_t  *workers_recent(const struct workers *);

#endif
