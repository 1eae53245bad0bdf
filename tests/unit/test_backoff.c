#include "scheduler/backoff.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS UINT64_C(3600000)

static const double almost_one = 0x1.fffffffffffffp-1;

static uint64_t wait_ms(const char *spec, unsigned failures, double unit)
{
    return backoff_ms(span_of(spec), failures, unit);
}

static void assert_refused(const char *spec, const char *expected_words)
{
    struct error why = {0};

    assert_int_equal(backoff_check(span_of(spec), &why), PINION_INVALID);
    if (!strstr(why.text, expected_words))
        fail_msg("'%s': \"%s\" does not say \"%s\"", spec, why.text, expected_words);
    assert_int_equal(wait_ms(spec, 3, 0.), 2000); /* as the default does */
}

static void assert_accepted(const char *spec)
{
    struct error why = {0};

    if (backoff_check(span_of(spec), &why)) fail_msg("'%s': %s", spec, why.text);
}

TEST(exponential_doubles_up_to_its_longest)
{
    uint64_t full_ms = 1000;

    for (unsigned n = 1; n <= 200; n++, full_ms = full_ms * 2 < HOUR_MS ? full_ms * 2 : HOUR_MS) {
        assert_int_equal(wait_ms("exponential", n, 0.), full_ms / 2);
        assert_int_equal(wait_ms("exponential", n, 0.5), full_ms * 3 / 4);
        assert_in_range(wait_ms("exponential", n, almost_one), full_ms - 1, full_ms);
    }
    assert_int_equal(wait_ms("exponential", UINT32_MAX, 0.), HOUR_MS / 2);
    assert_int_equal(wait_ms("exponential:200ms", 3, 0.), 400);
    assert_int_equal(wait_ms("exponential:200ms", 30, 0.), HOUR_MS / 2);
    assert_int_equal(wait_ms("exponential:10s,15s", 1, 0.), 5000);
    assert_int_equal(wait_ms("exponential:10s,15s", 2, 0.), 7500);
    assert_int_equal(wait_ms("exponential:2h,366d", 99, 0.), BACKOFF_MS_MAX / 2);
    assert_in_range(wait_ms("exponential:5ms,11ms", 2, almost_one), 9, 10); /* not yet 11 */
    assert_int_equal(wait_ms("exponential:0", 99, almost_one), 0);
}

TEST(dice_stay_between_half_and_whole)
{
    struct prng prng = {property_seed("PINION_BACKOFF_SEED")};

    for (int i = 0; i < 100000; i++) {
        unsigned failures = 1 + (unsigned)prng_below(&prng, 100);
        double unit = (double)(prng_next(&prng) >> 11) * 0x1p-53;
        uint64_t least_ms = wait_ms("exponential:3s,9h", failures, 0.);

        assert_in_range(wait_ms("exponential:3s,9h", failures, unit), least_ms, least_ms * 2);
    }
}

TEST(fixed_linear_and_list_are_exact)
{
    assert_int_equal(wait_ms("fixed:10s", 1, 0.), 10000);
    assert_int_equal(wait_ms("fixed:10s", 1000, almost_one), 10000);
    assert_int_equal(wait_ms("fixed:366d", 7, 0.5), BACKOFF_MS_MAX);
    assert_int_equal(wait_ms("fixed:0", 1, 0.5), 0);
    assert_int_equal(wait_ms("linear:5s", 1, 0.), 5000);
    assert_int_equal(wait_ms("linear:5s", 7, almost_one), 35000);
    assert_int_equal(wait_ms("linear:1h", UINT32_MAX, 0.5), HOUR_MS);
    assert_int_equal(wait_ms("list:1s,10s,1m", 1, 0.5), 1000);
    assert_int_equal(wait_ms("list:1s,10s,1m", 2, 0.), 10000);
    assert_int_equal(wait_ms("list:1s,10s,1m", 3, 0.), 60000);
    assert_int_equal(wait_ms("list:1s,10s,1m", 4, 0.), 60000);
    assert_int_equal(wait_ms("list:7s", UINT32_MAX, 0.), 7000);
}

TEST(absent_counts_as_exponential)
{
    assert_accepted(NULL);
    assert_int_equal(wait_ms(NULL, 2, 0.), 1000);
}

TEST(bad_specs_are_told_what_was_expected)
{
    assert_refused("", "expected exponential, fixed:D, linear:D or list:D");
    assert_refused("Exponential", "expected exponential");
    assert_refused("never:1s", "expected exponential");
    assert_refused("exponential ", "expected exponential");
    assert_refused("fixed", "expected a duration after 'fixed:'");
    assert_refused("linear", "expected a duration after 'linear:'");
    assert_refused("list", "expected a duration after 'list:'");
    assert_refused("fixed:", "duration");
    assert_refused("exponential:", "duration");
    assert_refused("fixed:10", "duration");
    assert_refused("fixed:-1s", "duration");
    assert_refused("fixed:1s ", "duration");
    assert_refused("list:1s,", "duration");
    assert_refused("list:,1s", "duration");
    assert_refused("list:1s,,2s", "duration");
    assert_refused("fixed:1s,2s", "at most 1 duration");
    assert_refused("exponential:1s,2s,3s", "at most 2 duration");
    assert_refused("exponential:2s,1s", "start at no more than its longest");
    assert_refused("exponential:2h", "start at no more than its longest");
    assert_refused("linear:61m", "start at no more than its longest");
}

TEST(limits_hold_at_the_limit_and_one_past_it)
{
    char spec[BACKOFF_TEXT_MAX * 2] = "list:1s";

    for (int i = 1; i < BACKOFF_LIST_MAX; i++) strcat(spec, ",2s");
    assert_accepted(spec);
    assert_int_equal(wait_ms(spec, BACKOFF_LIST_MAX, 0.), 2000);
    strcat(spec, ",3s");
    assert_refused(spec, "at most 16 durations");

    assert_accepted("fixed:366d");
    assert_refused("fixed:366d1ms", "at most 366d");

    snprintf(spec, sizeof spec, "fixed:%0*ds", BACKOFF_TEXT_MAX - 7, 5);
    assert_int_equal(strlen(spec), BACKOFF_TEXT_MAX);
    assert_accepted(spec);
    assert_int_equal(wait_ms(spec, 1, 0.), 5000);
    snprintf(spec, sizeof spec, "fixed:%0*ds", BACKOFF_TEXT_MAX - 6, 5);
    assert_refused(spec, "at most 128 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_doubles_up_to_its_longest),
        cmocka_unit_test(dice_stay_between_half_and_whole),
        cmocka_unit_test(fixed_linear_and_list_are_exact),
        cmocka_unit_test(absent_counts_as_exponential),
        cmocka_unit_test(bad_specs_are_told_what_was_expected),
        cmocka_unit_test(limits_hold_at_the_limit_and_one_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
