/* queue/key.h — how the keys of a queue are spelled, and what a job's id looks like. Pure.
 *
 * Every key of a queue begins with `NAMESPACE:{QUEUE}`, so all of them live in one cluster slot;
 * what follows is spelled in queue/scripts alone. An id is QUEUE:LOCAL, so it names its slot.
 */
#ifndef PINION_QUEUE_KEY_H
#define PINION_QUEUE_KEY_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"
#include "queue/limits.h"

#define KEY_MAX     (NAMESPACE_MAX + QUEUE_NAME_MAX + 4)
#define CHANNEL_MAX (NAMESPACE_MAX + QUEUE_NAME_MAX + 32)

struct queue_key {
    char   text[KEY_MAX];
    size_t len;
};

struct queue_key queue_key(const char *name_space, struct span queue);
struct span      queue_key_span(const struct queue_key *);

/* Channels: what one server is told; earlier due times; events of a queue. Caller frees. */
char *channel_of_server(const char *name_space, const char *server) must_use;
char *channel_of_due(const char *name_space, const char *queue) must_use;
char *channel_of_events(const char *name_space, const char *queue) must_use;
/* The same for who follows the queue as a whole: see queue/feed.h. Caller frees. */
char *channel_of_feed(const char *name_space, const char *queue) must_use;
/* The queue whose feed that channel is; absent: it is another channel. Borrows from it. */
struct span queue_of_feed(const char *name_space, struct span channel);
/* What a running job prints, for who follows it. */
char *channel_of_output(const char *name_space, struct span queue, struct span local) must_use;
char *key_of_queues(const char *name_space) must_use; /* the set of all queue names */

bool queue_name_ok(struct span); /* [A-Za-z0-9._-]{1,64}: also for the local part of an id */
bool kind_ok(struct span);       /* [A-Za-z0-9._:/-]{1,128} */
bool namespace_ok(struct span);  /* [A-Za-z0-9._-]{1,32} */
bool label_ok(struct span);      /* [A-Za-z0-9._:/@+-]{1,128}: what people group jobs by */
/* A kind; or a prefix that ends in a dot, colon or slash, followed by a star; or a star alone. */
bool pattern_ok(struct span);

/* Each: PINION_INVALID with a text that says what was expected. */
enum pinion_err queue_name_check(struct span, struct error *why) must_use;
/* QUEUE:LOCAL, or LOCAL alone for the queue `fallback` (NULL: not allowed). Borrowed spans. */
enum pinion_err id_split(struct span id, const char *fallback, struct span *ret_queue,
                         struct span *ret_local, struct error *why) must_use;

#endif
