/* Orders for a handler on a thread: it blocks for as long as it is asked to. */
#include "tests/flow/cases.h"

#include <pthread.h>
#include <time.h>
#include "base/clock.h"
#include "control/service.h"
#include "include/pinion.h"
#include "tests/support/check.h"
#include "workers/thread.h"

/* Wakes all who are slow: those that hear, when one of them must stop; the deaf, at the end. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static bool ended;

static void be_slow(struct pinion_attempt *self, uint64_t ms, bool deaf)
{
    uint64_t until_ms = (uint64_t)clock_wall_ms() + ms;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    int error = 0;

    pthread_mutex_lock(&lock);
    while (!error && !ended && (deaf || !pinion_attempt_stopping(self)))
        error = pthread_cond_timedwait(&heard, &lock, &until);
    pthread_mutex_unlock(&lock);
    if (error || deaf) pinion_attempt_done(self, NULL, 0);
    else pinion_attempt_fail(self, "stopped");
}

static void stop(struct attempt *a, void *ctx)
{
    (void)ctx;
    assert_int_equal(pinion_attempt_stopping((struct pinion_attempt *)a), 1);
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&heard);
    pthread_mutex_unlock(&lock);
}

static void end(void)
{
    pthread_mutex_lock(&lock);
    ended = true;
    pthread_cond_broadcast(&heard);
    pthread_mutex_unlock(&lock);
}

static void run(struct attempt *a, void *ctx)
{
    (void)ctx;
    order_obey((struct pinion_attempt *)a, be_slow);
}

static void add(struct service *service)
{
    struct thread_options options = {.run = run, .stop = stop, .stop_grace_ms = 3000};
    struct error why = {0};
    struct handler *handler = thread_new("case.thread", &options, service_threads(service));

    if (service_add_handler(service, handler, &why)) fail_msg("%s", why.text);
}

const struct case_runner thread_cases = {
    .name = "thread",
    .can = CASE_REJECTS | CASE_LATER | CASE_TELLS | CASE_STOPS | CASE_HEARS | CASE_CUTS,
    .add = add,
    .end = end,
};
