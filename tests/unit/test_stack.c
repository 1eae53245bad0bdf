/* Stacks of coroutines: a page that nobody may touch, memory that goes back, and none left. */
#include "workers/stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/macros.h"
#include "tests/support/check.h"
#include "workers/context.h"
#include "workers/fiber.h"

static struct ev_loop *loop;
static struct stack_pool pool;

static int begin(void **state)
{
    (void)state;
    loop = ev_loop_new(EVFLAG_AUTO);
    stack_pool_init(&pool, loop, STACK_BYTES_MIN);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stack_pool_deinit(&pool);
    ev_loop_destroy(loop);
    return 0;
}

static struct stack *take(void)
{
    struct stack *stack = NULL;
    struct error why;

    if (stack_take(&pool, &stack, &why)) fail_msg("%s", why.text);
    return stack;
}

TEST(all_of_it_may_be_used)
{
    struct stack *stack = take();

    assert_true(stack->bytes >= STACK_BYTES_MIN);
    memset(stack->base, 1, stack->bytes);
    stack_put(&pool, stack);
    assert_ptr_equal(take(), stack);
    stack_put(&pool, stack);
}

/* How the child ends that does this. */
static int end_with(struct stack *stack, void (*act)(struct stack *))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* neither cmocka's nor a sanitizer's */
        act(stack);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int end_of(void (*act)(struct stack *))
{
    struct stack *stack = take();
    int status = end_with(stack, act);

    stack_put(&pool, stack);
    return status;
}

static void touch_lowest(struct stack *stack)
{
    *(volatile char *)stack->base = 1;
}

static void touch_below(struct stack *stack)
{
    ((volatile char *)stack->base)[-1] = 1;
}

static unsigned dive(volatile char *above)
{
    volatile char room[1024] = {above[0]};

    if (above[0] == 1) return 0; /* which it never is */
    return dive(room) + (unsigned)room[0];
}

static void dive_for_good(void *arg)
{
    struct fiber nobody, *self = arg;
    volatile char zero = 0;

    fiber_arrive(self, &nobody);
    _exit((int)dive(&zero));
}

static void overflow(struct stack *stack)
{
    struct fiber inside, outside;
    struct context from, to;

    fiber_begin(&inside, stack->base, stack->bytes);
    context_make(&to, stack->base, stack->bytes, dive_for_good, &inside);
    fiber_leave(&outside, &inside, 0);
    context_switch(&from, &to);
}

TEST(who_overflows_it_dies)
{
    assert_int_equal(end_of(touch_lowest), 0);
    int below = end_of(touch_below), deep = end_of(overflow);
    assert_true(WIFSIGNALED(below) && WTERMSIG(below) == SIGSEGV);
    assert_true(WIFSIGNALED(deep) && WTERMSIG(deep) == SIGSEGV);
}

static void find_none(struct stack *stack)
{
    struct rlimit none = {1, 1};
    struct stack *more = NULL;
    struct error why;

    setrlimit(RLIMIT_AS, &none);
    if (stack_take(&pool, &more, &why) != PINION_BUSY || more) _exit(2);
    if (!strstr(why.text, "vm.max_map_count")) _exit(3);
    stack_put(&pool, stack); /* one that is there still serves */
    if (stack_take(&pool, &more, &why) || more != stack) _exit(4);
    _exit(7);
}

/* Many are cut off one mapping: each has its guard, and all of its bytes to itself. */
TEST(those_beside_each_other_do_not_meet)
{
    static const unsigned looked_at[] = {0, 1, 2, 3, 40, 63, 64, 199};
    struct stack *stacks[200];

    for (unsigned i = 0; i < 200; i++) {
        stacks[i] = take();
        memset(stacks[i]->base, (int)i, stacks[i]->bytes);
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal((unsigned char)stacks[i]->base[0], i);
        assert_int_equal((unsigned char)stacks[i]->base[stacks[i]->bytes - 1], i);
    }
    for (unsigned i = 0; i < countof(looked_at); i++) {
        int status = end_with(stacks[looked_at[i]], touch_below);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
    }
    for (unsigned i = 0; i < 200; i += 2) stack_put(&pool, stacks[i]); /* holes between others */
    for (unsigned turn = 0; turn < 9 && pool.count; turn++) ev_invoke(loop, &pool.idle, EV_TIMER);
    assert_int_equal(pool.count, 0);
    for (unsigned i = 1; i < 200; i += 2) {
        memset(stacks[i]->base, 1, stacks[i]->bytes);
        stack_put(&pool, stacks[i]);
    }
}

TEST(the_largest_are_made_one_by_one)
{
    struct stack_pool large;
    struct stack *stacks[5];
    struct error why;

    stack_pool_init(&large, loop, STACK_BYTES_MAX);
    for (unsigned i = 0; i < 5; i++) {
        if (stack_take(&large, &stacks[i], &why)) fail_msg("%s", why.text);
        assert_int_equal(large.fresh_count, 0);
    }
    for (unsigned i = 0; i < 5; i++) stack_put(&large, stacks[i]);
    stack_pool_deinit(&large);
}

TEST(when_the_system_has_none_it_says_so)
{
    int status = end_of(find_none);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void pass_idle(void)
{
    ev_invoke(loop, &pool.idle, EV_TIMER);
}

TEST(what_nobody_used_for_long_goes_back)
{
    struct stack *stacks[3];

    for (unsigned i = 0; i < 3; i++) stacks[i] = take();
    for (unsigned i = 0; i < 3; i++) stack_put(&pool, stacks[i]);
    pass_idle(); /* one was there all the time */
    assert_int_equal(pool.count, 2);
    stack_put(&pool, take());
    pass_idle(); /* and one again */
    assert_int_equal(pool.count, 1);
    assert_true(ev_is_active(&pool.idle));
    pass_idle();
    assert_int_equal(pool.count, 0);
    assert_false(ev_is_active(&pool.idle));
}

/* Thousands do not hold up the loop, and some of them may be taken meanwhile. */
TEST(they_go_back_a_few_in_a_turn)
{
    enum { MANY = 3 * STACKS_UNMAPPED_MAX + 1 };
    struct stack *stacks[MANY];

    for (unsigned i = 0; i < MANY; i++) stacks[i] = take();
    for (unsigned i = 0; i < MANY; i++) stack_put(&pool, stacks[i]);
    for (unsigned i = 0; i < MANY; i++) stacks[i] = take();
    for (unsigned i = 0; i < MANY; i++) stack_put(&pool, stacks[i]);
    pass_idle(); /* all were used lately */
    assert_int_equal(pool.count, MANY);
    pass_idle();
    assert_int_equal(pool.count, MANY - STACKS_UNMAPPED_MAX);
    assert_true(ev_timer_remaining(loop, &pool.idle) < 2 * STACKS_UNMAP_S);
    for (unsigned i = 0; i < MANY - STACKS_UNMAPPED_MAX - 2; i++) stacks[i] = take();
    pass_idle(); /* two are left that nobody used */
    assert_int_equal(pool.count, 0);
    assert_false(ev_is_active(&pool.idle));
    stack_put(&pool, stacks[0]);
    assert_true(ev_timer_remaining(loop, &pool.idle) > STACKS_IDLE_S / 2);
    for (unsigned i = 1; i < MANY - STACKS_UNMAPPED_MAX - 2; i++) stack_put(&pool, stacks[i]);
}

TEST(so_many_are_kept_and_not_one_more)
{
    struct stack **stacks = calloc(STACKS_KEPT_MAX + 1, sizeof *stacks);

    for (unsigned i = 0; i <= STACKS_KEPT_MAX; i++) stacks[i] = take();
    for (unsigned i = 0; i < STACKS_KEPT_MAX; i++) stack_put(&pool, stacks[i]);
    assert_int_equal(pool.count, STACKS_KEPT_MAX);
    stack_put(&pool, stacks[STACKS_KEPT_MAX]);
    assert_int_equal(pool.count, STACKS_KEPT_MAX);
    free(stacks);
}

/* Nothing of the pool may keep a loop alive. */
TEST(an_idle_pool_lets_the_loop_end)
{
    stack_put(&pool, take());
    assert_true(ev_is_active(&pool.idle));
    assert_int_equal(ev_run(loop, 0), 0);
}

#define with_pool(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(all_of_it_may_be_used),
        with_pool(who_overflows_it_dies),
        with_pool(those_beside_each_other_do_not_meet),
        with_pool(the_largest_are_made_one_by_one),
        with_pool(when_the_system_has_none_it_says_so),
        with_pool(what_nobody_used_for_long_goes_back),
        with_pool(they_go_back_a_few_in_a_turn),
        with_pool(so_many_are_kept_and_not_one_more),
        with_pool(an_idle_pool_lets_the_loop_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
