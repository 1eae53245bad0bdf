/* cli/queue_bound.c — how much a queue may hold before it refuses new jobs. */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include "control/shape.h"
#include "queue/steer.h"
#include "queue/upkeep.h"

struct bound_flags {
    struct common common;
    uint64_t      max_jobs, max_bytes;
};

#define AT(field) offsetof(struct bound_flags, field)

static const struct flag flags[] = {
    {"max-jobs", 0, FLAG_NUMBER, AT(max_jobs), 0, BOUND_MAX, "N",
     "so many jobs that have not ended; 0: no bound"},
    {"max-bytes", 0, FLAG_NUMBER, AT(max_bytes), 0, BOUND_MAX, "N",
     "so many bytes of memory for its jobs, as Redis\n"
     "estimates it; 0: no bound"},
};

static const struct command command = {
    .name = "queue bound",
    .usage = "QUEUE [FLAGS]",
    .about = "Bounds how much a queue may hold: beyond that enqueue is refused (exit status 5),\n"
             "and nothing is made, until jobs have ended. Without a flag: prints the bounds.",
    .examples = "pinion queue bound mail --max-jobs 100000",
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
    enum pinion_err err = PINION_OK;

    if (wanted.max_jobs != BOUND_KEPT || wanted.max_bytes != BOUND_KEPT) {
        queue_register_build(&request, s->name_space, name); /* before its first job, perhaps */
        err = session_call(s, &request, &reply, why);
        sync_reply_free(reply);
        reply = NULL;
    }
    if (!err) {
        bounds_build(&request, queue_key_span(&key), wanted);
        err = session_call(s, &request, &reply, why);
    }
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
        .common = COMMON_INIT, .max_jobs = BOUND_KEPT, .max_bytes = BOUND_KEPT};
    struct session session;
    struct bounds now = {0};
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (queue_name_check(span_of(argv[first]), &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = bound(&session, span_of(argv[first]),
                (struct bounds){values.max_jobs, values.max_bytes}, &now, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    if (values.common.json) {
        json_print(json_pack("{s:s, s:o}", "queue", argv[first], "bounds", shape_bounds(now)));
    } else {
        print_bound("max jobs", now.max_jobs);
        print_bound("max bytes", now.max_bytes);
    }
    return cli_finish(0);
}
