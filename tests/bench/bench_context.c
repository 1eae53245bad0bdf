/* bench_context — what a switch between two stacks costs, and what stacks do: `bench_context
 * [SWITCHES [STACKS]]`. Built twice: bench_context_library switches by swapcontext(3).
 *
 * Stacks: to make so many and to touch the upper end of each, and the same with those that were
 * put back; processor time of this process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/memory.h"
#include "workers/context.h"
#include "workers/stack.h"

static struct context here, there;

static void come_and_go(void *arg)
{
    (void)arg;
    for (;;) context_switch(&there, &here);
}

#ifndef PINION_CONTEXT_BY_LIBRARY
static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static double take_all(struct stack_pool *pool, struct stack **stacks, unsigned long count)
{
    double began = cpu_us();
    struct error why;

    for (unsigned long i = 0; i < count; i++) {
        if (stack_take(pool, &stacks[i], &why)) abort();
        stacks[i]->base[stacks[i]->bytes - 1] = 1;
    }
    return (cpu_us() - began) / (double)count;
}

static void measure_stacks(unsigned long count)
{
    struct stack **stacks = xcalloc(count, sizeof *stacks);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct stack_pool pool;
    double fresh_us, kept_us;

    stack_pool_init(&pool, loop, STACK_BYTES_DEFAULT);
    fresh_us = take_all(&pool, stacks, count);
    for (unsigned long i = 0; i < count; i++) stack_put(&pool, stacks[i]);
    kept_us = take_all(&pool, stacks, count);
    for (unsigned long i = 0; i < count; i++) stack_put(&pool, stacks[i]);
    stack_pool_deinit(&pool);
    ev_loop_destroy(loop);
    free(stacks);
    printf("{\"measure\":\"stack\",\"stacks\":%lu,\"fresh_us\":%.2f,\"kept_us\":%.2f}\n", count,
           fresh_us, kept_us);
}
#endif

int main(int argc, char **argv)
{
    unsigned long switches = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000;
    static char stack[65536];
    uint64_t began_us, us;

    context_make(&there, stack, sizeof stack, come_and_go, NULL);
    began_us = clock_mono_us();
    for (unsigned long i = 0; i < switches / 2; i++) context_switch(&here, &there);
    us = clock_mono_us() - began_us;
#ifdef PINION_CONTEXT_BY_LIBRARY
    const char *by = "swapcontext";
#else
    const char *by = "instructions";
#endif
    printf("{\"measure\":\"switch\",\"by\":\"%s\",\"switches\":%lu,\"ns\":%.1f}\n", by, switches,
           (double)us * 1000. / (double)switches);
#ifndef PINION_CONTEXT_BY_LIBRARY
    measure_stacks(argc > 2 ? strtoul(argv[2], NULL, 10) : STACKS_KEPT_MAX);
#endif
    return 0;
}
