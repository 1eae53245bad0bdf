/* control/api/call.h — what the route functions share: a question to Redis, and answers in JSON. */
#ifndef PINION_CONTROL_API_CALL_H
#define PINION_CONTROL_API_CALL_H

#include <jansson.h>
#include "base/error.h"
#include "control/http/http.h"
#include "control/http/route.h"
#include "queue/key.h"
#include "queue/link.h"

struct service;
struct api_call;

/* Answers the exchange; `reply` as of a call_fn that went well. The api_call is freed behind it. */
typedef void api_done_fn(struct api_call *, const struct redisReply *reply);

/* One request that asks Redis once. Where there is no answer, or a refusal, it says so itself. */
struct api_call {
    struct call call;        /* fill call.request */
    struct service *service; /* the rest is read-only */
    struct http_exchange *exchange;
    const struct http_request *request;
    api_done_fn *done;
    bool change;   /* without an answer, its outcome is unknown */
    unsigned verb; /* the caller's own */
    char queue[QUEUE_NAME_MAX + 1], local[QUEUE_NAME_MAX + 1];
    struct queue_key key;
};

/* Either answers and gives NULL where the name in the path is bad, or there is no Redis. */
struct api_call *api_call_of_queue(struct service *, struct http_exchange *,
                                   const struct http_request *, struct span queue) must_use;
struct api_call *api_call_of_job(struct service *, struct http_exchange *,
                                 const struct http_request *, struct span id) must_use;
void api_call_send(struct api_call *, api_done_fn *);

/* Is there a link to send to? Else it answers. */
bool api_has_redis(struct service *, struct http_exchange *) must_use;
/* A call ended with that: PINION_OK is no error. */
void api_reply_failed(struct http_exchange *, enum pinion_err, bool change);
/* 429, and when to come again. */
void api_reply_busy(struct http_exchange *, const char *message);
void api_reply_json(struct http_exchange *, unsigned status, json_t *taken);
void api_reply_why(struct http_exchange *, const struct error *);

/* Names that stand in the query but not in `known` (NULL ends it): answers, and gives false. */
bool api_query_is(struct http_exchange *, const struct http_request *,
                  const char *const known[]) must_use;
/* There is no query at all that names something. */
bool api_query_is_empty(struct http_exchange *, const struct http_request *) must_use;
/* One value of the query, in `room`; absent if it is not there. false: it has answered. */
bool api_query_text(struct http_exchange *, const struct http_request *, const char *name,
                    char *room, size_t room_size, struct span *ret) must_use;
/* The same for a number of 1 .. max; *ret is untouched if it is not there. */
bool api_query_number(struct http_exchange *, const struct http_request *, const char *name,
                      uint64_t max, uint64_t *ret) must_use;
/* A body is JSON and says so; one that is empty says nothing. false: it has answered. */
bool api_body_is_json(struct http_exchange *, const struct http_request *) must_use;
/* Is that ETag, in its quotes, one of If-None-Match's? Weak ones count, as there they do. */
bool api_knows_tag(const struct http_request *, const char *tag);
/* For verbs that take no body: none, or {}. false: it has answered. */
bool api_body_is_empty(struct http_exchange *, const struct http_request *) must_use;

#endif
