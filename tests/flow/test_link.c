/* tests/flow/test_link.c — the link against a real Redis: calls, losses, refusals. */
#include "tests/flow/link_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "queue/job.h"
#include "base/memory.h"

#define MANY 1000

static struct redis_server *server;

static void open_up(struct world *w)
{
    world_open(w, redis_server_url(server));
    world_start(w);
    world_await(w, &w->ups, 1);
}

static void do_quietly(const char *words)
{
    free(redis_server_do(server, "%s", words));
}

TEST(it_comes_up_and_answers)
{
    struct world w;
    struct probe p;

    open_up(&w);
    assert_true(w.info.version >= 70000);
    assert_true(strlen(w.info.run_id) == 40);
    assert_string_equal(w.info.maxmemory_policy, "noeviction");
    assert_int_equal(redis_info_durability(&w.info), DURABILITY_VOLATILE);
    assert_in_range(w.info.clock_offset_us + 1000000, 0, 2000000); /* the same machine */
    assert_int_equal(link_roundtrip_us(w.link), 0);
    probe_init(&p, &w, "ECHO hello");
    probe_send(&p);
    assert_false(link_is_idle(w.link));
    world_await(&w, &p.ends, 1);
    assert_string_equal(p.text, "hello");
    assert_true(link_is_idle(w.link));
    assert_true(link_roundtrip_us(w.link) > 0);
    probe_deinit(&p);
    world_close(&w);
}

TEST(the_format_is_written_once)
{
    struct world w;
    char *format;

    do_quietly("FLUSHALL");
    open_up(&w);
    world_close(&w);
    format = redis_server_do(server, "GET pinion:format");
    assert_string_equal(format, RECORD_FORMAT);
    free(format);
}

TEST(calls_are_answered_in_their_order)
{
    struct world w;
    struct probe *p;

    do_quietly("DEL counter");
    open_up(&w);
    p = probes_new(&w, 10 * MANY, "INCR counter");
    probes_send(p, 10 * MANY);
    assert_int_equal(probes_await(&w, p, 10 * MANY), 10 * MANY);
    for (size_t i = 0; i < 10 * MANY; i++) assert_int_equal(p[i].integer, i + 1);
    probes_free(p, 10 * MANY);
    world_close(&w);
}

TEST(big_requests_and_replies)
{
    struct world w;
    struct probe *p;
    size_t bytes = 1 << 20, count = 40;
    char *payload = xmalloc(bytes);

    memset(payload, 'x', bytes);
    open_up(&w);
    p = probes_new(&w, count, "ECHO");
    for (size_t i = 0; i < count; i++) request_add(&p[i].call.request, payload, bytes);
    probes_send(p, count);
    assert_int_equal(probes_await(&w, p, count), count);
    probes_free(p, count);
    free(payload);
    world_close(&w);
}

TEST(a_call_while_down_ends_from_the_loop)
{
    struct world w;
    struct probe p;

    world_open(&w, "unix:/nowhere/redis.sock");
    w.link = link_new(w.loop, &w.options);
    probe_init(&p, &w, "PING");
    probe_send(&p); /* before the start */
    world_await(&w, &p.ends, 1);
    assert_int_equal(p.err, PINION_UNAVAILABLE);
    world_start(&w);
    probe_send(&p);
    world_await(&w, &p.ends, 2);
    assert_int_equal(p.err, PINION_UNAVAILABLE);
    assert_int_equal(w.ups + w.downs + w.refusals, 0);
    probe_deinit(&p);
    world_close(&w);
}

static void count_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    ++*(unsigned *)timer->data;
}

static void send_again(struct probe *p)
{
    if (p->ends < 100000) probe_send(p);
}

TEST(who_retries_at_once_does_not_starve_the_loop)
{
    unsigned ticks = 0;
    struct world w;
    struct probe p;
    ev_timer tick;

    world_open(&w, "unix:/nowhere/redis.sock");
    world_start(&w);
    probe_init(&p, &w, "PING");
    p.then = send_again;
    ev_timer_init(&tick, count_tick, 0.001, 0.001);
    tick.data = &ticks;
    ev_timer_start(w.loop, &tick);
    probe_send(&p);
    world_turn(&w); /* each turn ends it at most once */
    assert_true(p.ends <= 1);
    world_turn(&w);
    assert_true(p.ends <= 2);
    world_await(&w, &ticks, 10);
    assert_true(p.ends > 10 && p.ends < 100000);
    ev_timer_stop(w.loop, &tick);
    p.then = NULL;
    world_await(&w, &p.ends, p.ends + 1);
    probe_deinit(&p);
    world_close(&w);
}

TEST(a_port_where_nobody_listens)
{
    struct world w;
    char url[64];

    snprintf(url, sizeof url, "redis://127.0.0.1:%u", redis_server_free_port());
    world_open(&w, url);
    world_start(&w);
    for (unsigned i = 0; i < 5; i++) probe_expect(&w, "PING", PINION_UNAVAILABLE);
    assert_int_equal(w.ups, 0);
    world_close(&w);
}

TEST(a_redis_that_comes_later)
{
    struct world w;

    redis_server_kill(server);
    world_open(&w, redis_server_url(server));
    world_start(&w);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    redis_server_begin(server);
    world_await(&w, &w.ups, 1);
    probe_expect(&w, "PING", PINION_OK);
    world_close(&w);
    redis_server_await(server);
}

TEST(over_tcp_by_name)
{
    char port[16], url[64];
    const char *const options[] = {"--port", port, NULL};
    struct redis_server *tcp;
    struct world w;

    snprintf(port, sizeof port, "%u", redis_server_free_port());
    snprintf(url, sizeof url, "redis://localhost:%s/3", port);
    tcp = redis_server_start(options);
    world_open(&w, url);
    world_start(&w);
    world_await(&w, &w.ups, 1);
    probe_expect(&w, "SET here 3", PINION_OK);
    free(redis_server_do(tcp, "CLIENT KILL TYPE normal"));
    world_await(&w, &w.ups, 2); /* every address of a name gets its turn */
    world_close(&w);
    world_open(&w, url); /* left while its name is looked up */
    world_start(&w);
    world_close(&w);
    redis_server_free(tcp);
}

static void come_up_after_a_lack_of_descriptors(const char *url)
{
    struct rlimit before, none;
    struct world w;

    world_open(&w, url);
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none); /* what is open stays so */
    world_start(&w);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    setrlimit(RLIMIT_NOFILE, &before);
    world_await(&w, &w.ups, 1);
    world_close(&w);
}

TEST(out_of_descriptors)
{
    char port[16], url[64];
    const char *const options[] = {"--port", port, NULL};
    struct redis_server *tcp;

    snprintf(port, sizeof port, "%u", redis_server_free_port());
    snprintf(url, sizeof url, "redis://localhost:%s", port);
    tcp = redis_server_start(options);
    come_up_after_a_lack_of_descriptors(url);
    come_up_after_a_lack_of_descriptors(redis_server_url(tcp));
    redis_server_free(tcp);
}

TEST(a_name_that_is_none)
{
    struct world w;

    world_open(&w, "redis://no-such-host.invalid");
    world_start(&w);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    assert_int_equal(w.ups, 0);
    world_close(&w);
}

TEST(scripts_that_redis_forgot)
{
    const struct span key = {"pinion:{mail}", 13};
    struct world w;
    struct probe *p;

    open_up(&w);
    for (unsigned round = 0; round < 3; round++) {
        do_quietly("SCRIPT FLUSH");
        p = probes_new(&w, MANY, "PING");
        for (size_t i = 0; i < MANY; i += 3)
            request_script(&p[i].call.request, i % 2 ? SCRIPT_STATS : SCRIPT_RELEASE, key);
        for (size_t i = 0; i < MANY; i += 6) request_script(&p[i].call.request, SCRIPT_STATS, key);
        probes_send(p, MANY);
        for (size_t i = 0; i < MANY; i++) {
            world_await(&w, &p[i].ends, 1);
            if (p[i].call.request.script != SCRIPT_RELEASE) assert_int_equal(p[i].err, PINION_OK);
            assert_int_equal(p[i].call.repeated && i % 3, 0);
        }
        assert_true(p[0].call.repeated);
        probes_free(p, MANY);
    }
    assert_int_equal(w.downs, 0);
    world_close(&w);
}

/* Loading does not help: it is tried once, and not for ever. */
TEST(a_script_that_redis_never_has)
{
    struct world w;
    struct probe p;

    open_up(&w);
    probe_init(&p, &w, "EVALSHA 0123456789012345678901234567890123456789 1 key");
    p.call.request.script = SCRIPT_STATS;
    probe_send(&p);
    world_await(&w, &p.ends, 1);
    assert_int_equal(p.err, PINION_UNAVAILABLE);
    assert_true(p.call.repeated);
    assert_int_equal(w.downs, 0); /* it was the answer, not the deadline */
    probe_deinit(&p);
    world_close(&w);
}

TEST(a_client_that_is_killed_comes_back)
{
    struct world w;
    struct probe *p;

    open_up(&w);
    for (unsigned round = 1; round <= 5; round++) {
        redis_server_freeze(server); /* so that all are in flight */
        p = probes_new(&w, MANY, "PING");
        probes_send(p, MANY);
        world_turn(&w);
        redis_server_thaw(server);
        do_quietly("CLIENT KILL TYPE normal");
        probes_await(&w, p, MANY);
        probes_free(p, MANY);
        world_await(&w, &w.downs, round);
        world_await(&w, &w.ups, round + 1);
        probe_expect(&w, "PING", PINION_OK);
    }
    world_close(&w);
}

TEST(redis_is_killed_with_a_thousand_calls_in_flight)
{
    struct world w;
    struct probe *p;

    open_up(&w);
    redis_server_freeze(server);
    p = probes_new(&w, MANY, "INCR counter");
    probes_send(p, MANY);
    world_turn(&w);
    redis_server_kill(server);
    assert_int_equal(probes_await(&w, p, MANY), 0);
    for (size_t i = 0; i < MANY; i++) assert_int_equal(p[i].err, PINION_UNAVAILABLE);
    probes_free(p, MANY);
    assert_int_equal(w.downs, 1);
    redis_server_restart(server);
    world_await(&w, &w.ups, 2);
    world_close(&w);
}

/* The peer is gone and we have not read that yet: the write itself is what fails. */
TEST(a_broken_pipe_does_not_kill)
{
    struct world w;
    struct probe p;

    (void)signal(SIGPIPE, SIG_DFL);
    open_up(&w);
    redis_server_kill(server);
    probe_init(&p, &w, "PING");
    probe_send(&p);
    world_await(&w, &p.ends, 1);
    assert_int_equal(p.err, PINION_UNAVAILABLE);
    probe_deinit(&p);
    world_close(&w);
    redis_server_restart(server);
}

TEST(a_handler_of_sigpipe_is_left_alone)
{
    struct world w;
    void (*before)(int) = signal(SIGPIPE, _exit);

    open_up(&w);
    assert_true(signal(SIGPIPE, before) == _exit);
    world_close(&w);
}

TEST(stop_with_calls_in_flight)
{
    struct world w;
    struct probe *p;

    open_up(&w);
    p = probes_new(&w, MANY, "PING");
    probes_send(p, MANY);
    link_stop(w.link);
    assert_int_equal(w.ended, 0);
    assert_int_equal(probes_await(&w, p, MANY), 0);
    assert_int_equal(w.downs, 0); /* nothing but the ends */
    probes_free(p, MANY);
    world_close(&w);
}

static void stop_now(struct probe *p)
{
    link_stop(p->world->link);
}

TEST(stop_from_within_a_reply)
{
    struct world w;
    struct probe *p;

    open_up(&w);
    p = probes_new(&w, MANY, "PING");
    p[MANY / 2].then = stop_now;
    probes_send(p, MANY);
    assert_int_equal(probes_await(&w, p, MANY), MANY / 2 + 1);
    probes_free(p, MANY);
    world_close(&w);
}

static void stop_at_once(struct world *w)
{
    link_stop(w->link);
}

TEST(stop_at_any_moment)
{
    struct world w;

    world_open(&w, redis_server_url(server)); /* as soon as it is up */
    w.on_up = stop_at_once;
    world_start(&w);
    world_await(&w, &w.ups, 1);
    world_close(&w);
    for (unsigned turns = 0; turns < 40; turns++) {
        world_open(&w, redis_server_url(server));
        world_start(&w);
        for (unsigned i = 0; i < turns; i++) world_turn(&w);
        world_close(&w);
    }
    world_open(&w, redis_server_url(server)); /* never started */
    w.link = link_new(w.loop, &w.options);
    world_close(&w);
}

TEST(started_again_after_a_stop)
{
    struct world w;

    open_up(&w);
    link_stop(w.link);
    world_turn(&w);
    world_turn(&w);
    world_start(&w);
    world_await(&w, &w.ups, 2);
    probe_expect(&w, "PING", PINION_OK);
    w.downs = 1; /* a stop is not told, and the counters are compared */
    world_close(&w);
}

TEST(a_redis_that_stands_still)
{
    struct world w;
    struct probe *p;
    uint64_t before_ms;

    world_open(&w, redis_server_url(server));
    w.options.call_timeout_ms = SOON_MS;
    world_start(&w);
    world_await(&w, &w.ups, 1);
    redis_server_freeze(server);
    before_ms = clock_mono_ms();
    p = probes_new(&w, MANY, "PING");
    probes_send(p, MANY);
    assert_int_equal(probes_await(&w, p, MANY), 0);
    assert_true(clock_mono_ms() - before_ms >= SOON_MS - 1); /* not early */
    assert_int_equal(w.downs, 1);
    probe_expect(&w, "PING", PINION_UNAVAILABLE); /* down: at once */
    redis_server_thaw(server);
    world_await(&w, &w.ups, 2);
    probes_free(p, MANY);
    world_close(&w);
}

/* The oldest call decides: one that is answered does not save one that is not. */
TEST(the_deadline_is_of_the_oldest_call)
{
    struct world w;
    struct probe slow, quick;
    uint64_t before_ms;

    world_open(&w, redis_server_url(server));
    w.options.call_timeout_ms = SOON_MS;
    world_start(&w);
    world_await(&w, &w.ups, 1);
    do_quietly("DEL nothing");
    probe_init(&quick, &w, "PING");
    probe_init(&slow, &w, "BLPOP nothing 0");
    before_ms = clock_mono_ms();
    probe_send(&quick);
    probe_send(&slow);
    world_await(&w, &slow.ends, 1);
    assert_int_equal(quick.err, PINION_OK);
    assert_int_equal(slow.err, PINION_UNAVAILABLE);
    assert_true(clock_mono_ms() - before_ms >= SOON_MS - 1);
    probe_deinit(&slow);
    probe_deinit(&quick);
    world_close(&w);
}

TEST(error_answers_are_mapped)
{
    struct world w;

    open_up(&w);
    log_set(LOG_LEVELS, LOG_AS_TEXT);
    probe_expect(&w, "SET text x", PINION_OK);
    probe_expect(&w, "INCR text", PINION_INTERNAL);
    do_quietly("CONFIG SET maxmemory 1");
    probe_expect(&w, "SET text y", PINION_BUSY);
    do_quietly("CONFIG SET maxmemory 0");
    do_quietly("CONFIG SET min-replicas-to-write 1");
    probe_expect(&w, "SET text y", PINION_UNAVAILABLE);
    do_quietly("CONFIG SET min-replicas-to-write 0");
    probe_expect(&w, "SET text z", PINION_OK);
    assert_int_equal(w.downs, 0);
    world_close(&w);
}

TEST(sockets_are_not_inherited)
{
    struct world w;

    world_open(&w, redis_server_url(server));
    w.link = link_new(w.loop, &w.options);
    link_subscribe(w.link, "news");
    world_start(&w);
    world_await(&w, &w.ups, 1);
    world_await(&w, &w.subscriptions, 1);
    for (int fd = 3; fd < 64; fd++) {
        char path[64], target[64] = "";

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) < 0 || strncmp(target, "socket:", 7))
            continue;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_up_and_answers),
        cmocka_unit_test(the_format_is_written_once),
        cmocka_unit_test(calls_are_answered_in_their_order),
        cmocka_unit_test(big_requests_and_replies),
        cmocka_unit_test(a_call_while_down_ends_from_the_loop),
        cmocka_unit_test(who_retries_at_once_does_not_starve_the_loop),
        cmocka_unit_test(a_port_where_nobody_listens),
        cmocka_unit_test(a_redis_that_comes_later),
        cmocka_unit_test(over_tcp_by_name),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(a_name_that_is_none),
        cmocka_unit_test(scripts_that_redis_forgot),
        cmocka_unit_test(a_script_that_redis_never_has),
        cmocka_unit_test(a_client_that_is_killed_comes_back),
        cmocka_unit_test(redis_is_killed_with_a_thousand_calls_in_flight),
        cmocka_unit_test(a_broken_pipe_does_not_kill),
        cmocka_unit_test(a_handler_of_sigpipe_is_left_alone),
        cmocka_unit_test(stop_with_calls_in_flight),
        cmocka_unit_test(stop_from_within_a_reply),
        cmocka_unit_test(stop_at_any_moment),
        cmocka_unit_test(started_again_after_a_stop),
        cmocka_unit_test(a_redis_that_stands_still),
        cmocka_unit_test(the_deadline_is_of_the_oldest_call),
        cmocka_unit_test(error_answers_are_mapped),
        cmocka_unit_test(sockets_are_not_inherited),
    };
    int failed;

    log_set(LOG_ERROR, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_server_free(server);
    return failed;
}
