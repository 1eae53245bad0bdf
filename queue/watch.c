/* queue/watch.c — a connection for subscriptions, read when the caller wants to. */
#include "queue/sync.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/dial.h"
#include "queue/hiredis_shim.h"

struct watch {
    struct sync *sync; /* borrowed: where to, and with what deadlines */
    struct wire wire;
    char **channels;
    size_t count;
};

static struct span part(const redisReply *reply, size_t i)
{
    const redisReply *r = reply->element[i];

    return HIREDIS_IS_TEXT(r->type) ? (struct span){r->str, r->len} : (struct span){0};
}

static bool is_delivery(const redisReply *reply, const char *kind)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           span_is(part(reply, 0), kind);
}

/* Messages that come between two confirmations are dropped: the caller does not listen yet. */
static enum pinion_err await_confirmations(struct watch *w, uint64_t deadline_ms, struct error *why)
{
    size_t confirmed = 0;

    while (confirmed < w->count) {
        redisReply *reply = NULL;
        enum pinion_err err = wire_read(&w->wire, deadline_ms, &reply, why);

        if (err == PINION_BUSY)
            return error_set(why, PINION_UNAVAILABLE, "Redis did not confirm the subscription");
        if (err) return err;
        if (reply->type == REDIS_REPLY_ERROR)
            err = error_set(why, PINION_FORBIDDEN, "Redis: %s", reply->str);
        else if (is_delivery(reply, "subscribe"))
            confirmed++;
        freeReplyObject(reply);
        if (err) return err;
    }
    return PINION_OK;
}

static enum pinion_err subscribe(struct watch *w, uint64_t deadline_ms, struct error *why)
{
    struct request request = REQUEST_INIT, *const requests[] = {&request};
    enum pinion_err err;

    request_command(&request, "SUBSCRIBE");
    for (size_t i = 0; i < w->count; i++) request_add_text(&request, w->channels[i]);
    err = wire_send(&w->wire, requests, 1, deadline_ms, why);
    request_deinit(&request);
    return err ? err : await_confirmations(w, deadline_ms, why);
}

static enum pinion_err connect_watch(struct watch *w, uint64_t deadline_ms, struct error *why)
{
    enum pinion_err err = dial(w->sync, /* light= */ true, deadline_ms, &w->wire, why);

    if (!err) err = subscribe(w, deadline_ms, why);
    if (err) wire_close(&w->wire);
    return err;
}

enum pinion_err watch_open(struct sync *s, const char *const channels[], size_t count,
                           struct watch **ret_watch, struct error *why)
{
    struct watch *w = xcalloc(1, sizeof *w);
    enum pinion_err err;

    w->sync = s;
    w->wire = WIRE_CLOSED;
    w->channels = xcalloc(count ? count : 1, sizeof *w->channels);
    for (; w->count < count; w->count++) w->channels[w->count] = xstrdup(channels[w->count]);
    err = connect_watch(w, clock_mono_ms() + s->options.connect_timeout_ms, why);
    if (err)
        watch_close(w);
    else
        *ret_watch = w;
    return err;
}

static void copy(struct span message, char *text, size_t size)
{
    size_t len = message.len < size ? message.len : size - 1;

    if (size == 0) return;
    if (len) memcpy(text, message.data, len);
    text[len] = '\0';
}

enum pinion_err watch_next(struct watch *w, uint64_t timeout_ms, char *text, size_t size)
{
    uint64_t deadline_ms = clock_mono_ms() + timeout_ms;
    enum pinion_err err = PINION_OK;
    bool is_message = false;

    if (w->wire.fd < 0) {
        err = connect_watch(w, deadline_ms, NULL);
        return err ? err
                   : PINION_UNAVAILABLE; /* from here on it listens, but it did not until now */
    }
    while (!err && !is_message) {
        redisReply *reply = NULL;

        err = wire_read(&w->wire, deadline_ms, &reply, NULL);
        if (err) break;
        is_message = is_delivery(reply, "message");
        if (is_message) copy(part(reply, 2), text, size);
        freeReplyObject(reply);
    }
    return err;
}

void watch_close(struct watch *w)
{
    if (!w) return;
    wire_close(&w->wire);
    for (size_t i = 0; i < w->count; i++) free(w->channels[i]);
    free(w->channels);
    free(w);
}
