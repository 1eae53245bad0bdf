/*      IDLE ──hint──► ALARM ──due──► CALL ──answer──► ALARM (the next due job) or IDLE
 *                       ▲              │
 *                       └── hint ──────┘ heard during a call: the earlier of both counts
 */
#include "scheduler/promoter.h"

#include <stdbool.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/link.h"
#include "queue/redis_clock.h"
#include "queue/upkeep.h"
#include "scheduler/ticker.h"

struct promoter {
    struct promoter_options o;
    struct alarm alarm;
    struct call call;
    bool calling;
    int64_t due_ms; /* of the earliest job known; UPKEEP_NEVER: none */
    uint64_t sent_us;
};

static void promote(struct promoter *p);

static void arm(struct promoter *p)
{
    if (p->calling) return;
    if (p->due_ms == UPKEEP_NEVER)
        ticker_cancel(p->o.ticker, &p->alarm);
    else
        ticker_set_at(p->o.ticker, &p->alarm, redis_clock_mono_ms(p->o.clock, p->due_ms));
}

static void on_alarm(struct alarm *alarm)
{
    promote(container_of(alarm, struct promoter, alarm));
}

static void on_promoted(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct promoter *p = container_of(call, struct promoter, call);
    struct promoted answer;

    p->calling = false;
    if (err || promote_read(reply, &answer)) {
        p->due_ms = UPKEEP_NEVER; /* the heartbeat will tell again */
        return;
    }
    redis_clock_note(p->o.clock, p->sent_us, clock_mono_us(), answer.now_us);
    if (answer.next_due_ms < p->due_ms) p->due_ms = answer.next_due_ms;
    if (answer.more)
        promote(p);
    else
        arm(p);
}

static void promote(struct promoter *p)
{
    p->calling = true;
    p->due_ms =
        UPKEEP_NEVER; /* hints that come during the call are kept; the answer has the rest */
    p->sent_us = clock_mono_us();
    promote_build(&p->call.request, p->o.key);
    link_send(p->o.link, &p->call, on_promoted);
    p->o.due(p->o.ctx);
}

struct promoter *promoter_new(const struct promoter_options *options)
{
    struct promoter *p = xcalloc(1, sizeof *p);

    p->o = *options;
    p->due_ms = UPKEEP_NEVER;
    p->call.request = REQUEST_INIT;
    alarm_init(&p->alarm, on_alarm);
    return p;
}

void promoter_free(struct promoter *p)
{
    if (!p) return;
    ticker_cancel(p->o.ticker, &p->alarm);
    request_deinit(&p->call.request);
    free(p);
}

void promoter_hint(struct promoter *p, int64_t due_ms)
{
    if (due_ms < p->due_ms) p->due_ms = due_ms;
    arm(p); /* also what was known: Redis's clock may have stepped since */
}

void promoter_stop(struct promoter *p)
{
    p->due_ms = UPKEEP_NEVER;
    arm(p);
}
