/* workers/limits.h — every bound of the workers folder, by name. */
#ifndef PINION_WORKERS_LIMITS_H
#define PINION_WORKERS_LIMITS_H

#define QUEUES_MAX          1024   /* that one server serves */
#define WEIGHT_MAX          1000   /* of a queue among those of its server */
#define HANDLERS_MAX        256    /* of one server */
#define CONCURRENCY_DEFAULT 256    /* attempts at once */
#define CONCURRENCY_MAX     100000
#define GRACE_DEFAULT_MS    25000  /* for what runs when the server must stop */
#define PROGRESS_GAP_MS     250    /* between two messages of one attempt on how far it is */
#define PULL_ITEMS_MAX      512    /* jobs of one lease over HTTP; one claim brings as many */
#define PULL_KINDS_MAX      16     /* that one lease asks for */
#define PULL_WORKER_MAX     64     /* characters of the name of who pulls */
#define PULL_WAITS_MAX      1000   /* who wait for jobs, at once */
#define PULL_LINES_MAX      64     /* different wishes of those who wait, in a queue */
#define STOP_GRACE_MS       5000   /* TERM to KILL, for work that must stop; or a thread's return */
#define THREADS_MAX         4096   /* attempts at once of a handler on threads */

#endif
