/* queue/edit.h — another payload, time or priority for a job that waits. */
#ifndef PINION_QUEUE_EDIT_H
#define PINION_QUEUE_EDIT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/request.h"

enum edit_when { EDIT_WHEN_AS_IT_WAS, EDIT_WHEN_IN, EDIT_WHEN_AT };

/* What is zero stays as it was. */
struct job_edit {
    bool has_payload;
    const void *payload;
    size_t payload_len;
    unsigned priority; /* PINION_PRIORITY(0 .. 9) */
    enum edit_when when;
    uint64_t in_ms;    /* 0: now */
    int64_t run_at_ms; /* since 1970; one that has passed: now */
};

/* PINION_INVALID: it changes nothing, or out of bounds. PINION_TOO_LARGE: its payload. */
enum pinion_err edit_check(const struct job_edit *, struct error *why) must_use;
/* Safe to send again: its answer is remembered for a minute. now_ms: Redis's clock. The answer is
 * read by steer_status: "edited", or why nothing was changed. */
void edit_build(struct request *, struct span key, struct span local_id, const struct job_edit *,
                int64_t now_ms);

#endif
