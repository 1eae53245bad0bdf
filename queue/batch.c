#include "queue/batch.h"

#include "base/buffer.h"
#include "base/id.h"
#include "base/macros.h"
#include "queue/job.h"
#include "queue/key.h"
#include "queue/reply.h"

/* ---- a member -------------------------------------------------------------------------------- */

enum pinion_err batch_check(const struct pinion_job *j, struct error *why)
{
    struct error reason = {0};
    struct span queue, name;

    if (!j->batch) return PINION_OK;
    if (id_split(span_of(j->batch), job_queue(j), &queue, &name, &reason))
        return error_set(why, PINION_INVALID,
                         "batch '%.60s': expected 1 to %d of A-Z a-z 0-9 . _ -", j->batch,
                         QUEUE_NAME_MAX);
    if (!span_is(queue, job_queue(j)))
        return error_set(why, PINION_INVALID,
                         "batch '%s': expected a batch of the job's own queue, %s", j->batch,
                         job_queue(j));
    if (j->replace)
        return error_set(why, PINION_INVALID, "`batch` and `replace`: expected one of them");
    return PINION_OK;
}

struct span batch_name(const struct pinion_job *j)
{
    struct span queue, name = {0};

    (void)!id_split(span_of(j->batch), job_queue(j), &queue, &name, NULL);
    return name;
}

enum pinion_err batch_name_check(struct span name, struct error *why)
{
    if (queue_name_ok(name)) return PINION_OK;
    return error_set(why, PINION_INVALID, "batch '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ -",
                     (int)(name.len > 60 ? 60 : name.len), name.len ? name.data : "",
                     QUEUE_NAME_MAX);
}

/* ---- what scripts say ------------------------------------------------------------------------ */

const char *batch_state(const struct batch_view *b)
{
    return b->completed_ms ? "complete" : b->closed_ms ? "closed" : "open";
}

static enum pinion_err read_row(const struct redisReply *row, struct batch_view *ret)
{
    int64_t n[9];

    if (reply_count(row) != countof(n) + 2 || !reply_span(reply_at(row, 0)).len)
        return PINION_INTERNAL;
    for (size_t i = 0; i < countof(n); i++)
        if ((n[i] = reply_i64(reply_at(row, i + 1), -1)) < 0) return PINION_INTERNAL;
    *ret = (struct batch_view){
        .name = reply_span(reply_at(row, 0)), .job = reply_span(reply_at(row, countof(n) + 1)),
        .total = (uint64_t)n[0], .done = (uint64_t)n[1], .dead = (uint64_t)n[2],
        .cancelled = (uint64_t)n[3], .deleted = (uint64_t)n[4], .pending = (uint64_t)n[5],
        .opened_ms = n[6], .closed_ms = n[7], .completed_ms = n[8]};
    if (!ret->job.len) ret->job = (struct span){0};
    return PINION_OK;
}

static enum pinion_err not_understood(struct error *why)
{
    return error_set(why, PINION_INTERNAL, "an answer that this version does not understand");
}

static enum pinion_err not_found(struct span name, struct error *why)
{
    return error_set(why, PINION_NOT_FOUND, "batch %.*s: not found; pinion batch list lists them",
                     (int)name.len, name.data);
}

/* ---- calls ----------------------------------------------------------------------------------- */

void batch_open_build(struct request *r, struct span key, struct span name,
                      const struct pinion_job *job, int64_t now_ms)
{
    struct pinion_job own = {0};
    struct buffer head = BUFFER_INIT;
    char id[ID_LEN + 1] = "";

    request_script(r, SCRIPT_BATCH_OPEN, key);
    request_add_span(r, name);
    if (job) id_new(now_ms, id);
    request_add_text(r, id);
    if (job) {
        own = (struct pinion_job){.kind = job->kind};
        job_add_head(&head, &own);
        job_add_header(&head, &own, now_ms);
    }
    request_add_pair(r, (struct span){head.data, head.len},
                     (struct span){job ? job->payload : NULL, job ? job->payload_len : 0});
    buffer_deinit(&head);
}

enum pinion_err batch_open_read(const struct redisReply *reply, struct span name,
                                bool *ret_existing, struct error *why)
{
    struct span status = reply_span(reply);

    if (span_is(status, "conflict"))
        return error_set(why, PINION_CONFLICT,
                         "batch %.*s: it is there already, and makes another job when it is "
                         "complete", (int)name.len, name.data);
    if (span_is(status, "closed"))
        return error_set(why, PINION_CONFLICT, "batch %.*s: it is closed, and makes no job",
                         (int)name.len, name.data);
    if (!span_is(status, "opened") && !span_is(status, "existing") && !span_is(status, "changed"))
        return not_understood(why);
    *ret_existing = !span_is(status, "opened");
    return PINION_OK;
}

void batch_close_build(struct request *r, struct span key, struct span name)
{
    request_script(r, SCRIPT_BATCH_CLOSE, key);
    request_add_span(r, name);
}

enum pinion_err batch_close_read(const struct redisReply *reply, struct span name,
                                 struct batch_view *ret, bool *ret_existing, struct error *why)
{
    struct span status = reply_span(reply_at(reply, 0));

    if (span_is(status, "not_found")) return not_found(name, why);
    if (read_row(reply_at(reply, 1), ret)) return not_understood(why);
    *ret_existing = span_is(status, "existing");
    return PINION_OK;
}

static void build_list(struct request *r, struct span key, struct span name, struct span cursor,
                       uint64_t limit)
{
    request_script(r, SCRIPT_BATCH_LIST, key);
    request_add_span(r, name);
    request_add_span(r, cursor.len ? cursor : span_of("0"));
    request_add_u64(r, limit);
}

void batch_show_build(struct request *r, struct span key, struct span name)
{
    build_list(r, key, name, (struct span){0}, 1);
}

enum pinion_err batch_show_read(const struct redisReply *reply, struct span name,
                                struct batch_view *ret, struct error *why)
{
    if (reply_count(reply) == 1) return not_found(name, why);
    return read_row(reply_at(reply, 1), ret) ? not_understood(why) : PINION_OK;
}

void batch_list_build(struct request *r, struct span key, struct span cursor, uint64_t limit)
{
    build_list(r, key, span_of(""), cursor, limit);
}

size_t batch_list_count(const struct redisReply *reply)
{
    return reply_count(reply) ? reply_count(reply) - 1 : 0;
}

enum pinion_err batch_list_item(const struct redisReply *reply, size_t i, struct batch_view *ret)
{
    return read_row(reply_at(reply, i + 1), ret);
}

struct span batch_list_next(const struct redisReply *reply)
{
    return reply_span(reply_at(reply, 0));
}
