/* queue/explain.h — what tells why a job does not run, gathered at one moment. */
#ifndef PINION_QUEUE_EXPLAIN_H
#define PINION_QUEUE_EXPLAIN_H

#include "queue/look.h"

#define EXPLAIN_AHEAD_MAX 1000 /* jobs in front of one are counted up to that */
#define EXPLAIN_BY_MAX    3    /* jobs that are named for having used up a limit */

/* Borrows from the reply, except what job_view_deinit is for. */
struct explain_view {
    struct job_view job;
    int64_t lease_until_ms; /* of a running job; 0: it does not run */
    bool    paused;
    int64_t ahead;          /* of a ready job: in front of it in its lane */
    bool    ahead_more;     /* there are more than EXPLAIN_AHEAD_MAX */
    bool    urgent;         /* something of a more urgent priority waits, too */
    struct span limit_scope; /* `queue`, `kind:K` or `group:G`, which has no room; absent: none */
    int64_t limit;           /* attempts at once; or starts in a time, */
    int64_t limit_until_ms;  /* of which that is the next; else 0 */
    struct span limit_by[EXPLAIN_BY_MAX]; /* some that run; absent: no more */
};

void explain_build(struct request *, struct span key, struct span local_id);
/* As show_read. */
enum pinion_err explain_read(const struct redisReply *, struct span local_id,
                             struct explain_view *ret) must_use;

/* The servers of the queue, from the same answer. */
size_t explain_servers(const struct redisReply *);
void   explain_server(const struct redisReply *, size_t i, struct server_view *ret);

#endif
