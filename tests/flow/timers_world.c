#include "tests/flow/timers_world.h"

#include <time.h>
#include "base/clock.h"
#include "scheduler/ticker.h"
#include "tests/support/check.h"

/* ---- base/clock.h, in our hands -------------------------------------------------------------- */

uint64_t mono_us;
int64_t wall_ahead_us;

uint64_t clock_mono_us(void)
{
    struct timespec now;

    if (mono_us) return mono_us;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return (int64_t)clock_mono_us() + wall_ahead_us;
}

/* ---- a world of its own ---------------------------------------------------------------------- */

struct ticker *ticker;
struct timers *timers;

int virtual_start(void **state)
{
    (void)state;
    mono_us = START_MONO_MS * 1000;
    wall_ahead_us = START_WALL_MS * 1000 - (int64_t)mono_us;
    ticker = ticker_new(NULL);
    timers = timers_new(ticker);
    return 0;
}

int virtual_end(void **state)
{
    (void)state;
    timers_free(timers);
    assert_int_equal(ticker_next_ms(ticker), WHEEL_NEVER);
    ticker_free(ticker);
    mono_us = 0;
    return 0;
}

void step_ms(int64_t ms)
{
    wall_ahead_us += ms * 1000;
}

void pass_ms(uint64_t ms)
{
    uint64_t end_us = mono_us + ms * 1000, next_ms;

    while ((next_ms = ticker_next_ms(ticker)) <= end_us / 1000) {
        if (next_ms * 1000 > mono_us) mono_us = next_ms * 1000;
        ticker_turn(ticker);
    }
    if (mono_us < end_us) mono_us = end_us; /* a slow callback may have passed it */
}

void stall_ms(uint64_t ms)
{
    mono_us += ms * 1000;
    ticker_turn(ticker);
}

void note(struct pinion_timer *t, void *ctx)
{
    struct probe *p = ctx;

    p->calls++;
    p->wall_ms = clock_wall_ms();
    p->mono_ms = clock_mono_ms();
    p->missed = pinion_timer_missed(t);
    p->missed_in_all += p->missed;
    if (mono_us) mono_us += p->takes_us;
    if (p->cancels) pinion_timer_cancel(*p->cancels);
}
