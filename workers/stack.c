/*      guard page │ base ──── grows downwards ──── struct stack │ end
 *      no access  │ bytes                                       │ a shift, that differs
 *
 * Fresh ones are cut off a slab, from its lower end on, whose guards are set by one call: to ask
 * the kernel for each costs more than the first touch.
 *
 *      slab: │ guard, stack │ guard, stack │ fresh: guarded, never touched │
 */
#include "workers/stack.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/macros.h"
#include "workers/fiber.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#define STACK_SHIFTS      16
#define STACK_SHIFT_BYTES ((size_t)128)
#define SLAB_STACKS_MAX   64
#define SLAB_BYTES_MAX    ((size_t)8 * 1024 * 1024) /* of addresses; larger stacks: one each */

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_bytes(const struct stack_pool *pool)
{
    return page_bytes() + pool->bytes;
}

static void unmap(const struct stack_pool *pool, struct stack *stack)
{
    munmap(stack->base - page_bytes(), whole_bytes(pool));
}

/* Newer kernels (6.13) guard a page without a mapping of its own, and stacks that lie side by side
 * are one mapping: less for the kernel to do, and to count. */
static int guard(char *page)
{
    if (madvise(page, page_bytes(), MADV_GUARD_INSTALL) == 0) return 0;
    return mprotect(page, page_bytes(), PROT_NONE);
}

/* The lowest page of each, by one call where the kernel takes it for oneself (6.15). */
static bool guard_all(const struct stack_pool *pool, char *memory, size_t count)
{
    struct iovec pages[SLAB_STACKS_MAX];

    for (size_t i = 0; i < count; i++)
        pages[i] = (struct iovec){memory + i * whole_bytes(pool), page_bytes()};
    if (syscall(SYS_process_madvise, PIDFD_SELF, pages, count, MADV_GUARD_INSTALL, 0) ==
        (long)(count * page_bytes()))
        return true;
    for (size_t i = 0; i < count; i++)
        if (guard(pages[i].iov_base)) return false;
    return true;
}

/* Without it the first lines of all stacks would compete for the same few places of the caches. */
static size_t next_shift(struct stack_pool *pool)
{
    return pool->made++ % STACK_SHIFTS * STACK_SHIFT_BYTES;
}

/* As many as there were before, so that who needs few asks for few. */
static size_t slab_stacks(const struct stack_pool *pool)
{
    size_t count = pool->made < SLAB_STACKS_MAX ? pool->made : SLAB_STACKS_MAX;

    while (count > 1 && count * whole_bytes(pool) > SLAB_BYTES_MAX) count--;
    return count ? count : 1;
}

static bool map_slab(struct stack_pool *pool, size_t count)
{
    char *memory = mmap(NULL, count * whole_bytes(pool), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) return false;
    if (!guard_all(pool, memory, count)) {
        int saved = errno;
        munmap(memory, count * whole_bytes(pool));
        errno = saved;
        return false;
    }
    pool->fresh = memory;
    pool->fresh_count = (unsigned)count;
    return true;
}

static void unmap_slab(struct stack_pool *pool)
{
    if (pool->fresh_count) munmap(pool->fresh, pool->fresh_count * whole_bytes(pool));
    pool->fresh_count = 0;
}

static enum pinion_err make(struct stack_pool *pool, struct stack **ret_stack, struct error *why)
{
    size_t whole = whole_bytes(pool);
    struct stack *stack;
    char *base;

    if (!pool->fresh_count && !map_slab(pool, slab_stacks(pool)) && !map_slab(pool, 1))
        return error_set(why, PINION_BUSY,
                         "no stack for another coroutine: %s (each takes up to two of the mappings "
                         "that vm.max_map_count allows)",
                         strerror(errno));
    base = pool->fresh + page_bytes();
    stack = (struct stack *)(void *)(pool->fresh + whole - next_shift(pool) - sizeof *stack);
    *stack = (struct stack){NULL, base, (size_t)((char *)stack - base)};
    pool->fresh += whole;
    pool->fresh_count--;
    *ret_stack = stack;
    return PINION_OK;
}

static struct stack *pop(struct stack_pool *pool)
{
    struct stack *stack = pool->kept;

    pool->kept = stack->next;
    pool->count--;
    return stack;
}

/* ---- those that nobody uses ------------------------------------------------------------------ */

static void stop_looking(struct stack_pool *pool)
{
    if (!ev_is_active(&pool->idle)) return;
    ev_ref(pool->loop);
    ev_timer_stop(pool->loop, &pool->idle);
}

static void look_in(struct stack_pool *pool, double seconds)
{
    if (!ev_is_active(&pool->idle)) ev_unref(pool->loop); /* it keeps no loop alive */
    pool->idle.repeat = seconds;
    ev_timer_again(pool->loop, &pool->idle);
}

static void look_again(struct stack_pool *pool)
{
    pool->unused = pool->count;
    look_in(pool, STACKS_IDLE_S);
}

/* A few at a time: to unmap thousands at once would hold up the loop for tens of milliseconds. */
static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct stack_pool *pool = container_of(timer, struct stack_pool, idle);
    unsigned most = STACKS_UNMAPPED_MAX;

    (void)loop, (void)events;
    while (pool->unused > 0 && most-- > 0) {
        pool->unused--;
        unmap(pool, pop(pool));
    }
    if (pool->count == 0) stop_looking(pool);
    else if (pool->unused) look_in(pool, STACKS_UNMAP_S);
    else look_again(pool);
}

/* ---- public ---------------------------------------------------------------------------------- */

void stack_pool_init(struct stack_pool *pool, struct ev_loop *loop, size_t bytes)
{
    size_t page = page_bytes();

    assert(bytes >= STACK_BYTES_MIN && bytes <= STACK_BYTES_MAX);
    *pool = (struct stack_pool){.loop = loop};
    pool->bytes = FIBER_STACK_FACTOR * bytes + sizeof(struct stack);
    pool->bytes += (STACK_SHIFTS - 1) * STACK_SHIFT_BYTES + page - 1;
    pool->bytes -= pool->bytes % page;
    ev_timer_init(&pool->idle, on_idle, STACKS_IDLE_S, STACKS_IDLE_S);
}

void stack_pool_deinit(struct stack_pool *pool)
{
    stop_looking(pool);
    while (pool->kept) unmap(pool, pop(pool));
    unmap_slab(pool);
}

enum pinion_err stack_take(struct stack_pool *pool, struct stack **ret_stack, struct error *why)
{
    if (!pool->kept) return make(pool, ret_stack, why);
    *ret_stack = pop(pool);
    if (pool->unused > pool->count) pool->unused = pool->count;
    return PINION_OK;
}

void stack_put(struct stack_pool *pool, struct stack *stack)
{
    fiber_clean(stack->base, stack->bytes);
    if (pool->count == STACKS_KEPT_MAX) {
        unmap(pool, stack);
        return;
    }
    stack->next = pool->kept;
    pool->kept = stack;
    pool->count++;
    if (!ev_is_active(&pool->idle)) look_again(pool);
}
