/* tests/flow/link_world.h — a loop, a Redis, a link between them, and probes that count their ends.
 *
 * Every probe checks the promise by itself: it ends once, and not before link_send has returned.
 */
#ifndef PINION_TESTS_FLOW_LINK_WORLD_H
#define PINION_TESTS_FLOW_LINK_WORLD_H

#include "tests/support/check.h"

#include <ev.h>
#include <stdbool.h>
#include "base/macros.h"
#include "queue/link.h"
#include "tests/support/redis_server.h"

#define PROBE_TEXT_MAX 64
#define SOON_MS        300 /* a call timeout for tests of time-outs */

struct world {
    struct ev_loop *loop;
    struct redis_url url;
    struct link *link;
    struct link_options options; /* may be changed between world_open and world_start */
    unsigned ups, downs, refusals, subscriptions, losses, messages; /* callbacks so far */
    unsigned ended;              /* probes */
    struct redis_info info;
    struct error refusal;
    char last_message[PROBE_TEXT_MAX];
    void (*on_up)(struct world *); /* a test's own part in it; may be NULL */
    int fds_before;              /* what was open when the world was opened */
    bool sending;
};

struct probe {
    struct call call;
    struct world *world;
    unsigned ends;
    enum pinion_err err;
    long long integer;
    char text[PROBE_TEXT_MAX];
    void (*then)(struct probe *); /* a test's own part in `done`; may be NULL */
};

void world_open(struct world *, const char *url); /* makes nothing but the loop */
void world_start(struct world *);                 /* makes the link if need be, and starts it */
/* Stops the link, waits until it is idle, frees all; fails if a descriptor is left open. */
void world_close(struct world *);

/* Runs the loop until *counter is at least `least`; fails after 20 s. */
void world_await(struct world *, const unsigned *counter, unsigned least);
void world_turn(struct world *); /* one turn of the loop that does not sleep */

void probe_init(struct probe *, struct world *, const char *words);
void probe_send(struct probe *);
/* Sends, waits for the end, fails unless it is `expected`; deinits. */
void probe_expect(struct world *, const char *words, enum pinion_err expected);
void probe_deinit(struct probe *);

/* Many at once. Caller frees with probes_free. */
struct probe *probes_new(struct world *, size_t count, const char *words);
void          probes_send(struct probe *, size_t count);
/* Waits for all, fails unless each ended once; gives how many were fine. */
size_t        probes_await(struct world *, struct probe *, size_t count);
void          probes_free(struct probe *, size_t count);

int world_count_fds(void);

#endif
