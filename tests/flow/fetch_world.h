/* tests/flow/fetch_world.h — a fetcher on a loop of its own, and one request at a time. */
#ifndef PINION_TESTS_FLOW_FETCH_WORLD_H
#define PINION_TESTS_FLOW_FETCH_WORLD_H

#include <stdbool.h>
#include "tests/support/check.h"
#include "workers/fetch.h"

/* What came of one; its texts are freed by asked_free. */
struct asked {
    struct fetch   fetch;
    unsigned       ended; /* times that it was told */
    enum fetch_end end;
    unsigned       status;
    bool           cut;
    size_t         body_len;
    char          *body, *why, *location;
    void         (*then)(struct asked *); /* NULL: nothing; called when it has ended */
};

extern struct ev_loop *fetch_loop;
extern struct fetcher *fetcher;

void fetch_world_open(const char *const *opened); /* ranges, ends with NULL */
void fetch_world_close(void);
void fetch_world_turn(void); /* the loop, for 10 ms at most */

void ask_start(struct asked *, const char *url, uint64_t timeout_ms);
/* Starts it, and waits for its end. */
void ask_url(struct asked *, const char *url);
/* The same for "http://HOST:PORT/PATH". */
void ask_host(struct asked *, const char *host, unsigned port, const char *path);
void asked_free(struct asked *);

#define turns_until(condition)                                               \
    do {                                                                     \
        for (unsigned tries_ = 0; !(condition); tries_++) {                  \
            if (tries_ > 20000) fail_msg("never came true: %s", #condition); \
            fetch_world_turn();                                              \
        }                                                                    \
    } while (0)

#endif
