/* tests/unit/test_random.c — the block of random bytes is never given out twice. */
#include "base/random.h"
#include "tests/support/check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_unit_is_in_its_range)
{
    double least = 1, most = 0;

    for (int i = 0; i < 10000; i++) {
        double unit = random_unit();

        assert_true(unit >= 0 && unit < 1);
        if (unit < least) least = unit;
        if (unit > most) most = unit;
    }
    assert_true(least < 0.01 && most > 0.99); /* wrong once in 10^43 runs */
}

TEST(fills_across_blocks_all_of_it_and_no_more)
{
    unsigned char bytes[2000], seen[2000] = {0};

    for (int round = 0; round < 8; round++) { /* a byte stays zero in all with 1 : 2^64 */
        memset(bytes, 0, sizeof(bytes));
        random_fill(bytes, sizeof(bytes) - 1);
        for (size_t i = 0; i < sizeof(bytes); i++) seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) assert_int_not_equal(seen[i], 0);
    assert_int_equal(seen[sizeof(bytes) - 1], 0);
}

TEST(a_forked_child_gets_other_bytes)
{
    uint64_t ours, theirs = 0;
    int ends[2], status;
    pid_t child;

    random_u64(); /* the first of a fresh block: the rest is there for both to take from */
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        theirs = random_u64();
        _exit(write(ends[1], &theirs, sizeof(theirs)) != sizeof(theirs));
    }
    ours = random_u64();
    assert_int_equal(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_not_equal(ours, theirs);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forked_child_gets_other_bytes), /* first, while no block is used up */
        cmocka_unit_test(a_unit_is_in_its_range),
        cmocka_unit_test(fills_across_blocks_all_of_it_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
