/* control/config_handlers.c — the sections that name handlers: what each key of theirs means. */
#include "control/config_parts.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"
#include "queue/limits.h"
#include "scheduler/backoff.h"
#include "workers/fetch.h"

#include <stdlib.h>
#include <string.h>

struct key;
typedef enum pinion_err set_fn(struct config_handler *, const struct key *, const char *value,
                               struct error *why);

struct key {
    const char *name;
    unsigned runners; /* which of them have it: bits by enum config_runner */
    set_fn *set;
    size_t field;     /* offset in struct config_handler of what `set` fills */
    uint64_t min, max; /* of a number; of a duration and a count `min` is 1 */
};

#define ALL ((1u << CONFIG_RUNNERS) - 1)
#define ONLY(runner) (1u << (runner))

/* By enum config_runner: how its sections are called, and the key without which it cannot run. */
static const struct {
    const char *name, *main_key, *expected;
} runners[CONFIG_RUNNERS] = {
    [CONFIG_COMMAND] = {"command", "argv", "PROGRAM ARGUMENTS"},
    [CONFIG_WEBHOOK] = {"webhook", "url",  "URL"              },
    [CONFIG_EXEC] = {"exec",       NULL,   NULL               },
};

static void *field_of(struct config_handler *h, const struct key *key)
{
    return (char *)h + key->field;
}

static enum pinion_err set_argv(struct config_handler *h, const struct key *key, const char *value,
                                struct error *why)
{
    struct error bad;
    char **argv;

    (void)key;
    if (text_split_words(value, &argv, &bad))
        return error_set(why, bad.code, "%s %s: %s", runners[h->runner].name, h->kind, bad.text);
    free(h->argv);
    h->argv = argv;
    return PINION_OK;
}

/* It may have a token in it, but not in the part that is repeated: see fetch_url_check. */
static enum pinion_err set_url(struct config_handler *h, const struct key *key, const char *value,
                               struct error *why)
{
    struct error bad;

    (void)key;
    if (fetch_url_check(value, NULL, &bad))
        return error_set(why, bad.code, "%s %s: %s", runners[h->runner].name, h->kind, bad.text);
    free(h->url);
    h->url = xstrdup(value);
    return PINION_OK;
}

static enum pinion_err set_secret(struct config_handler *h, const struct key *key,
                                  const char *value, struct error *why)
{
    char **text = field_of(h, key);
    struct error bad;

    if (webhook_secret_check(span_of(value), &bad))
        return error_set(why, bad.code, "%s: %s", key->name, bad.text);
    free(*text);
    *text = xstrdup(value);
    return PINION_OK;
}

static enum pinion_err set_file(struct config_handler *h, const struct key *key, const char *value,
                                struct error *why)
{
    char **text = field_of(h, key);

    if (!*value) return error_set(why, PINION_INVALID, "%s: expected a file", key->name);
    free(*text);
    *text = xstrdup(value);
    return PINION_OK;
}

static enum pinion_err set_statuses(struct config_handler *h, const struct key *key,
                                    const char *value, struct error *why)
{
    struct error bad;

    if (!status_set_parse(value, field_of(h, key), &bad)) return PINION_OK;
    return error_set(why, bad.code, "%s: %s", key->name, bad.text);
}

static enum pinion_err set_count(struct config_handler *h, const struct key *key, const char *value,
                                 struct error *why)
{
    return config_parse_count(key->name, value, (unsigned)key->max, field_of(h, key), why);
}

static enum pinion_err set_duration(struct config_handler *h, const struct key *key,
                                    const char *value, struct error *why)
{
    return config_parse_duration(key->name, value, 1, key->max, field_of(h, key), why);
}

static enum pinion_err set_backoff(struct config_handler *h, const struct key *key,
                                   const char *value, struct error *why)
{
    char **text = field_of(h, key);
    enum pinion_err err = backoff_check(span_of(value), why);

    if (err) return err;
    free(*text);
    *text = xstrdup(value);
    return PINION_OK;
}

static enum pinion_err set_on_dead(struct config_handler *h, const struct key *key,
                                   const char *value, struct error *why)
{
    return config_parse_on_dead(value, field_of(h, key), why);
}

static enum pinion_err set_text(struct config_handler *h, const struct key *key, const char *value,
                                struct error *why)
{
    char **text = field_of(h, key);

    if (!*value)
        return error_set(why, PINION_INVALID, "%s: expected a value, not nothing", key->name);
    free(*text);
    *text = xstrdup(value);
    return PINION_OK;
}

static enum pinion_err set_bytes(struct config_handler *h, const struct key *key, const char *value,
                                 struct error *why)
{
    return config_parse_bytes(key->name, value, key->min, key->max, field_of(h, key), why);
}

static enum pinion_err add_env(struct config_handler *h, const struct key *key, const char *value,
                               struct error *why)
{
    struct program_options *p = &h->program;
    enum pinion_err err = program_env_check(value, why);

    (void)key;
    if (err) return err;
    if (p->env_count == PROGRAM_ENV_MAX)
        return error_set(why, PINION_INVALID, "env: expected at most %d of them", PROGRAM_ENV_MAX);
    p->env = xrealloc(p->env, (p->env_count + 1) * sizeof *p->env);
    p->env[p->env_count++] = xstrdup(value);
    return PINION_OK;
}

#define FIELD(name) offsetof(struct config_handler, name)
#define PROGRAM(name) FIELD(program.name)
#define PROGRAMS (ONLY(CONFIG_COMMAND) | ONLY(CONFIG_EXEC)) /* those that run programs */
#define HOOKS ONLY(CONFIG_WEBHOOK)
#define WORDS ONLY(CONFIG_COMMAND)    /* which they name themselves */

/* clang-format off */
static const struct key keys[] = {
    {"argv",        WORDS,    set_argv,     FIELD(argv),              0, 0},
    {"url",         HOOKS,    set_url,      FIELD(url),               0, 0},
    {"secret",      HOOKS,    set_secret,   FIELD(secret),            0, 0},
    {"secret-file", HOOKS,    set_file,     FIELD(secret_file),       0, 0},
    {"retry-4xx",   HOOKS,    set_statuses, FIELD(retry_4xx),         0, 0},
    {"host-concurrency", HOOKS, set_count,  FIELD(host_concurrency),  1, CONCURRENCY_MAX},
    {"concurrency", ALL,      set_count,    FIELD(concurrency),       1, CONCURRENCY_MAX},
    {"timeout",     ALL,      set_duration, FIELD(timeout_ms),        1, DURATION_MS_MAX},
    {"attempts",    ALL,      set_count,    FIELD(attempts_max),      1, ATTEMPTS_MAX},
    {"backoff",     ALL,      set_backoff,  FIELD(backoff),           0, 0},
    {"on-dead",     ALL,      set_on_dead,  FIELD(on_dead),           0, 0},
    {"folder",      PROGRAMS, set_text,     PROGRAM(folder),          0, 0},
    {"user",        PROGRAMS, set_text,     PROGRAM(user),            0, 0},
    {"group",       PROGRAMS, set_text,     PROGRAM(group),           0, 0},
    {"env",         PROGRAMS, add_env,      0,                        0, 0},
    {"memory", PROGRAMS, set_bytes, PROGRAM(memory_bytes),
     CONFIG_MEMORY_MIN, CONFIG_BYTES_MAX},
    {"cpu",         PROGRAMS, set_duration, PROGRAM(cpu_ms),          1, DURATION_MS_MAX},
    {"files",       PROGRAMS, set_count,    PROGRAM(files),           1, CONFIG_LIMIT_MAX},
    {"processes",   PROGRAMS, set_count,    PROGRAM(processes),       1, CONFIG_LIMIT_MAX},
    {"file-size",   PROGRAMS, set_bytes,    PROGRAM(file_size_bytes), 1, CONFIG_BYTES_MAX},
    {"nice",        PROGRAMS, set_count,    PROGRAM(nice),            1, CONFIG_NICE_MAX},
    {"output",      PROGRAMS, set_bytes,    PROGRAM(output_bytes),    1, RESULT_BYTES_MAX},
    {"grace",       PROGRAMS, set_duration, PROGRAM(grace_ms),        1, CONFIG_GRACE_MS_MAX},
};
/* clang-format on */

/* "argv, concurrency, timeout, attempts, backoff or on-dead" of a webhook */
static void list_keys(unsigned runner, struct buffer *out)
{
    const char *last = NULL;

    for (size_t i = 0; i < countof(keys); i++) {
        if (!(keys[i].runners & ONLY(runner))) continue;
        if (last) buffer_printf(out, "%s%s", out->len ? ", " : "", last);
        last = keys[i].name;
    }
    buffer_printf(out, " or %s", last);
}

enum pinion_err config_handler_set(struct config_handler *h, const char *name, const char *value,
                                   struct error *why)
{
    struct buffer known = BUFFER_INIT;

    for (size_t i = 0; i < countof(keys); i++)
        if (keys[i].runners & ONLY(h->runner) && strcmp(keys[i].name, name) == 0)
            return keys[i].set(h, &keys[i], value, why);
    list_keys(h->runner, &known);
    enum pinion_err err = error_set(why, PINION_INVALID, "unknown key '%.60s' in [%s]; expected %s",
                                    name, runners[h->runner].name, known.data);
    buffer_deinit(&known);
    return err;
}

enum pinion_err config_handler_set_main(struct config_handler *h, const char *value,
                                        struct error *why)
{
    return config_handler_set(h, runners[h->runner].main_key, value, why);
}

bool config_runner_of(struct span name, enum config_runner *ret_runner)
{
    for (unsigned i = 0; i < CONFIG_RUNNERS; i++) {
        if (!span_is(name, runners[i].name)) continue;
        *ret_runner = (enum config_runner)i;
        return true;
    }
    return false;
}

enum pinion_err config_handler_at(struct config *c, enum config_runner runner, struct span kind,
                                  struct config_handler **ret_handler, struct error *why)
{
    const char *name = runners[runner].name;

    if (!pattern_ok(kind))
        return error_set(why, PINION_INVALID,
                         "%s: expected a kind of 1 to 128 of A-Z a-z 0-9 . _ : / -, or a "
                         "prefix like user.*, not '%.*s'",
                         name, (int)(kind.len < 60 ? kind.len : 60), kind.data);
    for (size_t i = 0; i < c->handler_count; i++) {
        struct config_handler *h = &c->handlers[i];
        if (!span_is(kind, h->kind)) continue;
        if (h->runner != runner)
            return error_set(why, PINION_INVALID, "%s %s: the kind has a handler already, a %s",
                             name, h->kind, runners[h->runner].name);
        *ret_handler = h;
        return PINION_OK;
    }
    if (c->handler_count == HANDLERS_MAX)
        return error_set(why, PINION_INVALID, "%s: expected at most %d handlers", name,
                         HANDLERS_MAX);
    c->handlers = xrealloc(c->handlers, (c->handler_count + 1) * sizeof *c->handlers);
    *ret_handler = &c->handlers[c->handler_count++];
    **ret_handler =
        (struct config_handler){.runner = runner, .kind = xmemdup(kind.data, kind.len)};
    return PINION_OK;
}

static bool has_main(const struct config_handler *h)
{
    switch (h->runner) {
    case CONFIG_COMMAND: return h->argv != NULL;
    case CONFIG_WEBHOOK: return h->url != NULL;
    case CONFIG_EXEC: return true;
    case CONFIG_RUNNERS: break;
    }
    return false;
}

enum pinion_err config_handlers_check(const struct config *c, struct error *why)
{
    for (size_t i = 0; i < c->handler_count; i++) {
        const struct config_handler *h = &c->handlers[i];
        if (!has_main(h))
            return error_set(why, PINION_INVALID, "%s %s: expected %s = %s",
                             runners[h->runner].name, h->kind, runners[h->runner].main_key,
                             runners[h->runner].expected);
        if (h->secret && h->secret_file)
            return error_set(why, PINION_INVALID,
                             "%s %s: expected secret or secret-file, not both",
                             runners[h->runner].name, h->kind);
    }
    return PINION_OK;
}

static void program_options_free(struct program_options *p)
{
    for (size_t i = 0; i < p->env_count; i++) free(p->env[i]);
    free(p->env);
    free(p->folder);
    free(p->user);
    free(p->group);
}

void config_handlers_deinit(struct config *c)
{
    for (size_t i = 0; i < c->handler_count; i++) {
        struct config_handler *h = &c->handlers[i];
        free(h->kind);
        free(h->argv);
        free(h->url);
        free(h->secret);
        free(h->secret_file);
        program_options_free(&h->program);
        free(h->backoff);
        free(h->on_dead);
    }
    free(c->handlers);
}
