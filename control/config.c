/* control/config.c — the table of keys, and what each value must look like. */
#include "control/config.h"
#include "control/config_parts.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time_text.h"
#include "queue/key.h"
#include "queue/limits.h"
#include "queue/redis_url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct key;
typedef enum pinion_err set_fn(struct config *, const struct key *, const char *value,
                               struct error *why);

struct key {
    struct config_key flag;
    const char *env; /* NULL: not by the environment */
    set_fn *set;
    size_t field;               /* offset in struct config of what `set` fills */
    uint64_t min, max;          /* of a number or a duration */
    const char *const *choices; /* names in the order of the enum; ends with NULL */
};

static void *field_of(struct config *c, const struct key *key)
{
    return (char *)c + key->field;
}

static enum pinion_err expected(const struct key *key, const char *what, const char *value,
                                struct error *why)
{
    return error_set(why, PINION_INVALID, "%s: expected %s, not '%.60s'", key->flag.name, what,
                     value);
}

static void replace_text(struct config *c, const struct key *key, const char *value)
{
    char **text = field_of(c, key);

    free(*text);
    *text = xstrdup(value);
}

/* ---- one setter per sort of value ------------------------------------------------------------ */

static enum pinion_err set_redis(struct config *c, const struct key *key, const char *value,
                                 struct error *why)
{
    struct redis_url url;
    struct error bad;

    /* The value may hold a password: it is not repeated. */
    if (redis_url_parse(span_of(value), &url, &bad))
        return error_set(why, bad.code, "%s: %s", key->flag.name, bad.text);
    redis_url_deinit(&url);
    replace_text(c, key, value);
    return PINION_OK;
}

static enum pinion_err set_listen(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    const char *colon = strrchr(value, ':');
    uint64_t port;

    if (strcmp(value, "none") == 0) { /* no HTTP at all */
        free(c->listen);
        c->listen = NULL;
        return PINION_OK;
    }
    if (!span_starts(span_of(value), "unix:/") &&
        (!colon || colon == value || text_parse_u64(span_of(colon + 1), 0, 65535, &port)))
        return expected(key, "ADDR:PORT, unix:/PATH or none", value, why);
    replace_text(c, key, value);
    return PINION_OK;
}

static enum pinion_err set_file(struct config *c, const struct key *key, const char *value,
                                struct error *why)
{
    if (!*value) return expected(key, "a file", value, why);
    replace_text(c, key, value);
    return PINION_OK;
}

static enum pinion_err set_folder(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    if (!*value) return expected(key, "a folder", value, why);
    replace_text(c, key, value);
    return PINION_OK;
}

static enum pinion_err set_cgroup(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    if (strcmp(value, "auto") == 0) {
        free(c->cgroup);
        c->cgroup = NULL;
        return PINION_OK;
    }
    if (strcmp(value, "none") != 0 && value[0] != '/')
        return expected(key, "auto, none or a folder, from / on", value, why);
    replace_text(c, key, value[0] == '/' ? value : "");
    return PINION_OK;
}

static enum pinion_err set_namespace(struct config *c, const struct key *key, const char *value,
                                     struct error *why)
{
    if (!namespace_ok(span_of(value)))
        return expected(key, "1 to 32 of A-Z a-z 0-9 . _ -", value, why);
    replace_text(c, key, value);
    return PINION_OK;
}

static enum pinion_err set_count(struct config *c, const struct key *key, const char *value,
                                 struct error *why)
{
    return config_parse_count(key->flag.name, value, (unsigned)key->max, field_of(c, key), why);
}

static enum pinion_err set_percent(struct config *c, const struct key *key, const char *value,
                                   struct error *why)
{
    struct span text = span_of(value);
    uint64_t percent;

    if (text.len && text.data[text.len - 1] == '%') text.len--;
    if (text_parse_u64(text, key->min, key->max, &percent))
        return expected(key, "0% to 100%", value, why);
    *(unsigned *)field_of(c, key) = (unsigned)percent;
    return PINION_OK;
}

static enum pinion_err set_duration(struct config *c, const struct key *key, const char *value,
                                    struct error *why)
{
    return config_parse_duration(key->flag.name, value, key->min, key->max, field_of(c, key), why);
}

static enum pinion_err refuse_choice(const struct key *key, const char *value, struct error *why)
{
    struct buffer names = BUFFER_INIT;
    enum pinion_err err;

    for (size_t i = 0; key->choices[i]; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", key->choices[i]);
    err = expected(key, names.data, value, why);
    buffer_deinit(&names);
    return err;
}

static enum pinion_err set_choice(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    for (unsigned i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], value) != 0) continue;
        memcpy(field_of(c, key), &i, sizeof i); /* an enum: see the assertion above the table */
        return PINION_OK;
    }
    return refuse_choice(key, value, why);
}

static enum pinion_err set_switch(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    bool yes = strcmp(value, "yes") == 0;

    if (!yes && strcmp(value, "no") != 0) return expected(key, "yes or no", value, why);
    *(bool *)field_of(c, key) = yes;
    return PINION_OK;
}

static enum pinion_err set_bytes(struct config *c, const struct key *key, const char *value,
                                 struct error *why)
{
    return config_parse_bytes(key->flag.name, value, key->min, key->max, field_of(c, key), why);
}

static enum pinion_err set_queue(struct config *c, const struct key *key, const char *value,
                                 struct error *why)
{
    struct span weight = span_of(value), name = span_cut(&weight, '=');
    uint64_t number = 0;
    struct config_queue *queue;

    if (name.len < strlen(value) && text_parse_u64(weight, 1, WEIGHT_MAX, &number))
        return expected(key, "NAME or NAME=WEIGHT, a weight of 1 to 1000", value, why);
    enum pinion_err err = config_queue_at(c, name, &queue, why);
    if (!err && number) queue->weight = (unsigned)number;
    return err;
}

/* `min` of the key says by what it runs. */
static enum pinion_err set_handler(struct config *c, const struct key *key, const char *value,
                                   struct error *why)
{
    struct span main = span_of(value), kind = span_cut(&main, '=');
    struct config_handler *handler;

    if (kind.len == strlen(value)) return expected(key, key->flag.value, value, why);
    enum pinion_err err =
        config_handler_at(c, (enum config_runner)key->min, kind, &handler, why);
    return err ? err : config_handler_set_main(handler, main.data, why);
}

static enum pinion_err set_on_dead(struct config *c, const struct key *key, const char *value,
                                   struct error *why)
{
    return config_parse_on_dead(value, field_of(c, key), why);
}

static enum pinion_err set_host(struct config *c, const struct key *key, const char *value,
                                struct error *why)
{
    (void)key;
    return config_host_add(c, value, why);
}

static enum pinion_err set_plugin(struct config *c, const struct key *key, const char *value,
                                  struct error *why)
{
    (void)key;
    return config_plugin_add(c, value, why);
}

static enum pinion_err set_allow(struct config *c, const struct key *key, const char *value,
                                 struct error *why)
{
    (void)key;
    return config_allow_add(c, value, why);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char *const level_names[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_names[] = {"text", "json", NULL};
static const char *const fsync_names[] = {"always", "everysec", "no", NULL};
static const char *const audit_names[] = {"all", "admin", "none", NULL};

_Static_assert(countof(level_names) == LOG_LEVELS + 1, "every level has a name");
_Static_assert(LOG_AS_TEXT == 0 && LOG_AS_JSON == 1, "format_names has the order of the enum");
_Static_assert(REDIS_FSYNC_ALWAYS == 0 && REDIS_FSYNC_EVERYSEC == 1 && REDIS_FSYNC_NO == 2,
               "fsync_names has the order of the enum");
_Static_assert(CONFIG_AUDIT_ALL == 0 && CONFIG_AUDIT_ADMIN == 1 && CONFIG_AUDIT_NONE == 2,
               "audit_names has the order of the enum");
_Static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
                   sizeof(enum log_format) == sizeof(unsigned) &&
                   sizeof(enum redis_fsync) == sizeof(unsigned) &&
                   sizeof(enum config_audit) == sizeof(unsigned),
               "set_choice writes an unsigned");

#define FIELD(name) offsetof(struct config, name)

/* clang-format off */
static const struct key keys[] = {
    {{"redis", 0, "URL", "the Redis to use; without it, a private one in the state folder"},
      "PINION_REDIS_URL", set_redis, FIELD(redis), 0, 0, NULL},
    {{"listen", 0, "ADDR", "where HTTP listens: ADDR:PORT, unix:/PATH or none"},
      "PINION_LISTEN", set_listen, FIELD(listen), 0, 0, NULL},
    {{"tls-cert", 0, "FILE", "certificate and its chain, PEM: HTTP is spoken inside TLS only"},
      "PINION_TLS_CERT", set_file, FIELD(tls_cert), 0, 0, NULL},
    {{"tls-key", 0, "FILE", "the private key of --tls-cert, PEM"},
      "PINION_TLS_KEY", set_file, FIELD(tls_key), 0, 0, NULL},
    {{"state", 0, "DIR", "the state folder"},
      "PINION_STATE", set_folder, FIELD(state), 0, 0, NULL},
    {{"namespace", 0, "NAME", "how all keys in Redis begin"},
      "PINION_NAMESPACE", set_namespace, FIELD(name_space), 0, 0, NULL},
    {{"queue", 'q', "NAME[=WEIGHT]", "serve this queue; may be repeated"},
      NULL, set_queue, 0, 0, 0, NULL},
    {{"concurrency", 0, "N", "attempts that run at once"},
      NULL, set_count, FIELD(concurrency), 1, CONCURRENCY_MAX, NULL},
    {{"threads", 0, "N", "attempts at once of a handler on threads; default: as --concurrency"},
      NULL, set_count, FIELD(threads), 1, THREADS_MAX, NULL},
    {{"strict", 0, NULL, "serve the queues strictly in the order given; without weights"},
      NULL, set_switch, FIELD(strict), 0, 0, NULL},
    {{"lease", 0, "DURATION", "how long a silent worker keeps its job, 1s to 1h"},
      NULL, set_duration, FIELD(lease_ms), LEASE_MIN_MS, LEASE_MAX_MS, NULL},
    {{"memory-mark", 0, "PERCENT",
      "of Redis's maxmemory: above it queues take no new jobs;\n0%: never; default: 90%"},
      NULL, set_percent, FIELD(memory_mark), 0, 100, NULL},
    {{"grace", 0, "DURATION", "how long running jobs may take to end at a stop"},
      NULL, set_duration, FIELD(grace_ms), 0, CONFIG_GRACE_MS_MAX, NULL},
    {{"command", 0, "KIND='ARGV...'", "run jobs of this kind by this program; may be repeated"},
      NULL, set_handler, 0, CONFIG_COMMAND, 0, NULL},
    {{"webhook", 0, "KIND=URL", "send jobs of this kind to this URL; may be repeated"},
      NULL, set_handler, 0, CONFIG_WEBHOOK, 0, NULL},
    {{"webhook-allow", 0, "RANGE",
      "let webhooks reach these addresses although they are private,\nas 10.0.0.0/8; may be "
      "repeated"},
      NULL, set_allow, 0, 0, 0, NULL},
    {{"exec", 0, NULL, "run what jobs of kind pinion.exec say: whoever enqueues may run anything"},
      NULL, set_switch, FIELD(exec), 0, 0, NULL},
    {{"cgroup", 0, "auto|none|DIR",
      "where each command gets a cgroup of its own, which ends with it:\nbelow our own cgroup if "
      "that is delegated (auto), or below this\nfolder of cgroup2"},
      NULL, set_cgroup, FIELD(cgroup), 0, 0, NULL},
    {{"plugin", 0, "FILE.so", "load handlers written in C; may be repeated"},
      NULL, set_plugin, 0, 0, 0, NULL},
    {{"on-dead", 0, "KIND", "enqueue a job of this kind for each job that dies"},
      NULL, set_on_dead, FIELD(on_dead), 0, 0, NULL},
    {{"http-host", 0, "NAME", "accept requests for this host name; may be repeated"},
      NULL, set_host, 0, 0, 0, NULL},
    {{"http-connections", 0, "N", "HTTP connections at once; default: 4096"},
      NULL, set_count, FIELD(http_connections), 1, CONFIG_CONNECTIONS_MAX, NULL},
    {{"http-peer-connections", 0, "N", "those of one address; default: 2048"},
      NULL, set_count, FIELD(http_peer_connections), 1, CONFIG_CONNECTIONS_MAX, NULL},
    {{"http-idle", 0, "DURATION",
      "how long a connection may wait for its next request;\ndefault: 75s"},
      NULL, set_duration, FIELD(http_idle_ms), 1000, CONFIG_IDLE_MS_MAX, NULL},
    {{"require-token", 0, NULL, "let nobody read without a token, not even from this machine"},
      NULL, set_switch, FIELD(require_token), 0, 0, NULL},
    {{"insecure", 0, NULL, "listen beyond this machine without TLS, where others can listen in"},
      NULL, set_switch, FIELD(insecure), 0, 0, NULL},
    {{"audit", 0, "all|admin|none", "the changes over HTTP that are logged"},
      NULL, set_choice, FIELD(audit), 0, 0, audit_names},
    {{"fsync", 0, "always|everysec|no", "when the private Redis writes to the disk"},
      NULL, set_choice, FIELD(fsync), 0, 0, fsync_names},
    {{"maxmemory", 0, "BYTES", "what the private Redis may use; half of the machine's memory"},
      NULL, set_bytes, FIELD(maxmemory_bytes), CONFIG_MAXMEMORY_MIN, CONFIG_MAXMEMORY_MAX, NULL},
    {{"allow-eviction", 0, NULL, "accept a Redis whose policy may evict jobs"},
      NULL, set_switch, FIELD(allow_eviction), 0, 0, NULL},
    {{"log-level", 0, "debug|info|warn|error", "the least that is logged"},
      "PINION_LOG_LEVEL", set_choice, FIELD(log_level), 0, 0, level_names},
    {{"log-format", 0, "text|json", "how a line of the log looks"},
      "PINION_LOG_FORMAT", set_choice, FIELD(log_format), 0, 0, format_names},
};
/* clang-format on */

const struct config_key *config_key(size_t index)
{
    return index < countof(keys) ? &keys[index].flag : NULL;
}

enum pinion_err config_set_from(struct config *c, enum config_source source, const char *name,
                                const char *value, struct error *why)
{
    assert(source >= c->source); /* file, then environment, then flags */
    c->source = source;
    for (size_t i = 0; i < countof(keys); i++)
        if (strcmp(keys[i].flag.name, name) == 0) return keys[i].set(c, &keys[i], value, why);
    return error_set(why, PINION_INVALID, "unknown key '%.60s'; see pinion serve --help", name);
}

enum pinion_err config_set(struct config *c, const char *name, const char *value, struct error *why)
{
    return config_set_from(c, CONFIG_FLAG, name, value, why);
}

enum pinion_err config_load_env(struct config *c, struct error *why)
{
    for (size_t i = 0; i < countof(keys); i++) {
        const char *value = keys[i].env ? getenv(keys[i].env) : NULL;
        struct error bad;

        if (!value || !*value) continue;
        if (config_set_from(c, CONFIG_ENV, keys[i].flag.name, value, &bad))
            return error_set(why, bad.code, "environment %s: %s", keys[i].env, bad.text);
    }
    return PINION_OK;
}
