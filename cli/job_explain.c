/* cli/job_explain.c — why a job does not run. */
#include "cli/job.h"

#include <stdio.h>
#include "cli/table.h"
#include "cli/verbs.h"
#include "control/explain.h"

static enum pinion_err not_explained(enum pinion_err err, struct span queue, struct span local,
                                     struct error *why)
{
    return error_set(
        why, err,
        err == PINION_NOT_FOUND
            ? "job %.*s:%.*s: not found; it may have ended and not been kept (--retain)"
            : "job %.*s:%.*s: Redis holds a record that this version does not understand",
        (int)queue.len, queue.data, (int)local.len, local.data);
}

enum pinion_err job_explained(struct session *s, struct span queue, struct span local,
                              bool for_people, json_t **ret, struct error *why)
{
    struct explain_options o = {
        .queue = queue, .content = SHAPE_WITH_CONTENT, .local = for_people};
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct explain_view view;

    explain_build(&request, queue_key_span(&key), local);
    enum pinion_err err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = explain_read(reply, local, &view);
    if (err) {
        err = not_explained(err, queue, local, why);
    } else {
        *ret = explain_shape(reply, &view, &o);
        job_view_deinit(&view.job);
    }
    sync_reply_free(reply);
    return err;
}

static const struct command explain_command = {
    .name = "job explain",
    .usage = "ID [FLAGS]",
    .about = "Tells in one sentence why a job does not run, and what would change that.",
    .examples = "pinion job explain default:01JD9K3V5M0000000000000000\n"
                "pinion job explain -q mail order-17 --json | jq -r .reason",
    .flags = job_flags,
    .flags_count = JOB_FLAGS,
    .words_min = 1,
    .words_max = 1,
    .expected = "the ID of a job, as enqueue printed it",
};

static void print_line(const json_t *explained, const char *key, const char *before)
{
    const char *text = json_string_value(json_object_get(explained, key));

    if (text && *text) printf("%s%s\n", before, text);
}

int job_explain_main(int argc, char **argv)
{
    struct job_values values = {.common = COMMON_INIT};
    struct span queue, local;
    struct session session;
    struct error why = {0};
    json_t *explained = NULL;
    enum pinion_err err;
    int first, status;

    if (!flags_read(&explain_command, argc, argv, &values, &first, &status)) return status;
    if (id_split(span_of(argv[first]), values.queue, &queue, &local, &why)) return cli_fail(&why);
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = job_explained(&session, queue, local, !values.common.json, &explained, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    if (values.common.json) {
        json_print(explained);
    } else {
        print_line(explained, "message", "");
        print_line(explained, "hint", "hint: ");
        json_decref(explained);
    }
    return cli_finish(0);
}
