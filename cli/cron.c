/* cli/cron.c — a cron expression in words, and its next times. Needs no Redis. */
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/time_text.h"
#include "control/cron_ask.h"
#include "control/upcoming.h"
#include "control/zone_text.h"
#include "scheduler/civil.h"

struct cron_flags {
    const char *tz, *from, *dst, *name;
    uint64_t    count;
    bool        json;
};

#define AT(field) offsetof(struct cron_flags, field)

static const struct flag flags[] = {
    {"tz", 0, FLAG_TEXT, AT(tz), 0, 0, "ZONE",
     "as Europe/Berlin; local is this machine's; default: UTC"},
    {"from", 0, FLAG_TEXT, AT(from), 0, 0, "TIME",
     "times after this one, as 2026-03-29T00:00:00Z or, in the\n"
     "zone, '2026-03-29 00:00'; default: now"},
    {"count", 'n', FLAG_NUMBER, AT(count), 1, UPCOMING_MAX, "N", "how many; default: 5"},
    {"dst", 0, FLAG_TEXT, AT(dst), 0, 0, "POLICY",
     "on nights on which clocks change: vixie (the default),\nskip, once-late or both"},
    {"name", 0, FLAG_TEXT, AT(name), 0, 0, "NAME", "of the schedule, which H depends on"},
    {"json", 0, FLAG_SWITCH, AT(json), 0, 0, NULL, "print JSON, for programs"},
};

static const struct command command = {
    .name = "cron",
    .usage = "'SPEC' [FLAGS]",
    .about = "Explains a cron expression, and prints its next times. docs/cron.md has the dialect.",
    .examples = "pinion cron '30 2 * * MON-FRI' --tz Europe/Berlin\n"
                "pinion cron '30 2 * * *' --tz America/New_York --from '2026-03-07 00:00'\n"
                "pinion cron '0 0 L * *' --json | jq -r '.next[]'",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = COMMON_ABSENT,
    .words_min = 1,
    .words_max = 1,
    .expected = "one cron expression, in quotes",
};

/* ---- reading --------------------------------------------------------------------------------- */

/* Under the expression, a mark at the column that the message names. */
static void mark_column(const char *spec, const char *message)
{
    const char *at = strstr(message, "column ");
    unsigned long column = at ? strtoul(at + strlen("column "), NULL, 10) : 0;
    struct buffer line = BUFFER_INIT;

    if (!column || column > strlen(spec) + 1 || strlen(spec) > CRON_TEXT_MAX) return;
    text_add_printable(&line, spec, strlen(spec));
    fprintf(stderr, "  %s\n  %*s^\n", line.data ? line.data : "", (int)column - 1, "");
    buffer_deinit(&line);
}

/* ---- printing -------------------------------------------------------------------------------- */

static const char *weekday_of(const struct zone *zone, int64_t ms)
{
    static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    int64_t utc = ms / 1000;
    struct civil c = civil_of_seconds(utc + zone_offset(zone, utc, NULL));

    return names[civil_weekday(c.year, c.month, c.day)];
}

static void print_times(const struct cron_ask *ask, uint64_t count)
{
    const struct rule *rule = &ask->rule;
    const char *const heads[] = {"DAY", zone_name(rule->zone), "NOTE", NULL};
    char text[TIME_TEXT_MAX];
    struct table table;
    int64_t at = ask->from_ms;

    table_init(&table, heads);
    while (count-- && (at = cron_ask_next(ask, at)) != RULE_NEVER) {
        table_add(&table, span_of(weekday_of(rule->zone, at)));
        table_add(&table, span_of(zone_text(rule->zone, at, text)));
        table_add(&table, span_of(rule_note_text(rule_note(rule, at))));
    }
    if (!table_empty(&table)) table_print(&table);
    else if (rule->cron.kind == CRON_FIELDS)
        printf("never: there is no such time from then on, up to the year %d\n", CRON_YEAR_MAX);
    table_deinit(&table);
}

static void print_all(const struct cron_ask *ask, uint64_t count)
{
    struct buffer words = BUFFER_INIT;

    cron_explain(&ask->rule.cron, &words);
    printf("%s\n", words.data ? words.data : "");
    buffer_deinit(&words);
    print_times(ask, count);
}

/* An expression that cannot be read is told of first, and where. */
static enum pinion_err load_zone(const struct cron_ask *ask, const char *name,
                                 struct zone **ret_zone, struct error *why)
{
    struct error bad;
    struct cron cron;

    if (cron_parse(span_of(ask->spec), ask->name, &cron, why)) {
        cli_fail(why);
        mark_column(ask->spec, why->text);
        return why->code;
    }
    if (!zone_load(name, ret_zone, &bad)) return PINION_OK;
    error_set(why, bad.code, "--tz: %s", bad.text);
    cli_fail(why);
    return why->code;
}

int cron_main(int argc, char **argv)
{
    struct cron_flags values = {.count = UPCOMING_DEFAULT};
    struct cron_ask ask = {.prefix = "--"};
    struct error why = {0};
    struct zone *zone = NULL;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    ask.spec = argv[first];
    ask.from = values.from;
    ask.dst = values.dst;
    ask.name = values.name;
    if (load_zone(&ask, values.tz ? values.tz : "UTC", &zone, &why)) return error_exit(why.code);
    if (cron_ask_read(&ask, zone, clock_wall_ms(), &why)) {
        status = cli_fail(&why);
    } else {
        if (values.json) json_print(cron_ask_shape(&ask, values.count));
        else print_all(&ask, values.count);
        status = cli_finish(0);
    }
    zone_free(zone);
    return status;
}
