/* control/service_make.c — the parts of a server, made from its config and wired. */
#include "control/service_inside.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/access/access.h"
#include "control/api/api.h"
#include "control/api/audit.h"
#include "control/api/auth.h"
#include "control/fleet.h"
#include "control/handlers.h"
#include "control/http/listen.h"
#include "control/http/tls.h"
#include "control/outputs.h"
#include "control/results.h"
#include "workers/callback.h"
#include "workers/cgroup.h"
#include "workers/cgroup_find.h"
#include "workers/strays.h"

#define ORPHANS_WAIT_MS 5000 /* for what the former server left to be gone */

static enum pinion_err make_redis(struct service *s, struct error *why)
{
    struct redis_child_options options = {
        .dir = state_dir(s->state),
        .lock_fd = state_lock_fd(s->state),
        .fsync = s->config->fsync,
        .maxmemory_bytes = s->config->maxmemory_bytes,
    };
    struct redis_child_events events = service_child_events;

    events.ctx = s;
    if (s->config->redis) return redis_url_parse(span_of(s->config->redis), &s->url, why);
    s->child = redis_child_new(s->loop, s->ticker, &options, &events);
    return redis_url_parse(span_of(redis_child_url(s->child)), &s->url, why);
}

static void look_again(void *ctx)
{
    struct service *s = ctx;

    if (s->workers) workers_look_again(s->workers);
}

/* Only where somebody fetches: libcurl costs a moment at the start, and some memory. */
static enum pinion_err need_fetcher(struct service *s, struct error *why)
{
    struct fetcher_options o = {s->loop, s->ticker, s->config->webhook_allow,
                                s->config->webhook_allow_count};

    if (!s->hosts) s->hosts = hosts_new(s->ticker, look_again, s);
    return s->fetcher ? PINION_OK : fetcher_new(&o, &s->fetcher, why);
}

enum pinion_err service_fetcher(struct service *s, struct fetcher **ret_fetcher, struct error *why)
{
    enum pinion_err err = need_fetcher(s, why);

    if (!err) *ret_fetcher = s->fetcher;
    return err;
}

enum pinion_err service_make_handler(struct service *s, const struct config_handler *c,
                                     struct registry *to, struct error *why)
{
    enum pinion_err err = c->runner == CONFIG_WEBHOOK ? need_fetcher(s, why) : PINION_OK;
    struct handler_parts parts = {&s->host, s->fetcher, s->hosts};
    struct handler *h;

    if (!err) err = handler_make(c, &parts, &h, why);
    if (err) return err;
    h->configured = true;
    err = registry_add(to, h, why);
    if (err) handler_free(h);
    return err;
}

static enum pinion_err add_handlers(struct service *s, struct error *why)
{
    enum pinion_err err = service_add_handler(s, noop_new(), why);

    if (!err) err = service_add_handler(s, sleep_new(s->ticker), why);
    for (size_t i = 0; !err && i < s->config->handler_count; i++)
        err = service_make_handler(s, &s->config->handlers[i], &s->handlers, why);
    return err;
}

struct queue_options service_queue_options(const struct config_queue *q)
{
    return (struct queue_options){q->name, q->weight, q->on_dead, q->limits, q->limit_count,
                                  config_queue_bounded(q) ? &q->bounds : NULL};
}

struct workers_options service_workers_options(struct service *s)
{
    return (struct workers_options){
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
        .stall_us = &s->pulse.stall_us,
        .grace_ms = s->config->grace_ms ? s->config->grace_ms : 1, /* 0 is the default there */
        .on_serving = service_on_serving,
        .on_stopped = service_on_workers_stopped,
        .on_told_stop = service_on_told_stop,
        .ctx = s,
    };
}

static enum pinion_err make_workers(struct service *s, struct error *why)
{
    struct workers_options options = service_workers_options(s);
    enum pinion_err err = PINION_OK;

    s->workers = workers_new(&options);
    zone_watch_start(&s->zone_watch);
    for (size_t i = 0; i < s->config->queue_count && !err; i++) {
        struct queue_options queue = service_queue_options(&s->config->queues[i]);
        err = workers_add_queue(s->workers, &queue, why);
    }
    while (s->handlers.count > 0 && !err)
        err = workers_add_handler(s->workers, s->handlers.handlers[--s->handlers.count], why);
    return err;
}

static int64_t now_ms(void *ctx)
{
    return service_now_ms(ctx);
}

static void make_hub(struct service *s)
{
    struct hub_options options = {.loop = s->loop,
                                  .link = s->link,
                                  .ticker = s->ticker,
                                  .fleet = s->fleet,
                                  .name_space = s->config->name_space,
                                  .now_ms = now_ms,
                                  .ctx = s};

    s->hub = hub_new(&options);
}

void service_make_link(struct service *s)
{
    struct link_options options = service_link_events;

    options.url = s->url;
    options.name_space = s->config->name_space;
    options.allow_eviction = s->config->allow_eviction;
    options.ctx = s;
    s->link = link_new(s->loop, &options);
    workers_use_link(s->workers, s->link);
    s->results = results_new(s->link, s->ticker, s->config->name_space);
    s->outputs = outputs_new(s->link, s->config->name_space);
    s->fleet = fleet_new(s->link, s->config->name_space);
    make_hub(s);
    s->schedules = schedule_apply_new(s);
    s->submitter = submitter_new(s->loop, s->link, s->config->name_space, now_ms, s);
    link_start(s->link);
}

struct http_limits service_http_limits(const struct config *c)
{
    struct rlimit files;

    /* Asked for, so it is to be had: else the system's limit is met first. */
    if (c->http_connections && getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur < c->http_connections)
        log_warn("few_descriptors", LOG_INT("limit", (int64_t)files.rlim_cur),
                 LOG_INT("http_connections", c->http_connections));
    return (struct http_limits){.connections_max = c->http_connections,
                                .peer_connections_max = c->http_peer_connections,
                                .idle_ms = c->http_idle_ms};
}

static enum pinion_err open_http(struct service *s, struct error *why)
{
    const char **hosts;
    struct http_options options = {.listen = s->config->listen,
                                   .answered = audit_answered,
                                   .limits = service_http_limits(s->config)};
    enum pinion_err err = PINION_OK;

    if (!s->config->listen) return PINION_OK;
    if (!http_listen_is_local(s->config->listen) && !config_has_tls(s->config) &&
        !s->config->insecure)
        return error_set(why, PINION_INVALID,
                         "listen %.60s: tokens and jobs would be readable on the way: expected "
                         "tls-cert and tls-key with an address beyond this machine, or insecure",
                         s->config->listen);
    if (config_has_tls(s->config))
        err = http_tls_open(s->config->tls_cert, s->config->tls_key, &options.tls, why);
    if (err) return err;
    hosts = xcalloc(s->config->host_count + 1, sizeof *hosts);
    for (size_t i = 0; i < s->config->host_count; i++) hosts[i] = s->config->hosts[i];
    options.hosts = hosts;
    err = http_server_open(s->loop, s->ticker, &options, api_handle, s, &s->http, why);
    free(hosts);
    if (err) http_tls_free(options.tls);
    return err;
}

static pid_t redis_pid(void *ctx)
{
    const struct service *s = ctx;

    return s->child ? (pid_t)redis_child_pid(s->child) : 0;
}

/* Without it all else is as good. */
static void watch_strays(struct service *s)
{
    struct error why;

    if (strays_new(s->ticker, redis_pid, s, &s->host.strays, &why))
        log_warn("strays_not_found", LOG_TEXT("why", why.text));
}

static void on_cgroup_emptied(void *ctx)
{
    struct service *s = ctx;

    if (s->host.strays) strays_look(s->host.strays);
}

/* The folder is named after the state folder, which is one service's at a time: so what has that
 * name when we start was left by a former one. */
static enum pinion_err divide_cgroup(struct service *s, const char *parent, struct error *why)
{
    struct cgroups_options o = {.ticker = s->ticker,
                                .parent = parent,
                                .wait_ms = ORPHANS_WAIT_MS,
                                .emptied = on_cgroup_emptied,
                                .ctx = s};
    struct stat st;
    enum pinion_err err;

    if (stat(state_dir(s->state), &st))
        return error_set(why, PINION_UNAVAILABLE, "%s: %s", state_dir(s->state), strerror(errno));
    o.name = xasprintf("pinion-%jx-%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    err = cgroups_open(&o, &s->host.cgroups, why);
    if (!err) log_info("cgroup", LOG_TEXT("parent", parent), LOG_TEXT("folder", o.name));
    free((char *)(uintptr_t)o.name);
    return err;
}

/* Where nobody named a folder, ours does if it is delegated; a program that embeds us may have its
 * own plans with it. That it cannot be used is then no reason not to serve; that commands of a
 * former server run in it is. */
static enum pinion_err open_cgroups(struct service *s, struct error *why)
{
    const char *named = s->config->cgroup;
    enum pinion_err err = PINION_OK;
    struct error bad;
    char *own;

    if (named) return *named ? divide_cgroup(s, named, why) : PINION_OK;
    own = s->takes_orphans ? cgroup_find() : NULL;
    if (own && cgroup_delegated(own)) err = divide_cgroup(s, own, &bad);
    free(own);
    if (err == PINION_BUSY) return error_set(why, err, "%s", bad.text);
    if (err) log_warn("cgroup_not_used", LOG_TEXT("why", bad.text));
    return PINION_OK;
}

/* With the lock held: nobody else runs commands for this folder. */
static enum pinion_err clear_orphans(struct service *s, struct error *why)
{
    unsigned killed = 0;
    enum pinion_err err = process_record_open(state_dir(s->state), &s->record, why);

    if (err) return err;
    err = process_record_sweep(s->record, ORPHANS_WAIT_MS, &killed, why);
    if (killed) log_warn("orphans_killed", LOG_INT("processes", killed));
    s->host = (struct process_host){.loop = s->loop,
                                    .ticker = s->ticker,
                                    .record = s->record,
                                    .sweep = sweep_new(s->loop, process_swept)};
    if (!err) err = open_cgroups(s, why);
    if (!err && s->takes_orphans) watch_strays(s);
    return err;
}

static void on_access_changed(void *ctx)
{
    struct service *s = ctx;

    if (s->http) http_server_recall(s->http, api_caller_stays, s);
}

static enum pinion_err open_access(struct service *s, struct error *why)
{
    struct access_options o = {.loop = s->loop,
                               .ticker = s->ticker,
                               .dir = state_dir(s->state),
                               .owner = state_token(s->state),
                               .changed = on_access_changed,
                               .ctx = s};

    return access_new(&o, &s->access, why);
}

enum pinion_err service_make_parts(struct service *s, struct error *why)
{
    enum pinion_err err = clear_orphans(s, why);

    if (!err) err = open_access(s, why);
    if (!err) err = open_http(s, why);
    if (!err) err = add_handlers(s, why);
    if (!err) err = make_workers(s, why);
    if (!err) err = make_redis(s, why);
    return err;
}
