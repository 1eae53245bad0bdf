/* cli/queue_bound.c — how much a queue may hold, and how much it keeps of what ended badly. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include "base/time_text.h"
#include "control/shape.h"
#include "queue/steer.h"

struct bound_flags {
    struct common common;
    struct bounds wanted;
};

#define AT(field) offsetof(struct bound_flags, field)

static const struct flag flags[] = {
    {"max-jobs", 0, FLAG_NUMBER, AT(wanted.max_jobs), 0, BOUND_MAX, "N",
     "so many jobs that have not ended; 0: no bound"},
    {"max-bytes", 0, FLAG_NUMBER, AT(wanted.max_bytes), 0, BOUND_MAX, "N",
     "so many bytes of memory for its jobs, as Redis\n"
     "estimates it; 0: no bound"},
    {"keep-jobs", 0, FLAG_NUMBER, AT(wanted.keep_jobs), 0, BOUND_MAX, "N",
     "keep so many dead and so many cancelled jobs, the newest;\n"
     "0: the default, 100000"},
    {"keep-for", 0, FLAG_DURATION, AT(wanted.keep_ms), 0, DURATION_MS_MAX, "DURATION",
     "keep them that long; 0: the default, 30d"},
};

static const struct command command = {
    .name = "queue bound",
    .usage = "QUEUE [FLAGS]",
    .about = "Bounds how much a queue may hold: beyond that enqueue is refused (exit status 5),\n"
             "and nothing is made, until jobs have ended. And how many dead and cancelled jobs it\n"
             "keeps, and for how long. Without a flag: prints the bounds.",
    .examples = "pinion queue bound mail --max-jobs 100000\n"
                "pinion queue bound mail --keep-jobs 1000000 --keep-for 90d",
    .flags = flags,
    .flags_count = countof(flags),
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

static enum pinion_err bound(struct session *s, struct span name, struct bounds wanted,
                             struct bounds *ret, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, name);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    bounds_build(&request, queue_key_span(&key), wanted);
    if (wanted.max_jobs != BOUND_KEPT || wanted.max_bytes != BOUND_KEPT ||
        wanted.keep_jobs != BOUND_KEPT || wanted.keep_ms != BOUND_KEPT)
        err = session_call_queue(s, name, &request, &reply, why);
    else
        err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = bounds_read(reply, ret);
    sync_reply_free(reply);
    return err ? error_set(why, err, "an answer that this version does not understand") : err;
}

static void print_bound(const char *name, uint64_t n)
{
    if (n) fact_printf(name, "%" PRIu64, n);
    else fact_text(name, span_of("none"));
}

int queue_bound_main(int argc, char **argv)
{
    struct bound_flags values = {
        .common = COMMON_INIT, .wanted = BOUNDS_KEPT};
    struct session session;
    struct bounds now = {0};
    struct error why = {0};
    enum pinion_err err;
    char age[DURATION_TEXT_MAX];
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (queue_name_check(span_of(argv[first]), &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = bound(&session, span_of(argv[first]), values.wanted, &now, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    session_tell_new(&session, argv[first]);
    if (values.common.json) {
        json_print(json_pack("{s:s, s:o}", "queue", argv[first], "bounds", shape_bounds(now)));
    } else {
        print_bound("max jobs", now.max_jobs);
        print_bound("max bytes", now.max_bytes);
        fact_printf("keep jobs", "%" PRIu64, now.keep_jobs ? now.keep_jobs : KEEP_JOBS_DEFAULT);
        fact_text("keep for", span_of(duration_format(now.keep_ms ? now.keep_ms : KEEP_DEFAULT_MS,
                                                      age)));
    }
    return cli_finish(0);
}
