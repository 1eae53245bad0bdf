/* workers/webhook.h — handlers that are services elsewhere: an HTTP POST for each attempt.
 *
 * The body is the payload, as application/json when it is JSON, else application/octet-stream.
 *     Pinion-Job-Id Pinion-Kind Pinion-Queue Pinion-Attempt   whose attempt it is
 *     Pinion-Fire-Time                                        when the job was due
 *     Pinion-Timestamp                                        now, in seconds since 1970
 *     Pinion-Signature: t=TIMESTAMP,v1=HEX                    with a secret: see signature.h
 *     Idempotency-Key                                         the job's id
 *     traceparent                                             the job's, if it has one
 *
 *     2xx                       done; the body is the result
 *     408 425 429 5xx           failed; the next attempt when Retry-After says, else by backoff
 *     no answer                 failed; the next attempt by backoff
 *     other 4xx, 3xx, 1xx       dead, unless a 4xx was named as one to be retried
 *
 * How many requests a host has at once, and when it is left alone: hosts.h.
 */
#ifndef PINION_WORKERS_WEBHOOK_H
#define PINION_WORKERS_WEBHOOK_H

#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "workers/registry.h"

#define WEBHOOK_SECRET_MAX         1024            /* bytes; and one at least */
#define WEBHOOK_ERROR_BYTES_MAX    512             /* of an answer's body, in the error */
#define WEBHOOK_RETRY_AFTER_MAX_MS (24 * 3600000)  /* a later time is taken for this one */

struct fetcher;
struct hosts;

/* Of 400 to 499. */
struct status_set {
    uint64_t bits[2];
};

struct webhook_options {
    const char       *url;         /* checked by fetch_url_check */
    const char       *secret;      /* NULL: none, or that in the file */
    const char       *secret_file; /* read now, a newline at its end is not of it; NULL: none */
    struct status_set retry;       /* besides 408, 425 and 429 */
    unsigned          host_concurrency; /* of the URL's host: see host_join; 0: the default */
};

/* "no": none more; "yes": all; else some, as "404,409". PINION_INVALID. */
enum pinion_err status_set_parse(const char *text, struct status_set *ret_set,
                                 struct error *why) must_use;
enum pinion_err webhook_secret_check(struct span secret, struct error *why) must_use;

/* All is copied; fetcher and hosts are borrowed for good. Its concurrency is that of the host, or
 * less. PINION_INVALID: no such file, or no secret in it. */
enum pinion_err webhook_new(const char *pattern, const struct webhook_options *, struct fetcher *,
                            struct hosts *, struct handler **ret_handler,
                            struct error *why) must_use;

#endif
