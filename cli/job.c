/* cli/job.c — the verbs of `pinion job`, and one job shown. */
#include "cli/job.h"

#include <inttypes.h>
#include <string.h>
#include "base/time_text.h"
#include "cli/job_follow.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "control/shape.h"
#include "queue/unique.h"

const struct flag job_flags[JOB_FLAGS] = {
    {"queue", 'q', FLAG_TEXT, offsetof(struct job_values, queue), 0, 0, "QUEUE",
     "the queue of ids that stand without one"},
};

enum pinion_err job_look(struct session *s, struct span queue, struct span local,
                         struct job_look *ret, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct job_look look = {0};
    enum pinion_err err;

    show_build(&request, queue_key_span(&key), local);
    err = session_call(s, &request, &look.reply, why);
    request_deinit(&request);
    if (err) return err;
    err = show_read(look.reply, local, &look.view);
    if (err) {
        sync_reply_free(look.reply);
        return error_set(
            why, err,
            err == PINION_NOT_FOUND
                ? "job %.*s:%.*s: not found; it may have ended and not been kept (--retain)"
                : "job %.*s:%.*s: Redis holds a record that this version does not understand",
            (int)queue.len, queue.data, (int)local.len, local.data);
    }
    *ret = look;
    return PINION_OK;
}

void job_look_deinit(struct job_look *l)
{
    job_view_deinit(&l->view);
    sync_reply_free(l->reply);
}

static void print_options(const struct job *j)
{
    char text[DURATION_TEXT_MAX], unique[UNIQUE_TEXT_MAX];

    fact_printf("priority", "%u", j->priority);
    fact_text("group", j->group);
    fact_text("tags", j->tags);
    if (j->unique.data) fact_text("unique", span_of(unique_format(j->unique, unique)));
    fact_text("traceparent", j->traceparent);
    fact_text("timeout", span_of(duration_format(j->timeout_ms, text)));
    if (j->lease_ms) fact_text("lease", span_of(duration_format(j->lease_ms, text)));
    fact_text("batch", j->batch);
    fact_text("backoff", j->backoff);
    fact_time("expires", j->expires_ms);
    if (j->retain_ms) fact_text("retain", span_of(duration_format(j->retain_ms, text)));
}

/* The last one is the error; those before it say how it came to that. */
static void print_errors(const struct job_view *v)
{
    char at[TIME_TEXT_MAX];
    json_t *errors = look_errors(v), *entry;
    size_t i;

    fact_text("error", span_of(v->error));
    json_array_foreach (errors, i, entry) {
        if (json_array_size(errors) == 1) break;
        const char *text = json_string_value(json_object_get(entry, "error"));
        int64_t ms = json_integer_value(json_object_get(entry, "at"));
        int64_t attempt = json_integer_value(json_object_get(entry, "attempt"));
        fact_printf("failed", "attempt %" PRId64 ", %s: %s", attempt, time_format_local(ms, at),
                    text ? text : "");
    }
    json_decref(errors);
}

static void print_progress(const struct job_progress *p)
{
    char at[TIME_TEXT_MAX];

    if (!p->at_ms) return;
    fact_printf("progress", "%u %%, %s%s%.*s", p->percent, time_format_local(p->at_ms, at),
                p->note.len ? ": " : "", (int)p->note.len, p->note.len ? p->note.data : "");
}

static void print_bonds(const struct job_view *v)
{
    for (size_t i = 0; i < job_view_parents(v); i++) {
        struct job_parent p = job_view_parent(v, i);
        fact_printf(i ? "" : "after", "%s (%s)", p.id, p.outcome ? p.outcome : "not ended");
    }
    if (job_view_any_outcome(v)) fact_text("after any outcome", span_of("yes"));
    if (v->children) fact_printf("children waiting", "%u", v->children);
}

static void print_job(const struct job_view *v, struct span queue)
{
    fact_printf("id", "%.*s:%.*s", (int)queue.len, queue.data, (int)v->job.id.len, v->job.id.data);
    fact_text("queue", queue);
    fact_text("kind", v->job.kind);
    fact_text("state", v->state);
    if (!v->known) {
        fact_text("note",
                  span_of("it has ended; its content was not kept (enqueue --retain keeps it)"));
        return;
    }
    fact_text("reason", span_of(v->why));
    if (v->mark.data) fact_text("mark", span_of("cancel requested"));
    fact_printf("attempt", "%u of %u", shape_attempt(v), v->job.attempts_max);
    if (v->reaps) fact_printf("reaped", "%u times", v->reaps);
    fact_text("server", v->server);
    fact_text("worker", v->worker);
    fact_time("created", v->job.created_ms);
    fact_time("run at", v->due_ms ? v->due_ms : v->job.run_at_ms);
    fact_time("started", v->started_ms);
    fact_time("finished", v->finished_ms);
    print_progress(&v->progress);
    print_bonds(v);
    print_options(&v->job);
    print_errors(v);
    fact_text("payload", v->job.payload);
    fact_text("result", v->result);
}

static const struct flag show_flags[] = {
    {"queue", 'q', FLAG_TEXT, offsetof(struct job_values, queue), 0, 0, "QUEUE",
     "the queue of ids that stand without one"},
    {"follow", 'f', FLAG_SWITCH, offsetof(struct job_values, follow), 0, 0, NULL,
     "print what its command prints, until the job has ended"},
};

static const struct command show_command = {
    .name = "job show",
    .usage = "ID [FLAGS]",
    .about = "Prints all that is known about a job.",
    .examples = "pinion job show default:01JD9K3V5M0000000000000000\n"
                "pinion job show -q mail order-17 --json\n"
                "pinion job show mail:order-17 --follow",
    .flags = show_flags,
    .flags_count = countof(show_flags),
    .words_min = 1,
    .words_max = 1,
    .expected = "the ID of a job, as enqueue printed it",
};

int job_show_main(int argc, char **argv)
{
    struct job_values values = {.common = COMMON_INIT};
    struct span queue, local;
    struct session session;
    struct job_look look;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&show_command, argc, argv, &values, &first, &status)) return status;
    if (values.follow && values.common.json)
        return cli_fail_usage(&show_command, "--follow: expected no --json with it");
    if (id_split(span_of(argv[first]), values.queue, &queue, &local, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    if (values.follow) {
        status = job_follow(&session, queue, local);
        session_close(&session);
        return status;
    }
    err = job_look(&session, queue, local, &look, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    if (values.common.json) json_print(shape_job(&look.view, queue, SHAPE_WITH_CONTENT));
    else print_job(&look.view, queue);
    job_look_deinit(&look);
    return cli_finish(0);
}

int job_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"list", job_list_main, "the jobs of a queue, by state"},
        {"show", job_show_main, "all about one job"},
        {"explain", job_explain_main, "why a job does not run"},
        {"result", job_result_main, "what a job gave; waits for its end"},
        {"cancel", job_cancel_main, "cancel jobs; what runs is stopped"},
        {"retry", job_retry_main, "run dead, cancelled or done jobs once more"},
        {"run", job_run_main, "run delayed jobs now"},
        {"edit", job_edit_main, "change what a waiting job does, and when"},
        {"delete", job_delete_main, "delete jobs that are not running"},
    };

    return verbs_run(verbs, countof(verbs), "job", argc, argv);
}
