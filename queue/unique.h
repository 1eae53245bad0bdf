/* queue/unique.h — a unique key as people write it: KEY, KEY=start, KEY=done or KEY=30s. Pure. */
#ifndef PINION_QUEUE_UNIQUE_H
#define PINION_QUEUE_UNIQUE_H

#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_text.h"
#include "queue/limits.h"

struct unique {
    struct span key;  /* borrowed; a label (queue/key.h) */
    struct span span; /* "start", "done" or a duration as it was written; borrowed or static */
    uint64_t    ms;   /* of a duration; 0: until its start or end */
};

/* PINION_INVALID tells what was expected; *ret_unique is then untouched. */
enum pinion_err unique_parse(struct span text, struct unique *ret_unique, struct error *why)
    must_use;
/* "start", "done" or milliseconds: how scripts and records spell it. */
void unique_add_span(struct buffer *, const struct unique *);

#define UNIQUE_TEXT_MAX (LABEL_MAX + 1 + DURATION_TEXT_MAX)
/* What a record says, as people write it; "" when it is none of ours. */
const char *unique_format(struct span of_record, char out[UNIQUE_TEXT_MAX]);

#endif
