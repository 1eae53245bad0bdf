/* Timers of library users, in virtual time. */
#include "tests/flow/timers_world.h"
#include "base/clock.h"
#include "base/time_text.h"
#include "scheduler/ticker.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdlib.h>

static struct timer_call call_of(struct probe *p)
{
    return (struct timer_call){note, p, &p->timer};
}

static void later(struct probe *p, uint64_t ms)
{
    struct timer_call call = call_of(p);

    assert_int_equal(timers_later(timers, ms, &call), PINION_OK);
}

static void at(struct probe *p, int64_t ms)
{
    struct timer_call call = call_of(p);

    assert_int_equal(timers_at(timers, ms, &call), PINION_OK);
}

static enum pinion_err every(struct probe *p, uint64_t interval_ms, uint64_t phase_ms, int align)
{
    struct timer_call call = call_of(p);

    return timers_every(timers, &(struct pinion_every){interval_ms, phase_ms, align}, &call);
}

static void assert_last(const struct probe *p, unsigned calls, uint64_t mono_ms)
{
    assert_int_equal(p->calls, calls);
    assert_int_equal(p->mono_ms, START_MONO_MS + mono_ms);
}

/* ---- once ------------------------------------------------------------------------------------ */

TEST(later_is_never_early_and_fires_once)
{
    struct probe now = {0}, soon = {0}, never = {0};

    mono_us += 900; /* a started millisecond does not count */
    later(&never, UINT64_MAX);
    later(&soon, 10);
    later(&now, 0);
    assert_int_equal(now.calls, 0); /* not within the call that made it */
    ticker_turn(ticker);
    assert_last(&now, 1, 0);
    pass_ms(9);
    assert_int_equal(soon.calls, 0);
    pass_ms(100000);
    assert_last(&soon, 1, 11);
    assert_int_equal(now.calls, 1);
    mono_us = (uint64_t)INT64_MAX;
    ticker_turn(ticker);
    assert_int_equal(never.calls, 0);
}

TEST(callbacks_cancel_others_and_themselves)
{
    struct probe first = {0}, second = {0}, self = {0}, again = {0};

    later(&second, 5);
    first.cancels = &second.timer;
    later(&first, 3);
    self.cancels = &self.timer;
    later(&self, 3);
    again.cancels = &again.timer;
    assert_int_equal(every(&again, 4, 4, 0), PINION_OK);
    pass_ms(100);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
    assert_int_equal(self.calls, 1);
    assert_last(&again, 1, 4);

    /* Due in the same turn: whoever is cancelled by then is not called. */
    first.calls = 0;
    later(&first, 10);
    later(&second, 10);
    stall_ms(50);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
    pinion_timer_cancel(NULL);
}

TEST(at_follows_the_wall_clock)
{
    struct probe past = {0}, ahead = {0}, delayed = {0};

    at(&past, 0);
    at(&ahead, START_WALL_MS + 3600000);
    at(&delayed, START_WALL_MS + 60000);
    ticker_turn(ticker);
    assert_int_equal(past.calls, 1);

    step_ms(-30000);
    pass_ms(60000); /* shows 30 s after the start */
    assert_int_equal(delayed.calls, 0);
    pass_ms(29999);
    assert_int_equal(delayed.calls, 0);
    pass_ms(1);
    assert_last(&delayed, 1, 90000);
    assert_true(delayed.wall_ms == START_WALL_MS + 60000);

    step_ms(2 * 3600000);
    pass_ms(TIMERS_WATCH_MS);
    assert_int_equal(ahead.calls, 1);
    step_ms(-4 * 3600000);
    pass_ms(5 * 3600000);
    assert_int_equal(past.calls + ahead.calls + delayed.calls, 3);
    assert_int_equal(ticker_next_ms(ticker), WHEEL_NEVER); /* and nobody watches the clock */
}

TEST(at_is_exact_between_milliseconds)
{
    struct prng prng = {property_seed("PINION_TIMERS_SEED")};

    for (unsigned i = 0; i < 1000; i++) {
        struct probe p = {0};
        mono_us += prng_below(&prng, 5000);
        wall_ahead_us += (int64_t)prng_below(&prng, 5000);
        int64_t due_ms = clock_wall_ms() + 1 + (int64_t)prng_below(&prng, 3);
        at(&p, due_ms);
        while (!p.calls) {
            uint64_t next_us = ticker_next_ms(ticker) * 1000;
            mono_us = next_us > mono_us ? next_us : mono_us + 1000;
            ticker_turn(ticker);
        }
        assert_in_range(p.wall_ms - due_ms, 0, 1); /* the wheel counts whole milliseconds */
    }
}

TEST(at_the_ends_of_time)
{
    const int64_t wrap_ms = (int64_t)(UINT64_MAX / 1000 + 1); /* 2^64 us and a bit */
    struct probe first = {0}, last = {0}, far = {0};

    at(&first, INT64_MIN);
    at(&last, INT64_MAX);
    at(&far, START_WALL_MS + wrap_ms);
    ticker_turn(ticker);
    assert_int_equal(first.calls, 1);
    /* Nothing to do before the clock is looked at. */
    assert_int_equal(ticker_next_ms(ticker), START_MONO_MS + TIMERS_WATCH_MS);
    for (unsigned day = 0; day < 400; day++) stall_ms(86400000);
    assert_int_equal(last.calls + far.calls, 0);
}

/* ---- again and again ------------------------------------------------------------------------- */

TEST(every_has_bounds)
{
    struct probe p = {0};
    struct timer_call nothing = {0};

    assert_int_equal(every(&p, 0, 0, 0), PINION_INVALID);
    assert_int_equal(every(&p, 0, 0, 1), PINION_INVALID);
    assert_int_equal(every(&p, DURATION_MS_MAX + 1, 0, 0), PINION_INVALID);
    assert_int_equal(every(&p, 10, 11, 0), PINION_INVALID);
    assert_int_equal(every(&p, 10, 10, 1), PINION_INVALID);
    assert_null(p.timer);
    assert_int_equal(every(&p, DURATION_MS_MAX, DURATION_MS_MAX, 0), PINION_OK);
    assert_int_equal(every(&p, DURATION_MS_MAX, DURATION_MS_MAX - 1, 1), PINION_OK);
    assert_int_equal(every(&p, DURATION_MS_MAX, 0, 0), PINION_OK);
    assert_int_equal(every(&p, 10, 10, 0), PINION_OK);
    assert_int_equal(every(&p, 10, 9, 1), PINION_OK);
    assert_int_equal(timers_later(timers, 1, &nothing), PINION_INVALID);
    assert_int_equal(timers_at(timers, 1, &nothing), PINION_INVALID);
    assert_int_equal(timers_every(timers, &(struct pinion_every){1, 0, 0}, &nothing),
                     PINION_INVALID);
}

TEST(every_does_not_drift)
{
    struct probe p = {.takes_us = 7300};

    assert_int_equal(every(&p, 10, 10, 0), PINION_OK);
    for (unsigned i = 1; i <= 10000; i++) {
        pass_ms(START_MONO_MS + i * 10 - mono_us / 1000);
        assert_last(&p, i, i * 10);
        assert_int_equal(p.missed, 0);
    }
}

TEST(every_fires_once_where_now_is_the_tick)
{
    struct probe p = {0};

    assert_int_equal(every(&p, 10, 10, 0), PINION_OK);
    stall_ms(10);
    assert_last(&p, 1, 10);
    for (unsigned i = 0; i < 5; i++) ticker_turn(ticker);
    assert_int_equal(p.calls, 1);
    stall_ms(20); /* exactly on the second tick after it */
    assert_last(&p, 2, 30);
    assert_int_equal(p.missed, 1);
    for (unsigned i = 0; i < 5; i++) ticker_turn(ticker);
    assert_int_equal(p.calls, 2);
    stall_ms(10);
    assert_int_equal(p.calls, 3);
    assert_int_equal(p.missed, 0);
}

TEST(every_passes_over_what_it_missed)
{
    struct probe p = {0};

    assert_int_equal(every(&p, 10, 10, 0), PINION_OK);
    stall_ms(1000 * 10 + 4); /* a thousand ticks are due: one call */
    assert_last(&p, 1, 10004);
    assert_int_equal(p.missed, 999);
    for (unsigned i = 0; i < 5; i++) ticker_turn(ticker);
    assert_int_equal(p.calls, 1);
    p.takes_us = 35000;
    pass_ms(6);
    assert_last(&p, 2, 10010); /* back on the grid */
    assert_int_equal(p.missed, 0);
    p.takes_us = 0;
    ticker_turn(ticker); /* now 10045: 10020, 10030 and 10040 passed in the callback */
    assert_int_equal(p.calls, 2);
    pass_ms(5);
    assert_last(&p, 3, 10050);
    assert_int_equal(p.missed, 3);
}

/* Against plain counting: each tick that passes is called or missed, and no turn calls twice. */
TEST(every_random)
{
    struct prng prng = {property_seed("PINION_TIMERS_SEED")};

    for (unsigned round = 0; round < 300; round++) {
        uint64_t interval_ms = 1 + prng_below(&prng, UINT64_C(1) << prng_below(&prng, 16));
        uint64_t begun_ms = mono_us / 1000, ticks = 0;
        struct probe p = {0};
        assert_int_equal(every(&p, interval_ms, interval_ms, 0), PINION_OK);
        for (unsigned i = 0; i < 100; i++) {
            unsigned calls = p.calls;
            p.takes_us = prng_below(&prng, 3) ? 0 : 1000 * prng_below(&prng, 3 * interval_ms);
            uint64_t wait_ms = prng_below(&prng, 3 * interval_ms), now_ms = mono_us / 1000;
            bool due = (now_ms + wait_ms - begun_ms) / interval_ms > ticks;
            ticks = (now_ms + wait_ms - begun_ms) / interval_ms;
            stall_ms(wait_ms);
            assert_int_equal(p.calls - calls, due ? 1 : 0);
            if (due) assert_int_equal(p.calls + p.missed_in_all, ticks);
            if (due) ticks = (mono_us / 1000 - begun_ms) / interval_ms;
        }
        pinion_timer_cancel(p.timer);
        mono_us -= mono_us % 1000;
    }
}

enum { MANY = 64 };

static void first_calls(uint64_t interval_ms, int align, uint64_t first_ms[MANY])
{
    struct probe many[MANY] = {0};

    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(every(&many[i], interval_ms, 0, align), PINION_OK);
        pass_ms(i % 3); /* made at any time */
    }
    pass_ms(interval_ms);
    for (unsigned i = 0; i < MANY; i++) {
        assert_in_range(many[i].calls, 1, 2);
        first_ms[i] = many[i].mono_ms % interval_ms;
        pinion_timer_cancel(many[i].timer);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

TEST(equal_intervals_are_spread_and_stay_so)
{
    enum { INTERVAL_MS = 64000, FAIR_MS = INTERVAL_MS / MANY };
    uint64_t first_ms[MANY], again_ms[MANY];

    first_calls(INTERVAL_MS, 0, first_ms);
    virtual_end(NULL);
    virtual_start(NULL);
    first_calls(INTERVAL_MS, 0, again_ms);
    assert_memory_equal(first_ms, again_ms, sizeof first_ms);

    qsort(first_ms, MANY, sizeof *first_ms, compare);
    for (unsigned i = 1; i < MANY; i++)
        assert_in_range(first_ms[i] - first_ms[i - 1], FAIR_MS / 3, FAIR_MS * 3);
}

TEST(aligned_intervals_fall_together)
{
    uint64_t first_ms[MANY];
    struct probe p = {0};

    first_calls(64000, 1, first_ms);
    for (unsigned i = 1; i < MANY; i++) assert_int_equal(first_ms[i], first_ms[0]);
    assert_int_equal(every(&p, 60000, 5000, 1), PINION_OK);
    pass_ms(600000);
    assert_int_equal(p.calls, 10);
    assert_int_equal(p.wall_ms % 60000, 5000);
}

TEST(aligned_follows_the_wall_clock)
{
    struct probe p = {0};
    int64_t minute_ms;

    assert_int_equal(every(&p, 60000, 0, 1), PINION_OK);
    pass_ms(45000); /* 22:14:05 */
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.wall_ms % 60000, 0);
    minute_ms = p.wall_ms;

    step_ms(-10000); /* the same minute comes a second time */
    pass_ms(64999);
    assert_int_equal(p.calls, 1);
    pass_ms(1);
    assert_int_equal(p.calls, 2);
    assert_true(p.wall_ms == minute_ms + 60000);

    step_ms(-3600000); /* an hour back does not make it silent for an hour */
    pass_ms(60000);
    assert_int_equal(p.calls, 3);
    assert_int_equal(p.wall_ms % 60000, 0);
    assert_int_equal(p.missed, 0);

    step_ms(3600000 + 1); /* an hour forth: one call */
    pass_ms(TIMERS_WATCH_MS);
    assert_int_equal(p.calls, 4);
    assert_int_equal(p.missed, 59);
    pass_ms(60000 - TIMERS_WATCH_MS);
    assert_int_equal(p.calls, 5);
    assert_int_equal(p.wall_ms % 60000, 0);
}

TEST(other_timers_do_not_care_about_the_wall_clock)
{
    struct probe once = {0}, again = {0}, wall = {0};

    at(&wall, START_WALL_MS + 86400000); /* so that the clock is watched */
    later(&once, 10000);
    assert_int_equal(every(&again, 1000, 1000, 0), PINION_OK);
    pass_ms(5500);
    step_ms(3600000);
    pass_ms(1000);
    step_ms(-7200000);
    pass_ms(3500);
    assert_last(&once, 1, 10000);
    assert_last(&again, 10, 10000);
    assert_int_equal(again.missed_in_all, 0);
}

TEST(stopped_timers_fire_no_more)
{
    struct probe once = {0}, again = {0}, wall = {0};
    struct timer_call call = call_of(&once);

    later(&once, 10);
    at(&wall, START_WALL_MS + 10);
    assert_int_equal(every(&again, 10, 10, 0), PINION_OK);
    timers_stop(timers);
    timers_stop(timers);
    assert_int_equal(ticker_next_ms(ticker), WHEEL_NEVER);
    stall_ms(100);
    assert_int_equal(once.calls + again.calls + wall.calls, 0);
    assert_int_equal(timers_later(timers, 1, &call), PINION_CONFLICT);
    assert_int_equal(timers_at(timers, 1, &call), PINION_CONFLICT);
    assert_int_equal(every(&again, 1, 0, 0), PINION_CONFLICT);
    pinion_timer_cancel(wall.timer); /* its pointer is good until the end */
}

static void stop_all(struct pinion_timer *t, void *ctx)
{
    note(t, ctx);
    timers_stop(timers);
}

TEST(stopped_by_a_callback)
{
    struct probe p = {0}, q = {0};
    struct timer_call call = {stop_all, &p, &p.timer};

    assert_int_equal(timers_every(timers, &(struct pinion_every){.interval_ms = 5}, &call),
                     PINION_OK);
    assert_int_equal(every(&q, 5, 0, 1), PINION_OK);
    stall_ms(1000);
    stall_ms(1000);
    assert_int_equal(p.calls, 1);
    assert_in_range(q.calls, 0, 1); /* it may have been due before */
    assert_int_equal(ticker_next_ms(ticker), WHEEL_NEVER);
}

#define virtual_test(name) cmocka_unit_test_setup_teardown(name, virtual_start, virtual_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        virtual_test(later_is_never_early_and_fires_once),
        virtual_test(callbacks_cancel_others_and_themselves),
        virtual_test(at_follows_the_wall_clock),
        virtual_test(at_is_exact_between_milliseconds),
        virtual_test(at_the_ends_of_time),
        virtual_test(every_has_bounds),
        virtual_test(every_does_not_drift),
        virtual_test(every_fires_once_where_now_is_the_tick),
        virtual_test(every_passes_over_what_it_missed),
        virtual_test(every_random),
        virtual_test(equal_intervals_are_spread_and_stay_so),
        virtual_test(aligned_intervals_fall_together),
        virtual_test(aligned_follows_the_wall_clock),
        virtual_test(other_timers_do_not_care_about_the_wall_clock),
        virtual_test(stopped_timers_fire_no_more),
        virtual_test(stopped_by_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
