/* control/outcome.h — the JSON in which a worker elsewhere says what became of a job. Pure.
 *
 *     ack       {"token","result" | "result_base64"}: a text is taken as it is, else its JSON
 *     fail      {"token","error","retry","retry_in_ms"}
 *     extend    {"token","lease_ms"}
 *     progress  {"token","percent","note"}
 *
 * In an array each has the job's "id", too. Unknown keys are refused by name.
 */
#ifndef PINION_CONTROL_OUTCOME_H
#define PINION_CONTROL_OUTCOME_H

#include <jansson.h>
#include "base/error.h"
#include "queue/settle.h"

enum outcome_verb { SAY_ACK, SAY_FAIL, SAY_EXTEND, SAY_PROGRESS, SAY_VERBS };

#define DELAY_BY_BACKOFF (-2) /* delay_ms of a failure that says nothing of it */

struct outcome_said {
    struct settle_item item; /* borrows from the JSON, but for what `text` owns */
    char              *text; /* private */
};

/* `queue`, `local`: of the path; local absent: an item of an array, which names it. */
enum pinion_err outcome_read(enum outcome_verb, const json_t *, struct span queue,
                             struct span local, struct outcome_said *ret, struct error *why)
    must_use;
void            outcome_deinit(struct outcome_said *);

#endif
