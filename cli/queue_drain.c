/* cli/queue_drain.c — a queue takes no new jobs, and what it has is waited for. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "base/clock.h"
#include "cli/wait.h"
#include "control/shape.h"
#include "queue/look.h"

#define LOOK_MS 250

struct drain_flags {
    struct common common;
    bool          off, no_wait;
    uint64_t      timeout_ms;
};

#define AT(field) offsetof(struct drain_flags, field)

static const struct flag flags[] = {
    {"off", 0, FLAG_SWITCH, AT(off), 0, 0, NULL, "take new jobs again"},
    {"no-wait", 0, FLAG_SWITCH, AT(no_wait), 0, 0, NULL, "do not wait until it is empty"},
    {"wait-timeout", 0, FLAG_DURATION, AT(timeout_ms), 0, DURATION_MS_MAX, "DURATION",
     "stop waiting after that long; exit status 12"},
};

static const struct command command = {
    .name = "queue drain",
    .usage = "QUEUE [FLAGS]",
    .about = "The queue takes no new jobs: enqueue is refused (exit status 5). Waits until what\n"
             "it has is done, but for jobs that are scheduled for later. Ends by --off, or resume.",
    .examples = "pinion queue drain mail\npinion queue drain mail --off",
    .flags = flags,
    .flags_count = countof(flags),
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static enum pinion_err send(struct session *s, struct span name, bool drain, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, name);
    struct request request = REQUEST_INIT;
    enum pinion_err err;

    drain_build(&request, queue_key_span(&key), drain);
    err = session_call_queue(s, name, &request, NULL, why);
    request_deinit(&request);
    return err;
}

static enum pinion_err look(struct session *s, struct span name, struct queue_view *ret,
                            struct error *why)
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
    sync_reply_free(reply);
    return err ? error_set(why, err, "an answer that this version does not understand") : err;
}

static uint64_t left_in(const struct queue_view *v)
{
    static const char *const states[] = {"waiting", "ready", "active", "retry"};
    uint64_t left = 0;

    for (size_t i = 0; i < STATES; i++)
        for (size_t k = 0; k < countof(states); k++)
            if (span_is(span_of(states[k]), job_states[i])) left += (uint64_t)v->counts[i];
    return left;
}

/* Looks again and again: a queue may be emptied by servers that publish nothing of it. */
static enum pinion_err wait_empty(struct session *s, struct span name, uint64_t timeout_ms,
                                  uint64_t *ret_left, struct error *why)
{
    struct progress progress = {.what = "done"};
    uint64_t began_ms = clock_mono_ms(), most = 0;
    struct queue_view view;
    enum pinion_err err;

    while (!(err = look(s, name, &view, why)) && (*ret_left = left_in(&view)) > 0) {
        if (*ret_left > most) most = *ret_left;
        progress.all = most;
        progress_show(&progress, most - *ret_left);
        if (clock_mono_ms() - began_ms >= timeout_ms) break;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
    progress_end(&progress);
    return err;
}

static void report(const struct drain_flags *f, const char *name, uint64_t left, bool waited)
{
    if (f->common.json)
        json_print(json_pack("{s:s, s:b, s:o}", "queue", name, "draining", !f->off, "left",
                             waited ? json_integer((json_int_t)left) : json_null()));
    else if (f->off)
        puts("takes new jobs");
    else if (waited && !left)
        puts("drained");
    else
        puts("draining");
}

int queue_drain_main(int argc, char **argv)
{
    struct drain_flags values = {.common = COMMON_INIT, .timeout_ms = FLAG_NONE};
    struct session session;
    struct error why = {0};
    enum pinion_err err;
    uint64_t left = 0;
    int first, status;
    bool wait;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    wait = !values.off && !values.no_wait;
    if (queue_name_check(span_of(argv[first]), &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = send(&session, span_of(argv[first]), !values.off, &why);
    if (!err) session_tell_new(&session, argv[first]);
    if (!err && wait)
        err = wait_empty(&session, span_of(argv[first]), values.timeout_ms, &left, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    report(&values, argv[first], left, wait);
    if (!left) return cli_finish(0);
    fprintf(stderr, "pinion: the time to wait is over: %" PRIu64 " jobs are left\n", left);
    return cli_finish(WAIT_EXIT_TIMEOUT);
}
