#include "cli/job_bulk.h"

#include <inttypes.h>
#include <stdio.h>
#include "cli/confirm.h"
#include "cli/connect.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "queue/look.h"

static const char *const done_words[BULK_VERBS] = {"retried", "cancelled", "deleted"};

static enum pinion_err ask(const struct bulk_options *o, bool yes, struct error *why)
{
    char what[160];

    snprintf(what, sizeof what, "%c%s all %.*s jobs of queue %.*s%s", bulk_names[o->verb][0] - 32,
             bulk_names[o->verb] + 1, o->state.data ? (int)o->state.len : 0,
             o->state.data ? o->state.data : "", (int)o->queue.len, o->queue.data,
             o->state.data ? "" : " but those that run");
    return confirm(yes, what, why);
}

/* How many jobs there are to be looked at. */
static enum pinion_err count(struct session *s, const struct bulk *b, struct span key,
                             uint64_t *ret_all, struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct queue_view view = {0};
    enum pinion_err err;

    stats_build(&request, key);
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = stats_read(reply, &view);
    sync_reply_free(reply);
    if (err)
        return error_set(why, err, "queue %.*s: an answer that this version does not understand",
                         (int)b->o.queue.len, b->o.queue.data);
    *ret_all = 0;
    for (size_t i = 0; i < STATES; i++)
        if (b->o.state.data ? span_is(b->o.state, job_states[i])
                            : bulk_changes(b->o.verb, span_of(job_states[i])))
            *ret_all += (uint64_t)view.counts[i];
    return PINION_OK;
}

static enum pinion_err take_step(struct session *s, struct bulk *b, struct span key,
                                 struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    bulk_step_build(b, &request, key);
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = bulk_step_read(b, reply);
    sync_reply_free(reply);
    return err ? error_set(why, err, "an answer that this version does not understand") : err;
}

static enum pinion_err run(struct session *s, struct bulk *b, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, b->o.queue);
    struct progress progress = {.what = "looked at"};
    enum pinion_err err = count(s, b, queue_key_span(&key), &progress.all, why);

    while (!err && bulk_more(b)) {
        err = take_step(s, b, queue_key_span(&key), why);
        progress_show(&progress, b->looked);
    }
    progress_end(&progress);
    return err;
}

/* Also after a failure: so far they are changed, and the same command goes on with the rest. */
static void report(const struct bulk *b, bool json)
{
    if (json)
        json_print(shape_bulk(b));
    else
        printf("%s %" PRIu64 " of %" PRIu64 " jobs\n", done_words[b->o.verb], b->changed,
               b->looked);
}

int job_bulk_run(const struct common *common, const struct bulk_options *options, bool yes)
{
    struct session session;
    struct error why = {0};
    struct bulk bulk;
    enum pinion_err err = bulk_init(&bulk, options, &why);

    if (!err) err = ask(options, yes, &why);
    if (!err) err = session_open(common, &session, &why);
    if (!err) {
        err = run(&session, &bulk, &why);
        session_close(&session);
        report(&bulk, common->json);
    }
    bulk_deinit(&bulk);
    return err ? cli_fail(&why) : cli_finish(0);
}
