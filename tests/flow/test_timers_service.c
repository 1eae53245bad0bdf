/* Timers of library users, on a service and its loop. */
#include "include/pinion.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/flow/scratch.h"
#include "tests/flow/timers_world.h"
#include "tests/support/check.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct pinion_service *service;
static char scratch[SCRATCH_MAX];

static void make_service(struct ev_loop *of)
{
    char url[SCRATCH_MAX + 32], why[256];
    struct pinion_service_options options = {.redis_url = url, .state_dir = scratch};

    snprintf(url, sizeof url, "unix:%s/nobody", scratch); /* Redis is away */
    if (pinion_service_new(of, &options, &service, why, sizeof why)) fail_msg("%s", why);
}

static int service_begin(void **state)
{
    (void)state;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    loop = ev_loop_new(EVFLAG_AUTO);
    if (!loop || !scratch_make(scratch)) return -1;
    make_service(loop);
    return 0;
}

static int service_end(void **state)
{
    (void)state;
    pinion_service_free(service);
    ev_loop_destroy(loop);
    return scratch_remove(scratch);
}

static void start_service(void)
{
    char why[256];

    if (pinion_service_start(service, why, sizeof why)) fail_msg("%s", why);
}

TEST(they_fire_before_the_service_starts)
{
    struct probe p = {0};

    assert_int_equal(pinion_call_later(service, 2, note, &p, NULL), PINION_OK);
    assert_int_equal(pinion_call_at(service, clock_wall_ms() + 3, note, &p, NULL), PINION_OK);
    ev_run(loop, 0); /* which they keep alive, and nothing else does */
    assert_int_equal(p.calls, 2);
}

TEST(cron_says_why_not)
{
    struct probe p = {0};
    char why[256] = "", cut[8] = "";

    assert_int_equal(pinion_call_cron(service, "61 * * * *", NULL, note, &p, &p.timer, why,
                                      sizeof why),
                     PINION_INVALID);
    assert_non_null(strstr(why, "minute"));
    assert_int_equal(pinion_call_cron(service, "@reboot", NULL, note, &p, NULL, cut, sizeof cut),
                     PINION_INVALID);
    assert_string_equal(cut, "@reboot");
    assert_int_equal(pinion_call_cron(service, "x", NULL, note, &p, NULL, NULL, 0), PINION_INVALID);
    assert_null(p.timer);
    assert_int_equal(pinion_call_cron(service, "0 4 * * *", NULL, note, &p, &p.timer, NULL, 0),
                     PINION_OK);
    pinion_timer_cancel(p.timer);
    ev_run(loop, 0); /* nothing keeps it alive */
    assert_int_equal(p.calls, 0);
}

static void stop_at_third(struct pinion_timer *t, void *ctx)
{
    struct probe *p = ctx;

    note(t, ctx);
    assert_false(pinion_service_ready(service));
    if (p->calls == 3) pinion_service_stop(service);
}

TEST(they_fire_while_redis_is_away_and_end_with_the_service)
{
    struct pinion_every often = {.interval_ms = 2}, aligned = {.interval_ms = 3600000, .align = 1};
    struct probe p = {0}, q = {0};

    start_service();
    assert_int_equal(pinion_call_every(service, &often, stop_at_third, &p, &p.timer), PINION_OK);
    assert_int_equal(pinion_call_every(service, &aligned, note, &q, &q.timer), PINION_OK);
    ev_run(loop, 0); /* ends, though both are still pending */
    assert_true(p.calls >= 3);
    assert_true(pinion_service_stopped(service));
    assert_int_equal(pinion_call_later(service, 0, note, &q, NULL), PINION_CONFLICT);
    pinion_timer_cancel(p.timer);
    ev_run(loop, 0);
    assert_int_equal(q.calls, 0);
}

TEST(they_fire_on_a_loop_of_the_service)
{
    struct pinion_every often = {.interval_ms = 2};
    struct probe p = {0};

    pinion_service_free(service);
    make_service(NULL);
    start_service();
    assert_int_equal(pinion_call_every(service, &often, stop_at_third, &p, NULL), PINION_OK);
    assert_int_equal(pinion_service_run(service), PINION_OK);
    assert_true(p.calls >= 3);
    assert_int_equal(pinion_call_later(service, 0, note, &p, NULL), PINION_CONFLICT);
}

static void free_service(struct pinion_timer *t, void *ctx)
{
    (void)t, (void)ctx;
    pinion_service_free(service);
}

/* In a child, whose last words are not for us. */
TEST(to_free_the_service_in_a_callback_is_noticed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        if (pinion_call_later(service, 0, free_service, NULL, NULL)) _exit(1);
        ev_loop_fork(loop);
        ev_run(loop, 0);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#define service_test(name) cmocka_unit_test_setup_teardown(name, service_begin, service_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(they_fire_before_the_service_starts),
        service_test(cron_says_why_not),
        service_test(they_fire_while_redis_is_away_and_end_with_the_service),
        service_test(they_fire_on_a_loop_of_the_service),
        service_test(to_free_the_service_in_a_callback_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
