/* cli/schedule_show.c — one schedule: what it is, what it did, what comes. */
#include "cli/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time_text.h"
#include "cli/verbs.h"
#include "control/shape.h"
#include "control/upcoming.h"
#include "control/zone_text.h"

#define FIRES_SHOWN 10

struct show_flags {
    struct common common;
    uint64_t      count;
};

/* Looks at it; the act is the caller's to deinit, whatever came of it. */
static enum pinion_err look_at(const struct common *common, const char *name, bool history,
                               struct zone_cache *zones, struct schedule_act *act,
                               struct error *why)
{
    struct act_options options = {.verb = ACT_SHOW,
                                  .name = span_of(name),
                                  .zones = zones,
                                  .with_content = true,
                                  .with_history = history};

    return act_once(common, &options, act, why);
}

/* ---- show ------------------------------------------------------------------------------------ */

static const struct command show_command = {
    .name = "schedule show",
    .usage = "NAME [FLAGS]",
    .about = "Prints all that is known about a schedule, and its last fires: how late each was,\n"
             "and how its job ended. --json has the last hundred.",
    .examples = "pinion schedule show nightly\n"
                "pinion schedule show nightly --json | jq '.history[0]'",
    .common_at = offsetof(struct show_flags, common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the NAME of a schedule",
};

static void fact_word(const json_t *shape, const char *key, const char *name)
{
    const char *word = shape_word(shape, key);

    if (word && *word) fact_text(name, span_of(word));
}

static void fact_duration(const json_t *shape, const char *key, const char *name)
{
    json_int_t ms = json_integer_value(json_object_get(shape, key));
    char text[DURATION_TEXT_MAX];

    if (ms > 0) fact_text(name, span_of(duration_format((uint64_t)ms, text)));
}

static void print_timing(const json_t *shape)
{
    json_int_t limit = json_integer_value(json_object_get(shape, "limit"));
    struct buffer when = BUFFER_INIT;

    fact_word(shape, "name", "name");
    shape_when(shape, &when);
    fact_text("when", (struct span){when.data, when.len});
    buffer_deinit(&when);
    fact_text("state",
              span_of(json_is_true(json_object_get(shape, "paused")) ? "paused" : "active"));
    if (shape_word(shape, "cron")) fact_word(shape, "dst", "clock changes");
    fact_word(shape, "overlap", "overlap");
    fact_word(shape, "catch_up", "catch up");
    fact_duration(shape, "within_ms", "within");
    fact_duration(shape, "jitter_ms", "jitter");
    fact_time("start", shape_ms(shape, "start"));
    fact_time("end", shape_ms(shape, "end"));
    if (limit) fact_printf("limit", "%" PRId64 " fires", (int64_t)limit);
}

static void print_job(const json_t *shape)
{
    fact_word(shape, "queue", "queue");
    fact_word(shape, "kind", "kind");
    fact_word(shape, "payload", "payload");
    fact_word(shape, "payload_base64", "payload b64");
    fact_printf("priority", "%" PRId64,
                (int64_t)json_integer_value(json_object_get(shape, "priority")));
    fact_printf("attempts", "%" PRId64,
                (int64_t)json_integer_value(json_object_get(shape, "attempts_max")));
    fact_word(shape, "backoff", "backoff");
    fact_duration(shape, "timeout_ms", "timeout");
    fact_duration(shape, "lease_ms", "lease");
    fact_duration(shape, "expires_ms", "expires");
    fact_duration(shape, "retain_ms", "retain");
}

static void add_fire(struct table *t, const json_t *fire)
{
    const json_t *lateness = json_object_get(fire, "lateness_ms");
    const json_t *missed = json_object_get(fire, "missed");

    table_time(t, shape_ms(fire, "fire_time"));
    if (json_is_integer(lateness))
        table_printf(t, "%" PRId64 "ms", (int64_t)json_integer_value(lateness));
    else table_add(t, (struct span){0});
    table_add(t, span_of(shape_word(fire, "outcome")));
    table_add(t, span_of(shape_word(fire, "job")));
    table_add(t, span_of(shape_word(fire, "end")));
    table_printf(t, "%" PRId64, (int64_t)json_integer_value(missed));
}

static void print_fires(const json_t *shape)
{
    static const char *const heads[] = {"FIRE TIME", "LATE", "OUTCOME", "JOB",
                                        "END",       "MISSED BEFORE", NULL};
    const json_t *history = json_object_get(shape, "history");
    size_t count = json_array_size(history);
    struct table table;

    if (!count) return;
    putchar('\n');
    table_init(&table, heads);
    for (size_t i = 0; i < count && i < FIRES_SHOWN; i++)
        add_fire(&table, json_array_get(history, i));
    table_print(&table);
    table_deinit(&table);
}

static void print_schedule(const json_t *shape)
{
    print_timing(shape);
    print_job(shape);
    fact_printf("fires", "%" PRId64, (int64_t)json_integer_value(json_object_get(shape, "fires")));
    fact_time("last fire", shape_ms(shape, "last_fire"));
    fact_word(shape, "last_job", "last job");
    if (json_is_true(json_object_get(shape, "buffered")))
        fact_text("buffered", span_of("a fire waits for the last job to end"));
    fact_time("next fire", shape_ms(shape, "next_fire"));
    print_fires(shape);
}

int schedule_show_main(int argc, char **argv)
{
    struct show_flags values = {.common = COMMON_INIT};
    struct zone_cache *zones;
    struct schedule_act act;
    struct error why = {0};
    int first, status;

    if (!flags_read(&show_command, argc, argv, &values, &first, &status)) return status;
    zones = zone_cache_new();
    if (look_at(&values.common, argv[first], true, zones, &act, &why)) {
        status = cli_fail(&why);
    } else {
        if (values.common.json) json_print(json_incref(act.shape));
        else print_schedule(act.shape);
        status = cli_finish(0);
    }
    act_deinit(&act);
    zone_cache_free(zones);
    return status;
}

/* ---- next ------------------------------------------------------------------------------------ */

static const struct flag next_flags[] = {
    {"count", 'n', FLAG_NUMBER, offsetof(struct show_flags, count), 1, UPCOMING_MAX, "N",
     "how many; default: 5"},
};

static const struct command next_command = {
    .name = "schedule next",
    .usage = "NAME [FLAGS]",
    .about = "Prints when a schedule will fire, in its zone, and marks what is special on nights\n"
             "on which clocks change.",
    .examples = "pinion schedule next nightly --count 10\npinion schedule next nightly --json",
    .flags = next_flags,
    .flags_count = countof(next_flags),
    .common_at = offsetof(struct show_flags, common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the NAME of a schedule",
};

static const char *note_of(const json_t *item)
{
    const char *name = shape_word(item, "note");

    for (int n = NOTE_NONE; name && n <= NOTE_OVERLAP_SECOND; n++)
        if (rule_note_name((enum rule_note)n) &&
            strcmp(rule_note_name((enum rule_note)n), name) == 0)
            return rule_note_text((enum rule_note)n);
    return name;
}

static void print_upcoming(const json_t *items, const struct schedule *s)
{
    const char *heads[] = {"LOCAL TIME", zone_name(s->rule.zone), "NOTE", NULL};
    struct table table;

    if (!json_array_size(items)) {
        puts(s->reboot ? "once, when a server's machine has started"
                       : "never: its time does not come");
        return;
    }
    if (s->paused) fputs("pinion: it is paused; these are its times once it is resumed\n", stderr);
    table_init(&table, heads);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        table_time(&table, shape_ms(item, "fire_time"));
        table_add(&table, span_of(shape_word(item, "local")));
        table_add(&table, span_of(note_of(item)));
    }
    table_print(&table);
    table_deinit(&table);
}

int schedule_next_main(int argc, char **argv)
{
    struct show_flags values = {.common = COMMON_INIT, .count = UPCOMING_DEFAULT};
    struct zone_cache *zones;
    struct schedule_act act;
    struct error why = {0};
    json_t *items;
    int first, status;

    if (!flags_read(&next_command, argc, argv, &values, &first, &status)) return status;
    zones = zone_cache_new();
    if (look_at(&values.common, argv[first], false, zones, &act, &why)) {
        status = cli_fail(&why);
    } else if (!act.schedule) {
        error_set(&why, PINION_INTERNAL, "schedule %s: its timing cannot be read here (a zone that "
                  "this machine does not know?)", argv[first]);
        status = cli_fail(&why);
    } else {
        items = upcoming(act.schedule, act.now_ms, values.count);
        if (values.common.json) json_print(shape_list(json_incref(items), NULL));
        else print_upcoming(items, act.schedule);
        json_decref(items);
        status = cli_finish(0);
    }
    act_deinit(&act);
    zone_cache_free(zones);
    return status;
}
