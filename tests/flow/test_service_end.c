/* When a service may be freed: stopped at any moment of what its live events ask of Redis, and not
 * without being stopped. */
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "control/events/hub_inside.h"
#include "control/service_inside.h"
#include "tests/flow/api_world.h"

static struct visitor *follower;
static unsigned asked;
static enum pinion_err asked_err;

static bool is_asking(void)
{
    return follow_is_asking(world_service->hub->follow);
}

static bool is_live(void)
{
    return world_service->hub->at == HUB_LIVE;
}

static bool is_draining(void)
{
    return world_service->at == AT_STOP_HTTP;
}

static void turn_until(bool (*is_so)(void))
{
    for (unsigned turns = 0; !is_so(); turns++) {
        if (turns > 1000000) fail_msg("it never came so far");
        ev_run(service_loop(world_service), EVRUN_ONCE);
    }
}

/* A client follows the events, and the loop goes on by single turns until it is so. */
static void follow_until(bool (*is_so)(void))
{
    static const char request[] = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";

    follower = visitor_open();
    visitor_send(follower, request, sizeof request - 1);
    turn_until(is_so);
}

static void on_asked(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    (void)ask, (void)view;
    asked++;
    asked_err = err;
}

TEST(it_stops_while_the_hub_asks)
{
    world_open();
    follow_until(is_asking);
    service_stop(world_service);
    assert_true(is_asking()); /* no answer came in between */
    visitor_reset(follower);
    world_close(); /* until it has stopped; then it is freed */
}

TEST(it_stops_in_a_hurry_while_the_hub_asks)
{
    world_open();
    follow_until(is_asking);
    service_stop(world_service);
    service_stop(world_service);
    visitor_reset(follower);
    world_close();
}

/* The last that is stopped is the link, and what the hub and the API ask each second and at any
 * time can be on its way then: so that it is, Redis stands still. */
TEST(the_link_stops_below_what_was_asked)
{
    static struct fleet_ask ask = {.done = on_asked};

    world_open();
    follow_until(is_live);
    service_stop(world_service);
    visitor_reset(follower);
    turn_until(is_draining);
    redis_server_freeze(world_redis);
    follow_again(world_service->hub->follow);
    fleet_ask(world_service->fleet, &ask);
    assert_true(is_asking());
    eventually(service_stopped(world_service));
    assert_int_equal(asked, 1); /* it was told, once */
    assert_int_equal(asked_err, PINION_UNAVAILABLE);
    redis_server_thaw(world_redis);
    world_close();
}

/* What a program is told that frees its service too soon, by a process that is given up for it. */
TEST(one_that_runs_says_that_it_is_to_be_stopped_first)
{
    char said[4096] = "";
    int ends[2], status;
    size_t len = 0;
    ssize_t n;

    world_open();
    follow_until(is_asking);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        service_free(world_service);
        _exit(0);
    }
    close(ends[1]);
    while (len < sizeof said - 1 && (n = read(ends[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "is freed when it was stopped"));
    visitor_reset(follower);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_while_the_hub_asks),
        cmocka_unit_test(it_stops_in_a_hurry_while_the_hub_asks),
        cmocka_unit_test(the_link_stops_below_what_was_asked),
        cmocka_unit_test(one_that_runs_says_that_it_is_to_be_stopped_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
