/* Calls onto the loop from other threads and from signal handlers. Also for ThreadSanitizer. */
#include "include/pinion.h"
#include "base/memory.h"
#include "control/soon.h"
#include "tests/flow/scratch.h"
#include "tests/support/check.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static struct ev_loop *loop;
static struct pinion_service *service;
static char scratch[SCRATCH_MAX];

static int begin(void **state)
{
    char why[256];
    struct pinion_service_options options = {.redis_url = "unix:/nobody", .state_dir = scratch};

    (void)state;
    loop = ev_loop_new(EVFLAG_AUTO);
    if (!loop || !scratch_make(scratch)) return -1;
    return pinion_service_new(loop, &options, &service, why, sizeof why) ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    pinion_service_free(service);
    ev_loop_destroy(loop);
    return scratch_remove(scratch);
}

static void count(struct pinion_soon *node, void *ctx)
{
    (void)node;
    ++*(unsigned *)ctx;
}

/* ---- one thread ------------------------------------------------------------------------------ */

TEST(a_pending_node_is_called_once)
{
    unsigned calls = 0;
    struct pinion_soon node = {.fn = count, .ctx = &calls};

    assert_int_equal(pinion_call_soon(service, &node), 1);
    assert_int_equal(pinion_call_soon(service, &node), 0);
    assert_int_equal(pinion_call_soon(service, &node), 0);
    assert_int_equal(calls, 0);
    ev_run(loop, EVRUN_ONCE); /* it does not sleep */
    assert_int_equal(calls, 1);
    assert_int_equal(pinion_call_soon(service, &node), 1);
    ev_run(loop, 0); /* and is not kept alive by what is scheduled, either */
    assert_int_equal(calls, 2);
    ev_run(loop, 0);
    assert_int_equal(calls, 2);
}

static void free_node(struct pinion_soon *node, void *ctx)
{
    count(node, ctx);
    free(node);
}

TEST(a_call_may_free_its_node)
{
    enum { NODES = 10 };
    unsigned calls = 0;

    for (unsigned i = 0; i < NODES; i++) {
        struct pinion_soon *node = xcalloc(1, sizeof *node);
        *node = (struct pinion_soon){.fn = free_node, .ctx = &calls};
        assert_int_equal(pinion_call_soon(service, node), 1);
    }
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, NODES);
}

static void schedule_again(struct pinion_soon *node, void *ctx)
{
    count(node, ctx);
    assert_int_equal(pinion_call_soon(service, node), 1);
    assert_int_equal(pinion_call_soon(service, node), 0);
}

TEST(a_node_that_comes_back_waits_for_the_next_turn)
{
    static unsigned calls; /* both outlive the service, for which the node is pending */
    static struct pinion_soon node = {.fn = schedule_again, .ctx = &calls};

    assert_int_equal(pinion_call_soon(service, &node), 1);
    for (unsigned turn = 1; turn <= 10; turn++) {
        ev_run(loop, EVRUN_ONCE);
        assert_int_equal(calls, turn);
    }
}

TEST(a_turn_makes_so_many_calls_and_the_next_the_rest)
{
    enum { NODES = 2 * SOON_CALLS_MAX + 1 };
    struct pinion_soon *nodes = xcalloc(NODES, sizeof *nodes), last;
    unsigned calls = 0, late = 0;

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = (struct pinion_soon){.fn = count, .ctx = &calls};
        assert_int_equal(pinion_call_soon(service, &nodes[i]), 1);
    }
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, SOON_CALLS_MAX);
    last = (struct pinion_soon){.fn = count, .ctx = &late};
    assert_int_equal(pinion_call_soon(service, &last), 1);
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, 2 * SOON_CALLS_MAX);
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, NODES);
    assert_int_equal(late, 0); /* it came after all of them */
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(late, 1);
    free(nodes);
}

TEST(what_is_pending_at_the_end_is_forgotten)
{
    enum { NODES = SOON_CALLS_MAX + 10 };
    struct pinion_soon *nodes = xcalloc(NODES, sizeof *nodes), posted;
    unsigned calls = 0;

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = (struct pinion_soon){.fn = count, .ctx = &calls};
        assert_int_equal(pinion_call_soon(service, &nodes[i]), 1);
    }
    ev_run(loop, EVRUN_ONCE);
    posted = (struct pinion_soon){.fn = count, .ctx = &calls};
    assert_int_equal(pinion_call_soon(service, &posted), 1);
    end(NULL);
    assert_int_equal(begin(NULL), 0);
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, SOON_CALLS_MAX);
    assert_int_equal(pinion_call_soon(service, &posted), 1); /* they may be used again */
    assert_int_equal(pinion_call_soon(service, &nodes[NODES - 1]), 1);
    ev_run(loop, EVRUN_ONCE);
    assert_int_equal(calls, SOON_CALLS_MAX + 2);
    free(nodes);
}

/* ---- threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, NODES = 3000, ROUNDS = 20000 };

struct worker {
    pthread_t thread;
    struct pinion_soon nodes[NODES], shared, done;
    unsigned next;
    unsigned written; /* by the thread */
    unsigned scheduled, called, seen; /* of `shared` */
};

static unsigned running;

/* The n-th node of a thread must be the n-th to be called. */
static void in_order(struct pinion_soon *node, void *ctx)
{
    struct worker *w = ctx;

    assert_ptr_equal(node, &w->nodes[w->next]);
    w->next++;
}

/* What the thread wrote before it scheduled is seen, also when that was in vain. */
static void see(struct pinion_soon *node, void *ctx)
{
    struct worker *w = ctx;

    (void)node;
    w->called++;
    w->seen = __atomic_load_n(&w->written, __ATOMIC_RELAXED);
}

static void on_done(struct pinion_soon *node, void *ctx)
{
    struct worker *w = ctx;

    (void)node;
    assert_int_equal(w->next, NODES);
    if (--running == 0) ev_break(loop, EVBREAK_ALL);
}

static void *work(void *ctx)
{
    struct worker *w = ctx;

    for (unsigned i = 0; i < NODES; i++) {
        w->nodes[i].fn = in_order; /* written here, read by the loop */
        w->nodes[i].ctx = w;
        if (pinion_call_soon(service, &w->nodes[i]) != 1) abort();
    }
    for (unsigned i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&w->written, i, __ATOMIC_RELAXED);
        w->scheduled += (unsigned)pinion_call_soon(service, &w->shared);
    }
    if (pinion_call_soon(service, &w->done) != 1) abort();
    return NULL;
}

static void keep_alive(struct ev_loop *of, ev_timer *timer, int events)
{
    (void)of, (void)timer, (void)events;
    fail_msg("the threads were not heard of");
}

static void run_with_guard(void)
{
    ev_timer guard;

    ev_timer_init(&guard, keep_alive, 100., 0.);
    ev_timer_start(loop, &guard);
    ev_run(loop, 0);
    ev_timer_stop(loop, &guard);
}

TEST(threads_keep_their_order_and_lose_nothing)
{
    struct worker *workers = xcalloc(THREADS, sizeof *workers);

    running = THREADS;
    for (unsigned i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        w->shared = (struct pinion_soon){.fn = see, .ctx = w};
        w->done = (struct pinion_soon){.fn = on_done, .ctx = w};
        assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
    }
    run_with_guard();
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].called, workers[i].scheduled);
        assert_in_range(workers[i].called, 1, ROUNDS);
        assert_int_equal(workers[i].seen, ROUNDS); /* the last write is never missed */
    }
    free(workers);
}

/* One node for all threads: each finds it idle or pending, and what each wrote gets there. */
struct sharer {
    pthread_t thread;
    unsigned written, seen, scheduled;
};

static struct sharer sharers[THREADS];
static struct pinion_soon common;
static unsigned common_calls;

static void see_all(struct pinion_soon *node, void *ctx)
{
    unsigned complete = 0;

    (void)node, (void)ctx;
    common_calls++;
    for (unsigned i = 0; i < THREADS; i++) {
        sharers[i].seen = __atomic_load_n(&sharers[i].written, __ATOMIC_RELAXED);
        complete += sharers[i].seen == ROUNDS;
    }
    if (complete == THREADS) ev_break(loop, EVBREAK_ALL);
}

static void *share(void *ctx)
{
    struct sharer *s = ctx;

    for (unsigned i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&s->written, i, __ATOMIC_RELAXED);
        s->scheduled += (unsigned)pinion_call_soon(service, &common);
    }
    return NULL;
}

TEST(threads_share_a_node)
{
    unsigned scheduled = 0;

    common = (struct pinion_soon){.fn = see_all};
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&sharers[i].thread, NULL, share, &sharers[i]), 0);
    run_with_guard();
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(sharers[i].thread, NULL), 0);
        scheduled += sharers[i].scheduled;
    }
    ev_run(loop, EVRUN_NOWAIT); /* a call that came after all was seen already */
    assert_int_equal(common_calls, scheduled);
}

/* ---- signals --------------------------------------------------------------------------------- */

enum { SIGNALS = 500 };

static struct pinion_soon from_signal;
static unsigned handled, errno_lost; /* atomic */
static unsigned signal_calls, signal_seen;

static void on_signal(int number)
{
    int before = errno;

    (void)number;
    __atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
    errno = ENOENT;
    pinion_call_soon(service, &from_signal);
    if (errno != ENOENT) __atomic_store_n(&errno_lost, 1, __ATOMIC_RELAXED);
    errno = before;
}

static void on_signal_call(struct pinion_soon *node, void *ctx)
{
    (void)node, (void)ctx;
    signal_calls++;
    signal_seen = __atomic_load_n(&handled, __ATOMIC_RELAXED);
    if (signal_seen == SIGNALS) ev_break(loop, EVBREAK_ALL);
}

/* They hit the loop's thread wherever it is: asleep, in a call, amid a push of its own. */
static void *bombard(void *ctx)
{
    pthread_t target = *(pthread_t *)ctx;

    for (unsigned i = 0; i < SIGNALS; i++) {
        if (pthread_kill(target, SIGUSR1)) abort();
        while (__atomic_load_n(&handled, __ATOMIC_RELAXED) <= i)
            sched_yield(); /* pending signals of one kind are one */
    }
    return NULL;
}

static void run_bombarded(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    pthread_t self = pthread_self(), thread;

    handled = signal_calls = 0;
    from_signal = (struct pinion_soon){.fn = on_signal_call};
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, bombard, &self), 0);
    run_with_guard();
    assert_int_equal(pthread_join(thread, NULL), 0);
    sigaction(SIGUSR1, &before, NULL);
    assert_int_equal(signal_seen, SIGNALS);
    assert_in_range(signal_calls, 1, SIGNALS);
    assert_false(errno_lost);
}

TEST(signals_wake_a_loop_that_sleeps)
{
    run_bombarded();
}

TEST(signals_hit_a_loop_that_schedules)
{
    static unsigned calls;
    static struct pinion_soon node = {.fn = schedule_again, .ctx = &calls};

    assert_int_equal(pinion_call_soon(service, &node), 1);
    run_bombarded();
}

#define soon_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        soon_test(a_pending_node_is_called_once),
        soon_test(a_call_may_free_its_node),
        soon_test(a_node_that_comes_back_waits_for_the_next_turn),
        soon_test(a_turn_makes_so_many_calls_and_the_next_the_rest),
        soon_test(what_is_pending_at_the_end_is_forgotten),
        soon_test(threads_keep_their_order_and_lose_nothing),
        soon_test(threads_share_a_node),
        soon_test(signals_wake_a_loop_that_sleeps),
        soon_test(signals_hit_a_loop_that_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
