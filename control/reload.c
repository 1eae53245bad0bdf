/*      file, environment, flags ──► fresh config, checked ──► certificate, handlers ──► all applied
 *                                        │ bad                   │ bad
 *                                        └───────────────────────┴──► nothing has changed
 */
#include "control/reload.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/access/access.h"
#include "control/http/tls.h"
#include "control/service_inside.h"

/* ---- what needs a restart -------------------------------------------------------------------- */

static void name_it(struct buffer *out, const char *key)
{
    buffer_printf(out, "%s%s", out->len ? ", " : "", key);
}

static bool texts_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void keep_text(char **fresh, const char *running, const char *key, struct buffer *out)
{
    if (texts_equal(*fresh, running)) return;
    free(*fresh);
    *fresh = xstrdup(running);
    name_it(out, key);
}

/* The listener speaks TLS or does not; which certificate it shows may change. */
static void keep_tls(struct config *fresh, const struct config *running, struct buffer *out)
{
    if (!fresh->tls_cert == !running->tls_cert) return;
    keep_text(&fresh->tls_cert, running->tls_cert, "tls-cert", out);
    keep_text(&fresh->tls_key, running->tls_key, "tls-key", out);
}

/* Those that are parts of the private Redis, and of no other. */
static void keep_redis(struct config *fresh, const struct config *running, struct buffer *out)
{
    keep_text(&fresh->redis, running->redis, "redis", out);
    if (fresh->fsync != running->fsync) name_it(out, "fsync");
    if (fresh->maxmemory_bytes != running->maxmemory_bytes) name_it(out, "maxmemory");
    if (fresh->allow_eviction != running->allow_eviction) name_it(out, "allow-eviction");
    fresh->fsync = running->fsync;
    fresh->maxmemory_bytes = running->maxmemory_bytes;
    fresh->allow_eviction = running->allow_eviction;
}

static bool lists_equal(char **a, size_t a_count, char **b, size_t b_count)
{
    if (a_count != b_count) return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

static bool queues_equal(const struct config *a, const struct config *b)
{
    if (a->queue_count != b->queue_count) return false;
    for (size_t i = 0; i < a->queue_count; i++)
        if (strcmp(a->queues[i].name, b->queues[i].name) != 0) return false;
    return true;
}

static bool allowed_equal(const struct config *a, const struct config *b)
{
    char a_text[ADDRESS_TEXT_MAX], b_text[ADDRESS_TEXT_MAX];

    if (a->webhook_allow_count != b->webhook_allow_count) return false;
    for (size_t i = 0; i < a->webhook_allow_count; i++) {
        const struct address_range *x = &a->webhook_allow[i], *y = &b->webhook_allow[i];
        if (x->bits != y->bits || strcmp(address_text(&x->address, a_text),
                                         address_text(&y->address, b_text)) != 0)
            return false;
    }
    return true;
}

/* They stay, so that a fetcher that is made later has them, and the next reload is told again. */
static void keep_allowed(struct config *fresh, const struct config *running, struct buffer *out)
{
    size_t count = running->webhook_allow_count;

    if (allowed_equal(fresh, running)) return;
    free(fresh->webhook_allow);
    fresh->webhook_allow = xmemdup(running->webhook_allow, count * sizeof *fresh->webhook_allow);
    fresh->webhook_allow_count = count;
    name_it(out, "webhook-allow");
}

void reload_keep(struct config *fresh, const struct config *running, struct buffer *out)
{
    keep_redis(fresh, running, out);
    keep_text(&fresh->listen, running->listen, "listen", out);
    keep_tls(fresh, running, out);
    keep_text(&fresh->state, running->state, "state", out);
    keep_text(&fresh->name_space, running->name_space, "namespace", out);
    keep_text(&fresh->cgroup, running->cgroup, "cgroup", out);
    if (!lists_equal(fresh->hosts, fresh->host_count, running->hosts, running->host_count))
        name_it(out, "http-host");
    if (!lists_equal(fresh->plugins, fresh->plugin_count, running->plugins, running->plugin_count))
        name_it(out, "plugin");
    if (!queues_equal(fresh, running)) name_it(out, "queue");
    keep_allowed(fresh, running, out);
}

/* ---- the reload ------------------------------------------------------------------------------ */

static void apply(struct service *s, struct config *fresh)
{
    struct buffer restart = BUFFER_INIT;
    struct workers_options options;

    reload_keep(fresh, s->config, &restart);
    if (s->reloaded) { /* what is under way borrows it: it goes on as the same text */
        char *same = s->reloaded->name_space;
        s->reloaded->name_space = fresh->name_space;
        fresh->name_space = same;
    }
    log_set(fresh->log_level, fresh->log_format);
    s->config = fresh;
    options = service_workers_options(s);
    workers_set(s->workers, &options);
    if (s->http) http_server_limit(s->http, service_http_limits(fresh));
    for (size_t i = 0; i < fresh->queue_count; i++) {
        struct queue_options queue = service_queue_options(&fresh->queues[i]);
        workers_set_queue(s->workers, &queue);
    }
    service_drop_reloaded(s);
    s->reloaded = fresh;
    if (s->schedules && s->at == AT_READY) schedule_apply_again(s->schedules);
    if (restart.len) log_warn("restart_needed", LOG_TEXT("keys", restart.data));
    log_info("reloaded", LOG_INT("handlers", fresh->handler_count));
    buffer_deinit(&restart);
}

/* Handlers are where it can fail last: a program or a secret that is not there. */
static enum pinion_err replace_handlers(struct service *s, const struct config *fresh,
                                        struct error *why)
{
    struct registry made = {.count = 0};
    enum pinion_err err = PINION_OK;

    for (size_t i = 0; i < fresh->handler_count && !err; i++)
        err = service_make_handler(s, &fresh->handlers[i], &made, why);
    if (!err) err = workers_replace_handlers(s->workers, &made, why);
    registry_deinit(&made);
    return err;
}

/* The same files may have other content. */
static enum pinion_err load_tls(const struct service *s, const struct config *fresh,
                                struct http_tls **ret_tls, struct error *why)
{
    *ret_tls = NULL;
    if (!s->http || !config_has_tls(s->config) || !config_has_tls(fresh)) return PINION_OK;
    return http_tls_open(fresh->tls_cert, fresh->tls_key, ret_tls, why);
}

enum pinion_err service_reload(struct service *s, struct config *fresh, struct error *why)
{
    struct config *kept = xmemdup(fresh, sizeof *fresh);
    struct http_tls *tls = NULL;
    enum pinion_err err;

    *fresh = (struct config){0};
    if (s->at < AT_LINK)
        err = error_set(why, PINION_CONFLICT, "it has not begun yet");
    else if (s->at > AT_READY)
        err = error_set(why, PINION_CONFLICT, "it is stopping");
    else
        err = load_tls(s, kept, &tls, why);
    /* A file of its own: it may change without the rest. */
    if (!err) err = access_reload(s->access, why);
    if (!err) err = replace_handlers(s, kept, why);
    if (!err) {
        if (tls) http_server_renew(s->http, tls);
        apply(s, kept);
        return PINION_OK;
    }
    http_tls_free(tls);
    config_deinit(kept);
    free(kept);
    return err;
}

void service_drop_reloaded(struct service *s)
{
    if (!s->reloaded) return;
    config_deinit(s->reloaded);
    free(s->reloaded);
    s->reloaded = NULL;
}
