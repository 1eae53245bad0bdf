/* cli/schedule_backfill.c — a schedule's past times, fired by hand: shown first, then made. */
#include "cli/schedule.h"

#include <stdio.h>
#include "base/time_text.h"
#include "cli/confirm.h"
#include "cli/verbs.h"
#include "control/shape.h"

struct backfill_flags {
    struct common common;
    int64_t       from_ms, to_ms;
    bool          dry_run, yes;
};

#define AT(field) offsetof(struct backfill_flags, field)

static const struct flag flags[] = {
    {"from", 0, FLAG_TIME, AT(from_ms), 0, 0, "TIME",
     "the first time that counts: 2026-11-23T10:00:00Z,\n'2026-11-23 10:00'"},
    {"to", 0, FLAG_TIME, AT(to_ms), 0, 0, "TIME",
     "the end, which counts no more; not in the future"},
    {"dry-run", 0, FLAG_SWITCH, AT(dry_run), 0, 0, NULL, "only print the times"},
    {"yes", 'y', FLAG_SWITCH, AT(yes), 0, 0, NULL, "do not ask"},
};

static const struct command command = {
    .name = "schedule backfill",
    .usage = "NAME --from TIME --to TIME [FLAGS]",
    .about = "Makes a job for each time that the schedule has in a past range, at most 1000,\n"
             "whatever was fired before; each job carries the time that it stands for.",
    .examples = "pinion schedule backfill nightly --from '2026-11-16 00:00' "
                "--to '2026-11-23 00:00' --dry-run\n"
                "pinion schedule backfill nightly --from '2026-11-16 00:00' "
                "--to '2026-11-23 00:00' --yes",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the NAME of a schedule",
};

static void print_json(const struct schedule_act *act)
{
    json_t *items = json_array();

    for (size_t i = 0; i < act->times_count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "fire_time", shape_time(act->times_ms[i]));
        json_object_set_new(o, "id", i < act->made ? json_sprintf("%s:%s", act->queue, act->jobs[i])
                                                   : json_null());
        json_array_append_new(items, o);
    }
    json_print(shape_list(items, NULL));
}

static void print_table(const struct schedule_act *act)
{
    static const char *const heads[] = {"FIRE TIME", "JOB", NULL};
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < act->times_count; i++) {
        table_time(&table, act->times_ms[i]);
        if (i < act->made) table_printf(&table, "%s:%s", act->queue, act->jobs[i]);
        else table_add(&table, (struct span){0});
    }
    table_print(&table);
    table_deinit(&table);
}

/* With what was made, though a later call failed. */
static int finish(const struct schedule_act *act, const struct backfill_flags *f,
                  enum pinion_err err, const struct error *why)
{
    if (!act->times_count && !err)
        fputs("pinion: the schedule has no time in that range\n", stderr);
    if (f->common.json && (!err || act->made)) print_json(act);
    else if (act->times_count && (!err || act->made)) print_table(act);
    if (err && act->made)
        fprintf(stderr, "pinion: %zu of %zu jobs were made\n", act->made, act->times_count);
    return err ? cli_fail(why) : cli_finish(0);
}

/* First what it would do; then, when nobody minds, that. */
static int backfill(const struct backfill_flags *f, struct act_options *options)
{
    struct schedule_act act;
    struct error why = {0};
    char what[64];
    enum pinion_err err = act_once(&f->common, options, &act, &why);
    int status;

    if (!err && !f->dry_run && act.times_count) {
        snprintf(what, sizeof what, "Make %zu jobs", act.times_count);
        err = confirm(f->yes, what, &why);
        if (!err) {
            act_deinit(&act);
            options->dry_run = false;
            err = act_once(&f->common, options, &act, &why);
        }
    }
    status = finish(&act, f, err, &why);
    act_deinit(&act);
    return status;
}

int schedule_backfill_main(int argc, char **argv)
{
    struct backfill_flags values = {.common = COMMON_INIT, .from_ms = -1, .to_ms = -1};
    struct act_options options = {.verb = ACT_BACKFILL, .dry_run = true};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (values.from_ms < 0 || values.to_ms < 0)
        return cli_fail_usage(&command, "schedule backfill: expected --from and --to");
    if (values.from_ms >= values.to_ms)
        return cli_fail_usage(&command, "--to: expected a time after --from");
    options.name = span_of(argv[first]);
    options.from_ms = values.from_ms;
    options.to_ms = values.to_ms;
    options.zones = zone_cache_new();
    status = backfill(&values, &options);
    zone_cache_free(options.zones);
    return status;
}
