/* cli/job_list.c — a page of a queue's jobs, as a table or as JSON. */
#include "cli/connect.h"
#include "cli/filter.h"
#include "cli/flags.h"
#include "cli/page.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/listing.h"
#include "control/shape.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     10000
#define BYTES_MAX     (64 * 1024 * 1024) /* of payloads in one JSON; it ends early, with a `next` */

struct list_flags {
    struct common common;
    const char   *queue, *state, *after;
    struct filter_values filter;
    uint64_t      limit;
};

#define AT(field) offsetof(struct list_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "default: default"},
    {"state", 's', FLAG_STATE, AT(state), 0, 0, "STATE",
     "scheduled, waiting, ready, active, retry, done, dead or\n"
     "cancelled; default: all, one after the other"},
    FILTER_FLAGS(AT(filter)),
    {"limit", 'n', FLAG_NUMBER, AT(limit), 1, LIMIT_MAX, "N",
     "at most that many jobs; default: 100"},
    {"after", 0, FLAG_TEXT, AT(after), 0, 0, "CURSOR", "go on where a listing ended: its `next`"},
};

static const struct command command = {
    .name = "job list",
    .usage = "[FLAGS]",
    .about =
        "Lists the jobs of a queue. TIME is when a job is due, when it ended, or else when it was\n"
        "made.",
    .examples = "pinion job list -q mail --state dead --error timeout --older-than 1h\n"
                "pinion job list --kind wc --limit 10 --json",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
};

struct page {
    const struct list_flags *flags;
    struct listing listing;
    json_t        *items; /* NULL: the table is filled instead */
    struct table   table;
};

static void add_row(struct table *t, const struct job_view *v, struct span queue)
{
    struct span error = span_of(v->error);

    table_printf(t, "%.*s:%.*s", (int)queue.len, queue.data, (int)v->job.id.len, v->job.id.data);
    table_add(t, v->state);
    table_add(t, v->job.kind);
    table_printf(t, "%u/%u", shape_attempt(v), v->job.attempts_max);
    table_time(t, v->due_ms ? v->due_ms : v->finished_ms ? v->finished_ms : v->job.created_ms);
    table_add(t, error.len ? error : v->job.payload);
}

static void add_item(void *ctx, const struct job_view *v)
{
    struct page *p = ctx;
    struct span queue = span_of(p->flags->queue);

    if (p->items) json_array_append_new(p->items, shape_job(v, queue, SHAPE_WITH_CONTENT));
    else add_row(&p->table, v, queue);
}

static enum pinion_err read_page(struct page *p, struct session *session, struct error *why)
{
    struct queue_key key = queue_key(session->name_space, span_of(p->flags->queue));
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    listing_build(&p->listing, &request, queue_key_span(&key));
    err = session_call(session, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    listing_read(&p->listing, reply, add_item, p);
    sync_reply_free(reply);
    return PINION_OK;
}

static void print(struct page *p)
{
    char *next = listing_cursor(&p->listing);

    if (p->items) {
        json_print(shape_list(p->items, next));
    } else {
        table_print(&p->table);
        page_tell(next);
        if (!next && table_empty(&p->table))
            fprintf(stderr, "pinion: no such job in queue '%s'\n", p->flags->queue);
    }
    free(next);
}

static enum pinion_err check(struct page *p, struct error *why)
{
    const struct list_flags *f = p->flags;
    struct listing_options options = {
        .queue = span_of(f->queue),
        .state = span_of(f->state),
        .filter = filter_of(&f->filter),
        .after = span_of(f->after),
        .limit = f->limit,
        .bytes_max = BYTES_MAX,
    };
    enum pinion_err err = listing_init(&p->listing, &options, why);

    if (err) return err;
    if (f->common.state && !strchr(f->common.state, '/') && access(f->common.state, F_OK))
        return error_set(why, PINION_INVALID,
                         "state '%.40s': expected scheduled, waiting, ready, active, "
                         "retry, done, dead or cancelled, or a state folder",
                         f->common.state);
    return PINION_OK;
}

static enum pinion_err list(struct page *p, struct error *why)
{
    static const char *const heads[] = {
        "ID", "STATE", "KIND", "ATTEMPT", "TIME", "ERROR OR PAYLOAD", NULL};
    struct session session;
    enum pinion_err err = check(p, why);

    if (!err) err = session_open(&p->flags->common, &session, why);
    if (err) return err;
    if (p->flags->common.json) p->items = json_array();
    else table_init(&p->table, heads);
    while (!err && listing_more(&p->listing)) err = read_page(p, &session, why);
    session_close(&session);
    if (!err) print(p);
    else json_decref(p->items);
    return err;
}

int job_list_main(int argc, char **argv)
{
    struct list_flags values = {.common = COMMON_INIT, .queue = "default", .limit = LIMIT_DEFAULT};
    struct page page = {.flags = &values};
    struct error why = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    status = list(&page, &why) ? cli_fail(&why) : cli_finish(0);
    table_deinit(&page.table);
    listing_deinit(&page.listing);
    return status;
}
