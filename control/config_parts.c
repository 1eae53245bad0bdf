/* control/config_parts.c — the lists of a config, its defaults and its end. */
#include "control/config_parts.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"
#include "queue/on_dead.h"
#include "workers/exec.h"
#include "workers/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_NAME_LEN_MAX 253 /* in the DNS */

#define HOST_NAME_LETTERS        \
    "abcdefghijklmnopqrstuvwxyz" \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
    "0123456789.-"

#define BYTES_TEXT_MAX 24

#define DEFAULT_LISTEN      "127.0.0.1:7466"
#define DEFAULT_NAMESPACE   "pinion"
#define DEFAULT_QUEUE       "default"

/* ---- values ---------------------------------------------------------------------------------- */

enum pinion_err config_parse_count(const char *key, const char *value, unsigned max,
                                   unsigned *ret_count, struct error *why)
{
    uint64_t number;

    if (text_parse_u64(span_of(value), 1, max, &number))
        return error_set(why, PINION_INVALID,
                         "%s: expected a whole number from 1 to %u, not '%.60s'", key, max, value);
    *ret_count = (unsigned)number;
    return PINION_OK;
}

enum pinion_err config_parse_duration(const char *key, const char *value, uint64_t min_ms,
                                      uint64_t max_ms, uint64_t *ret_ms, struct error *why)
{
    char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
    uint64_t ms;

    if (duration_parse(span_of(value), &ms, NULL) || ms < min_ms || ms > max_ms)
        return error_set(why, PINION_INVALID, "%s: expected a duration from %s to %s, not '%.60s'",
                         key, duration_format(min_ms, least), duration_format(max_ms, most), value);
    *ret_ms = ms;
    return PINION_OK;
}

static const struct {
    const char *unit;
    unsigned shift;
} byte_units[] = {
    {"kb", 10},
    {"mb", 20},
    {"gb", 30},
    {"",   0 },
};

/* In the largest unit that it is a whole number of. */
static const char *format_bytes(uint64_t bytes, char out[BYTES_TEXT_MAX])
{
    size_t i = 2;

    while (i < 3 && bytes & ((UINT64_C(1) << byte_units[i].shift) - 1)) i = i ? i - 1 : 3;
    snprintf(out, BYTES_TEXT_MAX, "%" PRIu64 "%s", bytes >> byte_units[i].shift,
             byte_units[i].unit);
    return out;
}

enum pinion_err config_parse_bytes(const char *key, const char *value, uint64_t min, uint64_t max,
                                   uint64_t *ret_bytes, struct error *why)
{
    char least[BYTES_TEXT_MAX], most[BYTES_TEXT_MAX];
    struct span text = span_of(value);
    uint64_t number;
    size_t i = 0;

    while (text.len < strlen(byte_units[i].unit) ||
           strcmp(value + text.len - strlen(byte_units[i].unit), byte_units[i].unit) != 0)
        i++; /* the empty unit always fits */
    text.len -= strlen(byte_units[i].unit);
    if (text_parse_u64(text, 0, max >> byte_units[i].shift, &number) ||
        number << byte_units[i].shift < min)
        return error_set(why, PINION_INVALID,
                         "%s: expected bytes, or a number with kb, mb or gb, from %s to %s, not "
                         "'%.60s'",
                         key, format_bytes(min, least), format_bytes(max, most), value);
    *ret_bytes = number << byte_units[i].shift;
    return PINION_OK;
}

enum pinion_err config_parse_on_dead(const char *value, char **text, struct error *why)
{
    enum pinion_err err = on_dead_check(value, why);

    if (err) return err;
    free(*text);
    *text = xstrdup(value);
    return PINION_OK;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* The order is that of the source that counts. */
static struct config_queue *move_to_end(struct config *c, struct config_queue *queue)
{
    struct config_queue *last = &c->queues[c->queue_count - 1], moved = *queue;

    memmove(queue, queue + 1, (size_t)(last - queue) * sizeof *queue);
    *last = moved;
    return last;
}

enum pinion_err config_queue_at(struct config *c, struct span name, struct config_queue **ret_queue,
                                struct error *why)
{
    struct config_queue *queue = NULL;
    struct error bad;

    if (queue_name_check(name, &bad)) return error_set(why, bad.code, "queue: %s", bad.text);
    for (size_t i = 0; i < c->queue_count && !queue; i++)
        if (span_is(name, c->queues[i].name)) queue = &c->queues[i];
    if (queue && queue->from < c->source) queue = move_to_end(c, queue);
    if (!queue && c->queue_count == QUEUES_MAX)
        return error_set(why, PINION_INVALID, "queue: expected at most %d queues",
                         QUEUES_MAX);
    if (!queue) {
        c->queues = xrealloc(c->queues, (c->queue_count + 1) * sizeof *c->queues);
        queue = &c->queues[c->queue_count++];
        *queue = (struct config_queue){.name = xmemdup(name.data, name.len), .bounds = BOUNDS_KEPT};
    }
    /* A stronger source replaces the list; config_finish drops the rest. Until then the rest stays,
     * since `-q mail` takes its weight from [queue "mail"] of the file. */
    queue->from = c->queues_from = c->source;
    *ret_queue = queue;
    return PINION_OK;
}

static void queue_drop(struct config_queue *queue)
{
    free(queue->name);
    free(queue->on_dead);
    config_limits_deinit(queue);
}

static void hosts_drop(struct config *c)
{
    while (c->host_count) free(c->hosts[--c->host_count]);
}

static bool host_name_ok(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= HOST_NAME_LEN_MAX && strspn(name, HOST_NAME_LETTERS) == len;
}

enum pinion_err config_host_add(struct config *c, const char *name, struct error *why)
{
    if (!host_name_ok(name))
        return error_set(why, PINION_INVALID,
                         "http-host: expected a host name without port, not '%.60s'", name);
    if (c->hosts_from < c->source) hosts_drop(c);
    c->hosts_from = c->source;
    if (c->host_count == CONFIG_HOSTS_MAX)
        return error_set(why, PINION_INVALID, "http-host: expected at most %d names",
                         CONFIG_HOSTS_MAX);
    c->hosts = xrealloc(c->hosts, (c->host_count + 1) * sizeof *c->hosts);
    c->hosts[c->host_count++] = xstrdup(name);
    return PINION_OK;
}

static void plugins_drop(struct config *c)
{
    while (c->plugin_count) free(c->plugins[--c->plugin_count]);
}

enum pinion_err config_plugin_add(struct config *c, const char *file, struct error *why)
{
    if (!*file) return error_set(why, PINION_INVALID, "plugin: expected a file");
    if (c->plugins_from < c->source) plugins_drop(c);
    c->plugins_from = c->source;
    if (c->plugin_count == CONFIG_PLUGINS_MAX)
        return error_set(why, PINION_INVALID, "plugin: expected at most %d files",
                         CONFIG_PLUGINS_MAX);
    c->plugins = xrealloc(c->plugins, (c->plugin_count + 1) * sizeof *c->plugins);
    c->plugins[c->plugin_count++] = xstrdup(file);
    return PINION_OK;
}

enum pinion_err config_allow_add(struct config *c, const char *text, struct error *why)
{
    struct address_range range;
    struct error bad;

    if (address_range_parse(span_of(text), &range, &bad))
        return error_set(why, bad.code, "webhook-allow: %s", bad.text);
    if (c->allow_from < c->source) c->webhook_allow_count = 0;
    c->allow_from = c->source;
    if (c->webhook_allow_count == FETCH_OPENED_MAX)
        return error_set(why, PINION_INVALID, "webhook-allow: expected at most %d ranges",
                         FETCH_OPENED_MAX);
    c->webhook_allow = xrealloc(c->webhook_allow,
                                (c->webhook_allow_count + 1) * sizeof *c->webhook_allow);
    c->webhook_allow[c->webhook_allow_count++] = range;
    return PINION_OK;
}

/* ---- begin and end --------------------------------------------------------------------------- */

void config_init(struct config *c)
{
    *c = (struct config){
        .listen = xstrdup(DEFAULT_LISTEN),
        .name_space = xstrdup(DEFAULT_NAMESPACE),
        .concurrency = CONCURRENCY_DEFAULT,
        .lease_ms = LEASE_DEFAULT_MS,
        .memory_mark = MEMORY_MARK_DEFAULT,
        .grace_ms = GRACE_DEFAULT_MS,
        .log_level = LOG_INFO,
    };
}

void config_deinit(struct config *c)
{
    hosts_drop(c);
    plugins_drop(c);
    for (size_t i = 0; i < c->queue_count; i++) queue_drop(&c->queues[i]);
    config_handlers_deinit(c);
    config_schedules_deinit(c);
    free(c->hosts);
    free(c->plugins);
    free(c->webhook_allow);
    free(c->queues);
    free(c->redis);
    free(c->listen);
    free(c->tls_cert);
    free(c->tls_key);
    free(c->state);
    free(c->on_dead);
    free(c->name_space);
    free(c->cgroup);
    *c = (struct config){0};
}

static enum pinion_err check_strict(const struct config *c, struct error *why)
{
    for (size_t i = 0; i < c->queue_count && c->strict; i++) {
        const struct config_queue *queue = &c->queues[i];
        if (queue->from == c->queues_from && queue->weight)
            return error_set(why, PINION_INVALID,
                             "strict: expected queues without weights, not '%s=%u'", queue->name,
                             queue->weight);
    }
    return PINION_OK;
}

bool config_has_tls(const struct config *c)
{
    return c->listen && c->tls_cert && c->tls_key;
}

static enum pinion_err check_tls(const struct config *c, struct error *why)
{
    if (!c->tls_cert != !c->tls_key)
        return error_set(why, PINION_INVALID, "tls-%s: expected tls-%s with it",
                         c->tls_cert ? "cert" : "key", c->tls_cert ? "key" : "cert");
    if (config_has_tls(c) && span_starts(span_of(c->listen), "unix:"))
        return error_set(why, PINION_INVALID,
                         "tls-cert: expected a listen address of TCP, not '%.60s': what is said on "
                         "a unix socket leaves no machine",
                         c->listen);
    return PINION_OK;
}

/* Unless the file has a section for it. */
static enum pinion_err add_exec(struct config *c, struct error *why)
{
    struct config_handler *h;

    return c->exec ? config_handler_at(c, CONFIG_EXEC, span_of(EXEC_KIND), &h, why) : PINION_OK;
}

enum pinion_err config_finish(struct config *c, struct error *why)
{
    struct config_queue *queue;
    size_t kept = 0;

    enum pinion_err bad = add_exec(c, why);
    if (!bad) bad = config_handlers_check(c, why);
    if (!bad) bad = config_schedules_check(c, why);
    if (!bad) bad = check_strict(c, why);
    if (!bad) bad = check_tls(c, why);
    if (!bad) bad = config_limits_check(c, why);
    if (bad) return bad;
    if (c->queue_count == 0) {
        enum pinion_err err = config_queue_at(c, span_of(DEFAULT_QUEUE), &queue, why);
        if (err) return err;
    }
    for (size_t i = 0; i < c->queue_count; i++) {
        queue = &c->queues[i];
        if (queue->from < c->queues_from) {
            queue_drop(queue);
            continue;
        }
        if (!queue->weight) queue->weight = 1;
        if (!queue->on_dead && c->on_dead) queue->on_dead = xstrdup(c->on_dead);
        c->queues[kept++] = *queue;
    }
    c->queue_count = kept;
    return PINION_OK;
}
