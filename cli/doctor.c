/* cli/doctor.c — what Redis is set to, and whether everything in it agrees with everything else. */
#include "cli/connect.h"
#include "cli/doctor_settings.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/server.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/access/token_file.h"
#include "control/find.h"
#include "control/shape.h"
#include "queue/audit.h"

#define QUEUES_MAX 64 /* that -q names */

struct doctor_values {
    struct common common;
    const char   *queues;
    bool          repair;
};

static const struct flag doctor_flags[] = {
    {"queue", 'q', FLAG_TEXT, offsetof(struct doctor_values, queues), 0, 0, "QUEUE[,QUEUE...]",
     "look at these queues only"},
    {"repair", 0, FLAG_SWITCH, offsetof(struct doctor_values, repair), 0, 0, NULL,
     "mend what can be mended; nothing of value is deleted"},
};

static const struct command doctor_command = {
    .name = "doctor",
    .usage = "[FLAGS]",
    .about = "Checks what Redis is set to, the tokens of the state folder, and whether every key\n"
             "of Pinion's agrees with all others. Looks in small steps, so servers may go on;\n"
             "what moves meanwhile is looked at again.\n"
             "Exit status: 0 when all is well, also after all was repaired; else 1.",
    .examples = "pinion doctor\n"
                "pinion doctor -q mail --repair\n"
                "pinion doctor --json | jq '.damage[] | [.kind, .queue, .subject]'",
    .flags = doctor_flags,
    .flags_count = countof(doctor_flags),
};

/* One visit: what was found out. */
struct visit {
    struct progress progress;
    struct audit_door door;
    struct session   *session;
    struct audit      audit;
    struct span       queues[QUEUES_MAX]; /* that were asked for; none: all */
    size_t            queues_count;
    struct setting    settings[SETTINGS_MAX];
    size_t            settings_count;
};

static enum pinion_err ask(struct audit_door *door, struct request *request,
                           struct redisReply **ret_reply, struct error *why)
{
    struct visit *v = container_of(door, struct visit, door);

    progress_show(&v->progress, v->audit.looked);
    return session_call(v->session, request, ret_reply, why);
}

static bool all_well(const struct visit *v)
{
    for (size_t i = 0; i < v->settings_count; i++)
        if (v->settings[i].verdict == SETTING_BAD) return false;
    return v->audit.left == 0;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static const char *const ends[] = {
    [FINDING_FOUND] = "found", [FINDING_MENDED] = "mended", [FINDING_LEFT] = "left"};

static json_t *text_or_null(const char *text)
{
    return shape_text(span_of(text));
}

static json_t *shape_settings(const struct visit *v)
{
    json_t *array = json_array();

    for (size_t i = 0; i < v->settings_count; i++) {
        const struct setting *s = &v->settings[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:o}", "name", s->name, "value",
                                               s->value, "verdict", setting_verdicts[s->verdict],
                                               "advice", text_or_null(s->advice)));
    }
    return array;
}

static json_t *shape_damage(const struct audit *a)
{
    json_t *array = json_array();

    for (size_t i = 0; i < a->count; i++) {
        const struct finding *f = &a->findings[i];
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "kind", f->damage->name, "means",
                             f->damage->words, "queue", text_or_null(*f->queue ? f->queue : NULL),
                             "subject", text_or_null(f->subject), "end", ends[f->end], "did",
                             text_or_null(f->did)));
    }
    return array;
}

static void print_json(const struct visit *v)
{
    const struct audit *a = &v->audit;

    json_print(json_pack("{s:b, s:o, s:I, s:I, s:b, s:I, s:I, s:o}", "ok", all_well(v), "settings",
                         shape_settings(v), "queues", (json_int_t)a->queues_count, "looked",
                         (json_int_t)a->looked, "packs_compared", !a->moved, "left",
                         (json_int_t)a->left, "mended", (json_int_t)a->mended, "damage",
                         shape_damage(a)));
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_settings(const struct visit *v)
{
    static const char *const heads[] = {"SETTING", "VALUE", "VERDICT", "ADVICE", NULL};
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < v->settings_count; i++) {
        table_add(&table, span_of(v->settings[i].name));
        table_add(&table, span_of(v->settings[i].value));
        table_add(&table, span_of(setting_verdicts[v->settings[i].verdict]));
        table_add(&table, span_of(v->settings[i].advice));
    }
    table_print(&table);
    table_deinit(&table);
}

static void print_damage(const struct audit *a)
{
    static const char *const heads[] = {"DAMAGE", "QUEUE", "SUBJECT", "MEANS", "REPAIR", NULL};
    struct table table;

    if (!a->count) return;
    table_init(&table, heads);
    for (size_t i = 0; i < a->count; i++) {
        const struct finding *f = &a->findings[i];
        table_add(&table, span_of(f->damage->name));
        table_add(&table, span_of(*f->queue ? f->queue : NULL));
        table_add(&table, span_of(f->subject));
        table_add(&table, span_of(f->damage->words));
        if (f->did) table_printf(&table, "%s: %s", ends[f->end], f->did);
        else table_printf(&table, "%s%s", f->damage->mend ? "--repair " : "a person must decide",
                          f->damage->mend ? f->damage->mend : "");
    }
    putchar('\n');
    table_print(&table);
    table_deinit(&table);
}

static void print_report(const struct visit *v)
{
    const struct audit *a = &v->audit;

    print_settings(v);
    print_damage(a);
    printf("\n%" PRIu64 " entries in %zu queue%s: ", a->looked, a->queues_count,
           a->queues_count == 1 ? "" : "s");
    if (!a->left && !a->mended) printf("all is well\n");
    else printf("%" PRIu64 " damaged, %" PRIu64 " repaired\n", a->left, a->mended);
    if (a->left + a->mended > a->count)
        printf("only the first %zu are shown\n", a->count);
    if (a->moved)
        printf("jobs in packs were moving, so their counts were not compared: run it again\n");
}

/* ---- the tokens ------------------------------------------------------------------------------ */

/* Of the folder that was asked for, unless they are somebody else's. A URL of a Redis has none. */
static void judge_tokens(struct visit *v, const struct common *common)
{
    struct span names[QUEUES_MAX];
    const struct audit *a = &v->audit;
    bool all = !v->queues_count && a->queues_count <= QUEUES_MAX;
    size_t count = all ? a->queues_count : 0;
    struct token_set set = {0};
    struct error bad = {0};
    char *dir = NULL;

    if (find_folder(&(struct find_options){.redis_url = common->redis, .state_dir = common->state},
                    &dir, NULL))
        return;
    for (size_t i = 0; i < count; i++) names[i] = span_of(a->queues[i]);
    if (token_file_is_ours(dir)) {
        const char *unread = token_file_read(dir, &set, &bad) ? bad.text : NULL;
        if (unread && strncmp(unread, dir, strlen(dir)) == 0)
            unread += strlen(dir) + strlen("/" TOKEN_FILE_NAME ": ");
        v->settings[v->settings_count++] =
            tokens_judge(&set, unread, clock_wall_ms(), names, count);
    }
    token_set_deinit(&set);
    free(dir);
}

/* ---- the visit ------------------------------------------------------------------------------- */

/* "a,b" into spans; PINION_INVALID for a name that no queue has. */
static enum pinion_err read_queues(const char *text, struct span ret[QUEUES_MAX], size_t *ret_count,
                                   struct error *why)
{
    struct span rest = span_of(text);
    enum pinion_err err = PINION_OK;
    size_t count = 0;

    while (rest.data && !err && count < QUEUES_MAX) {
        ret[count] = span_cut(&rest, ',');
        err = queue_name_check(ret[count++], why);
        if (!rest.len) break;
    }
    if (!err && rest.len)
        err = error_set(why, PINION_INVALID, "--queue: expected at most %d queues", QUEUES_MAX);
    *ret_count = count;
    return err;
}

static enum pinion_err visit(struct visit *v, bool repair, struct error *why)
{
    json_t *servers = NULL;

    v->door.ask = ask;
    v->progress = (struct progress){.what = "entries looked at"};
    v->audit = (struct audit){
        .door = &v->door, .name_space = v->session->name_space, .repair = repair};
    enum pinion_err err = audit_run(&v->audit, v->queues, v->queues_count, why);
    progress_end(&v->progress);
    if (!err) err = servers_read(v->session, &servers, why);
    if (!err) v->settings_count = settings_judge(sync_info(v->session->sync), servers, v->settings);
    json_decref(servers);
    return err;
}

int doctor_main(int argc, char **argv)
{
    struct doctor_values values = {.common = COMMON_INIT};
    struct visit v = {0};
    struct session session;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&doctor_command, argc, argv, &values, &first, &status)) return status;
    if (read_queues(values.queues, v.queues, &v.queues_count, &why)) return cli_fail(&why);
    values.common.allow_eviction = true; /* it is told, not refused */
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    v.session = &session;
    err = visit(&v, values.repair, &why);
    if (!err) judge_tokens(&v, &values.common);
    session_close(&session);
    if (!err && values.common.json) print_json(&v);
    else if (!err) print_report(&v);
    status = err ? cli_fail(&why) : cli_finish(all_well(&v) ? 0 : error_exit(PINION_INTERNAL));
    audit_deinit(&v.audit);
    return status;
}
