/* tests/unit/test_strikes.c — some at once, then one in a time; for each peer, and for many. */
#include "control/access/strikes.h"
#include "tests/support/check.h"

static struct strikes strikes;

static unsigned allowed(const char *peer, unsigned tries, uint64_t now_ms)
{
    unsigned count = 0;

    for (unsigned i = 0; i < tries; i++) count += strikes_allow(&strikes, peer, 4, now_ms);
    return count;
}

TEST(some_at_once_then_one_in_a_time)
{
    strikes_init(&strikes, 7);
    assert_int_equal(allowed("ann ", STRIKES_AT_ONCE, 5000), STRIKES_AT_ONCE);
    assert_int_equal(allowed("ann ", 100, 5000), 0);
    assert_int_equal(allowed("ann ", 100, 5000 + STRIKES_EVERY_MS - 1), 0);
    assert_int_equal(allowed("ann ", 100, 5000 + STRIKES_EVERY_MS), 1);
    assert_int_equal(allowed("ann ", 100, 5000 + 4 * STRIKES_EVERY_MS), 3);
    assert_int_equal(allowed("ann ", 100, 5000 + 1000 * STRIKES_EVERY_MS), STRIKES_AT_ONCE);
    assert_int_equal(allowed("ann ", 1, 0), 0); /* a clock that went back forgives nothing */
}

TEST(others_have_their_own)
{
    strikes_init(&strikes, 7);
    assert_int_equal(allowed("ann ", 100, 5000), STRIKES_AT_ONCE);
    assert_int_equal(allowed("bob ", 100, 5000), STRIKES_AT_ONCE);
}

/* All addresses together are bounded by the places. */
TEST(a_flood_of_peers_is_bounded)
{
    unsigned count = 0;

    strikes_init(&strikes, 7);
    for (uint32_t peer = 0; peer < 100000; peer++)
        count += strikes_allow(&strikes, &peer, sizeof peer, 5000);
    assert_in_range(count, STRIKES_PLACES, STRIKES_PLACES * STRIKES_AT_ONCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_at_once_then_one_in_a_time),
        cmocka_unit_test(others_have_their_own),
        cmocka_unit_test(a_flood_of_peers_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
