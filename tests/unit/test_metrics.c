/* tests/unit/test_metrics.c — histograms against a sorted array of the same values. */
#include "base/macros.h"
#include "base/metrics.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdlib.h>

enum { VALUES = 5000, ROUNDS = 20 };

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

TEST(empty_is_all_zero)
{
    static struct histogram h;

    assert_int_equal(histogram_percentile(&h, 0.5), 0);
    assert_int_equal(histogram_count_le(&h, 0), 0);
    assert_int_equal(histogram_count_le(&h, UINT64_MAX), 0);
    assert_true(sizeof(h) <= 8192);
}

TEST(one_value_is_every_percentile)
{
    static const uint64_t values[] = {0, 1, 15, 16, 17, 31, 32, 33, 1000003, UINT64_MAX / 2,
                                      UINT64_MAX / 2 + 1, UINT64_MAX};

    for (size_t i = 0; i < countof(values); i++) {
        struct histogram h = {0};

        histogram_add(&h, values[i]);
        assert_int_equal(histogram_percentile(&h, 0), values[i]);
        assert_int_equal(histogram_percentile(&h, 0.5), values[i]);
        assert_int_equal(histogram_percentile(&h, 1), values[i]);
        assert_int_equal(histogram_count_le(&h, values[i]), 1);
        if (values[i]) assert_int_equal(histogram_count_le(&h, values[i] / 2), 0);
    }
}

/* At most 6.25 % above the true one, and never below it. */
static void check_percentiles(const struct histogram *h, const uint64_t *sorted, size_t count)
{
    static const double shares[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};

    for (size_t i = 0; i < countof(shares); i++) {
        double exact = shares[i] * (double)count;
        size_t rank = (size_t)exact;
        uint64_t expected, found = histogram_percentile(h, shares[i]);

        if ((double)rank < exact) rank++;
        expected = sorted[rank ? rank - 1 : 0];
        assert_true(found >= expected);
        assert_true(found - expected <= expected / 16);
        assert_true(found <= sorted[count - 1]);
    }
}

/* 2^n - 1 is the last value of a bucket, for every n. */
static void check_counts(const struct histogram *h, const uint64_t *sorted, size_t count)
{
    size_t expected = 0;

    for (unsigned n = 0; n <= 64; n++) {
        uint64_t limit = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;

        while (expected < count && sorted[expected] <= limit) expected++;
        assert_int_equal(histogram_count_le(h, limit), expected);
    }
}

TEST(many_values_match_the_sorted_array)
{
    struct prng prng = {property_seed("PINION_METRICS_SEED")};
    static uint64_t values[VALUES];

    for (int round = 0; round < ROUNDS; round++) {
        struct histogram h = {0}, part = {0};
        uint64_t sum = 0;

        for (size_t i = 0; i < VALUES; i++) {
            values[i] = prng_magnitude(&prng);
            sum += values[i];
            histogram_add(i % 3 ? &h : &part, values[i]);
        }
        histogram_merge(&h, &part);
        qsort(values, VALUES, sizeof(values[0]), by_value);

        assert_int_equal(h.count, VALUES);
        assert_int_equal(h.sum, sum);
        assert_int_equal(h.max, values[VALUES - 1]);
        check_percentiles(&h, values, VALUES);
        check_counts(&h, values, VALUES);
    }
}

TEST(counts_never_fall_and_never_exceed_the_truth)
{
    struct histogram h = {0};
    uint64_t before = 0;

    for (uint64_t value = 0; value < 3000; value++) histogram_add(&h, value);
    for (uint64_t limit = 0; limit < 3000; limit++) {
        uint64_t count = histogram_count_le(&h, limit);

        assert_true(count >= before && count <= limit + 1);
        before = count;
    }
    assert_int_equal(before, 3000);
}

/* The difference of two copies is what was added, its percentiles as if it alone had been. */
TEST(since_a_copy)
{
    struct prng prng = {property_seed("PINION_METRICS_SEED")};
    struct histogram all = {0}, before, alone = {0}, since;

    for (size_t i = 0; i < VALUES; i++) histogram_add(&all, prng_magnitude(&prng) >> 20);
    before = all;
    for (size_t i = 0; i < VALUES; i++) {
        uint64_t value = prng_magnitude(&prng) >> 30;
        histogram_add(&all, value);
        histogram_add(&alone, value);
    }
    histogram_since(&all, &before, &since);
    assert_int_equal(since.count, VALUES);
    assert_int_equal(since.sum, alone.sum);
    assert_true(since.max >= alone.max && since.max <= alone.max + alone.max / 16);
    assert_memory_equal(since.bucket, alone.bucket, sizeof since.bucket);
    histogram_since(&all, &all, &since);
    assert_int_equal(histogram_percentile(&since, 0.99), 0);
}

/* At most 12.5 % above the true one; what is too large for it counts as its largest. */
TEST(sketches_match_the_sorted_array)
{
    static const double shares[] = {0, 0.5, 0.99, 1};
    struct prng prng = {property_seed("PINION_METRICS_SEED")};
    static uint64_t values[VALUES];
    struct sketch s = {0}, before = {0};

    assert_int_equal(sketch_percentile(&s, NULL, 0.5), 0);
    for (size_t k = 0; k < SKETCH_BUCKETS; k++) before.bucket[k] = s.bucket[k] = UINT32_MAX;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = prng_magnitude(&prng) >> (64 - SKETCH_BITS);
        sketch_add(&s, values[i]); /* the counts wrap around */
    }
    qsort(values, VALUES, sizeof(values[0]), by_value);
    for (size_t i = 0; i < countof(shares); i++) {
        size_t rank = (size_t)(shares[i] * VALUES);
        uint64_t expected = values[rank ? rank - 1 : 0];
        uint64_t found = sketch_percentile(&s, &before, shares[i]);
        assert_true(found >= expected && found - expected <= expected / 8);
    }
    s = (struct sketch){0};
    sketch_add(&s, UINT64_MAX);
    assert_int_equal(sketch_percentile(&s, NULL, 1), (UINT64_C(1) << SKETCH_BITS) - 1);
}

TEST(counters_count)
{
    struct counter c = {0};

    counter_add(&c, 3);
    counter_add(&c, 4);
    assert_int_equal(c.value, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_all_zero),
        cmocka_unit_test(one_value_is_every_percentile),
        cmocka_unit_test(many_values_match_the_sorted_array),
        cmocka_unit_test(counts_never_fall_and_never_exceed_the_truth),
        cmocka_unit_test(since_a_copy),
        cmocka_unit_test(sketches_match_the_sorted_array),
        cmocka_unit_test(counters_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
