/* cli/schedule.c — the verbs of `pinion schedule`, and what they share. */
#include "cli/schedule.h"

#include <stdio.h>
#include <string.h>
#include "base/time_text.h"
#include "cli/verbs.h"

/* ---- asking ---------------------------------------------------------------------------------- */

enum pinion_err act_run(struct session *s, struct schedule_act *act, struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;
    bool more = true;

    while (more) {
        act_build(act, &request, sync_now_ms(s->sync));
        err = session_call(s, &request, &reply, why);
        if (err) break;
        more = act_read(act, reply, sync_now_ms(s->sync), &err, why);
        sync_reply_free(reply);
    }
    request_deinit(&request);
    return err;
}

enum pinion_err act_once(const struct common *common, const struct act_options *options,
                         struct schedule_act *act, struct error *why)
{
    struct act_options o = *options;
    struct session session;
    enum pinion_err err;

    *act = (struct schedule_act){0};
    o.name_space = common->name_space;
    err = schedule_name_check(o.name, why);
    if (!err) err = session_open(common, &session, why);
    if (err) return err;
    act_init(act, &o);
    err = act_run(&session, act, why);
    session_close(&session);
    return err;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

const char *shape_word(const json_t *shape, const char *key)
{
    return json_string_value(json_object_get(shape, key));
}

int64_t shape_ms(const json_t *shape, const char *key)
{
    int64_t ms = 0;

    if (time_parse(span_of(shape_word(shape, key)), 0, &ms, NULL)) return 0;
    return ms;
}

void shape_when(const json_t *shape, struct buffer *out)
{
    char text[TIME_TEXT_MAX > DURATION_TEXT_MAX ? TIME_TEXT_MAX : DURATION_TEXT_MAX];
    json_int_t every = json_integer_value(json_object_get(shape, "every_ms"));
    const char *spec = shape_word(shape, "cron"), *tz = shape_word(shape, "tz");
    int64_t at_ms = shape_ms(shape, "at");

    if (spec) buffer_printf(out, "%s%s%s", spec, tz ? " " : "", tz ? tz : "");
    else if (every > 0) buffer_printf(out, "every %s", duration_format((uint64_t)every, text));
    else if (at_ms) buffer_printf(out, "at %s", time_format_local(at_ms, text));
}

void print_next(const json_t *shape)
{
    int64_t next_ms = shape_ms(shape, "next_fire");
    const char *spec = shape_word(shape, "cron");
    char text[TIME_TEXT_MAX];

    if (next_ms) printf("next fire at %s\n", time_format_local(next_ms, text));
    else if (json_is_true(json_object_get(shape, "paused"))) puts("paused");
    else if (spec && strcmp(spec, "@reboot") == 0)
        puts("fires when a server's machine has started");
    else puts("it never fires: its time does not come");
}

/* ---- verbs ----------------------------------------------------------------------------------- */

int schedule_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"add", schedule_add_main, "make a schedule, or replace one"},
        {"list", schedule_list_main, "all schedules, and when they fire next"},
        {"show", schedule_show_main, "all about one schedule, and its last fires"},
        {"next", schedule_next_main, "when a schedule will fire"},
        {"pause", schedule_pause_main, "let schedules fire no more"},
        {"resume", schedule_resume_main, "let paused schedules fire again"},
        {"run", schedule_run_main, "fire a schedule now, by hand"},
        {"backfill", schedule_backfill_main, "fire a schedule for times that have passed"},
        {"remove", schedule_remove_main, "remove schedules"},
        {"import", schedule_import_main, "make a schedule of each line of a crontab"},
    };

    return verbs_run(verbs, countof(verbs), "schedule", argc, argv);
}
