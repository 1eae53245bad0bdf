/* cli/all_verbs.c — the table of verbs. */
#include "cli/verbs.h"

#include "base/macros.h"

static const struct verb verbs[] = {
    {"serve", serve_main, "run jobs: the service, with its own Redis unless one is named"},
    {"enqueue", enqueue_main, "make a job, or many from a file, and print its id or its result"},
    {"job", job_main, "list, show, cancel, retry or run jobs"},
    {"batch", batch_main, "open, close, show or list batches of jobs"},
    {"queue", queue_main, "list, show, pause or resume queues"},
    {"schedule", schedule_main, "jobs at their times: by cron expressions, intervals or once"},
    {"server", server_main, "list the servers"},
    {"token", token_main, "who may do what over HTTP: make, list, revoke tokens"},
    {"cron", cron_main, "explain a cron expression, and print its next times"},
    {"events", events_main, "follow what happens, as it happens"},
    {"top", top_main, "watch queues, servers and schedules live"},
    {"doctor", doctor_main, "check the settings of Redis and every key; --repair mends"},
    {"bench", bench_main, "how fast is Pinion on this machine?"},
    {"completion", completion_main, "let the shell complete words of pinion"},
    {"version", version_main, "print the version"},
};

const struct verb *verbs_all(size_t *ret_count)
{
    *ret_count = countof(verbs);
    return verbs;
}
