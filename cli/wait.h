/* cli/wait.h — following a job to its end. */
#ifndef PINION_CLI_WAIT_H
#define PINION_CLI_WAIT_H

#include "cli/job.h"

enum { WAIT_EXIT_DONE = 0, WAIT_EXIT_DEAD = 10, WAIT_EXIT_CANCELLED = 11, WAIT_EXIT_TIMEOUT = 12 };

struct wait {
    struct session *session;
    struct span     queue;
    struct watch   *watch;      /* private */
    uint64_t        watched_ms; /* private; when Redis was last told that somebody watches */
};

/* Before the job is enqueued, so that no event of it is missed. */
enum pinion_err wait_open(struct wait *, struct session *, struct span queue, struct error *why)
    must_use;
void            wait_close(struct wait *);

/* Until the job has ended or timeout_ms (FLAG_NONE: none) has passed. Prints its result, or with
 * `json` the whole job, and gives the exit status. `look_now`: it may have ended before. */
int wait_run(struct wait *, struct span local_id, uint64_t timeout_ms, bool look_now, bool json);

#endif
