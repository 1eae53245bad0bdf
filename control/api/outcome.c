/* control/api/outcome.c — one question to Redis, for a failure two:
 *
 *      ack, extend, progress ──────────────► the script ──► answer
 *      fail ──► the jobs: how often, since when ──► fail ──► answer
 */
#include "control/api/outcome.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/call.h"
#include "control/outcome.h"
#include "control/service.h"
#include "control/shape.h"
#include "queue/pull.h"
#include "workers/pull.h"

struct report {
    struct call call;
    struct http_exchange *exchange;
    struct service *service;
    enum outcome_verb verb;
    bool many;
    json_t *body;
    size_t count;
    struct outcome_said *said;
    struct settle_item *items; /* of said, as the builders want them */
    struct pull_answer *answers;
    char (*kinds)[KIND_MAX + 1]; /* of failed jobs; "": not ours to fail */
    char (*late_text)[LATE_TEXT_MAX];
    struct queue_key key;
    char queue[QUEUE_NAME_MAX + 1], local[QUEUE_NAME_MAX + 1];
};

static void free_report(struct report *r)
{
    for (size_t i = 0; i < r->count; i++) outcome_deinit(&r->said[i]);
    free(r->said);
    free(r->items);
    free(r->answers);
    free(r->kinds);
    free(r->late_text);
    json_decref(r->body);
    request_deinit(&r->call.request);
    free(r);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static const char *status_of(const struct report *r, enum settled settled)
{
    if (r->verb == SAY_ACK) return "done";
    if (r->verb != SAY_FAIL) return "active";
    return settled == SETTLED_DEAD ? "dead" : settled == SETTLED_CANCELLED ? "cancelled" : "retry";
}

/* PINION_OK: it was accepted. */
static enum pinion_err judge(const struct report *r, size_t i, struct error *why)
{
    const struct pull_answer *a = &r->answers[i];
    char timeout[DURATION_TEXT_MAX];

    if (a->settled == SETTLED_LATE)
        return error_set(why, PINION_STALE,
                         "job %s:%.*s: timed out after %s, and is failed for that", r->queue,
                         (int)r->items[i].id.len, r->items[i].id.data,
                         duration_format(a->timeout_ms, timeout));
    if (a->settled == SETTLED_INVALID)
        return error_set(why, PINION_INVALID, "percent or note: beyond what is kept");
    if (a->settled != SETTLED_STALE) return PINION_OK;
    return error_set(why, PINION_STALE, "job %s:%.*s: not leased with this token: the lease "
                     "lapsed, the job has ended, or the token is of something else; nothing was "
                     "changed", r->queue, (int)r->items[i].id.len, r->items[i].id.data);
}

static json_t *shape_answer(const struct report *r, size_t i)
{
    const struct pull_answer *a = &r->answers[i];
    struct error why;
    enum pinion_err err = judge(r, i, &why);
    json_t *o = err ? shape_error(err, why.text) : json_object();

    json_object_set_new(o, "id", json_sprintf("%s:%.*s", r->queue, (int)r->items[i].id.len,
                                              r->items[i].id.data));
    if (err) return o;
    json_object_set_new(o, "status", json_string(status_of(r, a->settled)));
    if (r->verb == SAY_EXTEND) json_object_set_new(o, "lease_until", shape_time(a->until_ms));
    if (r->verb == SAY_EXTEND || r->verb == SAY_PROGRESS)
        json_object_set_new(o, "cancelled", json_boolean(a->settled == SETTLED_CANCEL));
    return o;
}

/* The hot path by hand: neither name holds anything to be escaped. */
static void add_answer(struct buffer *out, const struct report *r, size_t i)
{
    struct span id = r->items[i].id;
    char *text;
    json_t *o;

    if (r->verb == SAY_ACK && r->answers[i].settled == SETTLED_OK) {
        buffer_printf(out, "{\"id\":\"%s:%.*s\",\"status\":\"done\"}", r->queue, (int)id.len,
                      id.data);
        return;
    }
    o = shape_answer(r, i);
    text = json_dumps(o, JSON_COMPACT);
    buffer_add_text(out, text);
    free(text);
    json_decref(o);
}

/* Of many, each has an answer, whatever became of the others; the status is that of the worst. */
static void reply_many(const struct report *r)
{
    struct buffer out = BUFFER_INIT;
    enum pinion_err worst = PINION_OK;

    for (size_t i = 0; i < r->count; i++) {
        struct error why;
        enum pinion_err err = judge(r, i, &why);
        buffer_add_char(&out, i ? ',' : '[');
        add_answer(&out, r, i);
        if (err > worst) worst = err;
    }
    buffer_add_text(&out, "]\n");
    http_reply(r->exchange,
               &(struct http_reply){.status = error_http(worst), .body = out.data, .len = out.len});
    buffer_deinit(&out);
}

static void reply(const struct report *r)
{
    struct error why;

    if (r->many) reply_many(r);
    else if (judge(r, 0, &why)) api_reply_why(r->exchange, &why);
    else api_reply_json(r->exchange, 200, shape_answer(r, 0));
}

/* ---- counted as those that run here ---------------------------------------------------------- */

static void count_one(const struct report *r, size_t i)
{
    struct pull *pull = service_pull(r->service);
    const struct pull_answer *a = &r->answers[i];

    if (a->settled == SETTLED_STALE || a->settled == SETTLED_LATE)
        pull_stale(pull);
    else if (r->verb == SAY_ACK && a->settled == SETTLED_OK)
        pull_count(pull, r->queue, a->kind, TALLY_DONE, a->started_ms);
    else if (r->verb == SAY_FAIL && r->kinds[i][0])
        pull_count(pull, r->queue, span_of(r->kinds[i]), pull_end(a->settled),
                   r->items[i].started_ms);
    else if (r->verb == SAY_EXTEND && a->until_ms)
        pull_until(pull, span_of(r->queue), a->until_ms);
}

static void fail_late(const struct report *r)
{
    struct settle_item *late = xcalloc(r->count, sizeof *late);
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++)
        if (r->answers[i].settled == SETTLED_LATE) late[count++] = r->items[i];
    if (count) pull_late(service_pull(r->service), span_of(r->queue), late, count);
    free(late);
}

static enum pinion_err read_settled(struct report *r, const struct redisReply *reply,
                                    enum script script)
{
    enum pinion_err err = settle_read(reply, script, r->items, r->count);

    for (size_t i = 0; !err && i < r->count; i++)
        r->answers[i] = (struct pull_answer){.settled = r->items[i].settled};
    return err;
}

static enum pinion_err read_answers(struct report *r, const struct redisReply *reply)
{
    switch (r->verb) {
    case SAY_ACK: return ack_pull_read(reply, r->answers, r->count);
    case SAY_EXTEND: return extend_read(reply, r->answers, r->count);
    case SAY_FAIL: return read_settled(r, reply, SCRIPT_FAIL);
    case SAY_PROGRESS: return read_settled(r, reply, SCRIPT_PROGRESS);
    case SAY_VERBS: break;
    }
    return PINION_INTERNAL;
}

static void on_told(struct call *call, enum pinion_err err, const struct redisReply *got)
{
    struct report *r = container_of(call, struct report, call);

    if (!err) err = read_answers(r, got);
    if (err) {
        api_reply_failed(r->exchange, err, true);
    } else {
        for (size_t i = 0; i < r->count; i++) count_one(r, i);
        fail_late(r);
        reply(r);
    }
    free_report(r);
}

/* ---- the question ---------------------------------------------------------------------------- */

static void tell(struct report *r,
                 void (*build)(struct request *, struct span, const struct settle_item *, size_t))
{
    build(&r->call.request, queue_key_span(&r->key), r->items, r->count);
    link_send(service_link(r->service), &r->call, on_told);
}

/* What is not leased so is told all the same: it may be a repetition. */
static void prepare_failure(struct report *r, size_t i, const struct pull_attempt *a)
{
    struct settle_item *item = &r->items[i];
    struct job job;

    if (!a->started_ms || job_decode(item->id, a->head, &job)) {
        item->delay_ms = 0;
        return;
    }
    item->started_ms = a->started_ms;
    if (service_now_ms(r->service) >= a->started_ms + (int64_t)job.timeout_ms) {
        pull_late_text(&job, r->late_text[i]); /* whatever it says */
        item->text = span_of(r->late_text[i]);
        item->delay_ms = DELAY_BY_BACKOFF;
    }
    snprintf(r->kinds[i], sizeof r->kinds[i], "%.*s", (int)job.kind.len, job.kind.data);
    if (item->delay_ms == DELAY_BY_BACKOFF)
        item->delay_ms = (int64_t)pull_backoff_ms(&job, a->failures + 1);
}

static void on_looked(struct call *call, enum pinion_err err, const struct redisReply *got)
{
    struct report *r = container_of(call, struct report, call);
    struct pull_attempt *attempts = xcalloc(r->count + 1, sizeof *attempts);

    if (!err) err = pulls_read(got, attempts, r->count);
    if (err) {
        api_reply_failed(r->exchange, err, false);
        free_report(r);
    } else {
        r->kinds = xcalloc(r->count + 1, sizeof *r->kinds);
        r->late_text = xcalloc(r->count + 1, sizeof *r->late_text);
        for (size_t i = 0; i < r->count; i++) prepare_failure(r, i, &attempts[i]);
        tell(r, fail_build);
    }
    free(attempts);
}

static void ask(struct report *r)
{
    switch (r->verb) {
    case SAY_ACK: tell(r, ack_pull_build); return;
    case SAY_EXTEND: tell(r, extend_build); return;
    case SAY_PROGRESS: tell(r, progress_build); return;
    case SAY_FAIL:
    case SAY_VERBS: break;
    }
    pulls_build(&r->call.request, queue_key_span(&r->key), r->items, r->count);
    link_send(service_link(r->service), &r->call, on_looked);
}

/* ---- the body -------------------------------------------------------------------------------- */

static enum pinion_err parse(struct report *r, struct span body, struct error *why)
{
    json_error_t error;

    r->body = json_loadb(body.data ? body.data : "", body.len,
                         JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (!r->body)
        return error_set(why, PINION_INVALID, "expected JSON: %s, at column %d", error.text,
                         error.column);
    if (r->many && !json_is_array(r->body))
        return error_set(why, PINION_INVALID, "expected an array of objects with id and token");
    if (r->many && json_array_size(r->body) > BATCH_ITEMS_MAX)
        return error_set(why, PINION_TOO_LARGE, "%zu items: at most %d", json_array_size(r->body),
                         BATCH_ITEMS_MAX);
    return PINION_OK;
}

/* A token that no puller has is that of nothing. */
static void check_token(struct settle_item *item)
{
    if (!pull_token_ok(item->token)) item->token = span_of("0");
}

static enum pinion_err read_items(struct report *r, struct error *why)
{
    size_t count = r->many ? json_array_size(r->body) : 1, bytes = 0;
    struct span local = r->many ? (struct span){0} : span_of(r->local);

    r->said = xcalloc(count + 1, sizeof *r->said);
    r->items = xcalloc(count + 1, sizeof *r->items);
    r->answers = xcalloc(count + 1, sizeof *r->answers);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = r->many ? json_array_get(r->body, i) : r->body;
        struct error what;
        if (outcome_read(r->verb, one, span_of(r->queue), local, &r->said[i], &what))
            return r->many ? error_set(why, what.code, "item %zu: %.200s", i, what.text)
                           : error_set(why, what.code, "%s", what.text);
        r->count++;
        r->items[i] = r->said[i].item;
        check_token(&r->items[i]);
        if (r->verb == SAY_EXTEND && !r->items[i].lease_ms)
            r->items[i].lease_ms = service_config(r->service)->lease_ms;
        bytes += r->items[i].text.len;
    }
    if (bytes <= BATCH_BYTES_MAX) return PINION_OK;
    return error_set(why, PINION_TOO_LARGE, "results or errors of %zu bytes: at most %d in one "
                     "request", bytes, BATCH_BYTES_MAX);
}

static void start(struct report *r, const struct http_request *request)
{
    struct error why;

    if (!api_body_is_json(r->exchange, request) || !api_has_redis(r->service, r->exchange)) {
        free_report(r);
    } else if (parse(r, request->body, &why) || read_items(r, &why)) {
        api_reply_why(r->exchange, &why);
        free_report(r);
    } else if (!r->count) {
        api_reply_json(r->exchange, 200, json_array());
        free_report(r);
    } else {
        ask(r);
    }
}

static struct report *new_report(struct http_exchange *x, struct service *s,
                                 enum outcome_verb verb, struct span queue)
{
    struct report *r = xcalloc(1, sizeof *r);

    r->call.request = REQUEST_INIT;
    r->exchange = x;
    r->service = s;
    r->verb = verb;
    r->key = queue_key(service_config(s)->name_space, queue);
    memcpy(r->queue, queue.data, queue.len);
    return r;
}

static void say_one(struct http_exchange *x, const struct http_request *request,
                    const struct route_args *args, struct service *s, enum outcome_verb verb)
{
    static const char *const known[] = {NULL};
    struct span queue, local;
    struct report *r;
    struct error why;

    if (!api_query_is(x, request, known)) return;
    if (id_split(args->arg[0], NULL, &queue, &local, &why)) {
        api_reply_why(x, &why);
        return;
    }
    r = new_report(x, s, verb, queue);
    memcpy(r->local, local.data, local.len);
    start(r, request);
}

static void say_many(struct http_exchange *x, const struct http_request *request,
                     const struct route_args *args, struct service *s, enum outcome_verb verb)
{
    static const char *const known[] = {NULL};
    struct report *r;
    struct error why;

    if (!api_query_is(x, request, known)) return;
    if (queue_name_check(args->arg[0], &why)) {
        api_reply_why(x, &why);
        return;
    }
    r = new_report(x, s, verb, args->arg[0]);
    r->many = true;
    start(r, request);
}

void job_ack(struct http_exchange *x, const struct http_request *request,
             const struct route_args *args, void *ctx)
{
    say_one(x, request, args, ctx, SAY_ACK);
}

void job_fail(struct http_exchange *x, const struct http_request *request,
              const struct route_args *args, void *ctx)
{
    say_one(x, request, args, ctx, SAY_FAIL);
}

void job_extend(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    say_one(x, request, args, ctx, SAY_EXTEND);
}

void job_progress(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    say_one(x, request, args, ctx, SAY_PROGRESS);
}

void jobs_ack(struct http_exchange *x, const struct http_request *request,
              const struct route_args *args, void *ctx)
{
    say_many(x, request, args, ctx, SAY_ACK);
}

void jobs_fail(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    say_many(x, request, args, ctx, SAY_FAIL);
}

void jobs_extend(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    say_many(x, request, args, ctx, SAY_EXTEND);
}
