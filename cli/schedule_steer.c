/* cli/schedule_steer.c — pause, resume, run and remove: by names, one status each. */
#include "cli/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "cli/confirm.h"
#include "cli/verbs.h"
#include "control/shape.h"

#define STEER_NAMES_MAX 10000

struct steer_flags {
    struct common common;
    bool          yes;
};

struct steering {
    enum act_verb verb;
    const char   *done, *already; /* what became of it */
};

static const struct flag remove_flags[] = {
    {"yes", 'y', FLAG_SWITCH, offsetof(struct steer_flags, yes), 0, 0, NULL, "do not ask"},
};

/* ---- one ------------------------------------------------------------------------------------- */

/* For people; of run, the job's id, as enqueue prints it. */
static void print_one(const struct schedule_act *act, const struct steering *s, const char *name)
{
    if (s->verb == ACT_RUN) {
        printf("%s:%s\n", act->queue, act->jobs[0]);
        return;
    }
    printf("%s: %s", name, act->result == ACT_UNCHANGED ? s->already : s->done);
    if (s->verb == ACT_RESUME && act->shape) {
        printf("; ");
        print_next(act->shape);
    } else {
        putchar('\n');
    }
}

static json_t *shape_one(const struct schedule_act *act, const struct steering *s,
                         const char *name, enum pinion_err err, const struct error *why)
{
    json_t *o = err ? shape_error(err, why->text) : json_object();

    json_object_set_new(o, "name", json_string(name));
    if (err) return o;
    if (s->verb == ACT_RUN)
        json_object_set_new(o, "id", json_sprintf("%s:%s", act->queue, act->jobs[0]));
    else if (s->verb == ACT_REMOVE) json_object_set_new(o, "status", json_string("removed"));
    else json_object_set_new(o, "paused", json_boolean(s->verb == ACT_PAUSE));
    return o;
}

static enum pinion_err steer_one(struct session *session, const struct steering *s,
                                 const char *name, json_t *items)
{
    struct zone_cache *zones = zone_cache_new();
    struct act_options options = {.verb = s->verb,
                                  .name_space = session->name_space,
                                  .name = span_of(name),
                                  .zones = zones};
    struct schedule_act act;
    struct error why = {0};
    enum pinion_err err;

    act_init(&act, &options);
    err = act_run(session, &act, &why);
    if (items) json_array_append_new(items, shape_one(&act, s, name, err, &why));
    if (err) cli_fail(&why);
    else if (!items) print_one(&act, s, name);
    act_deinit(&act);
    zone_cache_free(zones);
    return err;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int steer_all(struct session *session, const struct steering *s, char **names, size_t count,
                     bool json)
{
    json_t *items = json ? json_array() : NULL;
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        enum pinion_err err = steer_one(session, s, names[i], items);
        if (err && !status) status = error_exit(err);
    }
    if (items) json_print(shape_list(items, NULL));
    return cli_finish(status);
}

static enum pinion_err confirm_remove(bool yes, size_t count, struct error *why)
{
    char what[40];

    snprintf(what, sizeof what, "Remove %zu %s", count, count == 1 ? "schedule" : "schedules");
    return confirm(yes, what, why);
}

/* All names are checked before the first one is touched. */
static int steer_main(const struct command *command, const struct steering *s, int argc,
                      char **argv)
{
    struct steer_flags values = {.common = COMMON_INIT};
    struct session session;
    struct error why = {0};
    int first, status;

    if (!flags_read(command, argc, argv, &values, &first, &status)) return status;
    for (int i = first; i < argc; i++)
        if (schedule_name_check(span_of(argv[i]), &why)) return cli_fail(&why);
    if (s->verb == ACT_REMOVE && confirm_remove(values.yes, (size_t)(argc - first), &why))
        return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    status = steer_all(&session, s, argv + first, (size_t)(argc - first), values.common.json);
    session_close(&session);
    return status;
}

#define STEER_COMMAND(verb, what, example)                                                         \
    {                                                                                              \
        .name = "schedule " verb, .usage = "NAME... [FLAGS]", .about = what, .examples = example,  \
        .common_at = offsetof(struct steer_flags, common), .words_min = 1,                         \
        .words_max = STEER_NAMES_MAX, .expected = "the NAME of at least one schedule"              \
    }

static const struct command pause_command =
    STEER_COMMAND("pause", "Lets schedules fire no more, until they are resumed.",
                  "pinion schedule pause nightly");
static const struct command resume_command = STEER_COMMAND(
    "resume", "Lets paused schedules fire again. What came due meanwhile is not made up for.",
    "pinion schedule resume nightly");
static const struct command run_command = STEER_COMMAND(
    "run",
    "Fires schedules now, whatever their times and whatever runs, also paused ones; prints the\n"
    "jobs' ids.",
    "pinion schedule run nightly");
static const struct command remove_command = {
    .name = "schedule remove",
    .usage = "NAME... [FLAGS]",
    .about = "Removes schedules, and what is remembered of their fires. The jobs that they made\n"
             "stay.",
    .examples = "pinion schedule remove --yes nightly",
    .flags = remove_flags,
    .flags_count = countof(remove_flags),
    .common_at = offsetof(struct steer_flags, common),
    .words_min = 1,
    .words_max = STEER_NAMES_MAX,
    .expected = "the NAME of at least one schedule",
};

int schedule_pause_main(int argc, char **argv)
{
    static const struct steering s = {ACT_PAUSE, "paused", "paused already"};

    return steer_main(&pause_command, &s, argc, argv);
}

int schedule_resume_main(int argc, char **argv)
{
    static const struct steering s = {ACT_RESUME, "resumed", "not paused"};

    return steer_main(&resume_command, &s, argc, argv);
}

int schedule_run_main(int argc, char **argv)
{
    static const struct steering s = {ACT_RUN, NULL, NULL};

    return steer_main(&run_command, &s, argc, argv);
}

int schedule_remove_main(int argc, char **argv)
{
    static const struct steering s = {ACT_REMOVE, "removed", "removed"};

    return steer_main(&remove_command, &s, argc, argv);
}
