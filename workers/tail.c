#include "workers/tail.h"

#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "workers/shared.h"

struct tail {
    struct attempt *attempt;
    uint64_t followed_until_ms; /* 0: nobody follows */
    struct alarm gap;
    uint64_t total, told; /* bytes that came, and up to which one it was told */
    char ring[TAIL_BYTES];
};

struct tail_call {
    struct call call;
};

static struct workers *workers_of(const struct tail *t)
{
    return consumer_workers(t->attempt->consumer);
}

static void on_told(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct tail_call *c = container_of(call, struct tail_call, call);

    (void)err, (void)reply; /* who follows sees by the offsets what was lost */
    request_deinit(&c->call.request);
    free(c);
}

static void copy_from(const struct tail *t, uint64_t from, char *out)
{
    size_t len = (size_t)(t->total - from), at = (size_t)(from % TAIL_BYTES);
    size_t first = len < TAIL_BYTES - at ? len : TAIL_BYTES - at;

    memcpy(out, t->ring + at, first);
    memcpy(out + first, t->ring, len - first);
}

static void tell(struct tail *t)
{
    struct workers *w = workers_of(t);
    uint64_t oldest = t->total > TAIL_BYTES ? t->total - TAIL_BYTES : 0;
    uint64_t from = t->told > oldest ? t->told : oldest;
    struct buffer text = BUFFER_INIT;
    struct tail_call *c;
    char bytes[TAIL_BYTES], *channel;

    if (from == t->total || !link_is_up(w->link)) return;
    copy_from(t, from, bytes);
    t->told = t->total;
    buffer_printf(&text, "%u %llu ", t->attempt->work.attempt, (unsigned long long)from);
    base64_add(&text, bytes, (size_t)(t->total - from));
    channel = channel_of_output(w->o.name_space, span_of(t->attempt->work.queue),
                                t->attempt->job.id);
    c = xcalloc(1, sizeof *c);
    c->call.request = REQUEST_INIT;
    request_command(&c->call.request, "PUBLISH");
    request_add_text(&c->call.request, channel);
    request_add(&c->call.request, text.data, text.len);
    link_send(w->link, &c->call, on_told);
    free(channel);
    buffer_deinit(&text);
    ticker_set_in(w->o.ticker, &t->gap, TAIL_GAP_MS);
}

static bool is_followed(const struct tail *t)
{
    return t->followed_until_ms && clock_mono_ms() < t->followed_until_ms;
}

static void on_gap(struct alarm *alarm)
{
    struct tail *t = container_of(alarm, struct tail, gap);

    if (is_followed(t)) tell(t);
}

static struct tail *made(struct tail **tail, struct attempt *a)
{
    struct tail *t = *tail;

    if (t) return t;
    *tail = t = xmalloc(sizeof *t);
    memset(t, 0, offsetof(struct tail, ring));
    t->attempt = a;
    alarm_init(&t->gap, on_gap);
    return t;
}

void tail_add(struct tail **tail, struct attempt *a, const char *data, size_t len)
{
    struct tail *t = made(tail, a);
    size_t skipped = len > TAIL_BYTES ? len - TAIL_BYTES : 0, at, first;

    t->total += skipped;
    data += skipped;
    len -= skipped;
    at = (size_t)(t->total % TAIL_BYTES);
    first = len < TAIL_BYTES - at ? len : TAIL_BYTES - at;
    memcpy(t->ring + at, data, first);
    memcpy(t->ring, data + first, len - first);
    t->total += len;
    if (is_followed(t) && !alarm_pending(&t->gap)) tell(t);
}

void tail_follow(struct tail **tail, struct attempt *a)
{
    struct tail *t = made(tail, a);

    t->followed_until_ms = clock_mono_ms() + TAIL_FOLLOW_MS;
    t->told = 0; /* whoever it was has heard nothing of it */
    tell(t);
}

void tail_free(struct tail *t)
{
    if (!t) return;
    if (is_followed(t)) tell(t);
    ticker_cancel(workers_of(t)->o.ticker, &t->gap);
    free(t);
}
