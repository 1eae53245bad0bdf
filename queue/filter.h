/* queue/filter.h — which jobs of a state a listing, or a change of many, is about. */
#ifndef PINION_QUEUE_FILTER_H
#define PINION_QUEUE_FILTER_H

#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "queue/request.h"

/* A job must pass all of it; zero passes all. Spans are borrowed. */
struct job_filter {
    struct span kind, tag;
    struct span error;           /* a part of its last error, or of why it ended */
    uint64_t older_ms, newer_ms; /* its age, since it ended or else since it was made; 0: any */
};

/* PINION_INVALID: says which part, and what was expected. */
enum pinion_err filter_check(const struct job_filter *, struct error *why) must_use;
/* As the last arguments of a script that takes a filter. */
void filter_add(struct request *, const struct job_filter *);

#endif
