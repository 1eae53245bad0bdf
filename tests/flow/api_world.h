/* tests/flow/api_world.h — a whole service with its HTTP API, a real Redis, and clients, in one
 * thread: the loop runs in steps until what a test waits for is true. */
#ifndef PINION_TESTS_FLOW_API_WORLD_H
#define PINION_TESTS_FLOW_API_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include "base/buffer.h"
#include "control/service.h"
#include "tests/support/check.h"
#include "tests/support/redis_server.h"

/* Lines of a request's head, to be put together. TOKEN stands for that of the state folder. */
#define AUTH "Authorization: Bearer TOKEN\r\n"
#define JSON "Content-Type: application/json\r\n"

struct answer {
    unsigned status;   /* 0: the server closed without one */
    char *head, *body; /* borrowed until the next answer */
};

struct visitor {
    int fd;
    struct buffer got;
    bool eof, bodiless; /* bodiless: the answer is one of HEAD */
};

extern struct redis_server *world_redis;
extern struct service *world_service;

void world_open(void);  /* ready, serving queue "default" with a handler for "wc" */
/* The same; what is given is called before the service is made, and before it starts. */
void world_open_with(void (*configure)(struct config *), void (*add)(struct service *));
void world_close(void); /* gracefully; nothing may be left over */
/* The same for a group of tests in one world, as cmocka wants it. */
int world_open_group(void **state);
int world_close_group(void **state);
struct ev_loop *world_loop(void);
void world_turn(void);  /* the loop once, and a moment for the kernel */
const char *world_state_dir(void);

struct visitor *visitor_open(void);
void visitor_close(struct visitor *);
void visitor_reset(struct visitor *); /* the same, rudely: the server cannot answer any more */
/* All of it, TOKEN replaced in the head (up to the first empty line). */
void visitor_send(struct visitor *, const char *text, size_t len);
struct answer visitor_answer(struct visitor *);
bool visitor_is_open(struct visitor *);

/* One whole exchange on a connection that is kept, or made anew. `headers` and `body` may be NULL.
 */
struct answer ask(const char *method, const char *target, const char *headers, const char *body);
/* The same, and the JSON of the answer (the caller's), which must have that status. */
json_t *ask_json(unsigned status, const char *method, const char *target, const char *headers,
                 const char *body);
/* A number or text below an object, by dots: "counts.ready". */
json_int_t number_at(const json_t *, const char *path);
const char *text_at(const json_t *, const char *path);

#define eventually(condition)                                                \
    do {                                                                     \
        for (unsigned tries_ = 0; !(condition); tries_++) {                  \
            if (tries_ > 20000) fail_msg("never came true: %s", #condition); \
            world_turn();                                                    \
        }                                                                    \
    } while (0)

#endif
