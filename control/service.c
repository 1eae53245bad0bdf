#include "control/service.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/api.h"
#include "control/fleet.h"
#include "control/results.h"
#include "control/http.h"
#include "control/pulse.h"
#include "control/redis_child.h"
#include "control/schedule_apply.h"
#include "control/state.h"
#include "control/submitter.h"
#include "control/zone_watch.h"
#include "queue/link.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"
#include "workers/callback.h"
#include "workers/command.h"
#include "workers/process.h"
#include "workers/process_record.h"
#include "workers/workers.h"

#define ORPHANS_WAIT_MS 5000 /* for what the former server left to be gone */

enum service_at {
    AT_NEW,
    AT_LOCK,  /* waits for the state folder */
    AT_REDIS, /* waits for the embedded Redis */
    AT_LINK,  /* waits for the handshake, and for the seats */
    AT_READY,
    AT_STOP_WORK,
    AT_STOP_HTTP,
    AT_STOP_LINK,
    AT_STOP_REDIS,
    AT_STOPPED,
};

struct service {
    const struct config *config;
    struct ev_loop *loop;
    bool own_loop, in_run; /* in_run: service_run is on the stack */
    struct ticker *ticker;
    struct state *state;
    struct process_record *record;
    struct process_host host;
    struct redis_child *child; /* NULL: an external Redis */
    struct redis_url url;
    struct redis_info redis;
    struct link *link;
    struct workers *workers;
    struct registry handlers; /* until the workers are made */
    struct http_server *http;
    struct submitter *submitter;
    struct fleet *fleet;
    struct results *results;
    struct zone_cache *zones;
    struct zone_watch zone_watch;
    struct schedule_apply *schedules; /* of the config file */
    struct pulse pulse;
    ev_timer next; /* leaves a callback before it tears down what called */
    enum service_at at;
    struct error failure; /* why it could not get ready */
};

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
    workers_up(s->workers, info);
    if (s->at == AT_READY) schedule_apply_run(s->schedules);
}

static void on_link_down(void *ctx)
{
    struct service *s = ctx;

    if (s->at <= AT_STOP_WORK) log_warn("redis_down");
    workers_down(s->workers);
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
}

static void on_unsubscribed(void *ctx)
{
    workers_subscribed(((struct service *)ctx)->workers, false);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    workers_message(((struct service *)ctx)->workers, channel, text);
    results_message(((struct service *)ctx)->results, channel, text);
}

static void on_serving(void *ctx)
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
    schedule_apply_run(s->schedules);
    state_info_deinit(&info);
    free(redis);
}

static void on_workers_stopped(void *ctx)
{
    step(ctx);
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

static void on_zones_changed(void *ctx)
{
    workers_zones_changed(((struct service *)ctx)->workers);
}

/* ---- making the parts ------------------------------------------------------------------------ */

static enum pinion_err make_redis(struct service *s, struct error *why)
{
    struct redis_child_options options = {
        .dir = state_dir(s->state),
        .lock_fd = state_lock_fd(s->state),
        .fsync = s->config->fsync,
        .maxmemory_bytes = s->config->maxmemory_bytes,
    };
    struct redis_child_events events = {on_child_up, on_child_down, on_child_stopped, s};

    if (s->config->redis) return redis_url_parse(span_of(s->config->redis), &s->url, why);
    s->child = redis_child_new(s->loop, s->ticker, &options, &events);
    return redis_url_parse(span_of(redis_child_url(s->child)), &s->url, why);
}

static enum pinion_err add_builtin(struct service *s, struct error *why)
{
    enum pinion_err err = service_add_handler(s, noop_new(), why);

    if (!err) err = service_add_handler(s, sleep_new(s->ticker), why);
    for (size_t i = 0; !err && i < s->config->command_count; i++) {
        const struct config_command *c = &s->config->commands[i];
        struct handler *h;
        err = command_new(c->kind, c->argv, &s->host, &h, why);
        if (err) return err;
        h->concurrency = c->concurrency;
        h->timeout_ms = c->timeout_ms;
        h->attempts_max = c->attempts_max;
        handler_name(h, c->backoff, c->on_dead);
        err = service_add_handler(s, h, why);
    }
    return err;
}

static enum pinion_err make_workers(struct service *s, struct error *why)
{
    struct workers_options options = {
        .loop = s->loop,
        .ticker = s->ticker,
        .name_space = s->config->name_space,
        .server = state_server_id(s->state),
        .http = s->http ? http_server_address(s->http) : NULL,
        .zones = s->zones,
        .boot = state_boot(s->state),
        .concurrency = s->config->concurrency,
        .strict = s->config->strict,
        .lease_ms = s->config->lease_ms,
        .memory_mark = s->config->memory_mark,
        .grace_ms = s->config->grace_ms ? s->config->grace_ms : 1, /* 0 is the default there */
        .on_serving = on_serving,
        .on_stopped = on_workers_stopped,
        .ctx = s,
    };
    enum pinion_err err = PINION_OK;

    s->workers = workers_new(&options);
    zone_watch_start(&s->zone_watch);
    for (size_t i = 0; i < s->config->queue_count && !err; i++)
        err = workers_add_queue(s->workers, s->config->queues[i].name, s->config->queues[i].weight,
                                s->config->queues[i].on_dead, why);
    while (s->handlers.count > 0 && !err)
        err = workers_add_handler(s->workers, s->handlers.handlers[--s->handlers.count], why);
    return err;
}

/* Until the first heartbeat tells better, by what the handshake found. */
static int64_t redis_now_ms(void *ctx)
{
    const struct service *s = ctx;
    int64_t now_ms = workers_now_ms(s->workers);

    return now_ms ? now_ms : clock_wall_ms() + s->redis.clock_offset_us / 1000;
}

static void make_link(struct service *s)
{
    struct link_options options = {
        .url = s->url,
        .name_space = s->config->name_space,
        .allow_eviction = s->config->allow_eviction,
        .on_up = on_link_up,
        .on_down = on_link_down,
        .on_refused = on_link_refused,
        .on_subscribed = on_subscribed,
        .on_unsubscribed = on_unsubscribed,
        .on_message = on_message,
        .ctx = s,
    };

    s->link = link_new(s->loop, &options);
    workers_use_link(s->workers, s->link);
    s->results = results_new(s->link, s->ticker, s->config->name_space);
    s->fleet = fleet_new(s->link, s->config->name_space);
    s->schedules = schedule_apply_new(s);
    s->submitter = submitter_new(s->loop, s->link, s->config->name_space, redis_now_ms, s);
    link_start(s->link);
}

static enum pinion_err open_http(struct service *s, struct error *why)
{
    const char **hosts;
    struct http_options options = {.listen = s->config->listen};
    enum pinion_err err;

    if (!s->config->listen) return PINION_OK;
    hosts = xcalloc(s->config->host_count + 1, sizeof *hosts);
    for (size_t i = 0; i < s->config->host_count; i++) hosts[i] = s->config->hosts[i];
    options.hosts = hosts;
    err = http_server_open(s->loop, s->ticker, &options, api_handle, s, &s->http, why);
    free(hosts);
    return err;
}

/* With the lock held: nobody else runs commands for this folder. */
static enum pinion_err clear_orphans(struct service *s, struct error *why)
{
    unsigned killed = 0;
    enum pinion_err err = process_record_open(state_dir(s->state), &s->record, why);

    if (err) return err;
    err = process_record_sweep(s->record, ORPHANS_WAIT_MS, &killed, why);
    if (killed) log_warn("orphans_killed", LOG_INT("processes", killed));
    s->host = (struct process_host){s->loop, s->ticker, s->record};
    return err;
}

/* ---- from state to state --------------------------------------------------------------------- */

static enum pinion_err after_lock(struct service *s, struct error *why)
{
    enum pinion_err err = clear_orphans(s, why);

    if (!err) err = open_http(s, why);
    if (!err) err = add_builtin(s, why);
    if (!err) err = make_workers(s, why);
    if (!err) err = make_redis(s, why);
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
        make_link(s);
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
        if (s->link) return workers_stop(s->workers);
        break;
    case AT_STOP_HTTP:
        results_stop(s->results);
        if (s->http) return http_server_drain(s->http, on_http_drained, s);
        break;
    case AT_STOP_LINK:
        if (s->link) link_stop(s->link);
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

void service_free(struct service *s)
{
    if (!s) return;
    ev_timer_stop(s->loop, &s->next);
    pulse_stop(&s->pulse, s->loop);
    if (s->http) http_server_close(s->http);
    submitter_free(s->submitter);
    fleet_free(s->fleet);
    schedule_apply_free(s->schedules);
    if (s->link) link_free(s->link);
    results_free(s->results);
    workers_free(s->workers);
    registry_deinit(&s->handlers);
    redis_child_free(s->child);
    redis_url_deinit(&s->url);
    process_record_close(s->record);
    state_close(s->state);
    zone_cache_free(s->zones);
    ticker_free(s->ticker);
    if (s->own_loop) ev_loop_destroy(s->loop);
    free(s);
}

enum pinion_err service_add_handler(struct service *s, struct handler *h, struct error *why)
{
    enum pinion_err err = registry_add(&s->handlers, h, why);

    if (err) handler_free(h);
    return err;
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
    stop_from(s, AT_STOP_WORK);
}

bool service_stopped(const struct service *s)
{
    return s->at == AT_STOPPED;
}

struct ev_loop *service_loop(const struct service *s)
{
    return s->loop;
}

struct ticker *service_ticker(const struct service *s)
{
    return s->ticker;
}

bool service_ready(const struct service *s)
{
    return s->at == AT_READY && link_is_up(s->link);
}

bool service_redis_up(const struct service *s)
{
    return s->link && link_is_up(s->link);
}

const struct redis_info *service_redis_info(const struct service *s)
{
    return &s->redis;
}

const char *service_server_id(const struct service *s)
{
    return state_server_id(s->state);
}

unsigned service_running(const struct service *s)
{
    return s->workers ? workers_running(s->workers) : 0;
}

const struct config *service_config(const struct service *s)
{
    return s->config;
}

const char *service_token(const struct service *s)
{
    return state_token(s->state);
}

uint64_t service_roundtrip_us(const struct service *s)
{
    return s->link ? link_roundtrip_us(s->link) : 0;
}

unsigned service_http_connections(const struct service *s)
{
    return s->http ? http_server_connections(s->http) : 0;
}

const struct histogram *service_stall_us(const struct service *s)
{
    return &s->pulse.stall_us;
}

const struct workers_totals *service_totals(const struct service *s)
{
    return workers_totals(s->workers);
}

struct link *service_link(const struct service *s)
{
    return s->link;
}

struct submitter *service_submitter(const struct service *s)
{
    return s->submitter;
}

struct results *service_results(const struct service *s)
{
    return s->results;
}

struct fleet *service_fleet(const struct service *s)
{
    return s->fleet;
}

struct zone_cache *service_zones(const struct service *s)
{
    return s->zones;
}

int64_t service_now_ms(const struct service *s)
{
    return redis_now_ms((void *)(uintptr_t)s);
}
