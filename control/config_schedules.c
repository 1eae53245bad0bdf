/* control/config_schedules.c — the sections [schedule "NAME"] of the file, and what they say. */
#include "control/config_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/key_words.h"
#include "control/new_schedule.h"
#include "control/schedule_words.h"

enum pinion_err config_schedule_at(struct config *c, struct span name,
                                   struct config_schedule **ret_schedule, struct error *why)
{
    enum pinion_err err = schedule_name_check(name, why);

    if (err) return err;
    for (size_t i = 0; i < c->schedule_count; i++) {
        if (!span_is(name, c->schedules[i].name)) continue;
        *ret_schedule = &c->schedules[i];
        return PINION_OK;
    }
    if (c->schedule_count == CONFIG_SCHEDULES_MAX)
        return error_set(why, PINION_INVALID, "schedule: expected at most %d schedules",
                         CONFIG_SCHEDULES_MAX);
    c->schedules = xrealloc(c->schedules, (c->schedule_count + 1) * sizeof *c->schedules);
    *ret_schedule = &c->schedules[c->schedule_count++];
    **ret_schedule =
        (struct config_schedule){.name = xmemdup(name.data, name.len), .shape = json_object()};
    return PINION_OK;
}

/* A mere time of day would be another time after each start. */
static bool is_time_of_day(const char *key, const char *value)
{
    bool is_time = strcmp(key, "at") == 0 || strcmp(key, "start") == 0 || strcmp(key, "end") == 0;

    return is_time && !strchr(value, '-');
}

enum pinion_err config_schedule_set(struct config_schedule *s, const char *key, const char *value,
                                    struct error *why)
{
    enum pinion_err err;

    if (is_time_of_day(key, value))
        return error_set(why, PINION_INVALID, "%s: expected a time with its date, not '%.60s'",
                         key, value);
    err = schedule_word_add(s->shape, key, value, clock_wall_ms(), why);
    if (err != PINION_NOT_FOUND) return err;
    return error_set(why, PINION_INVALID,
                     "unknown key '%.60s' in [schedule]; expected cron, every or at, kind, "
                     "payload, paused, or a flag of pinion schedule add",
                     key);
}

static bool word_of(void *ctx, struct span key, struct buffer *out)
{
    const char *word = schedule_word_of(key);

    (void)ctx;
    if (word) buffer_add_text(out, word);
    return word != NULL;
}

enum pinion_err config_schedules_check(const struct config *c, struct error *why)
{
    struct zone_cache *zones = zone_cache_new();
    enum pinion_err err = PINION_OK;

    for (size_t i = 0; i < c->schedule_count && !err; i++) {
        char *text = json_dumps(c->schedules[i].shape, JSON_COMPACT);
        struct new_schedule new;
        struct error bad;
        err = new_schedule_read(span_of(c->schedules[i].name), span_of(text), zones, &new, &bad);
        free(text);
        if (!err) {
            new_schedule_deinit(&new);
            continue;
        }
        error_say(&bad, word_of, NULL);
        error_set(why, err, "schedule %s: %s", c->schedules[i].name, bad.text);
    }
    zone_cache_free(zones);
    return err;
}

void config_schedules_deinit(struct config *c)
{
    for (size_t i = 0; i < c->schedule_count; i++) {
        free(c->schedules[i].name);
        json_decref(c->schedules[i].shape);
    }
    free(c->schedules);
}
