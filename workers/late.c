/* late.c — attempts at what was pulled that had their time: failed for that, and charged.
 *
 * Found by reap, or by who tells of them too late. Whoever pulled is not asked: its lease has ended
 * with its time, and its outcome is stale. What is not answered is found by the next reap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/pull.h"
#include "workers/pull.h"
#include "workers/shared.h"

struct late {
    char error[LATE_TEXT_MAX], kind[KIND_MAX + 1], id[QUEUE_NAME_MAX + 1], token[TOKEN_MAX];
    int64_t started_ms;
};

struct late_call {
    struct call call;
    struct workers *w;
    struct queue_key key;
    char queue[QUEUE_NAME_MAX + 1];
    size_t count;
    struct settle_item *items;
    struct late *late;
};

static struct late_call *new_late(struct workers *w, struct span queue, size_t count)
{
    struct late_call *l = xcalloc(1, sizeof *l);

    l->call.request = REQUEST_INIT;
    l->w = w;
    l->key = queue_key(w->o.name_space, queue);
    memcpy(l->queue, queue.data, queue.len);
    l->items = xcalloc(count, sizeof *l->items);
    l->late = xcalloc(count, sizeof *l->late);
    return l;
}

static void free_late(struct late_call *l)
{
    request_deinit(&l->call.request);
    free(l->items);
    free(l->late);
    free(l);
}

static void on_failed(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct late_call *l = container_of(call, struct late_call, call);

    if (!err) err = settle_read(reply, SCRIPT_FAIL, l->items, l->count);
    for (size_t i = 0; !err && i < l->count; i++) {
        const struct late *late = &l->late[i];
        enum settled settled = l->items[i].settled;
        if (settled == SETTLED_STALE) continue; /* it came to its end meanwhile */
        log_warn("job_failed", LOG_TEXT("queue", l->queue), LOG_TEXT("job", late->id),
                 LOG_TEXT("kind", late->kind), LOG_TEXT("error", late->error));
        pull_count(l->w->pull, l->queue, span_of(late->kind), pull_end(settled), late->started_ms);
    }
    free_late(l);
}

/* Copies what it needs, for the reply goes. */
static void add(struct late_call *l, const struct pull_attempt *a, const struct job *job)
{
    struct late *late = &l->late[l->count];

    pull_late_text(job, late->error);
    snprintf(late->id, sizeof late->id, "%.*s", (int)a->id.len, a->id.data);
    snprintf(late->token, sizeof late->token, "%.*s", (int)a->token.len, a->token.data);
    snprintf(late->kind, sizeof late->kind, "%.*s", (int)job->kind.len, job->kind.data);
    late->started_ms = a->started_ms;
    l->items[l->count++] = (struct settle_item){
        .id = span_of(late->id),
        .token = span_of(late->token),
        .started_ms = a->started_ms,
        .text = span_of(late->error),
        .delay_ms = (int64_t)pull_backoff_ms(job, a->failures + 1),
    };
}

void late_fail(struct workers *w, struct span queue, const struct pull_attempt *attempts,
               size_t count)
{
    struct late_call *l = new_late(w, queue, count);

    for (size_t i = 0; i < count; i++) {
        struct job job;
        if (!attempts[i].started_ms) continue; /* it came to its end meanwhile */
        if (job_decode(attempts[i].id, attempts[i].head, &job) == PINION_OK)
            add(l, &attempts[i], &job);
        else
            log_error("bad_record", LOG_TEXT("queue", l->queue));
    }
    if (!l->count) {
        free_late(l);
        return;
    }
    fail_build(&l->call.request, queue_key_span(&l->key), l->items, l->count);
    link_send(w->link, &l->call, on_failed);
}

/* ---- found by who tells of them -------------------------------------------------------------- */

static void on_looked(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct late_call *l = container_of(call, struct late_call, call);
    struct pull_attempt *attempts = xcalloc(l->count, sizeof *attempts);

    if (!err) err = pulls_read(reply, attempts, l->count);
    for (size_t i = 0; !err && i < l->count; i++) {
        attempts[i].id = l->items[i].id;
        attempts[i].token = l->items[i].token;
    }
    if (!err) late_fail(l->w, span_of(l->queue), attempts, l->count);
    free(attempts);
    free_late(l);
}

void pull_late(struct pull *p, struct span queue, const struct settle_item *items, size_t count)
{
    struct late_call *l = new_late(pull_workers(p), queue, count);

    for (size_t i = 0; i < count; i++) {
        struct late *late = &l->late[i];
        snprintf(late->id, sizeof late->id, "%.*s", (int)items[i].id.len, items[i].id.data);
        snprintf(late->token, sizeof late->token, "%.*s", (int)items[i].token.len,
                 items[i].token.data);
        l->items[l->count++] =
            (struct settle_item){.id = span_of(late->id), .token = span_of(late->token)};
    }
    pulls_build(&l->call.request, queue_key_span(&l->key), l->items, l->count);
    link_send(l->w->link, &l->call, on_looked);
}
