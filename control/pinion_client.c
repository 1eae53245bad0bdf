#include "control/pinion_shared.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "control/enqueuer.h"
#include "control/find.h"
#include "queue/key.h"
#include "queue/limit.h"
#include "queue/sync.h"
#include "queue/upkeep.h"

const char *pinion_err_name(enum pinion_err err)
{
    return error_name(err);
}

enum pinion_err tell_reason(const struct error *why, enum pinion_err err, char *text, size_t size)
{
    if (err && text && size) snprintf(text, size, "%s", why->text);
    return err;
}

#define CONNECT_DEFAULT_MS 5000
#define REPLY_DEFAULT_MS   10000

struct pinion_client {
    struct redis_url url;
    struct sync *sync;
    struct enqueuer *enqueuer;
    char *name_space;
    uint64_t reply_timeout_ms;
};

static enum pinion_err connect_client(struct pinion_client *c,
                                      const struct pinion_client_options *o, struct error *why)
{
    uint64_t wait_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_DEFAULT_MS;
    struct find_options find = {o->redis_url, o->state_dir, wait_ms, false};
    struct sync_options options = {.name_space = c->name_space,
                                   .connect_timeout_ms = wait_ms,
                                   .reply_timeout_ms = c->reply_timeout_ms};
    char *url = NULL;
    enum pinion_err err = find_redis(&find, &url, why);

    if (!err) err = redis_url_parse(span_of(url), &c->url, why);
    if (!err) err = sync_open(&c->url, &options, &c->sync, why);
    free(url);
    return err;
}

enum pinion_err pinion_client_open(const struct pinion_client_options *options,
                                   struct pinion_client **ret_client, char *text, size_t size)
{
    static const struct pinion_client_options defaults;
    const struct pinion_client_options *o = options ? options : &defaults;
    struct pinion_client *c = xcalloc(1, sizeof *c);
    struct error why = {0};
    enum pinion_err err;

    c->name_space = xstrdup(o->name_space ? o->name_space : "pinion");
    c->reply_timeout_ms = o->reply_timeout_ms ? o->reply_timeout_ms : REPLY_DEFAULT_MS;
    err = connect_client(c, o, &why);
    if (err) {
        pinion_client_close(c);
        return tell_reason(&why, err, text, size);
    }
    c->enqueuer = enqueuer_new(c->sync, c->name_space);
    *ret_client = c;
    return PINION_OK;
}

void pinion_client_close(struct pinion_client *c)
{
    if (!c) return;
    enqueuer_free(c->enqueuer);
    sync_close(c->sync);
    redis_url_deinit(&c->url);
    free(c->name_space);
    free(c);
}

enum pinion_err pinion_enqueue(struct pinion_client *c, const struct pinion_job *jobs, size_t count,
                               struct pinion_enqueued *ret)
{
    return enqueuer_send(c->enqueuer, jobs, count, c->reply_timeout_ms, ret, NULL);
}

/* ---- limits ---------------------------------------------------------------------------------- */

#define CALL_TRIES 3 /* where the answer of a call that may be repeated was lost */

static enum pinion_err limit_from(const struct pinion_limit *from, struct limit *ret,
                                  struct error *why)
{
    struct limit l = {
        .scope = from->kind         ? LIMIT_KIND
                 : from->group      ? LIMIT_GROUP
                 : from->each_group ? LIMIT_EACH_GROUP
                                    : LIMIT_QUEUE,
        .name = span_of(from->kind ? from->kind : from->group),
        .keep_concurrency = !from->clear && !from->concurrency,
        .keep_rate = !from->clear && !from->rate && !from->rate_per_ms,
        .concurrency = from->concurrency,
        .count = from->rate,
        .per_ms = from->rate_per_ms,
        .burst = from->burst,
    };
    bool sets = l.concurrency || l.count || l.per_ms || l.burst;

    if ((from->kind != NULL) + (from->group != NULL) + (from->each_group != 0) > 1)
        return error_set(why, PINION_INVALID, "limit: expected one of kind, group and each_group");
    if (from->clear ? sets : !sets)
        return error_set(why, PINION_INVALID,
                         "limit: expected either clear, or a concurrency or rate");
    if (l.per_ms && !l.count)
        return error_set(why, PINION_INVALID, "rate: expected 1 to %d, together with rate_per_ms",
                         LIMIT_VALUE_MAX);
    *ret = l;
    return limit_check(&l, why);
}

static enum pinion_err call_client(struct pinion_client *c, struct request *request,
                                   struct redisReply **ret_reply, struct error *why)
{
    enum pinion_err err = PINION_UNAVAILABLE;

    for (int i = 0; i < CALL_TRIES && err == PINION_UNAVAILABLE; i++)
        err = sync_call(c->sync, request, ret_reply, why);
    return err;
}

static enum pinion_err set_limits(struct pinion_client *c, struct span queue,
                                  const struct limit *limits, size_t count, struct error *why)
{
    struct queue_key key = queue_key(c->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    queue_register_build(&request, c->name_space, queue); /* it may be limited before its jobs */
    err = call_client(c, &request, &reply, why);
    sync_reply_free(reply);
    reply = NULL;
    if (!err) {
        limit_build(&request, queue_key_span(&key), false, limits, count);
        err = call_client(c, &request, &reply, why);
        if (!err) err = limit_read(reply, why);
        sync_reply_free(reply);
    }
    request_deinit(&request);
    return err;
}

enum pinion_err pinion_limit(struct pinion_client *c, const char *queue,
                             const struct pinion_limit *limits, size_t count, char *text,
                             size_t size)
{
    struct span name = span_of(queue ? queue : "default");
    struct limit *checked;
    struct error why = {0};
    enum pinion_err err = queue_name_check(name, &why);

    if (!err && (count < 1 || count > LIMITS_MAX))
        err = error_set(&why, PINION_INVALID, "expected 1 to %d limits", LIMITS_MAX);
    if (err) return tell_reason(&why, err, text, size);
    checked = xcalloc(count, sizeof *checked);
    for (size_t i = 0; !err && i < count; i++) err = limit_from(&limits[i], &checked[i], &why);
    if (!err) err = set_limits(c, name, checked, count, &why);
    free(checked);
    return tell_reason(&why, err, text, size);
}
