#include "control/steering.h"

#include <stdio.h>
#include <stdlib.h>
#include "queue/steer.h"

static const struct {
    const char *done;     /* the status that the verb is after */
    const char *expected; /* the states that it can change */
} verbs[] = {
    [STEERING_CANCEL] = {"cancelled", "one that has not ended"           },
    [STEERING_DELETE] = {"deleted",   "one that is not running"          },
    [STEERING_RETRY] = {"ready",     "dead, cancelled, or done and kept"},
    [STEERING_RUN] = {"ready",     "scheduled or retry"               },
    [STEERING_EDIT] = {"edited",    "one that waits"                   },
};

void steering_build(enum steering_verb verb, struct request *r, struct span key, struct span id)
{
    switch (verb) {
    case STEERING_CANCEL: cancel_build(r, key, &id, 1); return;
    case STEERING_DELETE: delete_build(r, key, &id, 1); return;
    case STEERING_RETRY: requeue_build(r, key, REQUEUE_RETRY, &id, 1); return;
    case STEERING_RUN: requeue_build(r, key, REQUEUE_RUN, &id, 1); return;
    case STEERING_EDIT: break;
    }
    abort(); /* a bug: what an edit says is for edit_build */
}

enum pinion_err steering_judge(enum steering_verb verb, struct span status,
                               char text[ERROR_TEXT_MAX])
{
    enum pinion_err err = steer_err(status);

    if (!err && !span_is(status, verbs[verb].done) && !span_is(status, "marked"))
        err = PINION_CONFLICT; /* to `run`, "cancelled" is no success */
    if (span_is(status, "marked"))
        snprintf(text, ERROR_TEXT_MAX, "cancel requested: it is running and will be stopped");
    else if (!err)
        snprintf(text, ERROR_TEXT_MAX, "%s", verbs[verb].done);
    else if (err == PINION_NOT_FOUND)
        snprintf(text, ERROR_TEXT_MAX, "not found");
    else if (span_is(status, "held"))
        snprintf(text, ERROR_TEXT_MAX,
                 "another job holds its unique key: expected that one to end first");
    else
        snprintf(text, ERROR_TEXT_MAX, "it is %.*s: expected %s",
                 (int)(status.len > 40 ? 40 : status.len), status.data ? status.data : "",
                 verbs[verb].expected);
    return err;
}
