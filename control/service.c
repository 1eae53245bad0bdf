#include "control/service.h"
#include "control/service_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/access/access.h"
#include "control/fleet.h"
#include "control/notify.h"
#include "control/outputs.h"
#include "control/results.h"
#include "workers/cgroup.h"
#include "workers/strays.h"

static void step(struct service *);

static void fail(struct service *s, const struct error *why)
{
    if (!s->failure.code) s->failure = *why;
    log_error("failed", LOG_TEXT("error", why->text));
    service_stop(s);
}

/* ---- what the parts tell --------------------------------------------------------------------- */

static void on_link_up(void *ctx, const struct redis_info *info)
{
    struct service *s = ctx;

    s->redis = *info;
    log_info("redis_up", LOG_TEXT("durability", durability_name(redis_info_durability(info))),
             LOG_INT("version", info->version));
    submitter_up(s->submitter);
    results_up(s->results);
    workers_up(s->workers, info);
    hub_again(s->hub);
    if (s->at == AT_READY) schedule_apply_run(s->schedules);
}

static void on_link_down(void *ctx)
{
    struct service *s = ctx;

    if (s->at <= AT_STOP_WORK) log_warn("redis_down");
    workers_down(s->workers);
    hub_lost(s->hub);
}

static void on_link_refused(void *ctx, const struct error *why)
{
    struct service *s = ctx;

    if (s->at == AT_LINK)
        fail(s, why);
    else
        log_error("redis_refused", LOG_TEXT("error", why->text));
}

static void on_subscribed(void *ctx)
{
    workers_subscribed(((struct service *)ctx)->workers, true);
    results_look(((struct service *)ctx)->results);
    hub_again(((struct service *)ctx)->hub);
}

static void on_unsubscribed(void *ctx)
{
    workers_subscribed(((struct service *)ctx)->workers, false);
    hub_lost(((struct service *)ctx)->hub);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    workers_message(((struct service *)ctx)->workers, channel, text);
    results_message(((struct service *)ctx)->results, channel, text);
    outputs_message(((struct service *)ctx)->outputs, channel, text);
    hub_message(((struct service *)ctx)->hub, channel, text);
}

void service_on_serving(void *ctx)
{
    struct service *s = ctx;
    struct state_info info = {.http = NULL, .pid = getpid()};
    struct error why = {0};
    char *redis = redis_url_text(&s->url);

    if (s->at != AT_LINK) return free(redis);
    s->at = AT_READY;
    if (s->http) info.http = xstrdup(http_server_address(s->http));
    info.redis = s->child ? xstrdup(redis_child_url(s->child)) : xstrdup(s->config->redis);
    info.server = xstrdup(state_server_id(s->state));
    if (state_publish(s->state, &info, &why)) log_error("publish", LOG_TEXT("error", why.text));
    log_info("ready", LOG_TEXT("http", info.http ? info.http : "none"), LOG_TEXT("redis", redis));
    if (s->notifies) notify("READY=1");
    schedule_apply_run(s->schedules);
    state_info_deinit(&info);
    free(redis);
}

void service_on_workers_stopped(void *ctx)
{
    step(ctx);
}

void service_on_told_stop(void *ctx)
{
    service_stop(ctx);
}

static void on_http_drained(void *ctx)
{
    step(ctx);
}

static void on_child_up(void *ctx)
{
    struct service *s = ctx;

    if (s->at == AT_REDIS) step(s);
}

static void on_child_down(void *ctx, const struct error *why)
{
    struct service *s = ctx;

    if (s->at == AT_REDIS && !redis_child_was_up(s->child)) fail(s, why);
}

static void on_child_stopped(void *ctx)
{
    step(ctx);
}

static void on_locked(void *ctx, enum pinion_err err, const struct error *why)
{
    struct service *s = ctx;

    if (err)
        fail(s, why);
    else
        step(s);
}

const struct link_options service_link_events = {
    .on_up = on_link_up,
    .on_down = on_link_down,
    .on_refused = on_link_refused,
    .on_subscribed = on_subscribed,
    .on_unsubscribed = on_unsubscribed,
    .on_message = on_message,
};

const struct redis_child_events service_child_events = {
    .on_up = on_child_up,
    .on_down = on_child_down,
    .on_stopped = on_child_stopped,
};

static void on_zones_changed(void *ctx)
{
    workers_zones_changed(((struct service *)ctx)->workers);
}

/* ---- from state to state --------------------------------------------------------------------- */

static enum pinion_err after_lock(struct service *s, struct error *why)
{
    enum pinion_err err = service_make_parts(s, why);

    if (err) return err;
    s->at = AT_REDIS;
    if (s->child) return redis_child_start(s->child, why);
    step(s);
    return PINION_OK;
}

static void stop_from(struct service *s, enum service_at at);

/* What clients asked who have left meanwhile is still to be ended: all at once, for nothing is sent
 * any more, but a batch at a time. */
static bool link_is_done(const struct service *s)
{
    return !s->link || (link_is_idle(s->link) && submitter_is_idle(s->submitter));
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct service *s = container_of(timer, struct service, next);
    struct error why = {0};

    (void)events;
    ev_timer_stop(loop, timer);
    switch (s->at) {
    case AT_LOCK:
        if (after_lock(s, &why)) fail(s, &why);
        break;
    case AT_REDIS:
        s->at = AT_LINK;
        service_make_link(s);
        break;
    case AT_STOP_LINK:
        if (!link_is_done(s)) step(s);
        else stop_from(s, s->at + 1);
        break;
    case AT_STOP_WORK:
    case AT_STOP_HTTP:
    case AT_STOP_REDIS: stop_from(s, s->at + 1); break;
    case AT_NEW:
    case AT_LINK:
    case AT_READY:
    case AT_STOPPED: break;
    }
}

/* The step that was begun has ended: the next one begins in the next turn of the loop. */
static void step(struct service *s)
{
    ev_timer_stop(s->loop, &s->next);
    ev_timer_set(&s->next, 0., 0.);
    ev_timer_start(s->loop, &s->next);
}

/* Begins the first step from `at` on that there is something to do for. */
static void stop_from(struct service *s, enum service_at at)
{
    s->at = at;
    switch (at) {
    case AT_STOP_WORK:
        zone_watch_stop(&s->zone_watch);
        access_stop(s->access);
        if (s->link) return workers_stop(s->workers);
        break;
    case AT_STOP_HTTP:
        results_stop(s->results);
        outputs_stop(s->outputs);
        if (s->http) return http_server_drain(s->http, on_http_drained, s);
        break;
    case AT_STOP_LINK:
        if (!s->link) break;
        hub_stop(s->hub);
        link_stop(s->link);
        workers_down(s->workers); /* what they planned would keep the loop alive */
        break;
    case AT_STOP_REDIS:
        if (s->child) return redis_child_stop(s->child);
        break;
    default:
        s->at = AT_STOPPED;
        if (s->state) state_unpublish(s->state);
        log_info("stopped");
        if (s->in_run) ev_break(s->loop, EVBREAK_ONE); /* a loop that others run is theirs */
        return;
    }
    step(s);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct service *service_new(struct ev_loop *loop, const struct config *config)
{
    struct service *s = xcalloc(1, sizeof *s);

    s->config = config;
    s->own_loop = loop == NULL;
    s->loop = loop ? loop : ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    s->ticker = ticker_new(s->loop);
    s->zones = zone_cache_new();
    zone_watch_init(&s->zone_watch, s->ticker, s->zones, on_zones_changed, s);
    ev_timer_init(&s->next, on_next, 0., 0.);
    pulse_start(&s->pulse, s->loop);
    return s;
}

/* Redis answers to structs that are freed here, and its connections are closed in an order that
 * takes turns of the loop. To run it from in here would call handlers, timers and watchers of
 * others from inside of a call of theirs; so this is said at once, and not by whatever part is met
 * first. */
static void check_over(const struct service *s)
{
    assert((!s->link || s->at == AT_STOPPED) &&
           "a service is freed when it was stopped, and the loop has run until it had");
    (void)s;
}

void service_free(struct service *s)
{
    if (!s) return;
    check_over(s);
    ev_timer_stop(s->loop, &s->next);
    watchdog_stop(&s->watchdog);
    pulse_stop(&s->pulse, s->loop);
    if (s->http) http_server_close(s->http);
    submitter_free(s->submitter);
    hub_free(s->hub);
    fleet_free(s->fleet);
    schedule_apply_free(s->schedules);
    if (s->link) link_free(s->link);
    results_free(s->results);
    outputs_free(s->outputs);
    threads_stop(s->threads);
    workers_free(s->workers);
    registry_deinit(&s->handlers);
    hosts_free(s->hosts);
    threads_free(s->threads);
    fetcher_free(s->fetcher);
    cgroups_close(s->host.cgroups);
    strays_free(s->host.strays); /* asks for the number of our Redis */
    sweep_free(s->host.sweep);
    redis_child_free(s->child);
    redis_url_deinit(&s->url);
    process_record_close(s->record);
    access_free(s->access);
    state_close(s->state);
    zone_cache_free(s->zones);
    ticker_free(s->ticker);
    if (s->own_loop) ev_loop_destroy(s->loop);
    service_drop_reloaded(s);
    free(s);
}

enum pinion_err service_add_handler(struct service *s, struct handler *h, struct error *why)
{
    enum pinion_err err = registry_add(&s->handlers, h, why);

    if (err) handler_free(h);
    return err;
}

void service_serve_others(struct service *s, service_others_fn *others, void *ctx)
{
    s->others = others;
    s->others_ctx = ctx;
}

void service_notify(struct service *s)
{
    s->notifies = true;
    watchdog_start(&s->watchdog, s->ticker);
}

bool service_handles(const struct service *s, const char *pattern)
{
    for (size_t i = 0; i < s->handlers.count; i++)
        if (strcmp(s->handlers.handlers[i]->pattern, pattern) == 0) return true;
    return false;
}

void service_take_orphans(struct service *s)
{
    s->takes_orphans = true;
}

struct threads *service_threads(struct service *s)
{
    if (!s->threads) s->threads = threads_new(s->loop, s->ticker);
    return s->threads;
}

enum pinion_err service_start(struct service *s, struct error *why)
{
    char *dir = NULL;
    enum pinion_err err = state_dir_of_server(s->config->state, &dir, why);

    if (!err) err = state_open(dir, &s->state, why);
    free(dir);
    if (err) return err;
    s->at = AT_LOCK;
    err = state_lock(s->state, why);
    if (err == PINION_BUSY) {
        state_lock_wait(s->state, s->ticker, on_locked, s);
        return PINION_OK;
    }
    return err ? err : after_lock(s, why);
}

enum pinion_err service_run(struct service *s, struct error *why)
{
    s->in_run = true;
    while (s->at != AT_STOPPED) ev_run(s->loop, 0);
    s->in_run = false;
    if (s->failure.code && why) *why = s->failure;
    return s->failure.code;
}

void service_stop(struct service *s)
{
    if (s->at == AT_STOP_WORK && s->workers) workers_stop(s->workers);
    if (s->at >= AT_STOP_WORK) return;
    ev_timer_stop(s->loop, &s->next);
    log_info("stopping");
    if (s->notifies) notify("STOPPING=1");
    stop_from(s, AT_STOP_WORK);
}

bool service_stopped(const struct service *s)
{
    return s->at == AT_STOPPED;
}
