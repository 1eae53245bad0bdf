/* tests/unit/test_tally.c — ends of attempts by queue and kind, and the bound on their number. */
#include "workers/tally.h"

#include <stdio.h>
#include <string.h>
#include "tests/support/check.h"

static const struct tally_row *row_of(const struct tally *t, const char *queue, const char *kind)
{
    for (size_t i = 0; i < tally_count(t); i++)
        if (strcmp(tally_row(t, i)->queue, queue) == 0 && strcmp(tally_row(t, i)->kind, kind) == 0)
            return tally_row(t, i);
    fail_msg("no row %s %s", queue, kind);
    return NULL;
}

TEST(counts_by_queue_kind_and_end)
{
    struct tally *t = tally_new();

    tally_add(t, "mail", span_of("send"), TALLY_DONE);
    tally_add(t, "mail", (struct span){"sending", 4}, TALLY_DONE);
    tally_add(t, "mail", span_of("send"), TALLY_DEAD);
    tally_add(t, "default", span_of("send"), TALLY_RETRY);
    assert_int_equal(tally_count(t), 2);
    assert_int_equal(row_of(t, "mail", "send")->count[TALLY_DONE], 2);
    assert_int_equal(row_of(t, "mail", "send")->count[TALLY_DEAD], 1);
    assert_int_equal(row_of(t, "mail", "send")->count[TALLY_RETRY], 0);
    assert_int_equal(row_of(t, "default", "send")->count[TALLY_RETRY], 1);
    tally_free(t);
}

/* "a" "bc" and "ab" "c" are two rows. */
TEST(queue_and_kind_are_kept_apart)
{
    struct tally *t = tally_new();

    tally_add(t, "a", span_of("bc"), TALLY_DONE);
    tally_add(t, "ab", span_of("c"), TALLY_DONE);
    assert_int_equal(tally_count(t), 2);
    tally_free(t);
}

TEST(kinds_past_the_limit_are_other)
{
    struct tally *t = tally_new();
    char kind[16];
    uint64_t sum = 0;

    for (unsigned i = 0; i < TALLY_ROWS_MAX; i++) {
        snprintf(kind, sizeof kind, "k%u", i);
        tally_add(t, "q", span_of(kind), TALLY_DONE);
    }
    assert_int_equal(tally_count(t), TALLY_ROWS_MAX);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(kind, sizeof kind, "x%u", i);
        tally_add(t, i % 2 ? "q" : "r", span_of(kind), TALLY_DONE);
    }
    tally_add(t, "q", span_of("k7"), TALLY_DONE); /* one that has a row keeps it */
    assert_int_equal(tally_count(t), TALLY_ROWS_MAX + 2);
    assert_int_equal(row_of(t, "q", TALLY_OTHER)->count[TALLY_DONE], 500);
    assert_int_equal(row_of(t, "r", TALLY_OTHER)->count[TALLY_DONE], 500);
    assert_int_equal(row_of(t, "q", "k7")->count[TALLY_DONE], 2);
    for (size_t i = 0; i < tally_count(t); i++) sum += tally_row(t, i)->count[TALLY_DONE];
    assert_int_equal(sum, TALLY_ROWS_MAX + 1001);
    tally_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_queue_kind_and_end),
        cmocka_unit_test(queue_and_kind_are_kept_apart),
        cmocka_unit_test(kinds_past_the_limit_are_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
