/* tests/unit/test_recent.c — the window of the last minute: what is in it, and what is not
 * any more. */
#include "workers/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/support/check.h"
#include "workers/tally.h"
#include "workers/workers.h"

#define START_MS 5000

struct world {
    struct workers_totals totals;
    struct histogram stall_us;
    struct recent *recent;
};

static struct world *open_world(void)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->totals.ends = tally_new();
    w->recent = recent_new(&w->totals, &w->stall_us, START_MS);
    return w;
}

static void close_world(struct world *w)
{
    recent_free(w->recent);
    tally_free(w->totals.ends);
    free(w);
}

static void run(struct world *w, const char *kind, enum tally_end end, uint64_t us, unsigned times)
{
    struct tally_row *row = tally_at(w->totals.ends, "q", span_of(kind));

    for (unsigned i = 0; i < times; i++) {
        row->count[end]++;
        sketch_add(&row->run_us, us);
        histogram_add(&w->totals.run_us, us);
        counter_add(&w->totals.claimed, 1);
        counter_add(end == TALLY_DONE ? &w->totals.done : &w->totals.failed, 1);
    }
}

static double real_at(const json_t *o, const char *first, const char *second)
{
    return json_number_value(json_object_get(json_object_get(o, first), second));
}

static const char *kind_at(const json_t *o, size_t i)
{
    const json_t *kind = json_array_get(json_object_get(o, "kinds"), i);

    return json_string_value(json_object_get(kind, "kind"));
}

TEST(nothing_was_done)
{
    struct world *w = open_world();
    json_t *o = recent_shape(w->recent, START_MS);

    assert_int_equal(json_integer_value(json_object_get(o, "window_ms")), 1); /* no division by 0 */
    assert_true(real_at(o, "rates", "done") == 0);
    assert_true(json_is_null(json_object_get(json_object_get(o, "run"), "p99_ms")));
    assert_int_equal(json_array_size(json_object_get(o, "kinds")), 0);
    json_decref(o);
    close_world(w);
}

TEST(rates_and_percentiles_of_the_window)
{
    struct world *w = open_world();
    json_t *o;

    run(w, "quick", TALLY_DONE, 1000, 99);
    run(w, "slow", TALLY_RETRY, 64000, 1);
    histogram_add(&w->stall_us, 7);
    o = recent_shape(w->recent, START_MS + 4000);
    assert_int_equal(json_integer_value(json_object_get(o, "window_ms")), 4000);
    assert_true(real_at(o, "rates", "claimed") == 25);
    assert_true(real_at(o, "rates", "done") == 24.75);
    assert_true(real_at(o, "rates", "failed") == 0.25);
    assert_true(real_at(o, "run", "count") == 100);
    assert_true(real_at(o, "run", "p50_ms") >= 1 && real_at(o, "run", "p50_ms") <= 1.0625);
    assert_true(real_at(o, "run", "p99_ms") <= 1.0625);
    assert_true(real_at(o, "stall", "p99_ms") == 0.007);
    assert_string_equal(kind_at(o, 0), "slow"); /* it failed */
    assert_string_equal(kind_at(o, 1), "quick");
    json_decref(o);
    close_world(w);
}

/* A copy each ten seconds: a minute later, what was done first is not shown any more. */
TEST(what_is_old_leaves_the_window)
{
    struct world *w = open_world();
    json_t *o;

    run(w, "old", TALLY_DONE, 1000, 10);
    for (uint64_t ms = 1000; ms <= 60000; ms += 1000) recent_note(w->recent, START_MS + ms);
    o = recent_shape(w->recent, START_MS + 60500);
    assert_true(real_at(o, "run", "count") == 10);
    assert_int_equal(json_integer_value(json_object_get(o, "window_ms")), 60500);
    json_decref(o);
    run(w, "new", TALLY_DONE, 1000, 3);
    for (uint64_t ms = 61000; ms <= 70000; ms += 1000) recent_note(w->recent, START_MS + ms);
    o = recent_shape(w->recent, START_MS + 70000);
    assert_int_equal(json_integer_value(json_object_get(o, "window_ms")), 60000);
    assert_true(real_at(o, "run", "count") == 3);
    assert_string_equal(kind_at(o, 0), "new");
    assert_null(kind_at(o, 1));
    json_decref(o);
    close_world(w);
}

/* However long it was asleep, and however often it wraps around. */
TEST(the_window_says_how_long_it_is)
{
    struct world *w = open_world();

    for (unsigned i = 1; i <= 3 * RECENT_COPIES; i++) {
        run(w, "k", TALLY_DONE, 10, 1);
        recent_note(w->recent, START_MS + i * UINT64_C(50000));
    }
    json_t *o = recent_shape(w->recent, START_MS + 3 * RECENT_COPIES * UINT64_C(50000));
    assert_int_equal(json_integer_value(json_object_get(o, "window_ms")),
                     (RECENT_COPIES - 1) * 50000);
    assert_true(real_at(o, "run", "count") == RECENT_COPIES - 1);
    json_decref(o);
    close_world(w);
}

/* Those that fail most and those that are slowest, of more than are shown. */
TEST(kinds_are_bounded)
{
    enum { KINDS = RECENT_KINDS_MAX + 5, HALF = RECENT_KINDS_MAX / 2 };
    struct world *w = open_world();
    char kind[16];
    json_t *o;

    for (unsigned i = 0; i < RECENT_KINDS_MAX; i++) {
        snprintf(kind, sizeof kind, "k%02u", i);
        run(w, kind, i < HALF + 3 ? TALLY_DEAD : TALLY_DONE, 1000u << (i % HALF), 1 + i);
    }
    o = recent_shape(w->recent, START_MS + 1000);
    assert_int_equal(json_array_size(json_object_get(o, "kinds")), RECENT_KINDS_MAX);
    assert_int_equal(json_integer_value(json_object_get(o, "kinds_more")), 0);
    json_decref(o);
    for (unsigned i = RECENT_KINDS_MAX; i < KINDS; i++) {
        snprintf(kind, sizeof kind, "k%02u", i);
        run(w, kind, TALLY_DONE, 5000000, 1);
    }
    o = recent_shape(w->recent, START_MS + 1000);
    assert_int_equal(json_array_size(json_object_get(o, "kinds")), RECENT_KINDS_MAX);
    assert_int_equal(json_integer_value(json_object_get(o, "kinds_more")), 5);
    for (unsigned i = 0; i < HALF; i++) { /* of 11 that failed, those that did it most often */
        snprintf(kind, sizeof kind, "k%02u", HALF + 2 - i);
        assert_string_equal(kind_at(o, i), kind);
    }
    for (unsigned i = HALF; i < HALF + 5; i++) assert_true(atoi(kind_at(o, i) + 1) >= 16);
    json_decref(o);
    close_world(w);
}

TEST(what_runs_is_shown_before_it_ends)
{
    struct world *w = open_world();
    json_t *o, *kind;

    tally_at(w->totals.ends, "q", span_of("long"))->running = 2;
    o = recent_shape(w->recent, START_MS + 1000);
    kind = json_array_get(json_object_get(o, "kinds"), 0);
    assert_int_equal(json_integer_value(json_object_get(kind, "running")), 2);
    assert_true(json_is_null(json_object_get(json_object_get(kind, "run"), "p50_ms")));
    json_decref(o);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_done),
        cmocka_unit_test(rates_and_percentiles_of_the_window),
        cmocka_unit_test(what_is_old_leaves_the_window),
        cmocka_unit_test(the_window_says_how_long_it_is),
        cmocka_unit_test(kinds_are_bounded),
        cmocka_unit_test(what_runs_is_shown_before_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
