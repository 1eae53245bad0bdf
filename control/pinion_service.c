#include "control/pinion_shared.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/macros.h"
#include "base/memory.h"
#include "control/config.h"
#include "control/service.h"
#include "control/soon.h"
#include "control/timers.h"
#include "queue/limits.h"
#include "queue/on_dead.h"
#include "scheduler/backoff.h"
#include "workers/callback.h"
#include "workers/coroutine.h"
#include "workers/thread.h"

struct pinion_service {
    struct config config;
    bool is_face; /* of a service that somebody else made, and runs */
    struct service *service;
    struct timers *timers;
    struct routes *routes; /* NULL: it has none of its own */
    struct soon *soon;
    ev_prepare turn; /* sees that the service has stopped, so that no timer keeps the loop alive */
};

static void end_timers_if_stopped(struct pinion_service *s)
{
    if (service_stopped(s->service)) timers_stop(s->timers);
}

static void on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
    (void)loop, (void)events;
    end_timers_if_stopped(container_of(turn, struct pinion_service, turn));
}

static void begin_timers(struct pinion_service *s)
{
    struct ev_loop *loop = service_loop(s->service);

    s->timers = timers_new(service_ticker(s->service));
    s->soon = soon_new(loop);
    ev_prepare_init(&s->turn, on_turn);
    ev_prepare_start(loop, &s->turn);
    ev_unref(loop);
}

static void end_timers(struct pinion_service *s)
{
    struct ev_loop *loop = service_loop(s->service);

    timers_free(s->timers);
    soon_free(s->soon);
    ev_ref(loop);
    ev_prepare_stop(loop, &s->turn);
}

static enum pinion_err set(struct config *config, const char *key, const char *value,
                           struct error *why)
{
    return value ? config_set(config, key, value, why) : PINION_OK;
}

static enum pinion_err set_number(struct config *config, const char *key, uint64_t value,
                                  const char *unit, struct error *why)
{
    char text[32];

    snprintf(text, sizeof text, "%llu%s", (unsigned long long)value, unit);
    return value ? config_set(config, key, text, why) : PINION_OK;
}

static enum pinion_err configure(struct config *config, const struct pinion_service_options *o,
                                 struct error *why)
{
    enum pinion_err err = set(config, "redis", o->redis_url, why);

    if (!err) err = set(config, "state", o->state_dir, why);
    if (!err) err = set(config, "namespace", o->name_space, why);
    if (!err) err = config_set(config, "listen", o->listen ? o->listen : "none", why);
    if (!err) err = set(config, "on-dead", o->on_dead, why);
    if (!err) err = set_number(config, "concurrency", o->concurrency, "", why);
    if (!err) err = set_number(config, "threads", o->threads, "", why);
    if (!err) err = set_number(config, "lease", o->lease_ms, "ms", why);
    if (!err) err = set_number(config, "grace", o->grace_ms, "ms", why);
    if (!err && o->strict) err = config_set(config, "strict", "yes", why);
    for (size_t i = 0; !err && o->queues && o->queues[i]; i++)
        err = config_set(config, "queue", o->queues[i], why);
    for (size_t i = 0; !err && o->webhook_allow && o->webhook_allow[i]; i++)
        err = config_set(config, "webhook-allow", o->webhook_allow[i], why);
    return err ? err : config_finish(config, why);
}

enum pinion_err pinion_service_new(struct ev_loop *loop,
                                   const struct pinion_service_options *options,
                                   struct pinion_service **ret_service, char *text, size_t size)
{
    static const struct pinion_service_options defaults;
    struct pinion_service *s = xcalloc(1, sizeof *s);
    struct error why = {0};
    enum pinion_err err;

    config_init(&s->config);
    err = configure(&s->config, options ? options : &defaults, &why);
    if (err) {
        config_deinit(&s->config);
        free(s);
        return tell_reason(&why, err, text, size);
    }
    s->service = service_new(loop, &s->config);
    begin_timers(s);
    *ret_service = s;
    return PINION_OK;
}

struct pinion_service *service_face_new(struct service *service)
{
    struct pinion_service *s = xcalloc(1, sizeof *s);

    s->is_face = true;
    s->service = service;
    begin_timers(s);
    return s;
}

void service_face_free(struct pinion_service *s)
{
    end_timers(s);
    routes_free(s->routes);
    free(s);
}

struct routes *service_routes(struct pinion_service *s)
{
    if (service_started(s->service)) return NULL;
    if (!s->routes) s->routes = routes_new(s->service);
    return s->routes;
}

static void run_adapter(struct attempt *a, void *ctx)
{
    const struct adapter *adapter = ctx;

    adapter->run((struct pinion_attempt *)a, adapter->ctx);
}

static void stop_adapter(struct attempt *a, void *ctx)
{
    const struct adapter *adapter = ctx;

    adapter->stop((struct pinion_attempt *)a, adapter->ctx);
}

/* What a coroutine has to stop for, its awaits tell; only it has a stack. */
static bool runs_ok(const struct pinion_handler *h)
{
    switch (h->runs) {
    case PINION_ON_LOOP:
    case PINION_ON_THREAD: return h->stack_bytes == 0;
    case PINION_AS_COROUTINE:
        return !h->stop && (!h->stack_bytes || (h->stack_bytes >= STACK_BYTES_MIN &&
                                                h->stack_bytes <= STACK_BYTES_MAX));
    }
    return false;
}

static struct handler *adapt_to_threads(struct service *service, const struct pinion_handler *h,
                                        const struct adapter *adapter)
{
    const struct thread_options options = {
        .run = run_adapter,
        .stop = h->stop ? stop_adapter : NULL,
        .ctx = adapter,
        .ctx_bytes = sizeof *adapter,
    };

    return thread_new(h->kind, &options, service_threads(service));
}

struct handler *adapt_handler(struct service *service, const struct pinion_handler *h)
{
    struct adapter adapter = {h->run, h->stop, h->ctx, service};
    struct coroutine_options coroutine = {
        service_loop(service), run_adapter, &adapter, sizeof adapter, h->stack_bytes,
    };

    if (h->runs == PINION_AS_COROUTINE) return coroutine_new(h->kind, &coroutine);
    if (h->runs == PINION_ON_THREAD) return adapt_to_threads(service, h, &adapter);
    return callback_new_with(h->kind, run_adapter, h->stop ? stop_adapter : NULL, &adapter,
                             sizeof adapter);
}

static unsigned concurrency_of(const struct pinion_service *s, const struct pinion_handler *h)
{
    unsigned n = h->concurrency;

    if (h->runs != PINION_ON_THREAD) return n;
    if (n == 0) n = service_config(s->service)->threads;
    return n == 0 || n > THREADS_MAX ? THREADS_MAX : n;
}

enum pinion_err pinion_service_handle(struct pinion_service *s, const struct pinion_handler *h)
{
    struct handler *handler;

    if (!h->kind || !h->run || h->attempts_max > ATTEMPTS_MAX) return PINION_INVALID;
    if (backoff_check(span_of(h->backoff), NULL)) return PINION_INVALID;
    if (h->on_dead && on_dead_check(h->on_dead, NULL)) return PINION_INVALID;
    if (!runs_ok(h)) return PINION_INVALID;
    handler = adapt_handler(s->service, h);
    handler->concurrency = concurrency_of(s, h);
    handler->timeout_ms = h->timeout_ms;
    handler->attempts_max = h->attempts_max;
    handler_name(handler, h->backoff, h->on_dead);
    return service_add_handler(s->service, handler, NULL);
}

enum pinion_err pinion_service_start(struct pinion_service *s, char *text, size_t size)
{
    struct error why = {0};
    enum pinion_err err = s->is_face ? error_set(&why, PINION_CONFLICT, "others start it")
                                     : service_start(s->service, &why);

    return tell_reason(&why, err, text, size);
}

enum pinion_err pinion_service_run(struct pinion_service *s)
{
    return s->is_face ? PINION_CONFLICT : service_run(s->service, NULL);
}

void pinion_service_stop(struct pinion_service *s)
{
    service_stop(s->service);
}

int pinion_service_ready(const struct pinion_service *s)
{
    return service_ready(s->service);
}

int pinion_service_stopped(const struct pinion_service *s)
{
    return service_stopped(s->service);
}

const char *pinion_service_address(const struct pinion_service *s)
{
    return service_address(s->service);
}

struct ev_loop *pinion_service_loop(struct pinion_service *s)
{
    return service_loop(s->service);
}

void pinion_service_free(struct pinion_service *s)
{
    if (!s || s->is_face) return;
    end_timers(s);
    service_free(s->service);
    routes_free(s->routes); /* whose sockets were closed just now */
    config_deinit(&s->config);
    free(s);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static struct timers *timers_of(struct pinion_service *s)
{
    end_timers_if_stopped(s);
    return s->timers;
}

enum pinion_err pinion_call_later(struct pinion_service *s, uint64_t ms, pinion_timer_fn *fn,
                                  void *ctx, struct pinion_timer **ret_timer)
{
    return timers_later(timers_of(s), ms, &(struct timer_call){fn, ctx, ret_timer});
}

enum pinion_err pinion_call_at(struct pinion_service *s, int64_t wall_ms, pinion_timer_fn *fn,
                               void *ctx, struct pinion_timer **ret_timer)
{
    return timers_at(timers_of(s), wall_ms, &(struct timer_call){fn, ctx, ret_timer});
}

enum pinion_err pinion_call_every(struct pinion_service *s, const struct pinion_every *every,
                                  pinion_timer_fn *fn, void *ctx, struct pinion_timer **ret_timer)
{
    return timers_every(timers_of(s), every, &(struct timer_call){fn, ctx, ret_timer});
}

enum pinion_err pinion_call_cron(struct pinion_service *s, const char *spec, const char *tz,
                                 pinion_timer_fn *fn, void *ctx, struct pinion_timer **ret_timer,
                                 char *text, size_t size)
{
    const struct timer_call call = {fn, ctx, ret_timer};
    struct error why = {0};
    enum pinion_err err = timers_cron(timers_of(s), spec, tz, &call, &why);

    return tell_reason(&why, err, text, size);
}

int pinion_call_soon(struct pinion_service *s, struct pinion_soon *node)
{
    return soon_call(s->soon, node);
}
