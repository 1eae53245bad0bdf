/* base/clock.c — the two clocks of the kernel. */
#include "base/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);

    assert(!failed);
    return now;
}

uint64_t clock_mono_us(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);

    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
