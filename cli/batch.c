/* cli/batch.c — batches: opened, closed, shown, listed. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/page.h"
#include "cli/payload.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "control/new_job.h"
#include "control/shape.h"
#include "control/shape_batch.h"
#include "queue/batch.h"

struct batch_flags {
    struct common common;
    const char *queue, *on_complete;
    struct page_values page; /* of list */
};

#define AT(field) offsetof(struct batch_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "default: default"},
    {"on-complete", 0, FLAG_TEXT, AT(on_complete), 0, 0, "KIND",
     "make a job of this kind when the batch is complete"},
};

enum { OPEN_FLAGS = countof(flags), OTHER_FLAGS = 1 };

/* What each of the commands is about, and its connection. */
struct batch_call {
    struct batch_flags *f;
    struct session session;
    struct queue_key key;
    struct request request;
    struct redisReply *reply; /* of the last call */
    struct span queue, name;
};

static enum pinion_err call_open(struct batch_call *c, struct batch_flags *f, const char *name,
                                 struct error *why)
{
    enum pinion_err err;

    *c = (struct batch_call){.f = f, .request = REQUEST_INIT, .name = span_of(name),
                             .queue = span_of(f->queue ? f->queue : "default")};
    err = queue_name_check(c->queue, why);
    if (!err && name) err = batch_name_check(c->name, why);
    if (!err) err = session_open(&f->common, &c->session, why);
    if (!err) c->key = queue_key(c->session.name_space, c->queue);
    return err;
}

static enum pinion_err call_send(struct batch_call *c, struct error *why)
{
    sync_reply_free(c->reply);
    c->reply = NULL;
    return session_call(&c->session, &c->request, &c->reply, why);
}

static void call_close(struct batch_call *c)
{
    sync_reply_free(c->reply);
    request_deinit(&c->request);
    session_close(&c->session);
}

/* ---- open ------------------------------------------------------------------------------------ */

static const struct command open_command = {
    .name = "batch open",
    .usage = "NAME [PAYLOAD|-] [FLAGS]",
    .about = "Begins a batch of jobs, to which pinion enqueue --batch NAME adds. When it was\n"
             "closed and all of them have ended, however, a job of the kind --on-complete is\n"
             "made, once, with PAYLOAD.",
    .examples = "pinion batch open nightly --on-complete report 'all parts are there'",
    .flags = flags,
    .flags_count = OPEN_FLAGS,
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 2,
    .expected = "the NAME of a batch",
};

static enum pinion_err send_open(struct batch_call *c, const struct pinion_job *job,
                                 bool *ret_existing, struct error *why)
{
    enum pinion_err err;

    batch_open_build(&c->request, queue_key_span(&c->key), c->name, job,
                     sync_now_ms(c->session.sync));
    err = session_call_queue(&c->session, c->queue, &c->request, &c->reply, why);
    return err ? err : batch_open_read(c->reply, c->name, ret_existing, why);
}

static int open_with(struct batch_flags *f, const char *name, const struct pinion_job *job)
{
    struct batch_call c;
    struct error why = {0};
    bool existing = false;
    enum pinion_err err = call_open(&c, f, name, &why);

    if (err) return cli_fail(&why);
    err = send_open(&c, job, &existing, &why);
    call_close(&c);
    if (err) return cli_fail(&why);
    if (f->common.json)
        json_print(json_pack("{s:s, s:b}", "batch", name, "existing", (int)existing));
    else
        puts(existing ? "was there already" : "opened");
    return cli_finish(0);
}

static int open_main(int argc, char **argv)
{
    struct batch_flags values = {.common = COMMON_INIT};
    struct pinion_job job = {0};
    struct buffer text = BUFFER_INIT;
    struct error why = {0};
    int first, status;

    if (!flags_read(&open_command, argc, argv, &values, &first, &status)) return status;
    if (argc > first + 1 && !values.on_complete)
        return cli_fail_usage(&open_command, "a payload: expected --on-complete KIND with it");
    if (payload_read(argc > first + 1 ? argv[first + 1] : NULL, &text, &why)) return cli_fail(&why);
    job = (struct pinion_job){
        .kind = values.on_complete, .payload = text.data, .payload_len = text.len};
    if (values.on_complete && new_job_check(&job, &why)) status = cli_fail(&why);
    else status = open_with(&values, argv[first], values.on_complete ? &job : NULL);
    buffer_deinit(&text);
    return status;
}

/* ---- close, show ----------------------------------------------------------------------------- */

static void print_batch(const struct batch_view *b, struct span queue)
{
    struct progress bar = {.what = "ended", .all = b->total};

    fact_text("batch", b->name);
    fact_text("queue", queue);
    fact_text("state", span_of(batch_state(b)));
    fact_printf("total", "%" PRIu64, b->total);
    fact_printf("done", "%" PRIu64, b->done);
    fact_printf("dead", "%" PRIu64, b->dead);
    fact_printf("cancelled", "%" PRIu64, b->cancelled);
    if (b->deleted) fact_printf("deleted", "%" PRIu64, b->deleted);
    fact_printf("pending", "%" PRIu64, b->pending);
    fact_time("opened", b->opened_ms);
    fact_time("closed", b->closed_ms);
    fact_time("completed", b->completed_ms);
    if (b->job.data)
        fact_printf("on complete", "%.*s:%.*s", (int)queue.len, queue.data, (int)b->job.len,
                    b->job.data);
    fflush(stdout);
    progress_show(&bar, b->total - b->pending);
    if (bar.drawn) fputc('\n', stderr);
}

typedef void one_build_fn(struct request *, struct span key, struct span name);
typedef enum pinion_err one_report_fn(struct batch_call *, struct error *why); /* prints it */

/* One call about the batch that the command line names. */
static int one_main(const struct command *command, one_build_fn *build, one_report_fn *report,
                    int argc, char **argv)
{
    struct batch_flags values = {.common = COMMON_INIT};
    struct batch_call c;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(command, argc, argv, &values, &first, &status)) return status;
    if (call_open(&c, &values, argv[first], &why)) return cli_fail(&why);
    build(&c.request, queue_key_span(&c.key), c.name);
    err = call_send(&c, &why);
    if (!err) err = report(&c, &why);
    call_close(&c);
    return err ? cli_fail(&why) : cli_finish(0);
}

static const struct command close_command = {
    .name = "batch close",
    .usage = "NAME [FLAGS]",
    .about = "A batch takes no more jobs; it is complete when all of them have ended.",
    .examples = "pinion batch close nightly",
    .flags = flags,
    .flags_count = OTHER_FLAGS,
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the NAME of a batch",
};

static enum pinion_err report_closed(struct batch_call *c, struct error *why)
{
    struct batch_view b;
    bool existing;
    json_t *o;
    enum pinion_err err = batch_close_read(c->reply, c->name, &b, &existing, why);

    if (err) return err;
    if (!c->f->common.json) {
        puts(existing ? "was closed already" : b.completed_ms ? "closed and complete" : "closed");
        return PINION_OK;
    }
    o = shape_batch(&b, c->queue);
    json_object_set_new(o, "existing", json_boolean(existing));
    json_print(o);
    return PINION_OK;
}

static int close_main(int argc, char **argv)
{
    return one_main(&close_command, batch_close_build, report_closed, argc, argv);
}

static const struct command show_command = {
    .name = "batch show",
    .usage = "NAME [FLAGS]",
    .about = "Prints how far a batch is, on a terminal with a bar.",
    .examples = "pinion batch show nightly\npinion batch show nightly --json | jq .pending",
    .flags = flags,
    .flags_count = OTHER_FLAGS,
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the NAME of a batch",
};

static enum pinion_err report_shown(struct batch_call *c, struct error *why)
{
    struct batch_view b;
    enum pinion_err err = batch_show_read(c->reply, c->name, &b, why);

    if (err) return err;
    if (c->f->common.json) json_print(shape_batch(&b, c->queue));
    else print_batch(&b, c->queue);
    return PINION_OK;
}

static int show_main(int argc, char **argv)
{
    return one_main(&show_command, batch_show_build, report_shown, argc, argv);
}

/* ---- list ------------------------------------------------------------------------------------ */

static const struct flag list_flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "default: default"},
    PAGE_FLAGS(AT(page), "CURSOR"),
};

static const struct command list_command = {
    .name = "batch list",
    .usage = "[FLAGS]",
    .about = "Lists the batches of a queue, in no order, --limit of them or a few more. Complete\n"
             "ones are kept for a week.",
    .examples = "pinion batch list -q mail",
    .flags = list_flags,
    .flags_count = countof(list_flags),
    .common_at = AT(common),
};

static void add_page(const struct redisReply *page, struct table *t)
{
    struct batch_view b;

    for (size_t i = 0; i < batch_list_count(page); i++) {
        if (batch_list_item(page, i, &b)) continue;
        table_add(t, b.name);
        table_add(t, span_of(batch_state(&b)));
        table_printf(t, "%" PRIu64, b.total);
        table_printf(t, "%" PRIu64, b.done);
        table_printf(t, "%" PRIu64, b.dead);
        table_printf(t, "%" PRIu64, b.cancelled + b.deleted);
        table_printf(t, "%" PRIu64, b.pending);
        table_time(t, b.opened_ms);
    }
}

/* Page by page, until the limit or the last; `next`: where it goes on, empty at the end. */
static enum pinion_err read_list(struct batch_call *c, json_t *items, struct table *t,
                                 struct buffer *next, struct error *why)
{
    uint64_t limit = c->f->page.limit, left = limit;
    enum pinion_err err;

    if (c->f->page.after) buffer_add_text(next, c->f->page.after);
    do {
        struct span from = {next->len ? next->data : NULL, next->len}, behind;
        json_t *page;
        batch_list_build(&c->request, queue_key_span(&c->key), from,
                         left < BATCH_PAGE_MAX ? left : BATCH_PAGE_MAX);
        err = call_send(c, why);
        if (err) return err;
        add_page(c->reply, t);
        page = shape_batches(c->reply, c->queue);
        json_array_extend(items, page);
        json_decref(page);
        behind = batch_list_next(c->reply);
        buffer_clear(next);
        buffer_add(next, behind.data ? behind.data : "", behind.len);
        left = json_array_size(items) < limit ? limit - json_array_size(items) : 0;
    } while (next->len && left);
    return PINION_OK;
}

static int list_main(int argc, char **argv)
{
    static const char *const heads[] = {"BATCH",     "STATE",   "TOTAL",  "DONE", "DEAD",
                                        "CANCELLED", "PENDING", "OPENED", NULL};
    struct batch_flags values = {.common = COMMON_INIT, .page = PAGE_INIT};
    struct buffer next = BUFFER_INIT;
    const char *after;
    struct batch_call c;
    struct table table;
    struct error why = {0};
    json_t *items;
    enum pinion_err err;
    int first, status;

    if (!flags_read(&list_command, argc, argv, &values, &first, &status)) return status;
    after = values.page.after;
    if (after && (!*after || after[strspn(after, "0123456789")]))
        return cli_fail_usage(&list_command, "--after '%.80s': expected the `next` of a listing",
                              after);
    if (call_open(&c, &values, NULL, &why)) return cli_fail(&why);
    table_init(&table, heads);
    items = json_array();
    err = read_list(&c, items, &table, &next, &why);
    if (!err && values.common.json)
        json_print(shape_list(json_incref(items), next.len ? next.data : NULL));
    else if (!err)
        table_print(&table);
    if (!err && !values.common.json) page_tell(next.len ? next.data : NULL);
    buffer_deinit(&next);
    json_decref(items);
    table_deinit(&table);
    call_close(&c);
    return err ? cli_fail(&why) : cli_finish(0);
}

int batch_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"open", open_main, "begin one, and say what job it makes in the end"},
        {"close", close_main, "let it take no more jobs"},
        {"show", show_main, "how far it is"},
        {"list", list_main, "all batches of a queue"},
    };

    return verbs_run(verbs, countof(verbs), "batch", argc, argv);
}
