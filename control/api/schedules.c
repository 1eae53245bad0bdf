#include "control/api/schedules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/schedule_act.h"
#include "control/schedule_page.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/submitter.h"
#include "control/upcoming.h"

/* ---- one act, step by step ------------------------------------------------------------------- */

struct act_call;
typedef void act_done_fn(struct act_call *); /* answers what went well */

struct act_call {
    struct call call;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct service *service;
    struct schedule_act act;
    struct new_schedule new; /* of PUT */
    act_done_fn *done;
    bool replies_412;        /* it came with a condition */
    uint64_t count;          /* of next */
    char name[QUEUE_NAME_MAX + 1];
};

static void free_act(struct act_call *c)
{
    act_deinit(&c->act);
    new_schedule_deinit(&c->new);
    request_deinit(&c->call.request);
    free(c);
}

static void reply_refused(struct act_call *c, enum pinion_err err, const struct error *why)
{
    if (c->act.result == ACT_REFUSED && c->replies_412)
        http_reply_problem(c->exchange, 412, err, why->text, NULL);
    else
        http_reply_error(c->exchange, err, "%s", why->text);
}

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply);

static void send_step(struct act_call *c)
{
    act_build(&c->act, &c->call.request, service_now_ms(c->service));
    link_send(service_link(c->service), &c->call, on_step);
}

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct act_call *c = container_of(call, struct act_call, call);
    struct error why = {0};

    if (err) {
        api_reply_failed(c->exchange, err, act_changes(&c->act));
    } else if (act_read(&c->act, reply, service_now_ms(c->service), &err, &why)) {
        send_step(c);
        return;
    } else if (err) {
        reply_refused(c, err, &why);
    } else {
        c->done(c);
    }
    free_act(c);
}

/* NULL: it has answered. */
static struct act_call *new_act(struct service *s, struct http_exchange *x,
                                const struct http_request *request, struct span name)
{
    struct act_call *c;
    struct error why;

    if (schedule_name_check(name, &why)) {
        api_reply_why(x, &why);
        return NULL;
    }
    if (!api_has_redis(s, x)) return NULL;
    c = xcalloc(1, sizeof *c);
    c->call.request = REQUEST_INIT;
    c->exchange = x;
    c->request = request;
    c->service = s;
    memcpy(c->name, name.data, name.len);
    return c;
}

static void start_act(struct act_call *c, struct act_options options, act_done_fn *done)
{
    options.name_space = service_config(c->service)->name_space;
    options.name = span_of(c->name);
    options.zones = service_zones(c->service);
    options.scope = c->request->caller->scope;
    c->done = done;
    act_init(&c->act, &options);
    send_step(c);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The shape, with its revision as ETag. */
static void reply_shape(struct act_call *c, unsigned status)
{
    char tag[24], *text;
    struct http_header headers[] = {
        {"ETag", tag },
        {NULL,   NULL}
    };

    bool known;

    if (!c->act.shape) { /* removed at the same moment */
        http_reply_error(c->exchange, PINION_NOT_FOUND, "schedule %s: not found", c->name);
        return;
    }
    snprintf(tag, sizeof tag, "\"%" PRId64 "\"", c->act.revision);
    known = c->act.o.verb == ACT_SHOW && api_knows_tag(c->request, tag);
    text = json_dumps(c->act.shape, JSON_COMPACT);
    http_reply(c->exchange, &(struct http_reply){.status = known ? 304 : status,
                                                 .body = text,
                                                 .len = known ? 0 : strlen(text),
                                                 .headers = headers});
    free(text);
}

static void on_shape(struct act_call *c)
{
    reply_shape(c, 200);
}

static void on_put(struct act_call *c)
{
    if (c->act.result == ACT_UNCHANGED && c->act.o.condition == ACT_IF_NEW)
        http_reply_problem(c->exchange, 412, PINION_CONFLICT, "there is such a schedule already",
                           NULL);
    else
        reply_shape(c, c->act.result == ACT_MADE ? 201 : 200);
}

static void on_removed(struct act_call *c)
{
    api_reply_json(c->exchange, 200,
                   json_pack("{s:s, s:s}", "name", c->name, "status", "removed"));
}

static void on_run(struct act_call *c)
{
    api_reply_json(
        c->exchange, 201,
        json_pack("{s:o}", "id", json_sprintf("%s:%s", c->act.queue, c->act.jobs[0])));
}

static void on_backfilled(struct act_call *c)
{
    json_t *items = json_array();

    for (size_t i = 0; i < c->act.times_count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "fire_time", shape_time(c->act.times_ms[i]));
        json_object_set_new(o, "id",
                            i < c->act.made
                                ? json_sprintf("%s:%s", c->act.queue, c->act.jobs[i])
                                : json_null());
        json_array_append_new(items, o);
    }
    api_reply_json(c->exchange, 200, shape_list(items, NULL));
}

static void on_upcoming(struct act_call *c)
{
    if (!c->act.schedule)
        http_reply_error(c->exchange, PINION_INTERNAL,
                         "schedule %s: its timing cannot be read here", c->name);
    else
        api_reply_json(c->exchange, 200,
                       shape_list(upcoming(c->act.schedule, c->act.now_ms, c->count), NULL));
}

/* ---- looking --------------------------------------------------------------------------------- */

void schedule_get(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct act_call *c;

    if (!api_query_is(x, request, known) || !(c = new_act(ctx, x, request, args->arg[0]))) return;
    start_act(c,
              (struct act_options){.verb = ACT_SHOW,
                                   .with_content =
                                       api_content(request) == SHAPE_WITH_CONTENT,
                                   .with_history = true},
              on_shape);
}

void schedule_upcoming(struct http_exchange *x, const struct http_request *request,
                       const struct route_args *args, void *ctx)
{
    static const char *const known[] = {"count", NULL};
    uint64_t count = UPCOMING_DEFAULT;
    struct act_call *c;

    if (!api_query_is(x, request, known) ||
        !api_query_number(x, request, "count", UPCOMING_MAX, &count) ||
        !(c = new_act(ctx, x, request, args->arg[0])))
        return;
    c->count = count;
    start_act(c, (struct act_options){.verb = ACT_SHOW}, on_upcoming);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* A revision in quotes, as an ETag has it. */
static int64_t revision_of(struct span tag)
{
    uint64_t revision;

    if (tag.len < 3 || tag.data[0] != '"' || tag.data[tag.len - 1] != '"' ||
        text_parse_u64((struct span){tag.data + 1, tag.len - 2}, 1, INT64_MAX, &revision))
        return SCHEDULE_NO_REVISION;
    return (int64_t)revision;
}

/* false: it has answered. */
static bool read_conditions(struct http_exchange *x, const struct http_request *request,
                            struct act_options *o, bool *ret_conditional)
{
    struct span match = http_header(request, "If-Match");
    struct span none = http_header(request, "If-None-Match");

    *ret_conditional = match.data || none.data;
    if ((none.data && !span_is(none, "*")) || (match.data && none.data) ||
        (match.len && memchr(match.data, ',', match.len))) {
        http_reply_error(x, PINION_INVALID,
                         "expected If-None-Match: * (only a new one), If-Match: * (only one that "
                         "is there), or If-Match with one ETag");
        return false;
    }
    if (none.data) o->condition = ACT_IF_NEW;
    if (!match.data) return true;
    o->condition = span_is(match, "*") ? ACT_IF_THERE : ACT_IF_REVISION;
    o->revision = revision_of(match);
    return true;
}

void schedule_put(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct act_options o = {.verb = ACT_PUT, .with_content = true};
    struct act_call *c;
    struct error why;
    bool conditional;

    if (!api_query_is(x, request, known) || !api_body_is_json(x, request) ||
        !read_conditions(x, request, &o, &conditional) ||
        !(c = new_act(ctx, x, request, args->arg[0])))
        return;
    c->replies_412 = conditional;
    if (new_schedule_read(args->arg[0], request->body, service_zones(ctx), &c->new, &why)) {
        api_reply_why(x, &why);
        free_act(c);
        return;
    }
    if (!api_may_see(request, span_of(c->new.job.job.queue))) {
        api_reply_out_of_scope(x, request);
        free_act(c);
        return;
    }
    o.put = &c->new;
    start_act(c, o, on_put);
}

static void act_with(struct http_exchange *x, const struct http_request *request,
                     const struct route_args *args, struct service *s, struct act_options o,
                     act_done_fn *done)
{
    struct act_call *c;

    if (!api_query_is_empty(x, request) || !api_body_is_empty(x, request) ||
        !(c = new_act(s, x, request, args->arg[0]))) return;
    c->replies_412 = o.condition == ACT_IF_REVISION;
    o.with_content = true;
    start_act(c, o, done);
}

static void act_on(struct http_exchange *x, const struct http_request *request,
                   const struct route_args *args, struct service *s, enum act_verb verb,
                   act_done_fn *done)
{
    act_with(x, request, args, s, (struct act_options){.verb = verb}, done);
}

/* What is not there is 404 whatever it was to match: RFC 9110, 13.2.1. */
void schedule_delete(struct http_exchange *x, const struct http_request *request,
                     const struct route_args *args, void *ctx)
{
    struct act_options o = {.verb = ACT_REMOVE};
    bool conditional;

    if (!read_conditions(x, request, &o, &conditional)) return;
    if (o.condition == ACT_IF_NEW)
        http_reply_error(x, PINION_INVALID,
                         "expected no If-None-Match: what is not there cannot be removed");
    else
        act_with(x, request, args, ctx, o, on_removed);
}

void schedule_pause(struct http_exchange *x, const struct http_request *request,
                    const struct route_args *args, void *ctx)
{
    act_on(x, request, args, ctx, ACT_PAUSE, on_shape);
}

void schedule_resume(struct http_exchange *x, const struct http_request *request,
                     const struct route_args *args, void *ctx)
{
    act_on(x, request, args, ctx, ACT_RESUME, on_shape);
}

void schedule_run(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    act_on(x, request, args, ctx, ACT_RUN, on_run);
}

/* ---- backfill -------------------------------------------------------------------------------- */

static bool read_moment(const json_t *body, const char *key, int64_t *ret_ms)
{
    const char *text = json_string_value(json_object_get(body, key));
    size_t len = text ? strlen(text) : 0;

    if (len < 20 || !strchr("Zz+-", text[len - 1] == 'Z' || text[len - 1] == 'z' ? 'Z'
                                                                                 : text[len - 6]))
        return false;
    return time_parse(span_of(text), 0, ret_ms, NULL) == PINION_OK;
}

static enum pinion_err read_range(struct span body, struct act_options *o, struct error *why)
{
    json_t *json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *dry = json_object_get(json, "dry_run");
    size_t keys = 2 + (dry != NULL);
    enum pinion_err err = PINION_OK;

    if (!read_moment(json, "from", &o->from_ms) || !read_moment(json, "to", &o->to_ms) ||
        (dry && !json_is_boolean(dry)) || json_object_size(json) != keys)
        err = error_set(why, PINION_INVALID,
                        "expected {\"from\":TIME,\"to\":TIME}, each with its zone, as "
                        "2026-11-23T10:00:00Z; and \"dry_run\":true if you like");
    o->dry_run = json_is_true(dry);
    json_decref(json);
    return err;
}

void schedule_backfill(struct http_exchange *x, const struct http_request *request,
                       const struct route_args *args, void *ctx)
{
    struct act_options o = {.verb = ACT_BACKFILL};
    struct act_call *c;
    struct error why;

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
    if (read_range(request->body, &o, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if ((c = new_act(ctx, x, request, args->arg[0]))) start_act(c, o, on_backfilled);
}

/* ---- all ------------------------------------------------------------------------------------- */

struct schedules_page {
    struct call call;
    struct http_exchange *exchange;
    struct service *service;
    struct schedule_page page;
    char queue[QUEUE_NAME_MAX + 1], after[QUEUE_NAME_MAX + 1];
};

static void free_page(struct schedules_page *p)
{
    page_deinit(&p->page);
    request_deinit(&p->call.request);
    free(p);
}

static void on_page(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct schedules_page *p = container_of(call, struct schedules_page, call);

    if (!err && page_read(&p->page, reply, &err)) {
        page_build(&p->page, &p->call.request);
        link_send(service_link(p->service), &p->call, on_page);
        return;
    }
    if (err)
        api_reply_failed(p->exchange, err, false);
    else
        api_reply_json(p->exchange, 200, shape_list(page_items(&p->page), page_next(&p->page)));
    free_page(p);
}

/* false: it has answered. */
static bool read_query(struct schedules_page *p, const struct http_request *request,
                       struct schedule_page_options *o)
{
    static const char *const known[] = {"queue", "after", "limit", NULL};
    struct http_exchange *x = p->exchange;
    struct error why;

    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "queue", p->queue, sizeof p->queue, &o->queue) ||
        !api_query_text(x, request, "after", p->after, sizeof p->after, &o->after) ||
        !api_query_number(x, request, "limit", SCHEDULE_ITEMS_MAX, &o->limit))
        return false;
    if ((o->queue.data && queue_name_check(o->queue, &why)) ||
        (o->after.data && schedule_name_check(o->after, &why))) {
        api_reply_why(x, &why);
        return false;
    }
    return true;
}

void schedules_list(struct http_exchange *x, const struct http_request *request,
                    const struct route_args *args, void *ctx)
{
    struct schedule_page_options o = {
        .name_space = service_config(ctx)->name_space,
        .scope = request->caller->scope,
        .limit = SCHEDULE_ITEMS_DEFAULT,
        .with_content = api_content(request) == SHAPE_WITH_CONTENT,
    };
    struct schedules_page *p = xcalloc(1, sizeof *p);

    (void)args;
    p->call.request = REQUEST_INIT;
    p->exchange = x;
    p->service = ctx;
    if (!read_query(p, request, &o) || !api_has_redis(ctx, x)) {
        free(p);
        return;
    }
    page_init(&p->page, &o);
    page_build(&p->page, &p->call.request);
    link_send(service_link(ctx), &p->call, on_page);
}
