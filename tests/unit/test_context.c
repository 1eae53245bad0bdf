/* Switches between two stacks; built twice, with our own instructions and with the library's. */
#include "workers/context.h"

#include <fenv.h>
#include <stdint.h>
#include <stdlib.h>
#include "tests/support/check.h"
#include "workers/fiber.h"

#define STACK_BYTES 262144

struct side {
    struct context here, there;
    struct fiber in, out;
    char *stack;
    unsigned steps;
    uint64_t sum;
};

static void leave(struct side *s, int for_good)
{
    fiber_leave(&s->in, &s->out, for_good);
    context_switch(&s->there, &s->here);
    fiber_arrive(&s->in, &s->out);
}

static void enter(struct side *s)
{
    struct fiber nobody;

    fiber_leave(&s->out, &s->in, 0);
    context_switch(&s->here, &s->there);
    fiber_arrive(&s->out, &nobody);
}

/* More values that live across a switch than a processor has registers for. */
static void count(void *arg)
{
    struct side *s = arg;
    volatile uint64_t seed = s->steps;
    uint64_t a = seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13, g = a * 17;
    double x = (double)a / 3, y = x * 2;

    fiber_arrive(&s->in, &s->out);
    assert_int_equal((uintptr_t)__builtin_frame_address(0) % 16, 0);
    for (unsigned i = 0; i < s->steps; i++) {
        s->sum += a + b + c + d + e + f + g + (uint64_t)(x * 3 + y * 3);
        leave(s, 0);
        a++, b++, c++, d++, e++, f++, g++, x += 1, y += 1;
    }
    s->steps = 0;
    leave(s, 1);
}

static void make(struct side *s, unsigned steps, context_fn *entry)
{
    *s = (struct side){.stack = malloc(STACK_BYTES), .steps = steps};
    fiber_begin(&s->in, s->stack, STACK_BYTES);
    context_make(&s->there, s->stack, STACK_BYTES, entry, s);
}

static void end(struct side *s)
{
    fiber_end(&s->in);
    fiber_clean(s->stack, STACK_BYTES);
    free(s->stack);
}

static uint64_t sum_of(unsigned steps)
{
    struct side s;

    make(&s, steps, count);
    while (s.steps) enter(&s);
    end(&s);
    return s.sum;
}

TEST(what_a_call_keeps_is_kept)
{
    struct side one, other;

    make(&one, 100, count);
    make(&other, 73, count);
    while (one.steps || other.steps) {
        if (one.steps) enter(&one);
        if (other.steps) enter(&other);
    }
    assert_int_equal(one.sum, sum_of(100));
    assert_int_equal(other.sum, sum_of(73));
    end(&one);
    end(&other);
}

static void round_up(void *arg)
{
    struct side *s = arg;

    fiber_arrive(&s->in, &s->out);
    s->sum = (uint64_t)fegetround();
    fesetround(FE_UPWARD);
    leave(s, 0);
    assert_int_equal(fegetround(), FE_UPWARD);
    leave(s, 1);
}

#if defined __x86_64__
/* A new stack begins with the rounding of who made it, and changes that of nobody else. */
TEST(each_stack_has_its_own_rounding)
{
    struct side s;

    make(&s, 0, round_up);
    enter(&s);
    assert_int_equal(s.sum, FE_TONEAREST);
    assert_int_equal(fegetround(), FE_TONEAREST);
    enter(&s);
    assert_int_equal(fegetround(), FE_TONEAREST);
    end(&s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_call_keeps_is_kept),
#if defined __x86_64__
        cmocka_unit_test(each_stack_has_its_own_rounding),
#endif
    };

    (void)round_up;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
