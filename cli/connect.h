/* cli/connect.h — from the common flags to a Redis that was found to be ours. */
#ifndef PINION_CLI_CONNECT_H
#define PINION_CLI_CONNECT_H

#include <stdbool.h>
#include "base/text.h"
#include "cli/flags.h"
#include "queue/key.h"
#include "queue/redis_url.h"
#include "queue/sync.h"

struct session {
    struct sync     *sync;
    struct redis_url url;
    const char      *name_space;
    bool             made_queue; /* session_call_queue was the first to name it */
};

/* Within the connect timeout, or at once where nobody listens, no service is starting, and no
 * timeout was asked for. On failure there is nothing to be closed. Must not be moved. */
enum pinion_err session_open(const struct common *, struct session *, struct error *why) must_use;
void            session_close(struct session *);

/* One call that is sent again when its outcome is unknown: only for what may be repeated. On
 * success *ret_reply is the caller's. */
enum pinion_err session_call(struct session *, struct request *, struct redisReply **ret_reply,
                             struct error *why) must_use;

/* The same for a change of a queue that may come before its first job: then the queue is known from
 * here on. ret_reply NULL: nobody reads it. */
enum pinion_err session_call_queue(struct session *, struct span queue, struct request *,
                                   struct redisReply **ret_reply, struct error *why) must_use;

/* The names of all queues, sorted. */
struct queue_names {
    struct span *names; /* they point into `reply` */
    size_t       count;
    struct redisReply *reply;
};
enum pinion_err queue_names_read(struct session *, struct queue_names *ret, struct error *why)
    must_use;
void            queue_names_deinit(struct queue_names *);

/* Says on stderr that nobody had named the queue before session_call_queue did: a change may well
 * come before the first job, but a typing error looks the same. */
void session_tell_new(const struct session *, const char *queue);

#endif
