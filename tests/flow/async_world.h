/* tests/flow/async_world.h — a client on a loop, and probes that count the ends of its calls.
 *
 * Every probe checks the promise by itself: its call ends, and not before it has returned.
 */
#ifndef PINION_TESTS_FLOW_ASYNC_WORLD_H
#define PINION_TESTS_FLOW_ASYNC_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include "tests/flow/one_service.h"

struct probe {
    unsigned ends;
    enum pinion_err err, made_err; /* made_err: of the first job */
    char why[256], id[130], state[16], kind[32], text[64]; /* text: the result, or the error */
    const void *made; /* only to see whether it was given */
    size_t count, wrong;
    unsigned attempt;
    int existing;
    void (*then)(struct probe *); /* a test's own part in the callback; may be NULL */
};

extern struct pinion_async *client;
extern bool calling;    /* a call is on the stack: no callback may come */
extern unsigned closes; /* so many clients said that they are closed */

void on_enqueued(enum pinion_err, const struct pinion_enqueued *made, size_t count,
                 const char *why, void *probe);
void on_ended(enum pinion_err, const struct pinion_outcome *, const char *why, void *probe);
void on_shown(enum pinion_err, const struct pinion_shown *, const char *why, void *probe);
void on_steered(enum pinion_err, const char *why, void *probe);

#define CALL(probe, verb, ...)                                                                     \
    do {                                                                                           \
        unsigned ends_before = (probe)->ends;                                                      \
        calling = true;                                                                            \
        pinion_async_##verb(client, __VA_ARGS__);                                                  \
        calling = false;                                                                           \
        assert_int_equal((probe)->ends, ends_before);                                              \
    } while (0)

struct pinion_job job_of(const char *kind, const char *payload);

void open_client(struct pinion_async_options); /* its redis_url is filled in, if it has none */
void begin_close(void);                        /* on_closed comes later */
void close_client(void);                       /* and waits for it */
void await(const struct probe *);              /* runs the loop until it has ended, once */
void await_count(const unsigned *counter, unsigned least);

void          has_jobs(const char *queue, unsigned count); /* so many were made there */
unsigned long script_calls(void);                          /* that Redis has counted */

#endif
