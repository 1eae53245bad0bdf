/* cli/schedule_add.c — a schedule from the command line: its flags are the words of one table. */
#include "cli/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/clock.h"
#include "cli/payload.h"
#include "cli/verbs.h"
#include "control/schedule_words.h"

struct add_flags {
    struct common common;
    const char   *words[FLAGS_MAX]; /* as schedule_word has them */
    bool          paused, replace;
};

#define AT(field) offsetof(struct add_flags, field)

static struct command command = {
    .name = "schedule add",
    .usage = "NAME (--cron SPEC|--every DURATION|--at TIME) KIND [PAYLOAD|-] [FLAGS]",
    .about = "Makes a schedule, which makes a job of kind KIND each time. One that is there\n"
             "already with the same content is left alone, with other content it is a conflict,\n"
             "unless --replace is given.",
    .examples = "pinion schedule add nightly --cron '30 2 * * *' --tz Europe/Berlin report\n"
                "pinion schedule add beat --every 10s --overlap allow ping\n"
                "pinion schedule add nightly --cron '0 4 * * *' --replace report",
    .common_at = AT(common),
    .words_min = 2,
    .words_max = 3,
    .expected = "a NAME, --cron, --every or --at, and the KIND of its jobs",
};

/* The table of words, with the two switches. */
static void make_flags(struct flag flags[FLAGS_MAX])
{
    const struct schedule_word *w;
    size_t n = 0;

    for (size_t i = 0; (w = schedule_word(i)); i++)
        if (w->arg)
            flags[n++] = (struct flag){w->word, w->letter, FLAG_TEXT,
                                       AT(words) + i * sizeof(const char *), 0, 0, w->arg, w->help};
    flags[n++] = (struct flag){"paused", 0, FLAG_SWITCH, AT(paused), 0, 0, NULL,
                               "it does not fire until it is resumed"};
    flags[n++] = (struct flag){"replace", 0, FLAG_SWITCH, AT(replace), 0, 0, NULL,
                               "take the place of the one of this name"};
    command.flags = flags;
    command.flags_count = n;
}

static void add_payload(json_t *shape, const struct buffer *payload)
{
    struct buffer text = BUFFER_INIT;

    if (!payload->len) return;
    if (text_is_utf8(payload->data, payload->len)) {
        json_object_set_new(shape, "payload", json_stringn(payload->data, payload->len));
        return;
    }
    base64_add(&text, payload->data, payload->len);
    json_object_set_new(shape, "payload_base64", json_stringn(text.data, text.len));
    buffer_deinit(&text);
}

/* The shape that the flags and arguments say. */
static enum pinion_err make_shape(const struct add_flags *f, const char *kind, const char *payload,
                                  json_t *shape, struct error *why)
{
    struct buffer bytes = BUFFER_INIT;
    enum pinion_err err = PINION_OK;
    const struct schedule_word *w;
    struct error bad;

    for (size_t i = 0; (w = schedule_word(i)) && !err; i++)
        if (w->arg && f->words[i])
            err = schedule_word_add(shape, w->word, f->words[i], clock_wall_ms(), &bad);
    if (err) return error_set(why, err, "--%s", bad.text);
    if (f->paused) json_object_set_new(shape, "paused", json_true());
    err = schedule_word_add(shape, "kind", kind, 0, why);
    if (!err) err = payload_read(payload, &bytes, why);
    add_payload(shape, &bytes);
    buffer_deinit(&bytes);
    return err;
}

static void print_added(const struct schedule_act *act, const char *name, bool json)
{
    static const char *const words[] = {
        [ACT_UNCHANGED] = "unchanged", [ACT_MADE] = "added", [ACT_CHANGED] = "replaced"};

    if (json) {
        json_object_set_new(act->shape, "result", json_string(words[act->result]));
        json_print(json_incref(act->shape));
        return;
    }
    printf("%s: %s; ", name, words[act->result]);
    print_next(act->shape);
}

static int add(const struct add_flags *f, const struct new_schedule *new, struct zone_cache *zones)
{
    struct act_options options = {
        .verb = ACT_PUT,
        .name = span_of(new->schedule->name),
        .zones = zones,
        .with_content = true,
        .put = new,
        .condition = f->replace ? ACT_ALWAYS : ACT_IF_NEW,
    };
    struct schedule_act act;
    struct error why = {0};
    int status;

    if (act_once(&f->common, &options, &act, &why)) {
        if (act.result == ACT_REFUSED)
            error_set(&why, PINION_CONFLICT,
                      "schedule %s is there already, with other content: expected --replace, or "
                      "another name", new->schedule->name);
        status = cli_fail(&why);
    } else if (!act.shape) {
        status = cli_finish(0); /* removed at the same moment */
    } else {
        print_added(&act, new->schedule->name, f->common.json);
        status = cli_finish(0);
    }
    act_deinit(&act);
    return status;
}

int schedule_add_main(int argc, char **argv)
{
    struct add_flags values = {.common = COMMON_INIT};
    struct zone_cache *zones;
    struct new_schedule new;
    struct error why = {0};
    struct flag flags[FLAGS_MAX];
    json_t *shape;
    char *text;
    int first, status;

    make_flags(flags);
    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    shape = json_object();
    zones = zone_cache_new();
    if (make_shape(&values, argv[first + 1], argc > first + 2 ? argv[first + 2] : NULL, shape,
                   &why)) {
        status = cli_fail(&why);
    } else {
        text = json_dumps(shape, JSON_COMPACT);
        if (new_schedule_read(span_of(argv[first]), span_of(text), zones, &new, &why)) {
            status = cli_fail(&why);
        } else {
            status = add(&values, &new, zones);
            new_schedule_deinit(&new);
        }
        free(text);
    }
    json_decref(shape);
    zone_cache_free(zones);
    return status;
}
