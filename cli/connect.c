#include "cli/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/find.h"
#include "queue/look.h"
#include "queue/upkeep.h"

#define CALL_TRIES       3
#define CONNECT_SOON_MS  500 /* where nobody listens: for one that starts at this very moment */
#define CONNECT_RETRY_MS 20

static enum pinion_err find_and_open(const struct common *c, struct session *s, struct error *why)
{
    uint64_t wait_ms = common_timeout_ms(c), give_up_ms = clock_mono_ms() + wait_ms, now_ms;
    struct find_options find = {c->redis, c->state, wait_ms, !c->connect_timeout_ms};
    struct sync_options options = {.name_space = c->name_space,
                                   .allow_eviction = c->allow_eviction};
    char *url = NULL;
    enum pinion_err err = find_redis(&find, &url, why);

    if (err) return err;
    err = redis_url_parse(span_of(url), &s->url, why);
    free(url);
    if (err) return err;
    now_ms = clock_mono_ms(); /* what was waited for the folder is gone */
    options.at_once = find.at_once && !find_is_served(&find);
    options.connect_timeout_ms = give_up_ms > now_ms ? give_up_ms - now_ms : 1;
    err = sync_open(&s->url, &options, &s->sync, why);
    if (err) redis_url_deinit(&s->url);
    return err;
}

/* `pinion serve & pinion enqueue ...`, or a command while a service is restarted. */
static enum pinion_err find_and_open_soon(const struct common *c, struct session *s,
                                          struct error *why)
{
    uint64_t give_up_ms = clock_mono_ms() + CONNECT_SOON_MS;
    enum pinion_err err = find_and_open(c, s, why);

    while (err == PINION_UNAVAILABLE && !c->connect_timeout_ms && clock_mono_ms() < give_up_ms) {
        nanosleep(&(struct timespec){.tv_nsec = CONNECT_RETRY_MS * 1000000L}, NULL);
        err = find_and_open(c, s, why);
    }
    return err;
}

enum pinion_err session_open(const struct common *c, struct session *s, struct error *why)
{
    *s = (struct session){.name_space = c->name_space};
    if (namespace_ok(span_of(c->name_space))) return find_and_open_soon(c, s, why);
    return error_set(why, PINION_INVALID,
                     "--namespace '%.80s': expected 1 to %d of A-Z a-z 0-9 . _ -", c->name_space,
                     NAMESPACE_MAX);
}

void session_close(struct session *s)
{
    sync_close(s->sync);
    redis_url_deinit(&s->url);
}

enum pinion_err session_call(struct session *s, struct request *r, struct redisReply **ret_reply,
                             struct error *why)
{
    enum pinion_err err = PINION_UNAVAILABLE;

    for (int i = 0; i < CALL_TRIES && err == PINION_UNAVAILABLE; i++)
        err = sync_call(s->sync, r, ret_reply, why);
    return err;
}

enum pinion_err session_call_queue(struct session *s, struct span queue, struct request *r,
                                   struct redisReply **ret_reply, struct error *why)
{
    struct request registration = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    queue_register_build(&registration, s->name_space, queue);
    err = session_call(s, &registration, &reply, why);
    request_deinit(&registration);
    if (err) return err;
    s->made_queue |= queue_register_was_new(reply);
    sync_reply_free(reply);
    err = session_call(s, r, &reply, why);
    if (err) return err;
    if (ret_reply) *ret_reply = reply;
    else sync_reply_free(reply);
    return PINION_OK;
}

void session_tell_new(const struct session *s, const char *queue)
{
    if (!s->made_queue) return;
    fprintf(stderr,
            "pinion: queue %s is new: no job was ever enqueued there, and no server has served "
            "it\n",
            queue);
}

/* ---- all queues ------------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

enum pinion_err queue_names_read(struct session *s, struct queue_names *ret, struct error *why)
{
    struct request request = REQUEST_INIT;
    struct queue_names q = {0};
    enum pinion_err err;

    queues_build(&request, s->name_space);
    err = session_call(s, &request, &q.reply, why);
    request_deinit(&request);
    if (err) return err;
    q.names = xcalloc(queues_count(q.reply) + 1, sizeof(*q.names));
    for (size_t i = 0; i < queues_count(q.reply); i++) {
        struct span name = queues_name(q.reply, i);

        if (queue_name_ok(name)) q.names[q.count++] = name;
    }
    qsort(q.names, q.count, sizeof(*q.names), by_text);
    *ret = q;
    return PINION_OK;
}

void queue_names_deinit(struct queue_names *q)
{
    free(q->names);
    sync_reply_free(q->reply);
    *q = (struct queue_names){0};
}
