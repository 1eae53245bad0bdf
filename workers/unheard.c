/* What is leased to us and was never heard of: held by our former incarnation, claimed with an
 * answer that was lost, or pushed with a message that was. All else that we hold is renewed or
 * settled, and Redis takes back the rest.
 *
 *      JOIN ──no claim is on its way──► TAKE_BACK ──page by page──► consumer_serve()
 */
#include "base/clock.h"
#include "base/log.h"
#include "workers/shared.h"

#define MISSED_BEATS 4

/* ---- what our former incarnation held -------------------------------------------------------- */

static void send_take_back(struct consumer *c, int64_t rank);

static void on_taken_back(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, take_back);
    int64_t count = 0, next = -1;

    c->taking_back = false;
    if (!err) err = take_back_read(reply, &count, &next);
    if (!err && count > 0)
        log_info("taken_back", LOG_TEXT("queue", c->queue), LOG_INT("jobs", count));
    if (!err && next >= 0 && (c->leaving || c->at == CONSUMER_TAKE_BACK)) {
        send_take_back(c, next);
    } else if (c->leaving) {
        consumer_gone(c);
    } else if (err && c->at == CONSUMER_TAKE_BACK) {
        c->at = CONSUMER_JOIN; /* the next beat begins anew */
    } else if (c->at == CONSUMER_TAKE_BACK) {
        c->taken_back = true;
        c->unheard = false;
        consumer_serve(c);
    }
}

static void send_take_back(struct consumer *c, int64_t rank)
{
    c->taking_back = true;
    take_back_build(&c->take_back.request, consumer_key(c), c->w->o.server,
                    c->taken_back ? TAKE_BACK_UNHEARD : TAKE_BACK_ALL, rank);
    link_send(c->w->link, &c->take_back, on_taken_back);
}

/* All that we know is renewed or settled first, so that what stays unheard is what we do not know.
 * One connection carries all of it, in this order. */
static void take_back(struct consumer *c)
{
    pushes_settle(c);
    keeper_renew(c, c->taken_back);
    outcomes_send(c);
    c->taken_back_us = clock_mono_us();
    c->missed_us = 0;
    send_take_back(c, 0);
}

/* The jobs of a claim on its way would look unheard: its answer is waited for. */
void unheard_join(struct consumer *c)
{
    if (c->at != CONSUMER_JOIN || c->seat < 0 || c->claims > 0 || c->taking_back || c->leaving)
        return;
    if (c->taken_back && !c->unheard) {
        consumer_serve(c);
        return;
    }
    c->at = CONSUMER_TAKE_BACK;
    take_back(c);
}

void unheard_lost(struct consumer *c)
{
    c->unheard = true;
    if (c->at != CONSUMER_SERVE || c->leaving) return;
    c->at = CONSUMER_JOIN;
    unheard_join(c);
}

/* Its last answer leads to the good-bye. */
void unheard_leave(struct consumer *c)
{
    if (!c->taking_back) take_back(c);
}

/* ---- messages that do not come --------------------------------------------------------------- */

/* Redis took our name off the idle, so it sent a message on the other connection. It may be on its
 * way, also when a heartbeat that was asked later is answered before: only if it has not come when
 * MISSED_BEATS more are answered, one after the other, it never will. */
static void ask_again(struct consumer *c)
{
    c->missed_us = clock_mono_us();
    keeper_beat(c);
}

void unheard_missed(struct consumer *c)
{
    if (c->missed_us) return;
    c->missed_beats = 0;
    ask_again(c);
}

void unheard_look(struct consumer *c, bool idle)
{
    if (c->missed_us && c->beat_sent_us >= c->missed_us && ++c->missed_beats < MISSED_BEATS) {
        ask_again(c);
    } else if (c->missed_us && c->beat_sent_us >= c->missed_us) {
        log_warn("message_lost", LOG_TEXT("queue", c->queue));
        c->missed_us = 0;
        unheard_lost(c);
        link_resubscribe(c->w->link);
    } else if (c->beat_idle_us && c->beat_idle_us == c->idle_asked_us && !idle) {
        unheard_missed(c);
    }
}
