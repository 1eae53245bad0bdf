/* queue/job.h — a job, and its record: how it is written for Redis and read back. Pure.
 *
 * A record is `CLASS LANE \n HEADER \n PAYLOAD`; queue/scripts/shared/record.lua says what each
 * part means. The version of this format is RECORD_FORMAT, kept in the key `NAMESPACE:format`.
 */
#ifndef PINION_QUEUE_JOB_H
#define PINION_QUEUE_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "include/pinion.h"
#include "queue/limits.h"

#define RECORD_FORMAT "2" /* what this program writes, and knows how to read */
#define TOKEN_MAX     24 /* with its NUL */
#define RECORD_HEAD_MAX 512 /* what stands before a payload is shorter, but for group and tags */

/* All spans borrow from the record (and id) that was decoded. Defaults are filled in. */
struct job {
    struct span id; /* LOCAL */
    struct span kind, payload, backoff;
    struct span group, tags, traceparent; /* absent: none */
    struct span unique;              /* "KEY=start", "KEY=done" or "KEY=MS"; absent: none */
    struct span batch;               /* whose member it is; absent: none */
    unsigned    priority, attempts_max;
    int64_t     created_ms;          /* since 1970, Redis's clock as the client knew it */
    int64_t     run_at_ms;           /* as asked; created_ms when it was due at once */
    int64_t     expires_ms;          /* 0: never */
    uint64_t    expires_in_ms;       /* of a schedule's jobs: so long after their fire; 0: never */
    struct span schedule;            /* that made it; absent: none. Its fire time is run_at_ms */
    uint64_t    timeout_ms, lease_ms, retain_ms; /* lease 0: the server's */
    bool        given;               /* the id came from a person */
    bool        look;                /* the record has class '1' */
};

/* What `pinion_job` asks for, checked: every field within its limit. */
enum pinion_err job_check(const struct pinion_job *, struct error *why) must_use;

/* PINION_INTERNAL: not a record of ours. */
enum pinion_err job_decode(struct span id, struct span record, struct job *ret_job) must_use;

/* Does it take the short way through the enqueue script: made id, due now, nothing to look at? */
bool job_is_plain(const struct pinion_job *);
/* Must its end be told with ack_rich: something of it stays? `failed`: it has rare data. */
bool job_is_rich(const struct job *);

const char *job_queue(const struct pinion_job *);            /* never NULL */
void job_add_lane(struct buffer *, const struct pinion_job *);   /* "5:wc" */
/* "0" LANE "\n": up to where a delayed job's `r=DUE ` goes. */
void job_add_head(struct buffer *, const struct pinion_job *);
/* The rest of the header and its "\n"; the payload follows. now_ms: Redis's clock. */
void job_add_header(struct buffer *, const struct pinion_job *, int64_t now_ms);

/* The record of a schedule's jobs, without payload: what differs from fire to fire is added by the
 * script that fires. Of the job's options, id and time do not count. */
void job_add_template(struct buffer *, const struct pinion_job *, struct span schedule);

#define DIGEST_LEN 16
/* Of all that a person chose, for two enqueues under one id: the same content or not? Not
 * secret. */
void job_digest(const struct pinion_job *, char out[DIGEST_LEN + 1]);

#endif
