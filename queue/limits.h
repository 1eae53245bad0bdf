/* queue/limits.h — every bound of the queue folder, by name. Tested at the limit and one past
 * it. */
#ifndef PINION_QUEUE_LIMITS_H
#define PINION_QUEUE_LIMITS_H

#define QUEUE_NAME_MAX    64  /* characters; also of an id within its queue */
#define KIND_MAX          128
#define LABEL_MAX         128 /* a group */
#define TAG_MAX           64
#define TAGS_MAX          16  /* of a job, */
#define TAGS_BYTES_MAX    256 /* with the commas between them */
#define TRACEPARENT_LEN   55
#define PARENTS_MAX       64  /* jobs that one job waits for */
#define NAMESPACE_MAX     32
#define JOB_ID_MAX        (QUEUE_NAME_MAX + 1 + QUEUE_NAME_MAX) /* QUEUE:LOCAL */
#define PAYLOAD_BYTES_MAX (1024 * 1024)
#define RESULT_BYTES_MAX  (64 * 1024)
#define ERROR_BYTES_MAX   1024
#define PROGRESS_MAX      100 /* per cent */
#define PROGRESS_NOTE_MAX 256 /* bytes; both: see progress.lua */
#define PRIORITY_DEFAULT  5
#define PRIORITY_MAX      9
#define ATTEMPTS_DEFAULT  25
#define ATTEMPTS_MAX      1000
#define TIMEOUT_DEFAULT_MS 3600000
#define TIMEOUT_MIN_MS     1
#define MEMORY_MARK_DEFAULT 90 /* per cent of maxmemory, above which no jobs are added */
#define LEASE_DEFAULT_MS  10000
#define LEASE_MIN_MS      1000
#define LEASE_MAX_MS      3600000
#define SEATS_MAX         964 /* of servers; those from there to 999 are of those who pull */

#define LIMIT_VALUE_MAX   100000 /* attempts at once, and starts in a time */
#define LIMIT_PER_MAX_MS  UINT64_C(86400000)
#define LIMITS_MAX        1000   /* of a queue; see limit.lua */

#define BATCH_ITEMS_MAX   512           /* items of one call to a script */
#define BATCH_BYTES_MAX   (1024 * 1024) /* of records in one call, and in one answer of a claim */
#define FILTER_ERROR_MAX  256           /* bytes of an error that jobs are looked up by */
#define BOUND_MAX         INT64_C(1000000000000000) /* of jobs or bytes that a queue may hold */
#define BULK_LOOKS_MAX    256           /* entries that one step of a change of many looks at, */
#define BULK_CHANGES_MAX  32            /* jobs that it cancels or deletes (the last pack whole), */
#define BULK_RETRIES_MAX  64            /* and retries: see bulk_retry.lua */
#define SWEEP_ITEMS_MAX   256           /* jobs that one call trims */
#define LINK_CALLS_MAX    256           /* calls in flight on a connection; more wait */

#endif
