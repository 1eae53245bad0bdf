/* cli/queue_limit.c — what limits the attempts of a queue: shown, set, cleared. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include "control/shape_limits.h"
#include "queue/limit.h"
#include "queue/look.h"

struct limit_flags {
    struct common common;
    const char *kind, *group, *rate;
    bool groups, clear;
    uint64_t concurrency, burst;
};

#define AT(field) offsetof(struct limit_flags, field)

static const struct flag flags[] = {
    {"concurrency", 0, FLAG_NUMBER, AT(concurrency), 1, LIMIT_VALUE_MAX, "N",
     "at most so many attempts at once, on all servers together"},
    {"rate", 0, FLAG_TEXT, AT(rate), 0, 0, "N/DURATION",
     "at most so many starts in that time, as 100/1s"},
    {"burst", 0, FLAG_NUMBER, AT(burst), 1, LIMIT_VALUE_MAX, "N",
     "with --rate: so many of them at once after a pause; default 1"},
    {"kind", 0, FLAG_TEXT, AT(kind), 0, 0, "KIND", "for the jobs of this kind"},
    {"group", 0, FLAG_TEXT, AT(group), 0, 0, "GROUP", "for the jobs of this group"},
    {"groups", 0, FLAG_SWITCH, AT(groups), 0, 0, NULL,
     "for each group that has no limit of its own"},
    {"clear", 0, FLAG_SWITCH, AT(clear), 0, 0, NULL, "no limit any more"},
};

static const struct command command = {
    .name = "queue limit",
    .usage = "QUEUE [FLAGS]",
    .about = "Limits how many attempts run at once, and how many start in a time: of the queue,\n"
             "or as --kind, --group or --groups say. What is not named stays as it was. Without\n"
             "a change it prints all limits of the queue.",
    .examples = "pinion queue limit mail --concurrency 20\n"
                "pinion queue limit mail --kind sms --rate 100/1s --burst 10\n"
                "pinion queue limit mail --groups --concurrency 2\n"
                "pinion queue limit mail --kind sms --clear",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static bool is_change(const struct limit_flags *f)
{
    return f->clear || f->rate || f->concurrency != FLAG_NONE || f->burst != FLAG_NONE;
}

static enum pinion_err limit_from(const struct limit_flags *f, struct limit *ret,
                                  struct error *why)
{
    struct limit l = {.scope = f->kind     ? LIMIT_KIND
                               : f->group  ? LIMIT_GROUP
                               : f->groups ? LIMIT_EACH_GROUP
                                           : LIMIT_QUEUE,
                      .name = span_of(f->kind ? f->kind : f->group)};
    bool sets = f->rate || f->concurrency != FLAG_NONE || f->burst != FLAG_NONE;

    if ((f->kind != NULL) + (f->group != NULL) + f->groups > 1)
        return error_set(why, PINION_INVALID, "expected one of --kind, --group and --groups");
    if (f->clear && sets)
        return error_set(why, PINION_INVALID, "--clear: expected no other limit beside it");
    if (!f->clear && !is_change(f) && l.scope != LIMIT_QUEUE)
        return error_set(why, PINION_INVALID, "expected --concurrency, --rate or --clear");
    if (f->rate) {
        enum pinion_err err = rate_parse(span_of(f->rate), &l.count, &l.per_ms, why);
        if (err) return err;
    }
    if (f->concurrency != FLAG_NONE) l.concurrency = (unsigned)f->concurrency;
    if (f->burst != FLAG_NONE) l.burst = (unsigned)f->burst;
    l.keep_concurrency = !f->clear && f->concurrency == FLAG_NONE;
    l.keep_rate = !f->clear && !f->rate;
    *ret = l;
    return limit_check(&l, why);
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static enum pinion_err change(struct session *s, struct span queue, const struct limit *limit,
                              struct error *why)
{
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    limit_build(&request, queue_key_span(&key), false, limit, 1);
    err = session_call_queue(s, queue, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = limit_read(reply, why);
    sync_reply_free(reply);
    return err;
}

static void add_row(struct table *t, const struct limit *l)
{
    static const char *const scopes[] = {[LIMIT_QUEUE] = "queue", [LIMIT_KIND] = "kind",
                                         [LIMIT_GROUP] = "group",
                                         [LIMIT_EACH_GROUP] = "each group"};
    char rate[RATE_TEXT_MAX];

    table_add(t, span_of(scopes[l->scope]));
    table_add(t, l->name);
    if (l->concurrency) table_printf(t, "%u", l->concurrency);
    else table_add(t, (struct span){0});
    if (l->concurrency && l->scope != LIMIT_EACH_GROUP) table_printf(t, "%" PRId64, l->running);
    else table_add(t, (struct span){0});
    table_add(t, span_of(l->count ? rate_format(l->count, l->per_ms, rate) : NULL));
    if (l->count) table_printf(t, "%u", l->burst);
    else table_add(t, (struct span){0});
}

static void print_table(const struct redisReply *stats)
{
    static const char *const heads[] = {"LIMITS", "NAME",  "CONCURRENCY", "RUNNING",
                                        "RATE",   "BURST", NULL};
    struct table table;
    struct limit l;

    table_init(&table, heads);
    for (size_t i = 0; i < stats_limits(stats); i++)
        if (!stats_limit(stats, i, &l)) add_row(&table, &l);
    table_print(&table);
    table_deinit(&table);
}

static enum pinion_err print_limits(struct session *s, const char *queue, bool json,
                                    struct error *why)
{
    struct queue_key key = queue_key(s->name_space, span_of(queue));
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    stats_build(&request, queue_key_span(&key));
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    if (json) json_print(json_pack("{s:s, s:o}", "queue", queue, "limits", shape_limits(reply)));
    else print_table(reply);
    sync_reply_free(reply);
    return PINION_OK;
}

int queue_limit_main(int argc, char **argv)
{
    struct limit_flags values = {
        .common = COMMON_INIT, .concurrency = FLAG_NONE, .burst = FLAG_NONE};
    struct limit limit = {0};
    struct session session;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (queue_name_check(span_of(argv[first]), &why)) return cli_fail(&why);
    if (limit_from(&values, &limit, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = is_change(&values) ? change(&session, span_of(argv[first]), &limit, &why) : PINION_OK;
    if (!err && (!is_change(&values) || values.common.json))
        err = print_limits(&session, argv[first], values.common.json, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    session_tell_new(&session, argv[first]);
    return cli_finish(0);
}
