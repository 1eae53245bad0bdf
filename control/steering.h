/* control/steering.h — what people do to one job: the verbs of the command and of HTTP. Pure.
 *
 * One table for both, so that a verb asks, succeeds and fails in the same words on either door.
 */
#ifndef PINION_CONTROL_STEERING_H
#define PINION_CONTROL_STEERING_H

#include "base/error.h"
#include "base/text.h"
#include "queue/request.h"

enum steering_verb {
    STEERING_CANCEL, STEERING_DELETE, STEERING_RETRY, STEERING_RUN, STEERING_EDIT
};

/* Not of STEERING_EDIT, which queue/edit.h builds. */
void steering_build(enum steering_verb, struct request *, struct span key, struct span local_id);
/* The script's word for one job, judged: PINION_OK also for "marked". `text` says it to people. */
enum pinion_err steering_judge(enum steering_verb, struct span status, char text[ERROR_TEXT_MAX]);

#endif
