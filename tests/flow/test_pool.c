/* Threads beside a real loop: many tasks, quick and blocking, taken back and told of, and an end in
 * the middle of it. */
#include "workers/pool.h"

#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "scheduler/ticker.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define TASKS   4000
#define WAIT_MS 20000

static struct ev_loop *loop;
static struct ticker *ticker;
static struct pool *pool;

struct job {
    struct pool_task task;
    unsigned sleep_us, words;
    unsigned heard;     /* the loop's */
    bool ran, is_done;
};

static unsigned done_count, dropped; /* dropped: by any thread */
static ev_timer turn; /* no wait of the loop is longer */

static void on_turn(struct ev_loop *l, ev_timer *w, int events)
{
    (void)l, (void)w, (void)events;
}

static int begin(void **state)
{
    (void)state;
    loop = ev_loop_new(EVFLAG_AUTO);
    ticker = ticker_new(loop);
    pool = pool_new(loop, ticker);
    ev_timer_init(&turn, on_turn, 0.001, 0.001);
    ev_timer_start(loop, &turn);
    done_count = dropped = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    pool_free(pool);
    ticker_free(ticker);
    ev_timer_stop(loop, &turn);
    ev_loop_destroy(loop);
    return 0;
}

static void work(struct pool_task *task)
{
    struct job *j = container_of(task, struct job, task);

    for (unsigned i = 0; i < j->words; i++) pool_tell(pool, task);
    if (j->sleep_us) usleep(j->sleep_us);
    j->ran = true;
}

static void told(struct pool_task *task)
{
    struct job *j = container_of(task, struct job, task);

    assert_false(j->is_done);
    j->heard++;
}

static void done(struct pool_task *task)
{
    struct job *j = container_of(task, struct job, task);

    assert_true(j->ran);
    assert_false(j->is_done);
    assert_true(j->words ? j->heard >= 1 && j->heard <= j->words : j->heard == 0);
    j->is_done = true;
    done_count++;
}

static void drop(struct pool_task *task)
{
    (void)task;
    __atomic_fetch_add(&dropped, 1, __ATOMIC_RELEASE);
}

static unsigned drops(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_ACQUIRE);
}

static void put(struct job *j)
{
    j->task = (struct pool_task){.run = work, .done = done, .told = told, .drop = drop};
    pool_put(pool, &j->task);
}

#define eventually(condition)                                                           \
    do {                                                                                \
        for (uint64_t until_ = clock_mono_ms() + WAIT_MS; !(condition);) {              \
            if (clock_mono_ms() > until_) fail_msg("never came true: %s", #condition); \
            ev_run(loop, EVRUN_ONCE);                                                   \
        }                                                                               \
    } while (0)

/* ---- tests ----------------------------------------------------------------------------------- */

TEST(quick_work_is_done_by_few_threads)
{
    struct job *jobs = xcalloc(TASKS, sizeof *jobs);

    for (unsigned i = 0; i < TASKS; i++) put(&jobs[i]);
    eventually(done_count == TASKS);
    assert_in_range(pool_threads(pool), 1, TASKS / 10);
    free(jobs);
}

/* As many threads as tasks that block: all of them are in `run` at once, or this never ends. */
static pthread_barrier_t barrier;

static void meet(struct pool_task *task)
{
    pthread_barrier_wait(&barrier);
    container_of(task, struct job, task)->ran = true;
}

TEST(what_blocks_does_not_wait_for_what_blocks)
{
    enum { BLOCKED = 200 };
    struct job *jobs = xcalloc(BLOCKED, sizeof *jobs);

    pthread_barrier_init(&barrier, NULL, BLOCKED);
    for (unsigned i = 0; i < BLOCKED; i++) {
        jobs[i].task = (struct pool_task){.run = meet, .done = done, .drop = drop};
        pool_put(pool, &jobs[i].task);
    }
    eventually(done_count == BLOCKED);
    assert_in_range(pool_threads(pool), BLOCKED, BLOCKED + 2);
    pthread_barrier_destroy(&barrier);
    free(jobs);
}

TEST(random_work_is_done_once_or_taken_back)
{
    struct prng prng = {property_seed("PINION_POOL_SEED")};
    struct job *jobs = xcalloc(TASKS, sizeof *jobs);
    unsigned taken = 0;

    for (unsigned i = 0; i < TASKS; i++) {
        jobs[i].words = (unsigned)prng_below(&prng, 4);
        if (prng_below(&prng, 20) == 0) jobs[i].sleep_us = (unsigned)prng_below(&prng, 3000);
        put(&jobs[i]);
        struct job *other = &jobs[prng_below(&prng, i + 1)];
        if (prng_below(&prng, 10) == 0 && !other->is_done &&
            pool_take_back(pool, &other->task)) {
            assert_false(other->ran);
            other->is_done = true;
            taken++;
        }
        if (prng_below(&prng, 50) == 0) ev_run(loop, EVRUN_NOWAIT);
    }
    eventually(done_count + taken == TASKS);
    assert_true(taken > 0);
    free(jobs);
}

TEST(what_is_left_at_the_end_is_dropped)
{
    struct job *jobs = xcalloc(TASKS, sizeof *jobs);

    for (unsigned i = 0; i < TASKS; i++) {
        jobs[i].sleep_us = i % 100 == 0 ? 200000 : 0;
        put(&jobs[i]);
    }
    eventually(done_count > TASKS / 4);
    pool_free(pool);
    pool = NULL;
    unsigned done_before = done_count;
    for (uint64_t until_ms = clock_mono_ms() + WAIT_MS; done_before + drops() < TASKS;) {
        if (clock_mono_ms() > until_ms) fail_msg("%u done, %u dropped", done_before, drops());
        usleep(1000);
    }
    assert_int_equal(done_before + drops(), TASKS);
    free(jobs);
}

/* A signal for the process is taken by the loop's thread, and no task is disturbed by it. */
static void be_shot_at(struct pool_task *task)
{
    struct job *j = container_of(task, struct job, task);
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    j->ran = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGUSR1) == 1;
}

TEST(threads_block_all_signals)
{
    struct job job = {.task = {.run = be_shot_at, .done = done, .drop = drop}};

    pool_put(pool, &job.task);
    eventually(done_count == 1);
}

int main(void)
{
#define pool_test(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        pool_test(quick_work_is_done_by_few_threads),
        pool_test(what_blocks_does_not_wait_for_what_blocks),
        pool_test(random_work_is_done_once_or_taken_back),
        pool_test(what_is_left_at_the_end_is_dropped),
        pool_test(threads_block_all_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
