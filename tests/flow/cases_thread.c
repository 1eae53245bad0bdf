/* Orders for a handler on a thread: it blocks for as long as it is asked to. */
#include "tests/flow/cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/memory.h"
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

static void flood(struct pinion_attempt *self, size_t bytes)
{
    char *text = xmalloc(bytes);

    memset(text, 'x', bytes);
    pinion_attempt_done(self, text, bytes);
    free(text);
}

static void tell(struct pinion_attempt *self, const char *text)
{
    char *note;
    unsigned percent = (unsigned)strtoul(text, &note, 10);

    if (pinion_attempt_progress(self, percent, note + 1)) pinion_attempt_fail(self, "refused");
    else pinion_attempt_done(self, NULL, 0);
}

static void answer(struct pinion_attempt *self, const char *result)
{
    pinion_attempt_done(self, result, strlen(result));
}

static void tell_who(struct pinion_attempt *self, const struct pinion_work *work)
{
    char line[256];

    snprintf(line, sizeof line, "%s %s %u", work->id, work->kind, work->attempt);
    answer(self, line);
}

static void tell_length(struct pinion_attempt *self, const struct pinion_work *work)
{
    char line[32];

    snprintf(line, sizeof line, "%zu", work->payload_len);
    answer(self, line);
}

static void run(struct attempt *a, void *ctx)
{
    struct pinion_attempt *self = (struct pinion_attempt *)a;
    const struct pinion_work *work = pinion_attempt_work(self);
    struct order order = order_read(work->payload, work->payload_len);
    char *text = order.text_len ? xmemdup(order.text, order.text_len) : xstrdup("");

    (void)ctx;
    if (strcmp(order.verb, "slow") == 0) be_slow(self, strtoul(text, NULL, 10), false);
    else if (strcmp(order.verb, "deaf") == 0) be_slow(self, strtoul(text, NULL, 10), true);
    else if (strcmp(order.verb, "fail") == 0) pinion_attempt_fail(self, text);
    else if (strcmp(order.verb, "reject") == 0) pinion_attempt_reject(self, text);
    else if (strcmp(order.verb, "again") == 0 && work->attempt == 1)
        pinion_attempt_fail(self, text);
    else if (strcmp(order.verb, "later") == 0 && work->attempt == 1)
        pinion_attempt_retry_in(self, "later", strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "tell") == 0) tell(self, text);
    else if (strcmp(order.verb, "flood") == 0) flood(self, strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "bytes") == 0) answer(self, "\xff\xfe\x01\x80");
    else if (strcmp(order.verb, "count") == 0) tell_length(self, work);
    else if (strcmp(order.verb, "who") == 0) tell_who(self, work);
    else answer(self, strcmp(order.verb, "done") == 0 ? text : "");
    free(text);
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
