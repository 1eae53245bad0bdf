/* cli/job_edit.c — another payload, time or priority for a job that waits. */
#include "cli/job.h"

#include <stdio.h>
#include "base/time_text.h"
#include "cli/payload.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "control/shape.h"
#include "control/steering.h"
#include "queue/edit.h"
#include "queue/steer.h"

struct edit_values {
    struct common common;
    const char *queue, *payload; /* as in struct job_values; NULL: as it was */
    uint64_t in_ms, priority;
    int64_t at_ms;
};

#define AT(field) offsetof(struct edit_values, field)

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE",
     "the queue of an id that stands without one"},
    {"payload", 0, FLAG_TEXT, AT(payload), 0, 0, "PAYLOAD|-",
     "what the handler gets; - takes it from stdin"},
    {"in", 0, FLAG_DURATION, AT(in_ms), 0, DURATION_MS_MAX, "DURATION",
     "run it that much later, from now; 0: now"},
    {"at", 0, FLAG_TIME, AT(at_ms), 0, 0, "TIME", "run it then: 2026-11-23T10:00:00Z, 10:00"},
    {"priority", 'p', FLAG_NUMBER, AT(priority), 0, PRIORITY_MAX, "N", "0 (most urgent) to 9"},
};

static const struct command command = {
    .name = "job edit",
    .usage = "ID [FLAGS]",
    .about = "Changes a job that waits: what is not named stays as it was. One that runs or has "
             "ended\ncannot be changed.",
    .examples = "pinion job edit mail:order-17 --in 1h --priority 0\n"
                "pinion job edit mail:order-17 --payload - < letter.json",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the ID of a job, as enqueue printed it",
};

static enum pinion_err edit_of(const struct edit_values *v, struct buffer *payload,
                               struct job_edit *ret, struct error *why)
{
    bool later = v->in_ms != FLAG_NONE;
    enum pinion_err err = PINION_OK;

    if (later && v->at_ms)
        return error_set(why, PINION_INVALID, "--in and --at: expected one of them");
    if (v->payload) err = payload_read(v->payload, payload, why);
    if (err) return err;
    *ret = (struct job_edit){
        .has_payload = v->payload != NULL,
        .payload = payload->data,
        .payload_len = payload->len,
        .priority = v->priority == FLAG_NONE ? 0 : PINION_PRIORITY((unsigned)v->priority),
        .when = later      ? EDIT_WHEN_IN
                : v->at_ms ? EDIT_WHEN_AT
                           : EDIT_WHEN_AS_IT_WAS,
        .in_ms = later ? v->in_ms : 0,
        .run_at_ms = v->at_ms,
    };
    return edit_check(ret, why);
}

static enum pinion_err send_edit(struct session *s, struct span queue, struct span local,
                                 const struct job_edit *edit, struct error *why)
{
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    char text[ERROR_TEXT_MAX];
    enum pinion_err err;

    edit_build(&request, queue_key_span(&key), local, edit, sync_now_ms(s->sync));
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    err = steering_judge(STEERING_EDIT, steer_status(reply, 0), text);
    sync_reply_free(reply);
    if (!err) return PINION_OK;
    return error_set(why, err, "job %.*s:%.*s: %.160s", (int)queue.len, queue.data, (int)local.len,
                     local.data, text);
}

static int tell_edited(struct span queue, struct span local, bool json)
{
    if (json)
        json_print(json_pack(
            "{s:o, s:s}", "id",
            json_sprintf("%.*s:%.*s", (int)queue.len, queue.data, (int)local.len, local.data),
            "status", "edited"));
    else
        puts("edited");
    return cli_finish(0);
}

int job_edit_main(int argc, char **argv)
{
    struct edit_values values = {.common = COMMON_INIT, .in_ms = FLAG_NONE, .priority = FLAG_NONE};
    struct buffer payload = BUFFER_INIT;
    struct span queue, local;
    struct session session;
    struct job_edit edit;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    err = id_split(span_of(argv[first]), values.queue, &queue, &local, &why);
    if (!err) err = edit_of(&values, &payload, &edit, &why);
    if (!err) err = session_open(&values.common, &session, &why);
    if (!err) {
        err = send_edit(&session, queue, local, &edit, &why);
        session_close(&session);
    }
    buffer_deinit(&payload);
    return err ? cli_fail(&why) : tell_edited(queue, local, values.common.json);
}
