/* workers/stack.h — stacks for coroutines, each above a page that nobody may touch, kept for reuse.
 *
 * A stack is memory of its own: what is never touched costs nothing, and who overflows it dies by
 * SIGSEGV rather than in somebody else's data. Before Linux 6.13 each takes two mappings of the
 * process, of which vm.max_map_count (65,530 by default) are allowed: some 32,000 stacks. One
 * thread.
 */
#ifndef PINION_WORKERS_STACK_H
#define PINION_WORKERS_STACK_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

#define STACK_BYTES_DEFAULT ((size_t)64 * 1024)
#define STACK_BYTES_MIN     ((size_t)16 * 1024)
#define STACK_BYTES_MAX     ((size_t)64 * 1024 * 1024)
#define STACKS_KEPT_MAX     10000 /* of a pool, while nobody uses them */
#define STACKS_IDLE_S       10.0  /* those that nobody used for so long go back to the system, */
#define STACKS_UNMAPPED_MAX 64    /* so many in a turn of the loop, */
#define STACKS_UNMAP_S      0.001 /* and the next ones after a pause */

/* Lies in the stack's own memory, above it. */
struct stack {
    struct stack *next; /* private */
    char         *base; /* read-only: the lowest byte that may be touched, */
    size_t        bytes; /* and how many there are, up to this struct, at least those asked for */
};

struct stack_pool {
    struct ev_loop *loop;
    ev_timer        idle;
    size_t          bytes;          /* mapped for each beside its guard, a multiple of a page */
    unsigned        made;           /* so far */
    struct stack   *kept;           /* the one used last is the first */
    unsigned        count, unused;  /* kept, and how many of them nobody took since the last look */
    char           *fresh;          /* mapped, and no stacks yet: */
    unsigned        fresh_count;    /* so many beside each other */
};

/* Of `bytes` each, rounded up to whole pages, as STACK_BYTES_MIN .. _MAX; the loop is borrowed. */
void stack_pool_init(struct stack_pool *, struct ev_loop *, size_t bytes);
void stack_pool_deinit(struct stack_pool *); /* all are put back */

/* PINION_BUSY: the system has no memory or no mappings left; *ret_stack is untouched. */
enum pinion_err stack_take(struct stack_pool *, struct stack **ret_stack, struct error *why)
    must_use;
void            stack_put(struct stack_pool *, struct stack *);

#endif
