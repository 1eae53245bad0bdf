/* cli/job_result.c — how a job ended, and what it gave. */
#include "cli/job.h"

#include "base/time_text.h"
#include "cli/verbs.h"
#include "cli/wait.h"

struct result_flags {
    struct common common;
    const char   *queue;
    bool          wait;
    uint64_t      timeout_ms;
};

#define AT(field) offsetof(struct result_flags, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE",
     "the queue of an id that stands without one"},
    {"wait", 'w', FLAG_SWITCH, AT(wait), 0, 0, NULL, "wait for its end"},
    {"wait-timeout", 0, FLAG_DURATION, AT(timeout_ms), 1, DURATION_MS_MAX, "DURATION",
     "wait at most that long"},
};

static const struct command command = {
    .name = "job result",
    .usage = "ID [FLAGS]",
    .about = "Prints what a job gave. Exit status: 0 done, 10 dead, 11 cancelled, 12 it has not\n"
             "ended (in time). A result is kept for as long as enqueue --retain says.",
    .examples = "pinion job result mail:order-17 --wait --wait-timeout 30s",
    .flags = flags,
    .flags_count = countof(flags),
    .words_min = 1,
    .words_max = 1,
    .expected = "the ID of a job, as enqueue printed it",
};

int job_result_main(int argc, char **argv)
{
    struct result_flags values = {.common = COMMON_INIT, .timeout_ms = FLAG_NONE};
    struct span queue, local;
    struct session session;
    struct wait wait;
    struct error why = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (values.timeout_ms != FLAG_NONE && !values.wait)
        return cli_fail_usage(&command, "--wait-timeout: expected --wait with it");
    if (id_split(span_of(argv[first]), values.queue, &queue, &local, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    wait = (struct wait){.session = &session, .queue = queue};
    if (values.wait && wait_open(&wait, &session, queue, &why)) {
        session_close(&session);
        return cli_fail(&why);
    }
    status = wait_run(&wait, local, values.wait ? values.timeout_ms : 0, true, values.common.json);
    wait_close(&wait);
    session_close(&session);
    return status;
}
