/* Plain jobs are passed so that the script touches none of them: per lane, all ids for one RPUSH
 * and all pairs for one HSET. The rest is passed item by item. */
#include "queue/enqueue.h"

#include <stdio.h>
#include <string.h>
#include "base/id.h"
#include "queue/reply.h"

size_t enqueue_fits(const struct enqueue_item *items, size_t count)
{
    size_t n = 0, bytes = 0;

    while (n < count && n < BATCH_ITEMS_MAX) {
        bytes += items[n].job->payload_len + 64;
        if (n > 0 && bytes > BATCH_BYTES_MAX) break;
        if (n > 0 && strcmp(job_queue(items[n].job), job_queue(items[0].job)) != 0) break;
        n++;
    }
    return n;
}

static bool same_lane(const struct pinion_job *a, const struct pinion_job *b)
{
    return a->priority == b->priority && (a->kind == b->kind || strcmp(a->kind, b->kind) == 0);
}

static struct span payload_of(const struct pinion_job *j)
{
    return (struct span){j->payload, j->payload_len};
}

/* Of two plain jobs in one lane: does all that a record says before the payload agree? */
static bool same_head(const struct pinion_job *a, const struct pinion_job *b)
{
    return a->attempts_max == b->attempts_max && a->timeout_ms == b->timeout_ms &&
           a->retain_ms == b->retain_ms && a->backoff == b->backoff;
}

/* In bulk most jobs differ in their payload only: `scratch` keeps the head of the last one. */
static void add_records(struct request *r, struct buffer *scratch, const struct enqueue_item *items,
                        const uint16_t *member, size_t n, int64_t now_ms)
{
    for (size_t i = 0; i < n; i++) {
        const struct enqueue_item *item = &items[member[i]];
        if (i == 0 || !same_head(item->job, items[member[i - 1]].job)) {
            buffer_clear(scratch);
            job_add_head(scratch, item->job);
            job_add_header(scratch, item->job, now_ms);
        }
        request_add(r, item->local, ID_LEN);
        request_add_pair(r, (struct span){scratch->data, scratch->len}, payload_of(item->job));
    }
}

/* The plain items that share the lane of items[first]; each is marked in `done`. */
static void add_lane(struct request *r, struct buffer *scratch, struct enqueue_item *items,
                     size_t count, size_t first, bool *done, int64_t now_ms)
{
    uint16_t member[BATCH_ITEMS_MAX];
    size_t n = 0;

    for (size_t i = first; i < count; i++) {
        if (done[i] || !same_lane(items[i].job, items[first].job)) continue;
        done[i] = true;
        member[n++] = (uint16_t)i;
    }
    buffer_clear(scratch);
    job_add_lane(scratch, items[first].job);
    request_add(r, scratch->data, scratch->len);
    request_add_u64(r, n);
    for (size_t i = 0; i < n; i++) request_add(r, items[member[i]].local, ID_LEN);
    add_records(r, scratch, items, member, n, now_ms);
}

static void add_other(struct request *r, struct buffer *scratch, const struct enqueue_item *item,
                      int64_t now_ms)
{
    const struct pinion_job *j = item->job;
    char digest[DIGEST_LEN + 1] = "";

    if (j->id) job_digest(j, digest);
    request_add_text(r, item->local);
    request_add_text(r, j->in_ms ? "in" : j->run_at_ms ? "at" : "now");
    request_add_i64(r, j->in_ms ? (int64_t)j->in_ms : j->run_at_ms);
    request_add_text(r, digest);
    buffer_clear(scratch);
    job_add_head(scratch, j);
    request_add(r, scratch->data, scratch->len);
    buffer_clear(scratch);
    job_add_header(scratch, j, now_ms);
    request_add_pair(r, (struct span){scratch->data, scratch->len}, payload_of(j));
}

static size_t count_lanes(const struct enqueue_item *items, size_t count)
{
    size_t lanes = 0;

    for (size_t i = 0; i < count; i++) {
        bool first = job_is_plain(items[i].job);
        for (size_t k = 0; first && k < i; k++)
            first = !job_is_plain(items[k].job) || !same_lane(items[k].job, items[i].job);
        lanes += first;
    }
    return lanes;
}

void enqueue_build(struct request *r, struct span key, struct enqueue_item *items, size_t count,
                   int64_t now_ms)
{
    struct buffer scratch = BUFFER_INIT;
    bool done[BATCH_ITEMS_MAX] = {false};
    char call_id[ID_LEN + 1];

    for (size_t i = 0; i < count; i++) {
        if (items[i].job->id)
            snprintf(items[i].local, sizeof items[i].local, "%s", items[i].job->id);
        else
            id_new(now_ms, items[i].local);
        done[i] = !job_is_plain(items[i].job);
    }
    id_new(now_ms, call_id);
    request_script(r, SCRIPT_ENQUEUE, key);
    request_add(r, call_id, ID_LEN);
    request_add_u64(r, count_lanes(items, count));
    for (size_t i = 0; i < count; i++)
        if (!done[i]) add_lane(r, &scratch, items, count, i, done, now_ms);
    for (size_t i = 0; i < count; i++)
        if (!job_is_plain(items[i].job)) add_other(r, &scratch, &items[i], now_ms);
    buffer_deinit(&scratch);
}

/* The item that the script counts as its `index`-th other one. */
static struct enqueue_item *other_at(struct enqueue_item *items, size_t count, int64_t index)
{
    for (size_t i = 0; i < count; i++)
        if (!job_is_plain(items[i].job) && index-- == 0) return &items[i];
    return NULL;
}

enum pinion_err enqueue_read(const struct redisReply *reply, struct enqueue_item *items,
                             size_t count)
{
    if (!span_is(reply_span(reply_at(reply, 0)), "ok")) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        items[i].err = PINION_OK;
        items[i].existing = false;
    }
    for (size_t at = 1; at + 1 < reply_count(reply); at += 2) {
        struct enqueue_item *item = other_at(items, count, reply_i64(reply_at(reply, at), -1));
        if (!item) return PINION_INTERNAL;
        item->existing = span_is(reply_span(reply_at(reply, at + 1)), "existing");
        if (!item->existing) item->err = PINION_CONFLICT;
    }
    return PINION_OK;
}
