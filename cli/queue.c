/* cli/queue.c — the queues: how full they are, and whether they run. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/page.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include "base/time_text.h"
#include "control/shape.h"
#include "control/shape_limits.h"
#include "control/shape_on_dead.h"
#include "queue/steer.h"

struct queue_flags {
    struct common common;
};

enum { SCHEDULED, WAITING, READY, ACTIVE, RETRY, DONE, DEAD, CANCELLED }; /* as job_states */

/* `ret_rules`: {"limits","on_dead"}, the caller's. */
static enum pinion_err read_stats(struct session *s, struct span name, struct queue_view *ret,
                                  bool *ret_served, json_t **ret_rules, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, name);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    stats_build(&request, queue_key_span(&key));
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = stats_read(reply, ret);
    if (err) error_set(why, err, "queue %.*s: an answer that this version does not understand",
                       (int)name.len, name.data);
    *ret_served = stats_servers(reply) > 0;
    *ret_rules = json_pack("{s:o, s:o}", "limits", shape_limits(reply), "on_dead",
                           shape_on_dead(reply));
    sync_reply_free(reply);
    return err;
}

/* ---- list ------------------------------------------------------------------------------------ */

struct list_flags {
    struct common common;
    struct page_values page;
};

static const struct flag list_flags[] = {
    PAGE_FLAGS(offsetof(struct list_flags, page), "QUEUE"),
};

static const struct command list_command = {
    .name = "queue list",
    .usage = "[FLAGS]",
    .about = "Lists all queues by name, with how many jobs are in each state.",
    .examples = "pinion queue list\npinion queue list --json | jq '.items[].counts.ready'",
    .flags = list_flags,
    .flags_count = countof(list_flags),
};

static void add_row(struct table *t, struct span name, const struct queue_view *v)
{
    char age[DURATION_TEXT_MAX];

    table_add(t, name);
    table_add(t, span_of(v->paused ? "paused" : "running"));
    for (int i = SCHEDULED; i <= CANCELLED; i++)
        if (i != WAITING) table_printf(t, "%" PRId64, v->counts[i]);
    table_add(
        t, span_of(v->oldest_ready_ms ? duration_format((uint64_t)v->oldest_ready_ms, age) : NULL));
}

/* Leaves those names that the page has; *ret_next: the last of them, if there are others behind. */
static void cut_page(struct queue_names *q, const struct page_values *page, char ret_next[])
{
    size_t kept = 0;

    for (size_t i = 0; i < q->count; i++) {
        if (!page_has(page, q->names[i])) continue;
        if (kept == page->limit) {
            snprintf(ret_next, QUEUE_NAME_MAX + 1, "%.*s", (int)q->names[kept - 1].len,
                     q->names[kept - 1].data);
            break;
        }
        q->names[kept++] = q->names[i];
    }
    q->count = kept;
}

static enum pinion_err print_list(struct session *s, const struct list_flags *f, struct error *why)
{
    static const char *const heads[] = {"QUEUE",     "STATE",        "SCHEDULED", "READY",
                                        "ACTIVE",    "RETRY",        "DONE",      "DEAD",
                                        "CANCELLED", "OLDEST READY", NULL};
    char next[QUEUE_NAME_MAX + 1] = "";
    struct queue_names queues;
    struct queue_view view;
    struct table table;
    json_t *items;
    bool served;
    enum pinion_err err = queue_names_read(s, &queues, why);

    if (err) return err;
    cut_page(&queues, &f->page, next);
    items = f->common.json ? json_array() : NULL;
    table_init(&table, heads);
    for (size_t i = 0; !err && i < queues.count; i++) {
        json_t *rules, *limits;
        err = read_stats(s, queues.names[i], &view, &served, &rules, why);
        if (err) break;
        if (!items) add_row(&table, queues.names[i], &view);
        limits = json_object_get(rules, "limits");
        if (items)
            json_array_append_new(items, shape_queue(queues.names[i], &view, json_incref(limits)));
        json_decref(rules);
    }
    if (err) json_decref(items);
    else if (items) json_print(shape_list(items, *next ? next : NULL));
    else table_print(&table);
    if (!err && !items) page_tell(*next ? next : NULL);
    table_deinit(&table);
    queue_names_deinit(&queues);
    return err;
}

static int list_main(int argc, char **argv)
{
    struct list_flags values = {.common = COMMON_INIT, .page = PAGE_INIT};
    struct session session;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&list_command, argc, argv, &values, &first, &status)) return status;
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = print_list(&session, &values, &why);
    session_close(&session);
    return err ? cli_fail(&why) : cli_finish(0);
}

/* ---- show ------------------------------------------------------------------------------------ */

static const struct command show_command = {
    .name = "queue show",
    .usage = "QUEUE [FLAGS]",
    .about = "Prints the counts and totals of a queue.",
    .examples = "pinion queue show mail",
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static void print_carriers(const json_t *on_dead)
{
    const char *queue = json_string_value(json_object_get(on_dead, "queue")), *pattern;
    json_t *kind;

    if (queue) fact_text("on dead", span_of(queue));
    json_object_foreach (json_object_get(on_dead, "kinds"), pattern, kind)
        fact_printf("on dead", "%s, for %s", json_string_value(kind), pattern);
}

static json_t *shape_shown(struct span name, const struct queue_view *v, json_t *rules)
{
    json_t *o = shape_queue(name, v, json_incref(json_object_get(rules, "limits")));

    json_object_set(o, "on_dead", json_object_get(rules, "on_dead"));
    return o;
}

static void print_queue(struct span name, const struct queue_view *v, const json_t *on_dead)
{
    char age[DURATION_TEXT_MAX];

    fact_text("queue", name);
    fact_text("state", span_of(v->paused ? "paused" : "running"));
    if (v->draining) fact_text("draining", span_of("takes no new jobs"));
    if (v->bounds.max_jobs) fact_printf("max jobs", "%" PRIu64, v->bounds.max_jobs);
    if (v->bounds.max_bytes) fact_printf("max bytes", "%" PRIu64, v->bounds.max_bytes);
    print_carriers(on_dead);
    for (int i = SCHEDULED; i <= CANCELLED; i++)
        fact_printf(job_states[i], "%" PRId64, v->counts[i]);
    if (v->oldest_ready_ms)
        fact_text("oldest ready", span_of(duration_format((uint64_t)v->oldest_ready_ms, age)));
    if (v->rates.window_ms)
        fact_printf("a second", "%.4g enqueued, %.4g done, %.4g attempts failed, in the last %s",
                    v->rates.enqueued, v->rates.done, v->rates.failed,
                    duration_format((uint64_t)v->rates.window_ms / 1000 * 1000, age));
    fact_printf("in all",
                "%" PRId64 " enqueued, %" PRId64 " done, %" PRId64 " attempts failed, %" PRId64
                " dead, %" PRId64 " cancelled, %" PRId64 " reaped, %" PRId64 " trimmed, %" PRId64
                " deleted",
                v->enqueued, v->done, v->failed, v->dead, v->cancelled, v->reaped, v->trimmed,
                v->deleted);
}

static int show_main(int argc, char **argv)
{
    struct queue_flags values = {.common = COMMON_INIT};
    struct queue_view view = {0};
    json_t *rules = NULL;
    struct session session;
    struct error why = {0};
    struct span name;
    enum pinion_err err;
    bool served = false;
    int first, status;

    if (!flags_read(&show_command, argc, argv, &values, &first, &status)) return status;
    name = span_of(argv[first]);
    if (queue_name_check(name, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = read_stats(&session, name, &view, &served, &rules, &why);
    session_close(&session);
    if (!err && !queue_exists(&view, served))
        err = error_set(&why, PINION_NOT_FOUND, "queue %s: not found; pinion queue list lists them",
                        argv[first]);
    if (err) {
        json_decref(rules);
        return cli_fail(&why);
    }
    if (!values.common.json) print_queue(name, &view, json_object_get(rules, "on_dead"));
    else json_print(shape_shown(name, &view, rules));
    json_decref(rules);
    return cli_finish(0);
}

/* ---- pause, resume --------------------------------------------------------------------------- */

static const struct command pause_command = {
    .name = "queue pause",
    .usage = "QUEUE [FLAGS]",
    .about = "No server takes jobs from the queue any more; what runs goes on. Jobs may still be\n"
             "enqueued.",
    .examples = "pinion queue pause mail",
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static const struct command resume_command = {
    .name = "queue resume",
    .usage = "QUEUE [FLAGS]",
    .about = "Servers take jobs from the queue again.",
    .examples = "pinion queue resume mail",
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static enum pinion_err send_pause(struct session *s, struct span name, bool pause,
                                  struct error *why)
{
    struct queue_key key = queue_key(s->name_space, name);
    struct request request = REQUEST_INIT;
    enum pinion_err err;

    pause_build(&request, queue_key_span(&key), pause);
    err = session_call_queue(s, name, &request, NULL, why);
    request_deinit(&request);
    return err;
}

static int pause_or_resume(const struct command *command, bool pause, int argc, char **argv)
{
    struct queue_flags values = {.common = COMMON_INIT};
    struct session session;
    struct error why = {0};
    struct span name;
    enum pinion_err err;
    int first, status;

    if (!flags_read(command, argc, argv, &values, &first, &status)) return status;
    name = span_of(argv[first]);
    if (queue_name_check(name, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = send_pause(&session, name, pause, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    session_tell_new(&session, argv[first]);
    if (values.common.json)
        json_print(json_pack("{s:s, s:b}", "queue", argv[first], "paused", pause));
    else puts(pause ? "paused" : "running");
    return cli_finish(0);
}

static int pause_main(int argc, char **argv)
{
    return pause_or_resume(&pause_command, true, argc, argv);
}

static int resume_main(int argc, char **argv)
{
    return pause_or_resume(&resume_command, false, argc, argv);
}

int queue_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"list", list_main, "all queues and how full they are"},
        {"show", show_main, "counts and totals of one queue"},
        {"pause", pause_main, "let no server take jobs from a queue"},
        {"resume", resume_main, "let servers take jobs again"},
        {"bound", queue_bound_main, "how much a queue may hold"},
        {"drain", queue_drain_main, "take no new jobs, and finish the old"},
        {"limit", queue_limit_main, "what limits its attempts: show, set, clear"},
        {"purge", queue_purge_main, "delete all jobs that do not run"},
    };

    return verbs_run(verbs, countof(verbs), "queue", argc, argv);
}
