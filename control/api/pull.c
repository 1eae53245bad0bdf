/* control/api/pull.c — what is leased is answered at once, or when there is something:
 *
 *      ask ──► pull (workers/pull.h) ──jobs, or the wait is over──► 200      left ──► given back
 */
#include "control/api/pull.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/call.h"
#include "control/service.h"
#include "control/shape_lease.h"
#include "workers/pull.h"

/* How long after the wait a claim may still be on its way. */
#define ANSWER_MS 30000

struct lease_ask {
    struct pull_ask ask;
    struct http_waiter waiter;
    struct http_exchange *exchange;
    char queue[QUEUE_NAME_MAX + 1];
};

static void on_leased(struct pull_ask *ask, enum pinion_err err, const struct pulled *jobs,
                      size_t count)
{
    struct lease_ask *a = container_of(ask, struct lease_ask, ask);
    struct buffer out = BUFFER_INIT;

    if (err) {
        api_reply_failed(a->exchange, err, false); /* what was leased all the same will lapse */
        free(a);
        return;
    }
    leases_add_text(&out, jobs, count, span_of(a->queue));
    http_reply(a->exchange, &(struct http_reply){.status = 200, .body = out.data, .len = out.len});
    buffer_deinit(&out);
    free(a);
}

static void on_left(struct http_waiter *waiter)
{
    pull_leave(&container_of(waiter, struct lease_ask, waiter)->ask);
}

/* ---- what was asked -------------------------------------------------------------------------- */

/* One ?kind=, as often as it stands there. false: it has answered. */
static bool read_kinds(struct http_exchange *x, const struct http_request *request,
                       struct pull_ask *ask)
{
    struct span rest = request->query;
    struct error why;

    while (rest.len) {
        struct span one = span_cut(&rest, '&');
        char kind[KIND_MAX + 1];
        enum pinion_err err = route_query(one, "kind", kind, sizeof kind, &why);
        if (err == PINION_NOT_FOUND) continue;
        if (!err && !pattern_ok(span_of(kind)))
            err = error_set(&why, PINION_INVALID,
                            "?kind=%.40s: expected a kind, or a prefix that ends in . : or / and a "
                            "star, or a star", kind);
        if (!err && ask->kinds_count == PULL_KINDS_MAX)
            err = error_set(&why, PINION_INVALID, "?kind=: expected at most %d", PULL_KINDS_MAX);
        if (err) {
            api_reply_why(x, &why);
            return false;
        }
        memcpy(ask->kinds[ask->kinds_count++], kind, sizeof kind);
    }
    return true;
}

static bool read_wait(struct http_exchange *x, const struct http_request *request,
                      uint64_t *ret_ms)
{
    struct error why;
    struct span text;
    char room[32];

    if (!api_query_text(x, request, "wait", room, sizeof room, &text)) return false;
    if (!text.data ||
        (duration_parse(text, ret_ms, &why) == PINION_OK && *ret_ms <= API_LEASE_WAIT_MAX_MS))
        return true;
    http_reply_error(x, PINION_INVALID, "?wait=%s: expected a duration of at most 5m", room);
    return false;
}

static bool read_lease(struct http_exchange *x, const struct http_request *request,
                       uint64_t *ret_ms)
{
    if (!api_query_number(x, request, "lease_ms", LEASE_MAX_MS, ret_ms)) return false;
    if (!*ret_ms || *ret_ms >= LEASE_MIN_MS) return true;
    http_reply_error(x, PINION_INVALID, "?lease_ms=%" PRIu64 ": expected %d to %d", *ret_ms,
                     LEASE_MIN_MS, LEASE_MAX_MS);
    return false;
}

static bool read_worker(struct http_exchange *x, const struct http_request *request, char *room)
{
    struct span text;

    if (!api_query_text(x, request, "worker", room, PULL_WORKER_MAX + 1, &text)) return false;
    if (!text.data || label_ok(text)) return true;
    http_reply_error(x, PINION_INVALID,
                     "?worker=%.40s: expected 1 to %d of A-Z a-z 0-9 . _ : / @ + -", room,
                     PULL_WORKER_MAX);
    return false;
}

/* false: it has answered. */
static bool read_query(struct http_exchange *x, const struct http_request *request,
                       struct pull_ask *ask)
{
    static const char *const known[] = {"kind", "wait", "max", "lease_ms", "worker", NULL};
    uint64_t max = 1;

    if (!api_query_is(x, request, known) || !read_kinds(x, request, ask) ||
        !read_wait(x, request, &ask->wait_ms) ||
        !api_query_number(x, request, "max", PULL_ITEMS_MAX, &max) ||
        !read_lease(x, request, &ask->lease_ms) || !read_worker(x, request, ask->worker))
        return false;
    ask->max = (unsigned)max;
    return true;
}

static void refuse(struct http_exchange *x, const struct error *why)
{
    if (why->code == PINION_BUSY) api_reply_busy(x, why->text);
    else api_reply_why(x, why);
}

void jobs_lease(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    struct span queue = args->arg[0];
    struct lease_ask *a;
    struct error why;

    if (!api_body_is_empty(x, request)) return;
    if (queue_name_check(queue, &why)) {
        api_reply_why(x, &why);
        return;
    }
    a = xcalloc(1, sizeof *a);
    a->exchange = x;
    a->ask.done = on_leased;
    a->waiter.left = on_left;
    memcpy(a->queue, queue.data, queue.len);
    if (!read_query(x, request, &a->ask) || !api_has_redis(ctx, x)) {
        free(a);
    } else if (pull_start(service_pull(ctx), queue, &a->ask, &why)) {
        refuse(x, &why);
        free(a);
    } else {
        http_allow_ms(x, a->ask.wait_ms + ANSWER_MS);
        http_wait(x, &a->waiter);
    }
}
