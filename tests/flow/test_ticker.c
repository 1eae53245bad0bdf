/* The ticker on a real loop, and turned by hand in virtual time. */
#include "scheduler/ticker.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <ev.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- base/clock.h, in our hands -------------------------------------------------------------- */

static uint64_t virtual_us;   /* 0: real time */
static unsigned slowness = 1; /* how many times slower than libev's our real clock goes */

uint64_t clock_mono_us(void)
{
    struct timespec now;

    if (virtual_us) return virtual_us;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000) / slowness;
}

int64_t clock_wall_us(void)
{
    return (int64_t)clock_mono_us();
}

/* ---- alarms that remember -------------------------------------------------------------------- */

struct probe {
    struct alarm alarm;
    uint64_t not_before_us;
    unsigned fires, number;
    struct probe *other; /* what the callback acts on */
};

static struct ticker *ticker;
static unsigned fires, last_number;

static void note(struct alarm *a)
{
    struct probe *p = container_of(a, struct probe, alarm);

    assert_true(clock_mono_us() >= p->not_before_us);
    assert_false(alarm_pending(a));
    p->fires++;
    fires++;
    last_number = p->number;
}

static void note_and_cancel_other(struct alarm *a)
{
    note(a);
    ticker_cancel(ticker, &container_of(a, struct probe, alarm)->other->alarm);
}

static void note_and_delay_other(struct alarm *a)
{
    note(a);
    ticker_set_in(ticker, &container_of(a, struct probe, alarm)->other->alarm, 10);
}

static void note_and_rearm(struct alarm *a)
{
    note(a);
    ticker_set_in(ticker, a, 0);
}

static void note_and_free(struct alarm *a)
{
    note(a);
    free(container_of(a, struct probe, alarm));
}

static void set_in(struct probe *p, uint64_t ms)
{
    p->not_before_us = clock_mono_us() + ms * 1000;
    ticker_set_in(ticker, &p->alarm, ms);
}

static void probe_init(struct probe *p, alarm_fn *fire)
{
    *p = (struct probe){.fires = 0};
    alarm_init(&p->alarm, fire);
}

/* ---- virtual time ---------------------------------------------------------------------------- */

static int virtual_start(void **state)
{
    (void)state;
    virtual_us = 10900;
    fires = 0;
    ticker = ticker_new(NULL);
    return 0;
}

static int virtual_end(void **state)
{
    (void)state;
    ticker_free(ticker);
    virtual_us = 0;
    return 0;
}

static void turn_at(uint64_t us)
{
    virtual_us = us;
    ticker_turn(ticker);
}

TEST(a_started_millisecond_does_not_count)
{
    struct probe p, at;

    probe_init(&p, note);
    probe_init(&at, note);
    set_in(&p, 5);
    ticker_set_at(ticker, &at.alarm, 13);
    assert_int_equal(ticker_next_ms(ticker), 13);
    turn_at(12999);
    assert_int_equal(at.fires, 0);
    turn_at(13000);
    assert_int_equal(at.fires, 1);
    turn_at(15999);
    assert_int_equal(p.fires, 0);
    assert_true(alarm_pending(&p.alarm));
    turn_at(16000);
    assert_int_equal(p.fires, 1);
    assert_int_equal(ticker_next_ms(ticker), WHEEL_NEVER);
}

TEST(zero_is_the_next_turn_and_forever_is_never)
{
    struct probe now, past, never, end;

    probe_init(&now, note);
    probe_init(&past, note);
    probe_init(&never, note);
    probe_init(&end, note);
    ticker_set_in(ticker, &never.alarm, UINT64_MAX);
    ticker_set_at(ticker, &end.alarm, UINT64_MAX);
    set_in(&now, 0);
    ticker_set_at(ticker, &past.alarm, 3);
    assert_true(ticker_next_ms(ticker) <= 10);
    ticker_turn(ticker);
    assert_int_equal(now.fires, 1);
    assert_int_equal(past.fires, 1);
    turn_at(UINT64_MAX);
    assert_int_equal(fires, 2);
    assert_true(alarm_pending(&never.alarm));
}

TEST(cancelled_by_an_earlier_callback_of_the_turn)
{
    struct probe first, second, third;

    probe_init(&first, note_and_cancel_other);
    probe_init(&second, note);
    probe_init(&third, note_and_delay_other);
    first.other = &second;
    third.other = &first;
    ticker_set_at(ticker, &first.alarm, 20);
    ticker_set_at(ticker, &second.alarm, 20);
    ticker_set_at(ticker, &third.alarm, 21);
    turn_at(30000);
    assert_int_equal(first.fires, 1);
    assert_int_equal(second.fires, 0);
    assert_int_equal(third.fires, 1);
    ticker_cancel(ticker, &second.alarm); /* idle: nothing */
    assert_int_equal(ticker_next_ms(ticker), 40);

    ticker_set_at(ticker, &third.alarm, 39); /* moves `first` from 40 to 50 */
    turn_at(40000);
    assert_int_equal(first.fires, 1);
    turn_at(50000);
    assert_int_equal(first.fires, 2);
}

TEST(an_owner_may_free_itself)
{
    struct probe *p = xcalloc(1, sizeof *p);

    probe_init(p, note_and_free);
    set_in(p, 1);
    turn_at(20000);
    assert_int_equal(fires, 1);
}

TEST(a_turn_fires_so_many_and_the_next_the_rest)
{
    enum { MANY = 2 * TICKER_FIRES_MAX + 500 };
    struct probe *many = xcalloc(MANY, sizeof *many), again;

    probe_init(&again, note_and_rearm);
    set_in(&again, 0);
    for (unsigned i = 0; i < MANY; i++) {
        probe_init(&many[i], note);
        many[i].number = i;
        ticker_set_at(ticker, &many[i].alarm, 20 + i / 700);
    }
    turn_at(25000);
    assert_int_equal(fires, TICKER_FIRES_MAX);
    assert_int_equal(last_number, TICKER_FIRES_MAX - 2); /* `again` was first */
    assert_true(ticker_next_ms(ticker) <= 25);
    ticker_turn(ticker);
    assert_int_equal(fires, 2 * TICKER_FIRES_MAX);
    assert_int_equal(last_number, 2 * TICKER_FIRES_MAX - 2);
    ticker_turn(ticker);
    assert_int_equal(again.fires, 2); /* behind the older ones: it could not starve them */
    assert_int_equal(fires, MANY + 2);
    for (unsigned i = 0; i < MANY; i++) assert_int_equal(many[i].fires, 1);
    ticker_cancel(ticker, &again.alarm);
    free(many);
}

/* Sleeps as the loop would; whoever fires checks that it is not early. */
TEST(virtual_time_runs_a_thousand_alarms)
{
    enum { MANY = 1000 };
    struct prng prng = {property_seed("PINION_TICKER_SEED")};
    struct probe *many = xcalloc(MANY, sizeof *many);
    uint64_t next_ms;

    for (unsigned i = 0; i < MANY; i++) {
        probe_init(&many[i], note);
        virtual_us += prng_below(&prng, 3000);
        set_in(&many[i], prng_below(&prng, UINT64_C(1) << prng_below(&prng, 32)));
    }
    while ((next_ms = ticker_next_ms(ticker)) != WHEEL_NEVER)
        turn_at(next_ms * 1000 > virtual_us ? next_ms * 1000 : virtual_us);
    assert_int_equal(fires, MANY);
    for (unsigned i = 0; i < MANY; i++) assert_int_equal(many[i].fires, 1);
    free(many);
}

/* ---- a real loop ----------------------------------------------------------------------------- */

static struct ev_loop *loop;

static int real_start(void **state)
{
    (void)state;
    fires = 0;
    slowness = 1;
    loop = ev_loop_new(EVFLAG_AUTO);
    ticker = ticker_new(loop);
    return loop ? 0 : -1;
}

static int real_end(void **state)
{
    (void)state;
    ticker_free(ticker);
    ev_loop_destroy(loop);
    slowness = 1;
    return 0;
}

/* The loop ends by itself when no alarm is left, so this also proves that nothing is forgotten. */
static void run_random_alarms(unsigned count, uint64_t ms_max)
{
    struct prng prng = {property_seed("PINION_TICKER_SEED")};
    struct probe *many = xcalloc(count, sizeof *many);

    for (unsigned i = 0; i < count; i++) {
        probe_init(&many[i], note);
        set_in(&many[i], prng_below(&prng, ms_max));
    }
    ev_run(loop, 0);
    assert_int_equal(fires, count);
    for (unsigned i = 0; i < count; i++) assert_int_equal(many[i].fires, 1);
    free(many);
}

TEST(never_early_on_a_loop)
{
    run_random_alarms(500, 60);
}

TEST(never_early_though_libev_wakes_us_early)
{
    slowness = 3;
    ticker_free(ticker);
    ticker = ticker_new(loop);
    run_random_alarms(50, 10);
}

static void hold_up_and_set(struct alarm *a)
{
    struct probe *p = container_of(a, struct probe, alarm);
    uint64_t until_us = clock_mono_us() + 20000;

    note(a);
    while (clock_mono_us() < until_us) {
    } /* now libev's cached time is old */
    if (p->other) set_in(p->other, 5);
}

TEST(never_early_after_a_slow_callback)
{
    struct probe slow, after;

    probe_init(&slow, hold_up_and_set);
    probe_init(&after, note);
    slow.other = &after;
    set_in(&slow, 1);
    ev_run(loop, 0);
    assert_int_equal(after.fires, 1);
}

TEST(an_earlier_alarm_moves_the_watcher)
{
    struct probe far, near, never;

    probe_init(&far, note);
    probe_init(&never, note);
    probe_init(&near, note_and_cancel_other);
    near.other = &far;
    set_in(&far, 3600000);
    ticker_set_in(ticker, &never.alarm, UINT64_MAX / 2); /* longer than any backend can sleep */
    set_in(&near, 2);
    ticker_cancel(ticker, &never.alarm);
    ev_run(loop, 0); /* ends only if the far alarm is gone, too */
    assert_int_equal(near.fires, 1);
    assert_int_equal(far.fires, 0);
}

TEST(without_alarms_the_loop_may_end)
{
    struct probe far, never;

    probe_init(&far, note);
    probe_init(&never, note);
    set_in(&far, 3600000);
    ticker_set_at(ticker, &never.alarm, UINT64_MAX - 1);
    ticker_cancel(ticker, &far.alarm);
    ticker_cancel(ticker, &never.alarm);
    ev_run(loop, 0);
    assert_int_equal(fires, 0);
}

struct reader {
    ev_io io;
    unsigned reads;
};

static void on_byte(struct ev_loop *l, ev_io *io, int events)
{
    enum { READS_ENOUGH = 50 };
    char byte;

    (void)events;
    assert_int_equal(read(io->fd, &byte, 1), 1);
    if (++container_of(io, struct reader, io)->reads == READS_ENOUGH) ev_break(l, EVBREAK_ALL);
}

TEST(an_alarm_at_zero_starves_nobody)
{
    int fds[2];
    char bytes[64] = {0};
    struct reader r = {.reads = 0};
    struct probe again;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], bytes, sizeof bytes), sizeof bytes);
    ev_io_init(&r.io, on_byte, fds[0], EV_READ);
    ev_io_start(loop, &r.io);
    probe_init(&again, note_and_rearm);
    set_in(&again, 0);
    ev_run(loop, 0); /* until 50 bytes were read, one a turn */
    assert_int_equal(r.reads, 50);
    assert_in_range(again.fires, 40, 60); /* and neither does the reader starve the alarm */
    ticker_cancel(ticker, &again.alarm);
    ev_io_stop(loop, &r.io);
    close(fds[0]);
    close(fds[1]);
}

struct latecomer {
    ev_io io;
    unsigned fires_then;
};

static void on_latecomer(struct ev_loop *l, ev_io *io, int events)
{
    (void)events;
    container_of(io, struct latecomer, io)->fires_then = fires;
    ev_io_stop(l, io);
}

TEST(what_is_due_goes_before_what_else_happened)
{
    struct latecomer other = {.fires_then = 0};
    struct probe due;
    struct pollfd ready;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    ticker_free(ticker);
    ready = (struct pollfd){.fd = dup(fds[0]), .events = POLLIN};
    close(ready.fd);
    ticker = ticker_new(loop); /* whose timer has this number, as the lowest that is free */
    ev_io_init(&other.io, on_latecomer, fds[0], EV_READ);
    ev_io_start(loop, &other.io);
    ev_run(loop, EVRUN_NOWAIT); /* now the kernel knows both watchers */
    probe_init(&due, note);
    set_in(&due, 1);
    assert_int_equal(poll(&ready, 1, -1), 1);
    assert_int_equal(write(fds[1], "", 1), 1); /* the later of two in one turn */
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(other.fires_then, 1);
    close(fds[0]);
    close(fds[1]);
}

static unsigned fires_before, fires_most;

static void on_prepare(struct ev_loop *l, ev_prepare *p, int events)
{
    (void)l;
    (void)p;
    (void)events;
    if (fires - fires_before > fires_most) fires_most = fires - fires_before;
    fires_before = fires;
}

TEST(a_backlog_is_spread_over_turns_of_the_loop)
{
    enum { MANY = 2 * TICKER_FIRES_MAX + 500 };
    struct probe *many = xcalloc(MANY, sizeof *many);
    ev_prepare prepare;

    fires_before = fires_most = 0;
    ev_prepare_init(&prepare, on_prepare);
    ev_prepare_start(loop, &prepare);
    ev_unref(loop);
    for (unsigned i = 0; i < MANY; i++) {
        probe_init(&many[i], note);
        set_in(&many[i], 0);
    }
    ev_run(loop, 0);
    on_prepare(loop, &prepare, 0);
    assert_int_equal(fires, MANY);
    assert_int_equal(fires_most, TICKER_FIRES_MAX);
    ev_ref(loop);
    ev_prepare_stop(loop, &prepare);
    free(many);
}

TEST(free_forgets_pending_alarms)
{
    struct probe p;

    probe_init(&p, note);
    set_in(&p, 0);
    ticker_free(ticker);
    ev_run(loop, 0);
    assert_int_equal(p.fires, 0);
    ticker = ticker_new(loop);
}

#define virtual_test(name) cmocka_unit_test_setup_teardown(name, virtual_start, virtual_end)
#define real_test(name)    cmocka_unit_test_setup_teardown(name, real_start, real_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        virtual_test(a_started_millisecond_does_not_count),
        virtual_test(zero_is_the_next_turn_and_forever_is_never),
        virtual_test(cancelled_by_an_earlier_callback_of_the_turn),
        virtual_test(an_owner_may_free_itself),
        virtual_test(a_turn_fires_so_many_and_the_next_the_rest),
        virtual_test(virtual_time_runs_a_thousand_alarms),
        real_test(never_early_on_a_loop),
        real_test(never_early_though_libev_wakes_us_early),
        real_test(never_early_after_a_slow_callback),
        real_test(an_earlier_alarm_moves_the_watcher),
        real_test(without_alarms_the_loop_may_end),
        real_test(an_alarm_at_zero_starves_nobody),
        real_test(what_is_due_goes_before_what_else_happened),
        real_test(a_backlog_is_spread_over_turns_of_the_loop),
        real_test(free_forgets_pending_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
