/* A stack that everybody pushes to and only the loop takes, whole:
 *
 *      thread, signal ──push──► posted ──take all, turn round──► ready ──► fn, fn, fn ...
 *                      ev_async_send ─────────┘
 *
 * To take the whole stack at once needs no protection against a node that comes back meanwhile.
 * `pending` is what keeps a node from being on it twice: it is set before the push, and cleared
 * when the loop is done with `next`. All its changes are exchanges, so whoever finds it set hands
 * what it wrote before to the call that is still to come.
 */
#include "control/soon.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>
#include "base/macros.h"
#include "base/memory.h"

_Static_assert(__atomic_always_lock_free(sizeof(void *), 0) &&
                   __atomic_always_lock_free(sizeof(int), 0),
               "a signal handler must not wait for a lock");

struct soon {
    struct pinion_soon *posted; /* atomic; the latest first */
    struct pinion_soon *ready;  /* the loop's; the first first */
    struct ev_loop *loop;
    ev_async wake;
    unsigned calling; /* calls on the stack */
};

/* Only when all that was ready is done, so that the order stays. */
static void gather(struct soon *s)
{
    struct pinion_soon *node, *posted = __atomic_exchange_n(&s->posted, NULL, __ATOMIC_ACQUIRE);

    while ((node = posted)) {
        posted = node->next;
        node->next = s->ready;
        s->ready = node;
    }
}

/* From its last line on, the node is its owner's: whoever schedules it again may change it. */
static void release(struct soon *s)
{
    struct pinion_soon *node = s->ready;

    s->ready = node->next;
    node->next = NULL;
    __atomic_exchange_n(&node->pending, 0, __ATOMIC_ACQ_REL);
}

static void call(struct soon *s)
{
    struct pinion_soon *node = s->ready;
    pinion_soon_fn *fn = node->fn;
    void *ctx = node->ctx;

    release(s);
    s->calling++;
    fn(node, ctx); /* may free it */
    s->calling--;
}

/* What is scheduled by these calls waits for the next turn, so that they cannot starve the loop. */
static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    struct soon *s = container_of(wake, struct soon, wake);

    (void)events;
    if (!s->ready) gather(s);
    for (unsigned calls = 0; s->ready && calls < SOON_CALLS_MAX; calls++) call(s);
    if (s->ready || __atomic_load_n(&s->posted, __ATOMIC_RELAXED)) ev_async_send(loop, wake);
}

struct soon *soon_new(struct ev_loop *loop)
{
    struct soon *s = xcalloc(1, sizeof *s);

    s->loop = loop;
    ev_async_init(&s->wake, on_wake);
    ev_async_start(loop, &s->wake);
    ev_unref(loop);
    return s;
}

void soon_free(struct soon *s)
{
    if (!s) return;
    assert(!s->calling && "a call from elsewhere must not free the service");
    while (s->ready) release(s);
    gather(s);
    while (s->ready) release(s);
    ev_ref(s->loop);
    ev_async_stop(s->loop, &s->wake);
    free(s);
}

int soon_call(struct soon *s, struct pinion_soon *node)
{
    assert(node->fn);
    if (__atomic_exchange_n(&node->pending, 1, __ATOMIC_ACQ_REL)) return 0;
    node->next = __atomic_load_n(&s->posted, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&s->posted, &node->next, node, 1, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        continue;
    ev_async_send(s->loop, &s->wake);
    return 1;
}
