/* cli/job_list.c — a page of a queue's jobs: state after state, each in pages of its own. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/shape.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     10000
#define BYTES_MAX     (64 * 1024 * 1024) /* of payloads in one JSON; it ends early, with a `next` */

struct list_flags {
    struct common common;
    const char   *queue, *state, *kind, *after;
    uint64_t      limit;
};

#define AT(field) offsetof(struct list_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "default: default"},
    {"state", 's', FLAG_STATE, AT(state), 0, 0, "STATE",
     "scheduled, waiting, ready, active, retry, done, dead or\n"
     "cancelled; default: all, one after the other"},
    {"kind", 'k', FLAG_TEXT, AT(kind), 0, 0, "KIND", "only jobs of this kind"},
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
    .examples = "pinion job list -q mail --state dead\npinion job list --kind wc --limit 10 --json",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
};

struct listing {
    const struct list_flags *flags;
    struct session session;
    size_t         state, state_end; /* of job_states; state_end itself is no more looked at */
    struct span    place;            /* cursor within the state; absent: its start */
    struct buffer  place_room;
    uint64_t       left;
    size_t         bytes;
    json_t        *items;            /* NULL: the table is filled instead */
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

static void add_item(struct listing *l, const struct job_view *v)
{
    struct span queue = span_of(l->flags->queue);

    if (!l->items) {
        add_row(&l->table, v, queue);
        return;
    }
    json_array_append_new(l->items, shape_job(v, queue, SHAPE_WITH_CONTENT));
    l->bytes += v->job.payload.len;
}

/* The place of the reply, kept beyond it; empty: the next state, from its start. */
static void move_on(struct listing *l, struct span next)
{
    if (next.len) {
        buffer_clear(&l->place_room);
        buffer_add(&l->place_room, next.data, next.len);
        l->place = (struct span){l->place_room.data, l->place_room.len};
    } else {
        l->place = (struct span){0};
        l->state++;
    }
}

static enum pinion_err read_page(struct listing *l, struct error *why)
{
    const char *state = job_states[l->state];
    struct queue_key key = queue_key(l->session.name_space, span_of(l->flags->queue));
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct job_view view;
    enum pinion_err err;

    list_build(&request, queue_key_span(&key), state, span_of(l->flags->kind), l->place, l->left);
    err = session_call(&l->session, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    for (size_t i = 0; i < list_count(reply); i++) {
        if (list_item(reply, i, state, &view))
            continue; /* not a record of ours: doctor's business */
        add_item(l, &view);
        job_view_deinit(&view);
        l->left--;
    }
    move_on(l, list_next(reply));
    sync_reply_free(reply);
    return PINION_OK;
}

static void print(struct listing *l)
{
    char *next = l->state < l->state_end ? cursor_text(job_states[l->state], l->place) : NULL;

    if (l->items) {
        json_print(shape_list(l->items, next));
    } else {
        table_print(&l->table);
        if (next)
            fprintf(stderr, "pinion: there may be more: --after '%s'\n", next);
        else if (table_empty(&l->table))
            fprintf(stderr, "pinion: no such job in queue '%s'\n", l->flags->queue);
    }
    free(next);
}

static enum pinion_err check(struct listing *l, struct error *why)
{
    const struct list_flags *f = l->flags;
    struct span state = span_of(f->state);
    enum pinion_err err = queue_name_check(span_of(f->queue), why);

    if (!err) err = cursor_parse(span_of(f->after), &l->state, &l->place_room, &l->place, why);
    if (err) return err;
    if (f->kind && !kind_ok(span_of(f->kind)))
        return error_set(why, PINION_INVALID,
                         "kind '%.40s': expected 1 to %d of A-Z a-z 0-9 . _ : / -", f->kind,
                         KIND_MAX);
    if (f->common.state && !strchr(f->common.state, '/') && access(f->common.state, F_OK))
        return error_set(why, PINION_INVALID,
                         "state '%.40s': expected scheduled, waiting, ready, active, "
                         "retry, done, dead or cancelled, or a state folder",
                         f->common.state);
    l->state_end = STATES;
    if (!f->state) return PINION_OK;
    if (f->after && !span_is(state, job_states[l->state]))
        return error_set(why, PINION_INVALID, "cursor '%.80s' goes on in another state than %s",
                         f->after, f->state);
    if (!f->after)
        while (!span_is(state, job_states[l->state])) l->state++;
    l->state_end = l->state + 1;
    return PINION_OK;
}

static enum pinion_err list(struct listing *l, struct error *why)
{
    static const char *const heads[] = {
        "ID", "STATE", "KIND", "ATTEMPT", "TIME", "ERROR OR PAYLOAD", NULL};
    enum pinion_err err = check(l, why);

    if (!err) err = session_open(&l->flags->common, &l->session, why);
    if (err) return err;
    if (l->flags->common.json) l->items = json_array();
    else table_init(&l->table, heads);
    while (!err && l->left && l->bytes < BYTES_MAX && l->state < l->state_end)
        err = read_page(l, why);
    session_close(&l->session);
    if (!err) print(l);
    else json_decref(l->items);
    return err;
}

int job_list_main(int argc, char **argv)
{
    struct list_flags values = {.common = COMMON_INIT, .queue = "default", .limit = LIMIT_DEFAULT};
    struct listing listing = {.flags = &values};
    struct error why = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    listing.left = values.limit;
    status = list(&listing, &why) ? cli_fail(&why) : cli_finish(0);
    table_deinit(&listing.table);
    buffer_deinit(&listing.place_room);
    return status;
}
