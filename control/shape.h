/* control/shape.h — the JSON of jobs, queues and servers: the same on HTTP and in `--json`. Pure.
 *
 * Fields may be added, never renamed. Times are RFC 3339 in UTC with milliseconds, null if there is
 * none; durations are milliseconds and end in _ms. Every json_t is the caller's.
 */
#ifndef PINION_CONTROL_SHAPE_H
#define PINION_CONTROL_SHAPE_H

#include <jansson.h>
#include "base/buffer.h"
#include "base/error.h"
#include "queue/look.h"

#define SERVER_ALIVE_MS 3000 /* a server is heard once a second; silent for longer, it is lost */

/* Payload, result, error and the note of progress are for those who may read them. */
enum shape_content { SHAPE_WITHOUT_CONTENT, SHAPE_WITH_CONTENT };

json_t *shape_job(const struct job_view *, struct span queue, enum shape_content) must_use;
/* Failures and the running attempt; 0: it was never started. */
unsigned shape_attempt(const struct job_view *);
json_t *shape_enqueued(const struct pinion_enqueued *) must_use; /* "existing", or "error" */
json_t *shape_bounds(struct bounds); /* {"max_jobs","max_bytes","keep_jobs","keep_ms"} */
/* {"window_ms","enqueued","done","failed"}, per second; null when they are not known. */
json_t *shape_rates(const struct queue_rates *) must_use;
/* `limits`: of shape_limits; taken; NULL: none. */
json_t *shape_queue(struct span name, const struct queue_view *, json_t *limits) must_use;
/* A queue comes to be with its first job, its first server, or by being paused or limited. */
bool    queue_exists(const struct queue_view *, bool served);
/* What it says about itself, with its name, its queues (taken) and when it was heard. */
json_t *shape_server(const struct server_view *, json_t *queues, int64_t now_ms) must_use;
/* `servers`: name -> shape. A server says the same of itself in each queue, but is heard apart. One
 * that was never heard is passed over. */
void    shape_join_server(json_t *servers, const struct server_view *, struct span queue,
                          int64_t now_ms);
bool    server_alive(const struct server_view *, int64_t now_ms);
json_t *shape_list(json_t *items, const char *next) must_use; /* takes items; NULL: the end */
json_t *shape_error(enum pinion_err, const char *message) must_use;

json_t *shape_time(int64_t ms) must_use;      /* 0: null */
json_t *shape_tags(struct span) must_use;     /* "a,b" as an array */
json_t *shape_text(struct span) must_use;     /* bad bytes become U+FFFD; absent: null */
/* As text under `key` where it is UTF-8, else under `key_base64`: nothing is lost. */
void    shape_bytes(json_t *object, const char *key, const char *key_base64, struct span);

/* Where a listing over all states goes on, as one word: "STATE", or "STATE,PLACE". */
char           *cursor_text(const char *state, struct span place) must_use; /* caller frees */
/* `ret_place` borrows from `place`, which is filled. Absent text: the first state's start. */
enum pinion_err cursor_parse(struct span text, size_t *ret_state, struct buffer *place,
                             struct span *ret_place, struct error *why) must_use;

#endif
