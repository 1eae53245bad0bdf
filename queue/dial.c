/* queue/dial.c — waits through "nobody listens yet" and "still loading": both end by themselves. */
#include "queue/dial.h"

#include <poll.h>
#include <stdlib.h>
#include "base/clock.h"
#include "queue/handshake.h"
#include "queue/hiredis_shim.h"

#define AGAIN_MS 25 /* an embedded Redis is up in some 12 ms */

static enum pinion_err shake_hands(struct sync *s, struct handshake *h, struct wire *w,
                                   uint64_t deadline_ms, struct error *why)
{
    struct request request = REQUEST_INIT, *const requests[] = {&request};
    enum pinion_err err = PINION_OK;

    while (!err && handshake_ask(h, &request)) {
        uint64_t now_ms = clock_mono_ms(),
                 left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        redisReply *reply = NULL;

        if (left_ms > s->options.reply_timeout_ms) left_ms = s->options.reply_timeout_ms;
        if (wire_exchange(w, requests, 1, &reply, left_ms, why) == 1)
            err = handshake_take(h, reply, why);
        else
            err = PINION_UNAVAILABLE;
        sync_reply_free(reply);
    }
    request_deinit(&request);
    return err;
}

/* *ret_heard: somebody listens. */
static enum pinion_err try_once(struct sync *s, struct handshake *h, uint64_t deadline_ms,
                                struct wire *ret_wire, bool *ret_heard, struct error *why)
{
    struct wire w = WIRE_CLOSED;
    enum pinion_err err;

    handshake_begin(h);
    err = wire_open(s->url, deadline_ms, &w, why);
    *ret_heard = !err;
    if (err) return err;
    err = shake_hands(s, h, &w, deadline_ms, why);
    if (err)
        wire_close(&w);
    else
        *ret_wire = w;
    return err;
}

static enum pinion_err tell(const struct sync *s, const struct handshake *h, bool loading,
                            const struct error *cause, struct error *why)
{
    char *where = redis_url_text(s->url);
    enum pinion_err err;

    if (h->refused)
        err = error_set(why, cause->code, "Redis at %s: %s", where, cause->text);
    else if (loading)
        err = error_set(why, PINION_UNAVAILABLE,
                        "Redis at %s is still loading its data: wait, or "
                        "give a longer --connect-timeout",
                        where);
    else
        err = error_set(why, cause->code, "no Redis at %s: %s: is `pinion serve` running?", where,
                        cause->text);
    free(where);
    return err;
}

enum pinion_err dial(struct sync *s, bool light, uint64_t deadline_ms, struct wire *ret_wire,
                     struct error *why)
{
    struct handshake h = {.url = s->url,
                          .name_space = s->options.name_space,
                          .light = light,
                          .allow_eviction = s->options.allow_eviction};
    struct error cause;
    bool loading = false, heard;

    if (s->url->tls) {
        h.refused = true;
        error_set(&cause, PINION_INVALID, "%s", REDISS_UNSUPPORTED);
        return tell(s, &h, loading, &cause, why);
    }
    for (;;) {
        enum pinion_err err = try_once(s, &h, deadline_ms, ret_wire, &heard, &cause);
        uint64_t now_ms = clock_mono_ms();
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        bool is_last = left_ms < 2 * AGAIN_MS; /* a hasty try would only hide the cause */

        if (!err && !light) s->info = h.info;
        if (!err) return err;
        loading = h.loading || (loading && h.step > 0); /* it still listens, but is slow */
        if (h.refused || (!heard && !loading && s->options.at_once))
            return tell(s, &h, loading, &cause, why);
        (void)poll(NULL, 0, is_last ? (int)left_ms : AGAIN_MS);
        if (is_last) return tell(s, &h, loading, &cause, why);
    }
}
