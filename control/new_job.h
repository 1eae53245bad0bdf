/* control/new_job.h — the JSON shape "new job": a body on HTTP, a line of `enqueue --bulk`. Pure.
 *
 * A payload that is a JSON string is taken as its text, any other value as its JSON text without
 * blanks; bytes travel as payload_base64. Unknown and repeated keys are refused by name.
 */
#ifndef PINION_CONTROL_NEW_JOB_H
#define PINION_CONTROL_NEW_JOB_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"
#include "include/pinion.h"
#include "queue/edit.h"
#include "queue/limits.h"

/* Of the text of one job: a payload of which each byte is escaped, and the rest. */
#define NEW_JOB_BYTES_MAX (6 * PAYLOAD_BYTES_MAX + 16 * 1024)

struct new_job {
    struct pinion_job job; /* points into `text`, and to what the defaults point to */
    char *text;            /* private */
};

/* One object. What it does not name is taken from `defaults` (NULL: none); the job is checked by
 * new_job_check. PINION_INVALID and PINION_TOO_LARGE tell why; *ret_job is then untouched. */
enum pinion_err new_job_read(struct span json, const struct pinion_job *defaults,
                             struct new_job *ret_job, struct error *why) must_use;
void            new_job_deinit(struct new_job *);

/* All that job_check asks for, and a backoff that the servers understand. */
enum pinion_err new_job_check(const struct pinion_job *, struct error *why) must_use;

/* What an object says of a job that is there: payload, payload_base64, in_ms, run_at, priority. It
 * points into *ret_text, the caller's to free. */
enum pinion_err job_edit_read(struct span json, struct job_edit *ret_edit, char **ret_text,
                              struct error *why) must_use;

bool new_job_is_array(struct span json);
/* The texts of an array's items, borrowed. PINION_TOO_LARGE: more than count_max. */
enum pinion_err new_job_split(struct span json, struct span *items, size_t count_max,
                              size_t *ret_count, struct error *why) must_use;

#endif
