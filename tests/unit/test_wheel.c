/* The wheel against its dumb twin: an array that is searched from end to end. */
#include "scheduler/wheel.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include "base/macros.h"

enum { TIMERS = 48, OPS = 2000000, OPS_PER_ROUND = 4000, OPS_PER_CHECK = 32 };

/* What the wheel promises, and how a fool would keep it. */
struct twin {
    struct timer timer;
    bool pending, late;
    uint64_t due_ms, order;
};

static struct wheel wheel;
static struct twin twins[TIMERS];
static uint64_t until_ms, orders;
static struct prng prng;

static uint64_t below(uint64_t n)
{
    return prng_below(&prng, n);
}

static uint64_t plus(uint64_t ms, uint64_t more)
{
    return more > UINT64_MAX - ms ? UINT64_MAX : ms + more;
}

/* Near, far, past, and one off the places where digits carry. */
static uint64_t some_time(uint64_t from)
{
    uint64_t unit = UINT64_C(1) << WHEEL_BITS * below(WHEEL_LEVELS);
    uint64_t edge = plus(from - from % unit, unit * (1 + below(3)));

    switch (below(8)) {
    case 0: return plus(from, below(4));
    case 1: return plus(from, below(100));
    case 2: return plus(from, prng_magnitude(&prng));
    case 3: return edge;
    case 4: return edge - 1;
    case 5: return plus(edge, 1);
    case 6: return from ? below(from) : 0;
    default: return from - below(from < 100 ? from + 1 : 100);
    }
}

static void twin_add(struct twin *x, uint64_t due_ms)
{
    wheel_add(&wheel, &x->timer, due_ms);
    x->pending = true;
    x->late = due_ms <= until_ms;
    x->due_ms = x->late ? until_ms : due_ms;
    x->order = ++orders;
    assert_true(x->timer.due_ms == x->due_ms);
}

static void twin_remove(struct twin *x)
{
    wheel_remove(&wheel, &x->timer);
    x->pending = false;
}

static void twin_advance(uint64_t now_ms)
{
    wheel_advance(&wheel, now_ms);
    for (int i = 0; i < TIMERS; i++) twins[i].late = false;
    if (now_ms > until_ms) until_ms = now_ms;
}

static struct twin *twin_first_due(void)
{
    struct twin *first = NULL;

    for (struct twin *x = twins; x < twins + TIMERS; x++) {
        if (!x->pending || x->late || x->due_ms > until_ms) continue;
        if (!first || x->due_ms < first->due_ms ||
            (x->due_ms == first->due_ms && x->order < first->order))
            first = x;
    }
    return first;
}

/* false: nothing was due, for both of them. */
static bool twin_take(void)
{
    struct twin *expected = twin_first_due();
    struct timer *t = wheel_take_due(&wheel);

    assert_true(t == (expected ? &expected->timer : NULL));
    if (!t) return false;
    assert_true(!timer_pending(t));
    assert_true(t->due_ms == expected->due_ms && t->due_ms <= until_ms);
    expected->pending = false;
    return true;
}

static void check_twins(void)
{
    uint64_t earliest_ms = WHEEL_NEVER, next_ms = wheel_next_ms(&wheel);
    bool any = false;

    for (struct twin *x = twins; x < twins + TIMERS; x++) {
        assert_true(timer_pending(&x->timer) == x->pending);
        if (!x->pending) continue;
        any = true;
        if (x->due_ms < earliest_ms) earliest_ms = x->due_ms;
    }
    assert_true(next_ms <= earliest_ms);
    assert_true(wheel_empty(&wheel) == !any);
    assert_true(any || next_ms == WHEEL_NEVER);
}

static void random_step(void)
{
    struct twin *x = &twins[below(TIMERS)];

    switch (below(10)) {
    case 0:
    case 1:
    case 2:
    case 3: twin_add(x, some_time(until_ms)); break;
    case 4:
    case 5: twin_remove(x); break;
    case 6:
    case 7: twin_take(); break;
    case 8: twin_advance(plus(until_ms, below(3))); break;
    default:
        if (below(3))
            twin_advance(wheel_next_ms(&wheel));
        else
            twin_advance(some_time(until_ms));
        /* Handlers that add and remove while the rest is still being handed out. */
        while (twin_take() && below(20)) {
            if (below(3) == 0) twin_add(&twins[below(TIMERS)], some_time(until_ms));
            if (below(6) == 0) twin_remove(&twins[below(TIMERS)]);
        }
    }
}

/* Gives the number of operations done. */
static int random_round(void)
{
    int op;

    until_ms = below(3) ? prng_magnitude(&prng) : below(200);
    wheel_init(&wheel, until_ms);
    for (int i = 0; i < TIMERS; i++) {
        twins[i] = (struct twin){.pending = false};
        timer_init(&twins[i].timer);
    }
    for (op = 0; op < OPS_PER_ROUND && until_ms < UINT64_MAX; op++) {
        random_step();
        check_twins();
        if (op % OPS_PER_CHECK == 0) wheel_check(&wheel);
    }
    twin_advance(UINT64_MAX); /* everything ends, in order, at the end of time */
    while (twin_take()) {
    }
    wheel_check(&wheel);
    for (int i = 0; i < TIMERS; i++) assert_true(!timer_pending(&twins[i].timer));
    return op;
}

TEST(wheel_equals_its_twin)
{
    prng = (struct prng){property_seed("PINION_WHEEL_SEED")};
    for (int done = 0; done < OPS;) done += random_round();
}

/* ---- single promises ------------------------------------------------------------------------- */

static void assert_takes(struct wheel *w, struct timer *expected)
{
    assert_ptr_equal(wheel_take_due(w), expected);
}

/* A millisecond before: nothing. On time: the timer. */
static void fires_exactly(uint64_t now_ms, uint64_t due_ms)
{
    struct timer t;

    timer_init(&t);
    wheel_init(&wheel, now_ms);
    wheel_add(&wheel, &t, due_ms);
    wheel_check(&wheel);
    wheel_advance(&wheel, due_ms - 1);
    assert_takes(&wheel, NULL);
    wheel_check(&wheel);
    assert_int_equal(wheel_next_ms(&wheel), due_ms);
    wheel_advance(&wheel, due_ms);
    assert_takes(&wheel, &t);
    assert_takes(&wheel, NULL);
    assert_int_equal(wheel_next_ms(&wheel), WHEEL_NEVER);
    wheel_check(&wheel);
}

TEST(edges_of_every_level)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t unit = UINT64_C(1) << level * WHEEL_BITS;
        uint64_t last_digit = UINT64_MAX / unit * unit; /* the last slot of every level above */

        for (uint64_t before = 1; before <= 3; before++)
            for (uint64_t after = 0; after <= 3; after++) {
                if (unit * 2 > 3) fires_exactly(unit * 2 - before, unit * 2 + after);
                if (level && last_digit + after > last_digit - before)
                    fires_exactly(last_digit - before, last_digit + after);
            }
        fires_exactly(0, unit);
        fires_exactly(0, unit * 15 + 1);
        fires_exactly(unit - 1, UINT64_MAX);
    }
    fires_exactly(0, UINT64_MAX);
    fires_exactly(UINT64_MAX - 1, UINT64_MAX);
}

TEST(equal_times_keep_their_order)
{
    static const uint64_t added_at[] = {0, 1, 63, 64, 70, 4095, 4096, 262143, 262144, 262150};
    struct timer t[countof(added_at)];

    wheel_init(&wheel, 0);
    for (size_t i = 0; i < countof(t); i++) { /* each lands on another level than the one before */
        timer_init(&t[i]);
        wheel_advance(&wheel, added_at[i]);
        assert_takes(&wheel, NULL);
        wheel_add(&wheel, &t[i], 262151);
    }
    wheel_advance(&wheel, UINT64_MAX);
    for (size_t i = 0; i < countof(t); i++) assert_takes(&wheel, &t[i]);
    assert_takes(&wheel, NULL);
}

TEST(adding_again_moves)
{
    struct timer t, other;

    timer_init(&t);
    timer_init(&other);
    wheel_init(&wheel, 0);
    wheel_add(&wheel, &t, 10);
    wheel_add(&wheel, &other, 20);
    wheel_add(&wheel, &t, 20);
    wheel_advance(&wheel, 19);
    assert_takes(&wheel, NULL);
    wheel_advance(&wheel, 20);
    assert_takes(&wheel, &other); /* moving is adding: behind those of the same time */
    assert_takes(&wheel, &t);
    assert_takes(&wheel, NULL);
}

TEST(removing_an_idle_timer_does_nothing)
{
    struct timer idle, t;

    timer_init(&idle);
    timer_init(&t);
    wheel_init(&wheel, 5);
    wheel_remove(&wheel, &idle);
    wheel_add(&wheel, &t, 5);
    wheel_remove(&wheel, &t);
    wheel_remove(&wheel, &t);
    wheel_advance(&wheel, 1000);
    assert_takes(&wheel, NULL);
    wheel_check(&wheel);
    assert_int_equal(wheel_next_ms(&wheel), WHEEL_NEVER);
}

TEST(a_handler_that_rearms_itself_waits_for_the_next_advance)
{
    struct timer again, other;

    timer_init(&again);
    timer_init(&other);
    wheel_init(&wheel, 100);
    wheel_add(&wheel, &again, 50);
    assert_takes(&wheel, NULL); /* not advanced yet */
    assert_int_equal(wheel_next_ms(&wheel), 100);
    wheel_add(&wheel, &other, 103);
    wheel_advance(&wheel, 105);
    assert_takes(&wheel, &again);
    wheel_add(&wheel, &again, 104); /* passed, though the wheel hands out 103 next */
    assert_takes(&wheel, &other);
    assert_takes(&wheel, NULL);
    assert_int_equal(wheel_next_ms(&wheel), 105);
    wheel_advance(&wheel, 105);
    assert_takes(&wheel, &again);
    assert_int_equal(again.due_ms, 105);
    assert_takes(&wheel, NULL);
}

TEST(time_never_goes_back)
{
    struct timer t;

    timer_init(&t);
    wheel_init(&wheel, 0);
    wheel_advance(&wheel, 1000);
    wheel_advance(&wheel, 10);
    wheel_add(&wheel, &t, 500);
    assert_int_equal(wheel_next_ms(&wheel), 1000);
    wheel_check(&wheel);
}

/* Runs the wheel as a sleeping process would; counts the wake-ups in vain. */
static unsigned wakes_in_vain(struct wheel *w)
{
    unsigned vain = 0;

    for (uint64_t next_ms; (next_ms = wheel_next_ms(w)) != WHEEL_NEVER;) {
        wheel_advance(w, next_ms);
        if (!wheel_take_due(w)) vain++;
        while (wheel_take_due(w)) {
        }
    }
    return vain;
}

TEST(an_idle_process_sleeps)
{
    enum { CROWD = WHEEL_PEEK_MAX + 1 };
    const uint64_t day_ms = 86400000;
    struct timer crowd[CROWD];

    wheel_init(&wheel, 12345);
    for (int i = 0; i < CROWD; i++) timer_init(&crowd[i]);
    for (int i = 0; i < CROWD - 1; i++) wheel_add(&wheel, &crowd[i], day_ms + (uint64_t)i);
    assert_int_equal(wheel_next_ms(&wheel), day_ms);
    assert_int_equal(wakes_in_vain(&wheel), 0);

    wheel_init(&wheel, 12345);
    for (int i = 0; i < CROWD; i++) wheel_add(&wheel, &crowd[i], day_ms + (uint64_t)i);
    assert_true(wheel_next_ms(&wheel) < day_ms);
    assert_in_range(wakes_in_vain(&wheel), 1, 4); /* a day is less than 64^5 ms */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_every_level),
        cmocka_unit_test(equal_times_keep_their_order),
        cmocka_unit_test(adding_again_moves),
        cmocka_unit_test(removing_an_idle_timer_does_nothing),
        cmocka_unit_test(a_handler_that_rearms_itself_waits_for_the_next_advance),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(an_idle_process_sleeps),
        cmocka_unit_test(wheel_equals_its_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
