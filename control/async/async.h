/* control/async/async.h — what the files behind pinion_async_* know of each other; nobody else
 * includes it.
 *
 *      call ──► admitted? ──no──────────────────────────────► ENDED ──next turn──► callback
 *                  │ connected? ──no──► HELD ──over, refused──► ENDED
 *                  │                     │ connected
 *                  └─────────────────────┴──► BEGUN ──answer──► callback
 *
 * client.c opens, connects, holds and closes; enqueue.c, steer.c and look.c are the calls. Loop
 * thread only.
 */
#ifndef PINION_CONTROL_ASYNC_ASYNC_H
#define PINION_CONTROL_ASYNC_ASYNC_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/list.h"
#include "include/pinion.h"
#include "queue/link.h"
#include "scheduler/ticker.h"

/* What fills up, each with a bound of its own. */
enum async_use { ASYNC_JOBS, ASYNC_BYTES, ASYNC_CALLS, ASYNC_WAITS, ASYNC_USES };

/* One call: embed it. */
struct async_call {
    struct pinion_async *client;
    void (*begin)(struct async_call *); /* the connection is there; may end it by async_end_soon */
    void (*end)(struct async_call *);   /* calls back, and frees; reads `why` */
    size_t uses[ASYNC_USES];
    struct error why;                   /* its code is what it ends with */
    struct list node;                   /* private from here on: held, or ended */
    uint64_t since_ms;
};

struct pinion_async {
    struct ev_loop *loop;
    struct ticker *ticker;
    char *redis_url, *state_dir, *name_space;
    uint64_t connect_timeout_ms, reply_timeout_ms, find_ms;
    struct redis_url url;
    struct link *link; /* NULL, and the two after it: nobody has told yet where Redis is */
    struct results *results;
    struct submitter *submitter;
    int64_t clock_offset_us;
    struct error trouble; /* why there is no connection, as far as it is known */
    bool refused;         /* it will not come until a person changes something */

    size_t used[ASYNC_USES], limit[ASYNC_USES];
    struct list held, ended, steers; /* steers: cancels and retries for the end of this turn */
    size_t open;                     /* calls that have not ended */
    struct alarm held_over, find_again;
    ev_prepare turn;                 /* the end of a turn of the loop */
    ev_timer soon;                   /* calls back what is in `ended`; frees when all is over */

    bool closing;
    pinion_closed_fn *closed;
    void *closed_ctx;
};

/* Takes the call, or refuses it (`why` tells); in either case it ends later, and once. */
void async_start(struct async_call *);
/* Whether it would be taken. False: call->why says why, and async_start ends it by that. For those
 * who have to copy much before. */
bool async_admit(struct async_call *);
void async_end(struct async_call *);      /* from the loop only: calls back */
void async_end_soon(struct async_call *); /* from anywhere */
/* Says what it ends with, if nothing is said yet; `why` NULL: by the name of `err`. */
void async_failed(struct async_call *, enum pinion_err, const struct error *why);

/* steer.c */
void async_steer_flush(struct pinion_async *);

#endif
