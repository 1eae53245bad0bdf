#include "control/shape_limits.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/shape.h"

/* ---- shown ----------------------------------------------------------------------------------- */

static json_t *shape_limit(const struct limit *l)
{
    json_t *o = json_object();
    char rate[RATE_TEXT_MAX];

    if (l->concurrency) {
        json_object_set_new(o, "concurrency", json_integer(l->concurrency));
        if (l->scope != LIMIT_EACH_GROUP)
            json_object_set_new(o, "running", json_integer(l->running));
    }
    if (l->count) {
        json_object_set_new(o, "rate", json_string(rate_format(l->count, l->per_ms, rate)));
        json_object_set_new(o, "burst", json_integer(l->burst));
    }
    return o;
}

static json_t *object_at(json_t *o, const char *key)
{
    json_t *inner = json_object_get(o, key);

    if (inner) return inner;
    json_object_set_new(o, key, json_object());
    return json_object_get(o, key);
}

json_t *shape_limits(const struct redisReply *stats)
{
    json_t *o = json_object();
    struct limit l;

    for (size_t i = 0; i < stats_limits(stats); i++) {
        char name[KIND_MAX + LABEL_MAX];
        if (stats_limit(stats, i, &l) || l.name.len >= sizeof name) continue;
        memcpy(name, l.name.data ? l.name.data : "", l.name.len);
        name[l.name.len] = '\0';
        switch (l.scope) {
        case LIMIT_QUEUE: json_object_set_new(o, "queue", shape_limit(&l)); break;
        case LIMIT_EACH_GROUP: json_object_set_new(o, "each_group", shape_limit(&l)); break;
        case LIMIT_KIND: json_object_set_new(object_at(o, "kinds"), name, shape_limit(&l)); break;
        case LIMIT_GROUP: json_object_set_new(object_at(o, "groups"), name, shape_limit(&l)); break;
        }
    }
    return o;
}

/* ---- set ------------------------------------------------------------------------------------- */

static enum pinion_err read_number(const json_t *value, const char *key, unsigned *ret,
                                   struct error *why)
{
    json_int_t n = json_integer_value(value);

    if (!value) return PINION_OK;
    if (!json_is_integer(value) || n < 1 || n > LIMIT_VALUE_MAX)
        return error_set(why, PINION_INVALID, "%s: expected a number of 1 to %d", key,
                         LIMIT_VALUE_MAX);
    *ret = (unsigned)n;
    return PINION_OK;
}

static enum pinion_err read_limit(const json_t *o, struct limit *l, struct error *why)
{
    const json_t *rate = json_object_get(o, "rate");
    size_t known = 0;
    static const char *const keys[] = {"concurrency", "rate", "burst", "running"};
    enum pinion_err err;

    for (size_t i = 0; i < countof(keys); i++) known += json_object_get(o, keys[i]) != NULL;
    if (!json_is_object(o) || known != json_object_size(o) || (rate && !json_is_string(rate)))
        return error_set(why, PINION_INVALID,
                         "limit: expected an object with concurrency, rate (\"100/1s\") and burst");
    err = read_number(json_object_get(o, "concurrency"), "concurrency", &l->concurrency, why);
    if (!err && rate)
        err = rate_parse(span_of(json_string_value(rate)), &l->count, &l->per_ms, why);
    if (!err) err = read_number(json_object_get(o, "burst"), "burst", &l->burst, why);
    return err ? err : limit_check(l, why);
}

static enum pinion_err add(struct limits *all, enum limit_scope scope, const char *name,
                           const json_t *o, struct error *why)
{
    struct limit l = {.scope = scope, .name = span_of(name)};
    enum pinion_err err = read_limit(o, &l, why);

    if (!err && all->count == LIMITS_MAX)
        err = error_set(why, PINION_INVALID, "expected at most %d limits", LIMITS_MAX);
    if (err) return err;
    all->limits = xrealloc(all->limits, (all->count + 1) * sizeof *all->limits);
    all->limits[all->count++] = l;
    return PINION_OK;
}

static enum pinion_err add_named(struct limits *all, enum limit_scope scope, json_t *o,
                                 struct error *why)
{
    const char *name;
    json_t *value;

    if (!json_is_object(o))
        return error_set(why, PINION_INVALID,
                         "kinds, groups: expected an object of names, each with its limit");
    json_object_foreach(o, name, value) {
        enum pinion_err err = add(all, scope, name, value, why);
        if (err) return err;
    }
    return PINION_OK;
}

static enum pinion_err add_key(struct limits *all, const char *key, json_t *value,
                               struct error *why)
{
    if (strcmp(key, "queue") == 0) return add(all, LIMIT_QUEUE, NULL, value, why);
    if (strcmp(key, "each_group") == 0) return add(all, LIMIT_EACH_GROUP, NULL, value, why);
    if (strcmp(key, "kinds") == 0) return add_named(all, LIMIT_KIND, value, why);
    if (strcmp(key, "groups") == 0) return add_named(all, LIMIT_GROUP, value, why);
    return error_set(why, PINION_INVALID,
                     "unknown key '%.60s'; expected queue, kinds, groups or each_group", key);
}

enum pinion_err limits_read(const json_t *json, struct limits *ret, struct error *why)
{
    struct limits all = {0};
    const char *key;
    json_t *value;

    if (!json_is_object(json))
        return error_set(why, PINION_INVALID,
                         "expected an object with queue, kinds, groups or each_group");
    json_object_foreach((json_t *)(uintptr_t)json, key, value) {
        enum pinion_err err = add_key(&all, key, value, why);
        if (!err) continue;
        limits_deinit(&all);
        return err;
    }
    *ret = all;
    return PINION_OK;
}

void limits_deinit(struct limits *all)
{
    free(all->limits);
    *all = (struct limits){0};
}
