/* tests/unit/test_id.c — with scripted randomness, since counting past 2^40 takes too long. */
#include "base/id.h"
#include "base/random.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t next_random;

uint64_t random_u64(void)
{
    return next_random;
}

void random_fill(void *out, size_t bytes)
{
    memset(out, (int)next_random, bytes);
}

double random_unit(void)
{
    return 0;
}

TEST(known_ids)
{
    char id[ID_LEN + 1];

    next_random = 0;
    id_new(0, id);
    assert_string_equal(id, "00000000000000000000000000");
    next_random = UINT64_MAX; /* the topmost of the 80 random bits is kept zero */
    id_new((INT64_C(1) << 48) - 1, id);
    assert_string_equal(id, "7ZZZZZZZZZFZZZZZZZZZZZZZZZ");
    next_random = 0;
    id_new(1469918176385, id); /* the time in the example of the specification */
    assert_string_equal(id, "01ARYZ6S410000000000000000");
}

TEST(the_same_millisecond_counts_on_through_the_carry)
{
    char id[ID_LEN + 1];

    next_random = (UINT64_C(1) << 40) - 2;
    id_new(1000, id);
    assert_string_equal(id + 10, "FZZZZZZYZZZZZZZY");
    id_new(1000, id);
    assert_string_equal(id + 10, "FZZZZZZYZZZZZZZZ");
    id_new(1000, id);
    assert_string_equal(id + 10, "FZZZZZZZ00000000");
}

TEST(ids_sort_as_they_were_made)
{
    struct prng prng = {property_seed("PINION_ID_SEED")};
    char before[ID_LEN + 1] = "", id[ID_LEN + 1];
    int64_t now_ms = 1700000000000, found_ms;

    for (int i = 0; i < 100000; i++) {
        next_random = prng_next(&prng);
        if (prng_below(&prng, 10) == 0) now_ms += (int64_t)prng_below(&prng, 5);
        id_new(now_ms, id);
        assert_true(strcmp(before, id) < 0);
        assert_true(id_time_ms(span_of(id), &found_ms));
        assert_int_equal(found_ms, now_ms);
        memcpy(before, id, sizeof(id));
    }
}

TEST(a_clock_out_of_range_is_clamped)
{
    char id[ID_LEN + 1];
    int64_t found_ms;

    id_new(-5, id);
    assert_true(id_time_ms(span_of(id), &found_ms));
    assert_int_equal(found_ms, 0);
    id_new(INT64_MAX, id);
    assert_true(id_time_ms(span_of(id), &found_ms));
    assert_int_equal(found_ms, (INT64_C(1) << 48) - 1);
}

TEST(what_is_not_an_id_is_refused)
{
    static const char *const bad[] = {
        "",                            "0000000000000000000000000",
        "000000000000000000000000000", "80000000000000000000000000",
        "0000000000000000000000000I",  "0000000000000000000000000L",
        "0000000000000000000000000O",  "0000000000000000000000000U",
        "0000000000000000000000000a",  "-0000000000000000000000000",
    };
    int64_t ms = 42;

    for (size_t i = 0; i < countof(bad); i++) assert_false(id_time_ms(span_of(bad[i]), &ms));
    assert_false(id_time_ms((struct span){0}, &ms));
    assert_int_equal(ms, 42);
}

/* A child that counted on would make the id that its parent makes next. */
TEST(a_forked_child_starts_afresh)
{
    char first[ID_LEN + 1], id[ID_LEN + 1];
    int status;
    pid_t child;

    next_random = 7;
    id_new(5000, first);
    id_new(5000, id);
    next_random = 7777;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char expected[ID_LEN + 1];

        id_new(5000, id);
        id_new(5001, expected); /* fresh for sure */
        _exit(strcmp(id + 10, expected + 10) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_ids),
        cmocka_unit_test(the_same_millisecond_counts_on_through_the_carry),
        cmocka_unit_test(ids_sort_as_they_were_made),
        cmocka_unit_test(a_clock_out_of_range_is_clamped),
        cmocka_unit_test(what_is_not_an_id_is_refused),
        cmocka_unit_test(a_forked_child_starts_afresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
