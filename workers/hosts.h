/* workers/hosts.h — what the webhooks of a service know of the hosts that they ask: how many
 * requests each has at once, who waits, and its circuit breaker.
 *
 *      CLOSED ──HOST_FAILURES_MAX in a row──► OPEN ──time──► HALF ──an answer──► CLOSED
 *                                              ▲              │
 *                                              └──a failure───┘  longer each time
 *
 * While a breaker is open, the handlers of its host have no slots, so nothing is claimed for them;
 * a half-open one lets one request through. Loop thread only.
 */
#ifndef PINION_WORKERS_HOSTS_H
#define PINION_WORKERS_HOSTS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/metrics.h"
#include "scheduler/ticker.h"
#include "workers/fetch.h"
#include "workers/limits.h"

#define HOST_CONCURRENCY_DEFAULT 64     /* requests at once */
#define HOST_FAILURES_MAX        10     /* in a row: no answer, too late, or 502, 503, 504 */
#define BREAKER_FIRST_MS         5000   /* that it is open; then twice as long each time, */
#define BREAKER_MAX_MS           300000 /* up to this; times a random 0.5 to 1 */

struct handler;
struct host;
struct hosts;

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };

/* `give`: handlers that had no slots have some again. */
struct hosts *hosts_new(struct ticker *, void (*give)(void *ctx), void *ctx);
void          hosts_free(struct hosts *); /* each handler has left; NULL: no-op */

/* The host of that name, made if it is new. The handler's slots follow its breaker from now on;
 * `concurrency` 0: the default; of what its handlers say, the least counts. */
struct host *host_join(struct hosts *, const char *name, struct handler *, unsigned concurrency);
/* With its last handler a host goes. */
void         host_part(struct host *, struct handler *);

/* One who wants to ask; embed it. */
struct turn {
    struct list node;                       /* private */
    void      (*go)(struct turn *, bool may); /* called once for who had to wait: false: its breaker
                                               * opened meanwhile */
};

enum entry { ENTRY_GO, ENTRY_WAIT, ENTRY_REFUSED };

/* GO and, later, go(true): to be followed by host_leave. WAIT: by host_give_up, or go. */
enum entry host_enter(struct host *, struct turn *);
void       host_give_up(struct turn *); /* it waits no more */

enum verdict { HOST_ANSWERED, HOST_FAILED, HOST_UNKNOWN };
void       host_leave(struct host *, enum verdict);

uint64_t   host_rest_ms(const struct host *); /* until it may be asked again, 1 at least */

/* For people and metrics. */
struct host_view {
    const char   *name;
    enum breaker  breaker;
    unsigned      running, waiting, concurrency;
    uint64_t      asked, failed, postponed; /* so far */
};

size_t           hosts_count(const struct hosts *); /* NULL: none */
struct host_view hosts_view(const struct hosts *, size_t index);

#endif
