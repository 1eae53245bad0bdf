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

/* ---- blocks ---------------------------------------------------------------------------------- */

/* The block of an id: all but its last characters. */
static bool same_block(const char *a, const char *b)
{
    return memcmp(a, b, ID_LEN - ID_BLOCK_CHARS) == 0;
}

TEST(a_block_is_all_that_its_last_characters_can_say)
{
    char first[ID_LEN + 1], id[ID_LEN + 1], before[ID_LEN + 1];

    next_random = 42;
    id_new_block(6000, first);
    assert_string_equal(first + ID_LEN - ID_BLOCK_CHARS, "00");
    memcpy(id, first, sizeof id);
    for (unsigned i = 0; i < ID_BLOCK; i++) {
        memcpy(before, id, sizeof id);
        id_in_block(id, i);
        assert_int_equal(id_place_in_block(span_of(id)), i);
        assert_true(same_block(id, first));
        assert_true(i == 0 || strcmp(before, id) < 0);
        assert_int_equal(strlen(id), ID_LEN);
    }
    assert_string_equal(id + ID_LEN - ID_BLOCK_CHARS, "ZZ");
}

TEST(known_blocks_begin_behind_what_was_given)
{
    static const struct {
        uint64_t low;
        const char *expected;
    } known[] = {
        {0,                          "00000100"},
        {1021,                       "00000100"},
        {1022,                       "00000100"}, /* the last of its block is not given */
        {1023,                       "00000200"}, /* it was given: a block may be left out */
        {1024,                       "00000200"},
        {(UINT64_C(1) << 40) - 1024, "00000000"}, /* the carry */
        {(UINT64_C(1) << 40) - 2048, "ZZZZZZ00"},
    };
    char id[ID_LEN + 1];

    for (size_t i = 0; i < countof(known); i++) {
        next_random = known[i].low;
        id_new(7000 + 2 * (int64_t)i, id);
        id_new_block(7000 + 2 * (int64_t)i, id);
        assert_string_equal(id + 18, known[i].expected);
    }
}

TEST(the_next_id_is_behind_the_whole_block)
{
    char block[ID_LEN + 1], last[ID_LEN + 1], id[ID_LEN + 1];

    next_random = 5;
    for (int64_t ms = 8000; ms < 8003; ms++) {
        id_new_block(ms, block);
        memcpy(last, block, sizeof last);
        id_in_block(last, ID_BLOCK - 1);
        id_new(ms, id);
        assert_true(strcmp(last, id) < 0);
        id_new_block(ms, block); /* that id began a block: the next one is fresh */
        assert_true(strcmp(id, block) < 0);
        assert_false(same_block(id, block));
        memcpy(last, block, sizeof last);
        id_in_block(last, ID_BLOCK - 1);
        id_new_block(ms, block); /* two in a row */
        assert_true(strcmp(last, block) < 0);
    }
}

/* Single ids and blocks in any order and any millisecond: they sort as they were made, and whatever
 * is behind a block is behind all of it. Random numbers often lie at the edge of a block. */
TEST(blocks_and_ids_sort_as_they_were_made)
{
    struct prng prng = {property_seed("PINION_ID_SEED")};
    char last[ID_LEN + 1] = "", id[ID_LEN + 1];
    int64_t now_ms = 1700000000000, found_ms;

    for (int i = 0; i < 200000; i++) {
        next_random = prng_next(&prng);
        if (prng_below(&prng, 2)) next_random |= ID_BLOCK - 1;
        if (prng_below(&prng, 4) == 0) next_random |= (UINT64_C(1) << 40) - ID_BLOCK;
        if (prng_below(&prng, 30) == 0) now_ms++;
        bool block = prng_below(&prng, 3) == 0;
        (block ? id_new_block : id_new)(now_ms, id);
        assert_true(strcmp(last, id) < 0);
        assert_true(id_time_ms(span_of(id), &found_ms));
        assert_int_equal(found_ms, now_ms);
        memcpy(last, id, sizeof id);
        if (block) id_in_block(last, ID_BLOCK - 1);
    }
}

TEST(a_place_of_anything_is_within_a_block)
{
    static const char *const odd[] = {"", "x", "0000000000000000000000000I",
                                      "000000000000000000000000--", "00000000000000000000000000000",
                                      "000000000000000000000000\xff\xff"};

    for (size_t i = 0; i < countof(odd); i++)
        assert_true(id_place_in_block(span_of(odd[i])) < ID_BLOCK);
    assert_true(id_place_in_block((struct span){0}) < ID_BLOCK);
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
        cmocka_unit_test(a_block_is_all_that_its_last_characters_can_say),
        cmocka_unit_test(known_blocks_begin_behind_what_was_given),
        cmocka_unit_test(the_next_id_is_behind_the_whole_block),
        cmocka_unit_test(blocks_and_ids_sort_as_they_were_made),
        cmocka_unit_test(a_place_of_anything_is_within_a_block),
        cmocka_unit_test(a_forked_child_starts_afresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
