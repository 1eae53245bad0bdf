/* bench_context — what a switch between two stacks costs: `bench_context [SWITCHES]`. Built twice:
 * bench_context_library does it by swapcontext(3). */
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "workers/context.h"

static struct context here, there;

static void come_and_go(void *arg)
{
    (void)arg;
    for (;;) context_switch(&there, &here);
}

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
    return 0;
}
