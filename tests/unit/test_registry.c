/* tests/unit/test_registry.c — handlers that are replaced while they run. */
#include "workers/registry.h"

#include <stdlib.h>
#include "tests/support/check.h"

static unsigned freed;

static void count_free(struct handler *h)
{
    (void)h;
    freed++;
}

static const struct runner runner = {"test", NULL, NULL, count_free};

static struct handler *add(struct registry *r, const char *pattern, unsigned concurrency)
{
    struct handler *h = calloc(1, sizeof *h);
    struct error why;

    assert_non_null(h);
    h->pattern = pattern;
    h->runner = &runner;
    h->concurrency = concurrency;
    handler_limit(h, 10);
    if (registry_add(r, h, &why)) fail_msg("%s", why.text);
    return h;
}

static void replace(struct registry *r, struct registry *next)
{
    registry_swap(r, next);
    assert_int_equal(next->count, 0);
}

TEST(one_that_nobody_holds_is_freed_at_once)
{
    struct registry r = {.count = 0}, next = {.count = 0};

    freed = 0;
    add(&r, "a", 1);
    struct handler *kept = add(&r, "kept", 1), *fresh = add(&next, "a", 2);
    if (registry_add(&next, kept, NULL)) fail();
    replace(&r, &next);
    assert_int_equal(freed, 1);
    assert_ptr_equal(registry_find(&r, span_of("a")), fresh);
    assert_ptr_equal(registry_find(&r, span_of("kept")), kept);
    registry_deinit(&r);
    assert_int_equal(freed, 3);
}

TEST(one_that_is_busy_takes_slots_of_its_successors)
{
    struct registry r = {.count = 0}, next = {.count = 0};
    struct handler *first, *second, *third;

    freed = 0;
    first = add(&r, "a", 3);
    handler_hold(first);
    first->running = 2;
    second = add(&next, "a", 3);
    replace(&r, &next);
    assert_int_equal(handler_free_slots(second), 1);
    handler_hold(second);
    second->offered = 1;
    third = add(&next, "a", 4);
    replace(&r, &next);
    assert_int_equal(handler_free_slots(third), 1);
    assert_int_equal(handler_offered(third), 1);

    second->offered = 0; /* out of the middle */
    handler_drop(second);
    assert_int_equal(handler_free_slots(third), 2);
    assert_int_equal(freed, 1);
    first->running = 0; /* its attempt is still to be settled */
    assert_int_equal(handler_free_slots(third), 4);
    assert_int_equal(freed, 1);
    handler_drop(first);
    assert_int_equal(freed, 2);
    registry_deinit(&r);
    assert_int_equal(freed, 3);
}

TEST(one_without_successor_lives_until_it_is_dropped)
{
    struct registry r = {.count = 0}, next = {.count = 0};
    struct handler *gone;

    freed = 0;
    gone = add(&r, "gone", 1);
    handler_hold(gone);
    replace(&r, &next);
    assert_true(gone->retired);
    assert_null(registry_find(&r, span_of("gone")));
    assert_int_equal(freed, 0);
    handler_drop(gone);
    assert_int_equal(freed, 1);
}

TEST(limits_follow_the_service_both_ways)
{
    struct registry r = {.count = 0};
    struct handler *all = add(&r, "all", 0), *three = add(&r, "three", 3);

    handler_limit(all, 2), handler_limit(three, 2);
    assert_int_equal(all->concurrency, 2);
    assert_int_equal(three->concurrency, 2);
    handler_limit(all, 20), handler_limit(three, 20);
    assert_int_equal(all->concurrency, 20);
    assert_int_equal(three->concurrency, 3);
    registry_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_nobody_holds_is_freed_at_once),
        cmocka_unit_test(one_that_is_busy_takes_slots_of_its_successors),
        cmocka_unit_test(one_without_successor_lives_until_it_is_dropped),
        cmocka_unit_test(limits_follow_the_service_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
