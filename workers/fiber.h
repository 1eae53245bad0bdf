/* workers/fiber.h — tells the sanitizers which stack a thread is on; nothing at all without them.
 *
 * Before a switch fiber_leave, after it fiber_arrive on the other stack.
 */
#ifndef PINION_WORKERS_FIBER_H
#define PINION_WORKERS_FIBER_H

#include <stddef.h>

#if defined __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#if defined __SANITIZE_THREAD__
#define FIBER_TSAN 1
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define FIBER_STACK_FACTOR 4 /* instrumented frames are larger */
#else
#define FIBER_STACK_FACTOR 1
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* One side of a switch. */
struct fiber {
    const void *base; /* of its stack, */
    size_t      bytes;
    void       *fake;  /* and what the sanitizers know of it */
    void       *thread;
};

static inline void fiber_begin(struct fiber *f, const void *base, size_t bytes)
{
    *f = (struct fiber){base, bytes, NULL, NULL};
#ifdef FIBER_TSAN
    f->thread = __tsan_create_fiber(0);
#endif
}

static inline void fiber_end(struct fiber *f)
{
    (void)f;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->thread);
#endif
}

/* `for_good`: `from` is never gone on with. */
static inline void fiber_leave(struct fiber *from, struct fiber *to, int for_good)
{
    (void)from, (void)to, (void)for_good;
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake, to->base, to->bytes);
#endif
#ifdef FIBER_TSAN
    from->thread = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->thread, 0);
#endif
}

/* On `to`; what `from` is, is learnt here. */
static inline void fiber_arrive(struct fiber *to, struct fiber *from)
{
    (void)to, (void)from;
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(to->fake, &from->base, &from->bytes);
#endif
}

/* What is left of frames that were not returned from. */
static inline void fiber_clean(const void *base, size_t bytes)
{
    (void)base, (void)bytes;
#ifdef FIBER_ASAN
    ASAN_UNPOISON_MEMORY_REGION(base, bytes);
#endif
}

#endif
