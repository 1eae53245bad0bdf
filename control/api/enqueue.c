#include "control/api/enqueue.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/submitter.h"

#define INDEX_LEN_MAX 5 /* "-9999" */
_Static_assert(API_NEW_JOBS_MAX <= 10000, "an index has at most four digits");

/* ---- the body -------------------------------------------------------------------------------- */

static enum pinion_err check_key(struct span key, bool array, struct error *why)
{
    size_t len_max = QUEUE_NAME_MAX - (array ? INDEX_LEN_MAX : 0);

    if (!key.data || (queue_name_ok(key) && key.len <= len_max)) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "Idempotency-Key: expected 1 to %zu of A-Z a-z 0-9 . _ -%s", len_max,
                     array ? " for an array, whose jobs get the ids KEY-0, KEY-1 ..." : "");
}

static enum pinion_err read_one(struct span json, const char *queue, const char *id, bool array,
                                struct new_job *ret, struct error *why)
{
    struct pinion_job defaults = {.queue = queue, .id = id};
    enum pinion_err err = new_job_read(json, &defaults, ret, why);

    if (err) return err;
    if (strcmp(ret->job.queue, queue) != 0)
        err = error_set(why, PINION_INVALID, "queue '%.64s': expected '%s', as in the path",
                        ret->job.queue, queue);
    else if (id && !array && strcmp(ret->job.id, id) != 0)
        err = error_set(why, PINION_INVALID, "id '%.64s' and Idempotency-Key '%s': expected one",
                        ret->job.id, id);
    if (err) new_job_deinit(ret);
    return err;
}

/* "item 3: ..." */
static enum pinion_err name_item(size_t index, struct error *why)
{
    struct error whole;

    error_set(&whole, why->code, "item %zu: %.200s", index, why->text);
    *why = whole;
    return whole.code;
}

static enum pinion_err read_array(struct span body, const char *queue, struct span key,
                                  struct new_jobs *n, struct error *why)
{
    struct span *items = xmalloc(API_NEW_JOBS_MAX * sizeof *items);
    size_t count = 0;
    enum pinion_err err = new_job_split(body, items, API_NEW_JOBS_MAX, &count, why);

    n->jobs = xcalloc(count + 1, sizeof *n->jobs);
    n->ids = key.data ? xcalloc(count + 1, sizeof *n->ids) : NULL;
    for (size_t i = 0; !err && i < count; i++) {
        if (key.data) snprintf(n->ids[i], sizeof n->ids[i], "%.*s-%zu", (int)key.len, key.data, i);
        err = read_one(items[i], queue, key.data ? n->ids[i] : NULL, true, &n->jobs[i], why);
        if (err)
            name_item(i, why);
        else
            n->count++;
    }
    free(items);
    return err;
}

enum pinion_err new_jobs_read(struct span body, const char *queue, struct span key,
                              struct new_jobs *ret_jobs, struct error *why)
{
    struct new_jobs n = {.array = new_job_is_array(body)};
    enum pinion_err err = check_key(key, n.array, why);

    if (err) return err;
    if (n.array) {
        err = read_array(body, queue, key, &n, why);
    } else {
        n.jobs = xcalloc(1, sizeof *n.jobs);
        n.ids = key.data ? xcalloc(1, sizeof *n.ids) : NULL;
        if (key.data) memcpy(n.ids[0], key.data, key.len);
        err = read_one(body, queue, key.data ? n.ids[0] : NULL, false, &n.jobs[0], why);
        n.count = !err;
    }
    if (err)
        new_jobs_deinit(&n);
    else
        *ret_jobs = n;
    return err;
}

void new_jobs_deinit(struct new_jobs *n)
{
    for (size_t i = 0; i < n->count; i++) new_job_deinit(&n->jobs[i]);
    free(n->jobs);
    free(n->ids);
    *n = (struct new_jobs){0};
}

/* ---- the request ----------------------------------------------------------------------------- */

struct enqueue_request {
    struct submission submission;
    struct http_exchange *exchange;
    struct new_jobs jobs;
    char queue[QUEUE_NAME_MAX + 1];
    struct enqueue_item items[]; /* of the submission */
};

static void reply_unknown(struct http_exchange *x)
{
    http_reply_error(x, PINION_UNAVAILABLE,
                     "Redis gave no answer: whether the jobs were made is not known; repeating the "
                     "request with the same Idempotency-Key or ids makes none twice");
}

/* By the script, for a reason of its own. */
static bool is_refused(const struct enqueue_item *item)
{
    return item->err == PINION_CONFLICT || (item->job->after && item->err == PINION_NOT_FOUND);
}

static void reply_refused(struct http_exchange *x, const struct enqueue_item *item)
{
    struct error why = {0};

    if (is_refused(item))
        http_reply_error(x, enqueue_why(item, &why), "%s", why.text);
    else if (item->err == PINION_UNAVAILABLE)
        reply_unknown(x);
    else if (item->refusal)
        api_reply_busy(x, item->refusal);
    else
        api_reply_failed(x, item->err, true);
}

/* By hand: this is the hot path, and neither name holds anything to be escaped. */
static void reply_one(const struct enqueue_request *r)
{
    const struct enqueue_item *item = &r->items[0];
    char text[2 * QUEUE_NAME_MAX + 60];

    if (item->err) {
        reply_refused(r->exchange, item);
        return;
    }
    int len = snprintf(text, sizeof text, "{\"id\":\"%s:%s\",\"existing\":%s%s}\n", r->queue,
                       item->local, item->existing ? "true" : "false",
                       item->replaced ? ",\"replaced\":true" : "");
    http_reply(r->exchange, &(struct http_reply){.status = item->existing ? 200 : 201,
                                                 .body = text,
                                                 .len = (size_t)len});
}

static json_t *shape_item(const struct enqueue_request *r, const struct enqueue_item *item)
{
    struct error why = {0};
    json_t *o = is_refused(item) ? shape_error(enqueue_why(item, &why), why.text)
                : item->refusal ? shape_error(item->err, item->refusal)
                : item->err     ? shape_error(item->err, "whether it was made is not known")
                            : json_object();

    json_object_set_new(o, "id", json_sprintf("%s:%s", r->queue, item->local));
    if (!item->err) json_object_set_new(o, "existing", json_boolean(item->existing));
    if (!item->err && item->replaced) json_object_set_new(o, "replaced", json_true());
    return o;
}

/* One answer for each, whatever became of the others; the status is that of the worst. */
static void reply_array(const struct enqueue_request *r)
{
    json_t *array = json_array();
    unsigned status = 200;
    enum pinion_err worst = PINION_OK;

    for (size_t i = 0; i < r->submission.count; i++) {
        const struct enqueue_item *item = &r->items[i];
        json_array_append_new(array, shape_item(r, item));
        if (!item->err && !item->existing) status = 201;
        if (item->err > worst) worst = item->err;
    }
    api_reply_json(r->exchange, worst ? error_http(worst) : status, array);
}

static void on_enqueued(struct submission *submission)
{
    struct enqueue_request *r = container_of(submission, struct enqueue_request, submission);
    size_t unknown = 0;

    for (size_t i = 0; i < submission->count; i++)
        unknown += r->items[i].err && !is_refused(&r->items[i]);
    if (!r->jobs.array)
        reply_one(r);
    else if (unknown == submission->count)
        reply_refused(r->exchange, &r->items[0]);
    else
        reply_array(r);
    new_jobs_deinit(&r->jobs);
    free(r);
}

/* The value of the header, without the quotes that some clients put around it. */
static struct span key_of(const struct http_request *request)
{
    struct span key = http_header(request, "Idempotency-Key");

    if (key.len < 2 || key.data[0] != '"' || key.data[key.len - 1] != '"') return key;
    return (struct span){key.data + 1, key.len - 2};
}

/* A job that waits for others tells of them. */
static bool parents_in_scope(const struct http_request *request, const struct new_jobs *jobs,
                             const char *own_queue)
{
    for (size_t i = 0; i < jobs->count; i++) {
        struct span rest = span_of(jobs->jobs[i].job.after), queue, local;
        while (rest.len) {
            struct span id = span_cut(&rest, ',');
            if (id_split(id, own_queue, &queue, &local, NULL) == PINION_OK &&
                !api_may_see(request, queue))
                return false;
        }
    }
    return true;
}

static void submit(struct service *s, struct http_exchange *x, const char *queue,
                   struct new_jobs jobs)
{
    struct enqueue_request *r = xmalloc(sizeof *r + jobs.count * sizeof r->items[0]);

    *r = (struct enqueue_request){.exchange = x, .jobs = jobs};
    snprintf(r->queue, sizeof r->queue, "%s", queue);
    for (size_t i = 0; i < jobs.count; i++) {
        r->items[i] = (struct enqueue_item){.job = &jobs.jobs[i].job};
        jobs.jobs[i].job.queue = r->queue; /* it may have pointed to the path */
    }
    r->submission = (struct submission){
        r->items, jobs.count, on_enqueued, 0, 0, {0, 0}
    };
    list_init(&r->submission.node);
    submitter_submit(service_submitter(s), &r->submission);
}

void jobs_enqueue(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    const char *queue = args->arg[0].data;
    struct new_jobs jobs;
    struct error why;

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
    if (queue_name_check(args->arg[0], &why) ||
        new_jobs_read(request->body, queue, key_of(request), &jobs, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if (!parents_in_scope(request, &jobs, queue)) {
        api_reply_out_of_scope(x, request);
        new_jobs_deinit(&jobs);
        return;
    }
    if (!jobs.count) {
        http_reply(x, &(struct http_reply){.body = "[]\n", .len = 3});
        new_jobs_deinit(&jobs);
        return;
    }
    if (api_has_redis(ctx, x)) {
        submit(ctx, x, queue, jobs);
        return;
    }
    new_jobs_deinit(&jobs);
}
