/* workers/context.h — two stacks in one thread: leave the one, go on with the other.
 *
 * A dozen instructions on x86-64 and aarch64. Elsewhere, or with PINION_CONTEXT_BY_LIBRARY defined,
 * swapcontext(3), which costs two system calls a switch. What a call may destroy is not kept; the
 * signal mask is that of the thread. Sanitizers are told by who switches.
 */
#ifndef PINION_WORKERS_CONTEXT_H
#define PINION_WORKERS_CONTEXT_H

#include <stddef.h>

#if !defined __x86_64__ && !defined __aarch64__ && !defined PINION_CONTEXT_BY_LIBRARY
#define PINION_CONTEXT_BY_LIBRARY
#endif

#ifdef PINION_CONTEXT_BY_LIBRARY
#include <ucontext.h>
struct context { /* private; stays where it is */
    ucontext_t library;
};
#else
struct context { /* private */
    void *sp;
};
#endif

typedef void context_fn(void *arg);

/* The first switch to it calls `entry` on that stack, which must never return. The stack ends below
 * base + bytes and stays the caller's. */
void context_make(struct context *, void *base, size_t bytes, context_fn *entry, void *arg);
/* Returns when something switches back to `from`. */
void context_switch(struct context *from, struct context *to);

#endif
