#include "control/async/async.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "control/find.h"
#include "control/pinion_shared.h"
#include "control/results.h"
#include "control/submitter.h"
#include "queue/key.h"

#define CONNECT_DEFAULT_MS 5000
#define REPLY_DEFAULT_MS   10000
#define FIND_MIN_MS        20 /* looks into the state folder again, while no service is there; */
#define FIND_MAX_MS        500 /* twice as long each time, up to this */

_Static_assert(PINION_ASYNC_WAITS == RESULT_WAITS_MAX, "what results.h takes");

/* ---- calls ----------------------------------------------------------------------------------- */

void async_failed(struct async_call *call, enum pinion_err err, const struct error *why)
{
    if (call->why.code || !err) return;
    if (why && why->code) call->why = *why;
    else error_set(&call->why, err, "%s", error_name(err));
}

static void release(struct async_call *call)
{
    for (unsigned i = 0; i < ASYNC_USES; i++) {
        call->client->used[i] -= call->uses[i];
        call->uses[i] = 0;
    }
    call->client->open--;
}

void async_end(struct async_call *call)
{
    release(call);
    list_remove(&call->node);
    call->end(call);
}

static void arm_soon(struct pinion_async *c)
{
    if (ev_is_active(&c->soon)) return;
    ev_timer_set(&c->soon, 0., 0.);
    ev_timer_start(c->loop, &c->soon);
}

void async_end_soon(struct async_call *call)
{
    list_remove(&call->node);
    list_push(&call->client->ended, &call->node);
    arm_soon(call->client);
}

/* One that alone is more than all that fits is too large; else it is a matter of time. */
bool async_admit(struct async_call *call)
{
    static const char *const of[] = {"jobs", "bytes", "calls", "waits for jobs"};
    const struct pinion_async *c = call->client;

    if (call->why.code) return false;
    if (c->closing) {
        error_set(&call->why, PINION_CONFLICT, "the client was closed");
        return false;
    }
    for (unsigned i = 0; i < ASYNC_USES; i++) {
        if (call->uses[i] <= c->limit[i] - c->used[i]) continue;
        if (call->uses[i] > c->limit[i])
            error_set(&call->why, PINION_TOO_LARGE, "expected at most %zu %s in one call, not %zu",
                      c->limit[i], of[i], call->uses[i]);
        else
            error_set(&call->why, PINION_BUSY, "%zu %s are on their way, of at most %zu: try again "
                                               "when some have ended",
                      c->used[i], of[i], c->limit[i]);
        return false;
    }
    return true;
}

static void hold(struct pinion_async *c, struct async_call *call)
{
    list_push(&c->held, &call->node);
    if (!alarm_pending(&c->held_over))
        ticker_set_at(c->ticker, &c->held_over, call->since_ms + c->connect_timeout_ms);
}

void async_start(struct async_call *call)
{
    struct pinion_async *c = call->client;
    bool taken = async_admit(call);

    list_init(&call->node);
    call->since_ms = clock_mono_ms();
    c->open++;
    for (unsigned i = 0; i < ASYNC_USES; i++) {
        if (!taken) call->uses[i] = 0;
        c->used[i] += call->uses[i];
    }
    if (taken && c->refused) async_failed(call, PINION_UNAVAILABLE, &c->trouble);
    if (call->why.code) async_end_soon(call);
    else if (c->link && link_is_up(c->link)) call->begin(call);
    else hold(c, call);
}

static void fail_held(struct pinion_async *c, const struct error *why)
{
    struct list *node;

    ticker_cancel(c->ticker, &c->held_over);
    while ((node = list_pop(&c->held))) {
        struct async_call *call = container_of(node, struct async_call, node);
        async_failed(call, why->code, why);
        async_end_soon(call);
    }
}

static void begin_held(struct pinion_async *c)
{
    struct list all, *node;

    ticker_cancel(c->ticker, &c->held_over);
    list_init(&all);
    list_take(&all, &c->held);
    while ((node = list_pop(&all))) {
        struct async_call *call = container_of(node, struct async_call, node);
        call->begin(call);
    }
}

/* The first of those held has waited for long enough, and perhaps others. */
static void on_held_over(struct alarm *alarm)
{
    struct pinion_async *c = container_of(alarm, struct pinion_async, held_over);
    uint64_t now_ms = clock_mono_ms();
    char text[DURATION_TEXT_MAX];

    duration_format(c->connect_timeout_ms, text);
    list_for_each_safe (node, &c->held) {
        struct async_call *call = container_of(node, struct async_call, node);
        uint64_t over_ms = call->since_ms + c->connect_timeout_ms;
        if (over_ms > now_ms) {
            ticker_set_at(c->ticker, &c->held_over, over_ms);
            return;
        }
        error_set(&call->why, PINION_UNAVAILABLE, "no connection within %s: %s", text,
                  c->trouble.text);
        async_end_soon(call);
    }
}

/* ---- the connection -------------------------------------------------------------------------- */

static void on_up(void *ctx, const struct redis_info *info)
{
    struct pinion_async *c = ctx;

    c->refused = false;
    c->clock_offset_us = info->clock_offset_us;
    submitter_up(c->submitter);
    results_up(c->results);
    begin_held(c);
}

static void on_refused(void *ctx, const struct error *why)
{
    struct pinion_async *c = ctx;

    c->refused = true;
    c->trouble = *why;
    fail_held(c, why);
    submitter_give_up(c->submitter);
}

static void on_subscribed(void *ctx)
{
    results_look(((struct pinion_async *)ctx)->results);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    results_message(((struct pinion_async *)ctx)->results, channel, text);
}

static int64_t now_ms(void *ctx)
{
    const struct pinion_async *c = ctx;

    return (clock_wall_us() + c->clock_offset_us) / 1000;
}

static void connect_to(struct pinion_async *c)
{
    const struct link_options options = {
        .url = c->url,
        .name_space = c->name_space,
        .call_timeout_ms = c->reply_timeout_ms,
        .on_up = on_up,
        .on_refused = on_refused,
        .on_subscribed = on_subscribed,
        .on_message = on_message,
        .ctx = c,
    };
    char *where = redis_url_text(&c->url);

    error_set(&c->trouble, PINION_UNAVAILABLE, "Redis at %s gives no answer", where);
    free(where);
    c->link = link_new(c->loop, &options);
    c->results = results_new(c->link, c->ticker, c->name_space);
    c->submitter = submitter_new(c->loop, c->link, c->name_space, now_ms, c);
    submitter_repeat(c->submitter, c->ticker, c->connect_timeout_ms);
    link_start(c->link);
}

static void find_later(struct pinion_async *c)
{
    c->find_ms = c->find_ms ? 2 * c->find_ms : FIND_MIN_MS;
    if (c->find_ms > FIND_MAX_MS) c->find_ms = FIND_MAX_MS;
    ticker_set_in(c->ticker, &c->find_again, c->find_ms);
}

/* PINION_OK also while nobody has told where Redis is: then it is looked for again. */
static enum pinion_err find(struct pinion_async *c, struct error *why)
{
    const struct find_options options = {c->redis_url, c->state_dir, 0, false};
    char *url = NULL;
    enum pinion_err err = find_redis(&options, &url, why);

    if (err == PINION_UNAVAILABLE) {
        c->trouble = *why;
        find_later(c);
        return PINION_OK;
    }
    if (!err) err = redis_url_parse(span_of(url), &c->url, why);
    free(url);
    if (!err) connect_to(c);
    return err;
}

static void on_find_again(struct alarm *alarm)
{
    struct pinion_async *c = container_of(alarm, struct pinion_async, find_again);
    struct error why = {0};

    if (!find(c, &why)) return;
    c->trouble = why; /* what stands there may be mended */
    find_later(c);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_client(struct pinion_async *c)
{
    results_free(c->results);
    submitter_free(c->submitter);
    link_free(c->link);
    ticker_free(c->ticker);
    ev_timer_stop(c->loop, &c->soon);
    ev_prepare_stop(c->loop, &c->turn);
    redis_url_deinit(&c->url);
    free(c->redis_url);
    free(c->state_dir);
    free(c->name_space);
    free(c);
}

static bool is_over(const struct pinion_async *c)
{
    return c->closing && !c->open &&
           (!c->link || (link_is_idle(c->link) && submitter_is_idle(c->submitter)));
}

/* First collect, then call back: a call that is made in a callback waits for the next turn. */
static void on_soon(struct ev_loop *loop, ev_timer *soon, int events)
{
    struct pinion_async *c = container_of(soon, struct pinion_async, soon);
    struct list all, *node;

    (void)loop, (void)events;
    list_init(&all);
    list_take(&all, &c->ended);
    while ((node = list_pop(&all))) async_end(container_of(node, struct async_call, node));
    if (!is_over(c)) return;
    pinion_closed_fn *closed = c->closed;
    void *ctx = c->closed_ctx;
    free_client(c);
    if (closed) closed(ctx);
}

static void on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
    struct pinion_async *c = container_of(turn, struct pinion_async, turn);

    (void)loop, (void)events;
    async_steer_flush(c);
    if (is_over(c)) arm_soon(c);
}

static enum pinion_err check(const struct ev_loop *loop, const struct pinion_async_options *o,
                             struct error *why)
{
    if (!loop) return error_set(why, PINION_INVALID, "expected a loop");
    if (o->name_space && !namespace_ok(span_of(o->name_space)))
        return error_set(why, PINION_INVALID,
                         "name_space: expected 1 to %d characters of [A-Za-z0-9._-], not '%.40s'",
                         NAMESPACE_MAX, o->name_space);
    if (o->jobs_max > PINION_ASYNC_JOBS_MAX || o->calls_max > PINION_ASYNC_JOBS_MAX)
        return error_set(why, PINION_INVALID, "jobs_max, calls_max: expected at most %d",
                         PINION_ASYNC_JOBS_MAX);
    if (o->connect_timeout_ms > DURATION_MS_MAX || o->reply_timeout_ms > DURATION_MS_MAX)
        return error_set(why, PINION_INVALID, "a timeout: expected at most a hundred years");
    return PINION_OK;
}

static struct pinion_async *new_client(struct ev_loop *loop, const struct pinion_async_options *o)
{
    struct pinion_async *c = xcalloc(1, sizeof *c);

    c->loop = loop;
    c->ticker = ticker_new(loop);
    c->redis_url = xstrdup(o->redis_url);
    c->state_dir = xstrdup(o->state_dir);
    c->name_space = xstrdup(o->name_space ? o->name_space : "pinion");
    c->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_DEFAULT_MS;
    c->reply_timeout_ms = o->reply_timeout_ms ? o->reply_timeout_ms : REPLY_DEFAULT_MS;
    c->limit[ASYNC_JOBS] = o->jobs_max ? o->jobs_max : PINION_ASYNC_JOBS;
    c->limit[ASYNC_BYTES] = o->bytes_max ? o->bytes_max : PINION_ASYNC_BYTES;
    c->limit[ASYNC_CALLS] = o->calls_max ? o->calls_max : PINION_ASYNC_CALLS;
    c->limit[ASYNC_WAITS] = PINION_ASYNC_WAITS;
    list_init(&c->held);
    list_init(&c->ended);
    list_init(&c->steers);
    alarm_init(&c->held_over, on_held_over);
    alarm_init(&c->find_again, on_find_again);
    ev_init(&c->soon, on_soon);
    ev_prepare_init(&c->turn, on_turn);
    ev_prepare_start(loop, &c->turn);
    return c;
}

enum pinion_err pinion_async_open(struct ev_loop *loop, const struct pinion_async_options *options,
                                  struct pinion_async **ret_client, char *text, size_t size)
{
    static const struct pinion_async_options defaults;
    const struct pinion_async_options *o = options ? options : &defaults;
    struct pinion_async *c;
    struct error why = {0};
    enum pinion_err err = check(loop, o, &why);

    if (err) return tell_reason(&why, err, text, size);
    c = new_client(loop, o);
    err = find(c, &why);
    if (err) {
        free_client(c);
        return tell_reason(&why, err, text, size);
    }
    *ret_client = c;
    return PINION_OK;
}

size_t pinion_async_jobs(const struct pinion_async *c)
{
    return c->used[ASYNC_JOBS];
}

void pinion_async_close(struct pinion_async *c, pinion_closed_fn *closed, void *ctx)
{
    static const struct error why = {PINION_UNAVAILABLE, "the client was closed"};

    if (!c || c->closing) return;
    c->closing = true;
    c->closed = closed;
    c->closed_ctx = ctx;
    ticker_cancel(c->ticker, &c->find_again);
    list_take(&c->held, &c->steers); /* none of them was sent */
    fail_held(c, &why);
    if (c->link) {
        submitter_repeat(c->submitter, c->ticker, 0);
        submitter_give_up(c->submitter);
        results_stop(c->results); /* each looks for a last time, */
        link_stop(c->link);       /* and that ends with all that was sent, from the loop */
    }
    arm_soon(c);
}
