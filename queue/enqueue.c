/* Plain jobs are passed so that the script touches none of them: per lane, all names for one RPUSH
 * and all pairs for one HSET; in bulk these are packs. The rest is passed item by item. */
#include "queue/enqueue.h"

#include <stdio.h>
#include <string.h>
#include "base/id.h"
#include "queue/after.h"
#include "queue/batch.h"
#include "queue/pack.h"
#include "queue/reply.h"
#include "queue/unique.h"

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

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_lane(const struct pinion_job *a, const struct pinion_job *b)
{
    return a->priority == b->priority && same_text(a->kind, b->kind) &&
           same_text(a->group, b->group);
}

static struct span payload_of(const struct pinion_job *j)
{
    return (struct span){j->payload, j->payload_len};
}

/* Of two plain jobs in one lane: does all that a record says before the payload agree? */
static bool same_head(const struct pinion_job *a, const struct pinion_job *b)
{
    return a->attempts_max == b->attempts_max && a->timeout_ms == b->timeout_ms &&
           a->retain_ms == b->retain_ms && same_text(a->backoff, b->backoff) &&
           same_text(a->tags, b->tags) && same_text(a->traceparent, b->traceparent);
}

/* What is said of some plain jobs of one lane. */
struct lane_writer {
    struct enqueue_item *items;
    uint16_t member[BATCH_ITEMS_MAX]; /* which items they are */
    size_t count, entries;
    uint8_t size[BATCH_ITEMS_MAX]; /* of each entry; 1: a job that stands for itself */
    int64_t now_ms;
    struct buffer head, pack;
};

static const struct pinion_job *job_at(const struct lane_writer *w, size_t i)
{
    return w->items[w->member[i]].job;
}

/* The head of the i-th job's record. In bulk most jobs differ in their payload only. */
static struct span head_of(struct lane_writer *w, size_t i)
{
    if (i == 0 || !same_head(job_at(w, i), job_at(w, i - 1))) {
        buffer_clear(&w->head);
        job_add_head(&w->head, job_at(w, i));
        job_add_header(&w->head, job_at(w, i), w->now_ms);
    }
    return (struct span){w->head.data, w->head.len};
}

static size_t head_bytes_max(const struct pinion_job *j)
{
    return RECORD_HEAD_MAX + (j->group ? strlen(j->group) : 0) + (j->tags ? strlen(j->tags) : 0);
}

/* How many jobs from the i-th on go into one entry. Those whose results are kept are settled one by
 * one, so a pack would only be in their way. */
static size_t entry_size(const struct lane_writer *w, size_t from)
{
    size_t n = 0, bytes = 0;

    for (; from + n < w->count && n < PACK_JOBS_MAX; n++) {
        const struct pinion_job *j = job_at(w, from + n);
        bytes += j->payload_len + head_bytes_max(j);
        if (j->retain_ms || bytes > PACK_BYTES_MAX) break;
    }
    return n < PACK_JOBS_MIN ? 1 : n;
}

static void name_jobs(struct lane_writer *w)
{
    for (size_t i = 0, n; i < w->count; i += n) {
        char *first = w->items[w->member[i]].local;
        n = entry_size(w, i);
        w->size[w->entries++] = (uint8_t)n;
        if (n == 1) {
            id_new(w->now_ms, first);
            continue;
        }
        id_new_block(w->now_ms, first);
        for (size_t k = 1; k < n; k++) {
            char *id = w->items[w->member[i + k]].local;
            memcpy(id, first, ID_LEN + 1);
            id_in_block(id, (unsigned)k);
        }
    }
}

static void add_name(struct request *r, const struct enqueue_item *item, size_t size)
{
    char name[PACK_NAME_LEN + 1];

    if (size == 1) {
        request_add(r, item->local, ID_LEN);
        return;
    }
    pack_name((struct span){item->local, ID_LEN}, name);
    request_add(r, name, PACK_NAME_LEN);
}

static void add_record(struct request *r, struct lane_writer *w, struct span lane, size_t from,
                       size_t size)
{
    if (size == 1) {
        request_add_pair(r, head_of(w, from), payload_of(job_at(w, from)));
        return;
    }
    buffer_clear(&w->pack);
    pack_begin(&w->pack, lane, size);
    for (size_t i = from; i < from + size; i++)
        pack_add(&w->pack, head_of(w, i), payload_of(job_at(w, i)));
    request_add(r, w->pack.data, w->pack.len);
}

/* The plain items that share the lane of items[first]; each is marked in `done`. */
static void add_lane(struct request *r, struct lane_writer *w, size_t count, size_t first,
                     bool *done)
{
    struct buffer lane = BUFFER_INIT;

    w->count = w->entries = 0;
    for (size_t i = first; i < count; i++) {
        if (done[i] || !same_lane(w->items[i].job, w->items[first].job)) continue;
        done[i] = true;
        w->member[w->count++] = (uint16_t)i;
    }
    name_jobs(w);
    job_add_lane(&lane, w->items[first].job);
    request_add(r, lane.data, lane.len);
    request_add_u64(r, w->entries);
    request_add_u64(r, w->count);
    for (size_t e = 0, i = 0; e < w->entries; i += w->size[e++])
        add_name(r, &w->items[w->member[i]], w->size[e]);
    for (size_t e = 0, i = 0; e < w->entries; i += w->size[e++]) {
        add_name(r, &w->items[w->member[i]], w->size[e]);
        add_record(r, w, (struct span){lane.data, lane.len}, i, w->size[e]);
    }
    buffer_deinit(&lane);
}

/* What the job asks for when it is made, for the script: JSON, or nothing. No value in it holds a
 * character that JSON would escape. */
static void add_wish(struct request *r, struct buffer *scratch, const struct pinion_job *j)
{
    struct unique u;

    buffer_clear(scratch);
    if (j->unique && !unique_parse(span_of(j->unique), &u, NULL)) {
        buffer_printf(scratch, ",\"unique\":\"%.*s\",\"span\":\"", (int)u.key.len, u.key.data);
        unique_add_span(scratch, &u);
        buffer_add_text(scratch, j->replace ? "\",\"replace\":true" : "\"");
    }
    if (j->after) after_add_wish(scratch, j);
    if (j->batch)
        buffer_printf(scratch, ",\"batch\":\"%.*s\"", (int)batch_name(j).len, batch_name(j).data);
    if (scratch->len) {
        scratch->data[0] = '{'; /* for the comma */
        buffer_add_char(scratch, '}');
    }
    request_add(r, scratch->data, scratch->len);
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
    add_wish(r, scratch, j);
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

/* One plain job is what most calls make. */
static void build_one(struct request *r, struct span key, struct enqueue_item *item,
                      const char *call_id, int64_t now_ms)
{
    struct buffer text = BUFFER_INIT;

    id_new(now_ms, item->local);
    request_script(r, SCRIPT_ENQUEUE_ONE, key);
    request_add(r, call_id, ID_LEN);
    job_add_lane(&text, item->job);
    request_add(r, text.data, text.len);
    request_add(r, item->local, ID_LEN);
    buffer_clear(&text);
    job_add_head(&text, item->job);
    job_add_header(&text, item->job, now_ms);
    request_add_pair(r, (struct span){text.data, text.len}, payload_of(item->job));
    buffer_deinit(&text);
}

void enqueue_build(struct request *r, struct span key, struct enqueue_item *items, size_t count,
                   int64_t now_ms)
{
    struct lane_writer w = {.items = items, .now_ms = now_ms};
    bool done[BATCH_ITEMS_MAX] = {false};
    char call_id[ID_LEN + 1];

    id_new(now_ms, call_id);
    if (count == 1 && job_is_plain(items[0].job)) {
        build_one(r, key, items, call_id, now_ms);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        done[i] = !job_is_plain(items[i].job);
        if (items[i].job->id)
            snprintf(items[i].local, sizeof items[i].local, "%s", items[i].job->id);
        else if (done[i])
            id_new(now_ms, items[i].local);
    }
    request_script(r, SCRIPT_ENQUEUE, key);
    request_add(r, call_id, ID_LEN);
    request_add_u64(r, count_lanes(items, count));
    for (size_t i = 0; i < count; i++)
        if (!done[i]) add_lane(r, &w, count, i, done);
    for (size_t i = 0; i < count; i++)
        if (!job_is_plain(items[i].job)) add_other(r, &w.head, &items[i], now_ms);
    buffer_deinit(&w.head);
    buffer_deinit(&w.pack);
}

/* The item that the script counts as its `index`-th other one. */
static struct enqueue_item *other_at(struct enqueue_item *items, size_t count, int64_t index)
{
    for (size_t i = 0; i < count; i++)
        if (!job_is_plain(items[i].job) && index-- == 0) return &items[i];
    return NULL;
}

/* Why none was made; NULL: it was not refused. */
static const char *refusal_of(const struct redisReply *reply)
{
    static const char *const known[][2] = {
        {"draining", "the queue is being drained: it takes no new jobs until that is ended"},
        {"jobs", "the queue is full (max_jobs): try again when jobs have ended"},
        {"bytes", "the queue is full (max_bytes): try again when jobs have ended"},
        {"memory", "Redis is full (memory mark of maxmemory): try again when jobs have ended"},
    };

    if (!span_is(reply_span(reply_at(reply, 0)), "busy")) return NULL;
    for (size_t i = 0; i < countof(known); i++)
        if (span_is(reply_span(reply_at(reply, 1)), known[i][0])) return known[i][1];
    return "the queue takes no new jobs now: try again later";
}

/* 'existing', 'existing ID', 'replaced ID', 'conflict', 'closed', 'no_parent N' or 'full_parent N'.
 */
static bool read_status(struct enqueue_item *item, struct span text)
{
    struct span rest = text, status = span_cut(&rest, ' ');
    uint64_t parent = 0;

    if (span_is(status, "no_parent") || span_is(status, "full_parent")) {
        item->err = span_is(status, "no_parent") ? PINION_NOT_FOUND : PINION_BUSY;
        if (item->err == PINION_BUSY) item->refusal = "a job that it waits for has 10000 children";
        if (text_parse_u64(rest, 0, PARENTS_MAX, &parent)) return false;
        item->parent = (unsigned)parent;
        return true;
    }
    if (rest.len > QUEUE_NAME_MAX) return false;
    item->replaced = span_is(status, "replaced");
    item->existing = item->replaced || span_is(status, "existing");
    if (!item->existing) item->err = PINION_CONFLICT;
    item->closed = span_is(status, "closed");
    if (rest.len) memcpy(item->local, rest.data, rest.len);
    if (rest.len) item->local[rest.len] = '\0';
    return true;
}

enum pinion_err enqueue_read(const struct redisReply *reply, struct enqueue_item *items,
                             size_t count)
{
    const char *refusal = refusal_of(reply);

    for (size_t i = 0; i < count; i++) items[i].refusal = refusal;
    if (refusal) return PINION_BUSY;
    if (!span_is(reply_span(reply_at(reply, 0)), "ok")) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        items[i].err = PINION_OK;
        items[i].existing = items[i].replaced = items[i].closed = false;
    }
    for (size_t at = 1; at + 1 < reply_count(reply); at += 2) {
        struct enqueue_item *item = other_at(items, count, reply_i64(reply_at(reply, at), -1));
        if (!item || !read_status(item, reply_span(reply_at(reply, at + 1))))
            return PINION_INTERNAL;
    }
    return PINION_OK;
}

enum pinion_err enqueue_why(const struct enqueue_item *item, struct error *why)
{
    struct after_id parent = after_at(item->job, item->parent);

    if (item->err == PINION_CONFLICT && item->closed)
        return error_set(why, item->err, "batch '%s' is closed: it takes no more jobs",
                         item->job->batch);
    if (item->err == PINION_CONFLICT)
        return error_set(why, item->err, "id '%s' is taken by a job with other content",
                         item->local);
    if (item->err == PINION_NOT_FOUND)
        return error_set(why, item->err,
                         "after '%.*s:%.*s': no such job; it may have ended and not been kept",
                         (int)parent.queue.len, parent.queue.data, (int)parent.local.len,
                         parent.local.data);
    return error_set(why, item->err, "%s", item->refusal ? item->refusal : error_name(item->err));
}
