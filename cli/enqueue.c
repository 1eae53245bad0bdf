/* cli/enqueue.c — one job from the command line. */
#include "cli/bulk.h"
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/payload.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/wait.h"

#include <stdio.h>
#include <string.h>
#include "base/time_text.h"
#include "control/enqueuer.h"
#include "control/new_job.h"
#include "control/shape.h"
#include "queue/job.h"

#define RETAIN_WAIT_MS (10 * 60 * 1000) /* so that a waiting caller finds the result */

struct enqueue_flags {
    struct common common;
    const char   *queue, *backoff, *id, *group, *tags, *traceparent, *unique, *batch, *bulk;
    uint64_t      in_ms, priority, attempts, timeout_ms, expires_ms, retain_ms, lease_ms;
    uint64_t      wait_timeout_ms;
    struct buffer after;
    int64_t       at_ms;
    bool          wait, replace, after_any_outcome;
};

#define AT(field) offsetof(struct enqueue_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "default: default"},
    {"in", 0, FLAG_DURATION, AT(in_ms), 0, DURATION_MS_MAX, "DURATION",
     "run it that much later: 250ms 10s 5m 2h 3d"},
    {"at", 0, FLAG_TIME, AT(at_ms), 0, 0, "TIME",
     "run it then: 2026-11-23T10:00:00Z, '2026-11-23 10:00', 10:00"},
    {"priority", 'p', FLAG_NUMBER, AT(priority), 0, PRIORITY_MAX, "N",
     "0 (most urgent) to 9; default: 5"},
    {"attempts", 0, FLAG_NUMBER, AT(attempts), 1, ATTEMPTS_MAX, "N",
     "how often it is tried; default: 25"},
    {"backoff", 0, FLAG_TEXT, AT(backoff), 0, 0, "SPEC",
     "the time between attempts: exponential (the default),\n"
     "fixed:10s, linear:5s or list:1s,10s,1m"},
    {"timeout", 0, FLAG_DURATION, AT(timeout_ms), TIMEOUT_MIN_MS, DURATION_MS_MAX, "DURATION",
     "of one attempt; default: 1h"},
    {"expires", 0, FLAG_DURATION, AT(expires_ms), 1, DURATION_MS_MAX, "DURATION",
     "drop it if it has not started by then"},
    {"id", 0, FLAG_TEXT, AT(id), 0, 0, "ID", "your own, one job per queue and id; default: made"},
    {"retain", 0, FLAG_DURATION, AT(retain_ms), 0, DURATION_MS_MAX, "DURATION",
     "keep it, with its result, that long after it is done"},
    {"group", 'g', FLAG_TEXT, AT(group), 0, 0, "KEY",
     "groups of a queue take turns, however many jobs each has"},
    {"tags", 0, FLAG_TEXT, AT(tags), 0, 0, "A,B", "words to find it by"},
    {"traceparent", 0, FLAG_TEXT, AT(traceparent), 0, 0, "TEXT",
     "W3C trace context, handed to the handler"},
    {"unique", 0, FLAG_TEXT, AT(unique), 0, 0, "KEY[=SPAN]",
     "while a job of the queue holds this key, make none and print\n"
     "that one's id; SPAN: start, done (the default) or 30s"},
    {"replace", 0, FLAG_SWITCH, AT(replace), 0, 0, NULL,
     "with --unique: while that job waits, it takes over what this\none says, with its id"},
    {"after", 0, FLAG_TEXTS, AT(after), 0, 0, "ID",
     "wait until that job is done; once for each; cancelled if one\n"
     "of them ends otherwise. --in and --expires count from then"},
    {"after-any-outcome", 0, FLAG_SWITCH, AT(after_any_outcome), 0, 0, NULL,
     "wait until they have ended, however"},
    {"batch", 0, FLAG_TEXT, AT(batch), 0, 0, "NAME",
     "count its end in this batch of its queue; see pinion batch"},
    {"lease", 0, FLAG_DURATION, AT(lease_ms), LEASE_MIN_MS, LEASE_MAX_MS, "DURATION",
     "how soon a lost worker is noticed; default: the server's"},
    {"wait", 'w', FLAG_SWITCH, AT(wait), 0, 0, NULL,
     "wait for its end and print its result; exit status 0 done,\n"
     "10 dead, 11 cancelled; implies --retain 10m"},
    {"wait-timeout", 0, FLAG_DURATION, AT(wait_timeout_ms), 1, DURATION_MS_MAX, "DURATION",
     "wait at most that long; exit status 12 when it has passed"},
    {"bulk", 0, FLAG_TEXT, AT(bulk), 0, 0, "FILE",
     "a job per line, as {\"kind\":\"wc\",\"payload\":\"text\"}; the other\n"
     "flags are defaults; - reads stdin as a stream"},
};

static const struct command command = {
    .name = "enqueue",
    .usage = "KIND [PAYLOAD|-] [FLAGS]\n       pinion enqueue [KIND] --bulk FILE|- [FLAGS]",
    .about = "Makes a job and prints its id. KIND says what handler runs it; PAYLOAD is what the\n"
             "handler gets, - takes it from stdin.",
    .examples = "pinion enqueue wc 'how many words are these'\n"
                "pinion enqueue report -q nightly --at 23:30 --attempts 3\n"
                "pinion enqueue wc - --wait --wait-timeout 30s < words.txt\n"
                "pinion enqueue --bulk jobs.ndjson",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
    .words_min = 0,
    .words_max = 2,
};

static uint64_t or_zero(uint64_t value)
{
    return value == FLAG_NONE ? 0 : value;
}

static struct pinion_job job_of(const struct enqueue_flags *f)
{
    return (struct pinion_job){
        .queue = f->queue,
        .id = f->id,
        .in_ms = or_zero(f->in_ms),
        .run_at_ms = f->at_ms,
        .priority = f->priority == FLAG_NONE ? 0 : PINION_PRIORITY((unsigned)f->priority),
        .attempts_max = (unsigned)or_zero(f->attempts),
        .backoff = f->backoff,
        .timeout_ms = or_zero(f->timeout_ms),
        .lease_ms = or_zero(f->lease_ms),
        .expires_ms = or_zero(f->expires_ms),
        .group = f->group,
        .tags = f->tags,
        .traceparent = f->traceparent,
        .unique = f->unique,
        .replace = f->replace,
        .after = f->after.len ? f->after.data : NULL,
        .after_any_outcome = f->after_any_outcome,
        .batch = f->batch,
        .retain_ms = f->retain_ms == FLAG_NONE ? f->wait ? RETAIN_WAIT_MS : 0 : f->retain_ms,
    };
}

/* ---- one job --------------------------------------------------------------------------------- */

static enum pinion_err send_job(struct session *s, const struct enqueue_flags *f,
                                const struct pinion_job *job, struct pinion_enqueued *ret,
                                struct error *why)
{
    struct enqueuer *enqueuer = enqueuer_new(s->sync, s->name_space);
    enum pinion_err err =
        enqueuer_send(enqueuer, job, 1, common_timeout_ms(&f->common), ret, why);

    enqueuer_free(enqueuer);
    if (ret->err != PINION_CONFLICT || ret->closed) return err ? err : ret->err;
    return error_set(why, PINION_CONFLICT, "job %s:%s exists already, with other content",
                     job_queue(job), job->id);
}

static int print_enqueued(const struct pinion_enqueued *e, bool json)
{
    if (json) json_print(shape_enqueued(e));
    else puts(e->id);
    return cli_finish(0);
}

static int enqueue_and_wait(struct session *s, const struct enqueue_flags *f,
                            const struct pinion_job *job)
{
    struct span queue = span_of(job_queue(job)), local;
    struct pinion_job plain = *job;
    struct error why = {0};
    struct pinion_enqueued e;
    struct wait wait;
    enum pinion_err err;
    int status;

    if (wait_open(&wait, s, queue, &why)) return cli_fail(&why);
    err = send_job(s, f, job, &e, &why);
    plain.retain_ms = 0; /* it may be there already, made by someone who did not wait for it */
    if (err == PINION_CONFLICT && f->retain_ms == FLAG_NONE) err = send_job(s, f, &plain, &e, &why);
    if (err) {
        status = cli_fail(&why);
    } else {
        local = span_of(e.id + queue.len + 1);
        status = wait_run(&wait, local, f->wait_timeout_ms, e.existing, f->common.json);
    }
    wait_close(&wait);
    return status;
}

static int enqueue_one(const struct enqueue_flags *f, const struct pinion_job *job)
{
    struct error why = {0};
    struct session session;
    struct pinion_enqueued e;
    int status;

    if (session_open(&f->common, &session, &why)) return cli_fail(&why);
    if (f->wait) status = enqueue_and_wait(&session, f, job);
    else if (send_job(&session, f, job, &e, &why)) status = cli_fail(&why);
    else status = print_enqueued(&e, f->common.json);
    session_close(&session);
    return status;
}

/* Everything is checked before Redis is asked for anything. */
static int run_one(const struct enqueue_flags *f, const char *kind, const char *payload)
{
    struct pinion_job job = job_of(f);
    struct buffer text = BUFFER_INIT;
    struct error why = {0};
    enum pinion_err err = payload_read(payload, &text, &why);
    int status;

    job.kind = kind;
    job.payload = text.data;
    job.payload_len = text.len;
    if (!err) err = new_job_check(&job, &why);
    status = err ? cli_fail(&why) : enqueue_one(f, &job);
    buffer_deinit(&text);
    return status;
}

/* ---- many ------------------------------------------------------------------------------------ */

static int run_bulk(const struct enqueue_flags *f, const char *kind, const char *payload)
{
    struct pinion_job defaults = job_of(f), sample = defaults;
    struct error why = {0};

    if (payload)
        return cli_fail_usage(&command, "--bulk: payloads are expected in its lines, not '%.40s'",
                              payload);
    if (f->id)
        return cli_fail_usage(&command, "--bulk: ids are expected in its lines, not by --id");
    if (f->wait) return cli_fail_usage(&command, "--bulk and --wait: expected one of them");
    defaults.kind = kind;
    sample.kind = kind ? kind : "any";
    if (new_job_check(&sample, &why)) return cli_fail(&why); /* not the fault of the first line */
    return bulk_run(&f->common, f->bulk, &defaults);
}

static int run(const struct enqueue_flags *f, const char *kind, const char *payload)
{
    if (f->wait_timeout_ms != FLAG_NONE && !f->wait)
        return cli_fail_usage(&command, "--wait-timeout: expected --wait with it");
    if (f->bulk) return run_bulk(f, kind, payload);
    if (!kind) return cli_fail_usage(&command, "enqueue: expected a KIND");
    return run_one(f, kind, payload);
}

int enqueue_main(int argc, char **argv)
{
    struct enqueue_flags values = {
        .common = COMMON_INIT,
        .in_ms = FLAG_NONE, .priority = FLAG_NONE, .attempts = FLAG_NONE, .timeout_ms = FLAG_NONE,
        .expires_ms = FLAG_NONE, .retain_ms = FLAG_NONE, .lease_ms = FLAG_NONE,
        .wait_timeout_ms = FLAG_NONE, .after = BUFFER_INIT,
    };
    int first, status;

    if (flags_read(&command, argc, argv, &values, &first, &status))
        status = run(&values, argc > first ? argv[first] : NULL,
                     argc > first + 1 ? argv[first + 1] : NULL);
    buffer_deinit(&values.after);
    return status;
}
