/* cli/schedule_list.c — all schedules, by name. */
#include "cli/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include "cli/page.h"
#include "cli/verbs.h"
#include "control/schedule_page.h"
#include "control/shape.h"

#define LIMIT_MAX 100000

struct list_flags {
    struct common common;
    const char   *queue, *after;
    uint64_t      limit;
};

#define AT(field) offsetof(struct list_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "only those of this queue"},
    {"limit", 'n', FLAG_NUMBER, AT(limit), 1, LIMIT_MAX, "N",
     "at most that many; default: all"},
    {"after", 0, FLAG_TEXT, AT(after), 0, 0, "NAME",
     "go on behind this one: the `next` of a listing"},
};

static const struct command command = {
    .name = "schedule list",
    .usage = "[FLAGS]",
    .about = "Lists the schedules of all queues, with their last and next fires.",
    .examples = "pinion schedule list\n"
                "pinion schedule list --json | jq -r '.items[] | [.name, .next_fire] | @tsv'",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
};

static enum pinion_err read_page(struct session *s, struct schedule_page *page, struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;
    bool more = true;

    while (more) {
        page_build(page, &request);
        err = session_call(s, &request, &reply, why);
        if (err) break;
        more = page_read(page, reply, &err);
        sync_reply_free(reply);
        if (err) error_set(why, err, "Redis holds what this version does not understand");
    }
    request_deinit(&request);
    return err;
}

/* Page by page into `items`; *ret_next: where it would go on, in `room`. */
static enum pinion_err read_all(struct session *s, const struct list_flags *f, json_t *items,
                                char room[QUEUE_NAME_MAX + 1], const char **ret_next,
                                struct error *why)
{
    const char *after = f->after;
    enum pinion_err err = PINION_OK;
    uint64_t left = f->limit;

    *ret_next = NULL;
    while (!err && left) {
        struct schedule_page_options options = {
            .name_space = s->name_space,
            .queue = span_of(f->queue),
            .after = span_of(after),
            .limit = left < SCHEDULE_ITEMS_MAX ? left : SCHEDULE_ITEMS_MAX,
            .with_content = f->common.json,
        };
        struct schedule_page page;
        json_t *part;

        page_init(&page, &options);
        err = read_page(s, &page, why);
        part = page_items(&page);
        json_array_extend(items, part);
        json_decref(part);
        left -= page.count < left ? page.count : left;
        *ret_next = page_next(&page);
        if (*ret_next) {
            snprintf(room, QUEUE_NAME_MAX + 1, "%s", *ret_next);
            *ret_next = after = room;
        } else {
            left = 0;
        }
        page_deinit(&page);
    }
    return err;
}

static void add_row(struct table *t, const json_t *shape)
{
    struct buffer when = BUFFER_INIT;

    table_add(t, span_of(shape_word(shape, "name")));
    shape_when(shape, &when);
    table_add(t, (struct span){when.data, when.len});
    table_add(t, span_of(json_is_true(json_object_get(shape, "paused")) ? "paused" : "active"));
    table_add(t, span_of(shape_word(shape, "queue")));
    table_add(t, span_of(shape_word(shape, "kind")));
    table_printf(t, "%" PRId64, (int64_t)json_integer_value(json_object_get(shape, "fires")));
    table_time(t, shape_ms(shape, "last_fire"));
    table_time(t, shape_ms(shape, "next_fire"));
    buffer_deinit(&when);
}

static void print_table(const json_t *items, const char *next)
{
    static const char *const heads[] = {"NAME", "WHEN",  "STATE",     "QUEUE",
                                        "KIND", "FIRES", "LAST FIRE", "NEXT FIRE", NULL};
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < json_array_size(items); i++) add_row(&table, json_array_get(items, i));
    table_print(&table);
    page_tell(next);
    if (!next && table_empty(&table)) fputs("pinion: no schedule\n", stderr);
    table_deinit(&table);
}

int schedule_list_main(int argc, char **argv)
{
    struct list_flags values = {.common = COMMON_INIT, .limit = LIMIT_MAX};
    char room[QUEUE_NAME_MAX + 1];
    struct session session;
    struct error why = {0};
    enum pinion_err err;
    const char *next;
    json_t *items;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (values.queue && queue_name_check(span_of(values.queue), &why)) return cli_fail(&why);
    if (values.after && schedule_name_check(span_of(values.after), &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    items = json_array();
    err = read_all(&session, &values, items, room, &next, &why);
    session_close(&session);
    if (!err && values.common.json) json_print(shape_list(json_incref(items), next));
    else if (!err) print_table(items, next);
    json_decref(items);
    return err ? cli_fail(&why) : cli_finish(0);
}
