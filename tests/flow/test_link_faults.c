/* tests/flow/test_link_faults.c — the connection breaks at every step of the handshake and of
 * calls; refusals; subscriptions. */
#include "tests/flow/link_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "queue/job.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/property.h"

#define TURNS_MAX   100 /* a handshake that uploads all scripts has some 30 */
#define BYTE_ROUNDS 60
#define CALLS       50

static struct redis_server *server;
static struct fault_proxy *proxy;

static void do_quietly(const char *words)
{
    free(redis_server_do(server, "%s", words));
}

static void forget_everything(void)
{
    do_quietly("FLUSHALL");
    do_quietly("SCRIPT FLUSH");
}

/* How many questions a handshake asks, and how many bytes go each way. */
struct extent {
    unsigned turns;
    size_t request_bytes, answer_bytes;
};

static struct extent measure_handshake(void)
{
    struct extent e;
    struct world w;

    fault_proxy_set(proxy, FAULT_NONE, 0);
    world_open(&w, fault_proxy_url(proxy));
    world_start(&w);
    world_await(&w, &w.ups, 1);
    e = (struct extent){fault_proxy_turns(proxy), fault_proxy_request_bytes(proxy),
                        fault_proxy_answer_bytes(proxy)};
    world_close(&w);
    assert_in_range(e.turns, 5, TURNS_MAX);
    return e;
}

/* One fault is set; the link comes up all the same, and works. Its calls end once each. */
static void come_up_through(unsigned strikes_before)
{
    struct world w;
    struct probe p;

    world_open(&w, fault_proxy_url(proxy));
    w.options.call_timeout_ms = SOON_MS;
    probe_init(&p, &w, "PING");
    world_start(&w);
    probe_send(&p);
    world_await(&w, &w.ups, 1);
    world_await(&w, &p.ends, 1);
    assert_int_equal(p.ends, 1);
    probe_deinit(&p);
    assert_int_equal(fault_proxy_strikes(proxy), strikes_before + 1);
    assert_int_equal(w.refusals + w.downs, 0);
    probe_expect(&w, "PING", PINION_OK);
    world_close(&w);
}

TEST(cut_at_every_step_of_a_whole_handshake)
{
    unsigned turns;

    forget_everything();
    turns = measure_handshake().turns;
    for (unsigned turn = 0; turn < turns; turn++) {
        for (enum fault fault = FAULT_CUT_BEFORE; fault <= FAULT_CUT_MIDDLE; fault++) {
            forget_everything();
            fault_proxy_set(proxy, fault, turn);
            come_up_through(fault_proxy_strikes(proxy));
        }
    }
}

TEST(no_answer_at_any_step_of_a_short_handshake)
{
    unsigned turns;

    measure_handshake(); /* leaves format and scripts there */
    turns = measure_handshake().turns;
    for (unsigned turn = 0; turn < turns; turn++) {
        for (enum fault fault = FAULT_SWALLOW; fault <= FAULT_STALL; fault++) {
            fault_proxy_set(proxy, fault, turn);
            come_up_through(fault_proxy_strikes(proxy));
        }
    }
}

TEST(cut_at_any_byte_of_the_handshake)
{
    struct prng prng = {property_seed("PINION_LINK_FAULTS_SEED")};
    struct extent e;

    measure_handshake();
    e = measure_handshake();
    for (unsigned i = 0; i < BYTE_ROUNDS; i++) {
        if (i % 2)
            fault_proxy_cut_request(proxy, prng_below(&prng, e.request_bytes));
        else
            fault_proxy_cut_answer(proxy, prng_below(&prng, e.answer_bytes));
        come_up_through(fault_proxy_strikes(proxy));
    }
}

/* Up, then a fault at the first or second call of its own; both kinds of calls. */
static void call_through(enum fault fault, unsigned turn, bool script)
{
    unsigned strikes = fault_proxy_strikes(proxy);
    struct world w;
    struct probe p;

    fault_proxy_set(proxy, FAULT_NONE, 0);
    world_open(&w, fault_proxy_url(proxy));
    w.options.call_timeout_ms = SOON_MS;
    world_start(&w);
    world_await(&w, &w.ups, 1);
    fault_proxy_set(proxy, fault, turn);
    for (unsigned i = 0; i <= turn; i++) {
        probe_init(&p, &w, "PING");
        if (script) request_script(&p.call.request, SCRIPT_STATS, span_of("pinion:{mail}"));
        probe_send(&p);
        world_await(&w, &p.ends, 1);
        assert_int_equal(p.err, i == turn ? PINION_UNAVAILABLE : PINION_OK);
        probe_deinit(&p);
    }
    assert_int_equal(fault_proxy_strikes(proxy), strikes + 1);
    world_await(&w, &w.downs, 1);
    world_await(&w, &w.ups, 2);
    probe_expect(&w, "PING", PINION_OK);
    world_close(&w);
}

TEST(every_fault_at_a_call)
{
    for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++)
        for (unsigned turn = 0; turn < 3; turn++) call_through(fault, turn, turn == 2);
}

/* NOSCRIPT, then the upload and the call again in one burst: all that may break in between. */
TEST(every_fault_while_a_script_is_loaded_again)
{
    for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++) {
        for (unsigned turn = 0; turn < 2; turn++) {
            struct world w;
            struct probe p;

            fault_proxy_set(proxy, FAULT_NONE, 0);
            world_open(&w, fault_proxy_url(proxy));
            w.options.call_timeout_ms = SOON_MS;
            world_start(&w);
            world_await(&w, &w.ups, 1);
            do_quietly("SCRIPT FLUSH");
            fault_proxy_set(proxy, fault, turn);
            probe_init(&p, &w, "PING");
            request_script(&p.call.request, SCRIPT_STATS, span_of("pinion:{mail}"));
            probe_send(&p);
            world_await(&w, &p.ends, 1);
            assert_int_equal(p.err, PINION_UNAVAILABLE);
            world_await(&w, &w.ups, 2);
            probe_send(&p);
            world_await(&w, &p.ends, 2);
            assert_int_equal(p.err, PINION_OK);
            probe_deinit(&p);
            world_close(&w);
        }
    }
}

TEST(cut_at_any_byte_of_many_calls)
{
    struct prng prng = {property_seed("PINION_LINK_FAULTS_SEED")};

    for (unsigned i = 0; i < BYTE_ROUNDS; i++) {
        size_t fine, at = prng_below(&prng, CALLS * 14);
        struct world w;
        struct probe *p;

        fault_proxy_set(proxy, FAULT_NONE, 0);
        world_open(&w, fault_proxy_url(proxy));
        world_start(&w);
        world_await(&w, &w.ups, 1);
        p = probes_new(&w, CALLS, "PING"); /* 14 bytes, answered by 7 */
        if (i % 2)
            fault_proxy_cut_request(proxy, at);
        else
            fault_proxy_cut_answer(proxy, at / 2);
        probes_send(p, CALLS);
        fine = probes_await(&w, p, CALLS);
        assert_in_range(fine, 0, at / 14);
        for (size_t k = 0; k < CALLS; k++)
            assert_int_equal(p[k].err, k < fine ? PINION_OK : PINION_UNAVAILABLE);
        probes_free(p, CALLS);
        world_await(&w, &w.ups, 2);
        world_close(&w);
    }
}

/* ---- refusals ---- */

static void expect_refusal(const char *url, bool allow_eviction, enum pinion_err code,
                           const char *text)
{
    struct world w;

    world_open(&w, url);
    w.options.allow_eviction = allow_eviction;
    world_start(&w);
    world_await(&w, &w.refusals, 1);
    assert_int_equal(w.refusal.code, code);
    if (!strstr(w.refusal.text, text)) fail_msg("no \"%s\" in: %s", text, w.refusal.text);
    assert_int_equal(w.ups + w.downs, 0);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    assert_int_equal(w.refusals, 1);
    world_close(&w);
}

static void expect_up(const char *url, bool allow_eviction)
{
    struct world w;

    world_open(&w, url);
    w.options.allow_eviction = allow_eviction;
    world_start(&w);
    world_await(&w, &w.ups, 1);
    assert_int_equal(w.refusals, 0);
    world_close(&w);
}

TEST(records_of_another_format)
{
    const char *url = redis_server_url(server);

    do_quietly("SET pinion:format 999");
    expect_refusal(url, false, PINION_UNAVAILABLE,
                   "records of format \"999\" in this Redis: use a Pinion that knows it (this one "
                   "knows " RECORD_FORMAT ")");
    do_quietly("DEL pinion:format");
    do_quietly("RPUSH pinion:format x");
    expect_refusal(url, false, PINION_UNAVAILABLE, "format");
    do_quietly("DEL pinion:format");
    expect_up(url, false);
}

TEST(a_redis_that_evicts)
{
    const char *url = redis_server_url(server);

    do_quietly("CONFIG SET maxmemory-policy allkeys-lru");
    expect_refusal(url, false, PINION_UNAVAILABLE, "allkeys-lru");
    expect_up(url, true);
    do_quietly("CONFIG SET maxmemory-policy noeviction");
    expect_up(url, false);
}

TEST(databases)
{
    char url[160];

    snprintf(url, sizeof url, "%s?db=15", redis_server_url(server));
    expect_up(url, false);
    snprintf(url, sizeof url, "%s?db=16", redis_server_url(server));
    expect_refusal(url, false, PINION_INVALID, "out of range");
}

TEST(tls_is_not_there)
{
    expect_refusal("rediss://localhost", false, PINION_INVALID, "TLS");
}

TEST(passwords)
{
    char port[16], url[96];
    const char *const options[] = {"--requirepass", "s/1", "--port", port, NULL};
    struct redis_server *locked;

    snprintf(port, sizeof port, "%u", redis_server_free_port());
    locked = redis_server_start(options);
    snprintf(url, sizeof url, "redis://:s%%2F1@127.0.0.1:%s", port);
    expect_up(url, false);
    snprintf(url, sizeof url, "redis://default:s%%2F1@127.0.0.1:%s", port);
    expect_up(url, false);
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%s", port);
    expect_refusal(url, false, PINION_UNAUTHORIZED, "WRONGPASS");
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", port);
    expect_refusal(url, false, PINION_UNAUTHORIZED, "wants a password");
    redis_server_free(locked);
}

TEST(a_password_that_nobody_wants)
{
    char port[16], url[64];
    const char *const options[] = {"--port", port, NULL};
    struct redis_server *open_one;

    snprintf(port, sizeof port, "%u", redis_server_free_port());
    open_one = redis_server_start(options);
    snprintf(url, sizeof url, "redis://:secret@127.0.0.1:%s", port);
    expect_refusal(url, false, PINION_UNAUTHORIZED, "without any password configured");
    redis_server_free(open_one);
}

TEST(a_refusal_that_is_mended)
{
    struct world w;

    do_quietly("SET pinion:format 999");
    world_open(&w, redis_server_url(server));
    world_start(&w);
    world_await(&w, &w.refusals, 1);
    do_quietly("DEL pinion:format");
    world_await(&w, &w.ups, 1);
    world_close(&w);
}

TEST(too_many_clients_is_weather)
{
    struct world w;

    do_quietly("CONFIG SET maxclients 1");
    world_open(&w, redis_server_url(server));
    w.link = link_new(w.loop, &w.options);
    link_subscribe(w.link, "news"); /* two connections: one of them finds no place */
    world_start(&w);
    probe_expect(&w, "PING", PINION_UNAVAILABLE);
    while (w.ups + w.subscriptions == 0) ev_run(w.loop, EVRUN_ONCE);
    assert_int_equal(w.refusals, 0);
    world_close(&w);
    do_quietly("CONFIG SET maxclients 1000");
}

TEST(a_redis_that_is_loading)
{
    const char *const options[] = {"--save",
                                   "3600 1000000",
                                   "--key-load-delay",
                                   "50",
                                   "--loading-process-events-interval-bytes",
                                   "1024",
                                   NULL};
    struct redis_server *slow = redis_server_start(options);
    struct world w;

    free(redis_server_do(slow, "DEBUG POPULATE 20000"));
    redis_server_shut(slow); /* saves; reading it again takes a second */
    redis_server_begin(slow);
    redis_server_await_loading(slow);
    world_open(&w, redis_server_url(slow));
    world_start(&w);
    world_await(&w, &w.ups, 1);
    assert_int_equal(w.refusals, 0);
    probe_expect(&w, "PING", PINION_OK);
    world_close(&w);
    redis_server_free(slow);
}

/* ---- subscriptions ---- */

static void open_subscribed(struct world *w, const char *url)
{
    world_open(w, url);
    w->link = link_new(w->loop, &w->options);
    link_subscribe(w->link, "news");
    link_subscribe(w->link, "weather");
    link_subscribe(w->link, "news"); /* twice is once */
    world_start(w);
    world_await(w, &w->subscriptions, 1);
    world_await(w, &w->ups, 1);
}

TEST(messages_arrive)
{
    struct world w;

    open_subscribed(&w, redis_server_url(server));
    do_quietly("PUBLISH news one");
    world_await(&w, &w.messages, 1);
    assert_string_equal(w.last_message, "news=one");
    do_quietly("PUBLISH weather two");
    do_quietly("PUBLISH other three");
    do_quietly("PUBLISH news four");
    world_await(&w, &w.messages, 3);
    assert_string_equal(w.last_message, "news=four");
    world_close(&w);
}

TEST(a_lost_subscription_comes_back)
{
    struct world w;

    open_subscribed(&w, redis_server_url(server));
    for (unsigned i = 1; i <= 5; i++) {
        do_quietly("CLIENT KILL TYPE pubsub");
        world_await(&w, &w.losses, i);
        world_await(&w, &w.subscriptions, i + 1);
        do_quietly("PUBLISH news again");
        world_await(&w, &w.messages, i);
    }
    assert_int_equal(w.downs, 0); /* the other connection does not care */
    link_resubscribe(w.link);
    assert_int_equal(w.losses, 5); /* not from within */
    world_await(&w, &w.losses, 6);
    world_await(&w, &w.subscriptions, 7);
    redis_server_restart(server);
    world_await(&w, &w.subscriptions, 8);
    world_await(&w, &w.ups, 2);
    world_close(&w);
}

/* Nothing is subscribed at first: the connection comes with the first channel, and stays. */
TEST(the_first_channel_comes_after_the_start)
{
    struct world w;

    world_open(&w, redis_server_url(server));
    world_start(&w);
    world_await(&w, &w.ups, 1);
    link_subscribe(w.link, "news");
    world_await(&w, &w.subscriptions, 1);
    do_quietly("PUBLISH news sun");
    world_await(&w, &w.messages, 1);
    assert_string_equal(w.last_message, "news=sun");
    link_unsubscribe(w.link, "news");
    redis_server_restart(server); /* it comes back without any, and says so to nobody */
    world_await(&w, &w.ups, 2);
    link_subscribe(w.link, "weather");
    while (w.messages < 2) {
        do_quietly("PUBLISH weather rain");
        ev_run(w.loop, EVRUN_NOWAIT);
    }
    assert_string_equal(w.last_message, "weather=rain");
    world_close(&w);
}

static void subscribe_through(enum fault fault, unsigned turn)
{
    struct world w;

    fault_proxy_set(proxy, fault, turn);
    world_open(&w, fault_proxy_url(proxy));
    w.options.call_timeout_ms = SOON_MS;
    w.link = link_new(w.loop, &w.options);
    link_subscribe(w.link, "news");
    world_start(&w);
    world_await(&w, &w.subscriptions, 1);
    world_await(&w, &w.ups, 1);
    free(redis_server_do(server, "PUBLISH news x"));
    world_await(&w, &w.messages, 1);
    world_close(&w);
}

/* The two connections take their turns in any order, so each fault meets either of them. */
TEST(every_fault_while_both_connect)
{
    for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++)
        for (unsigned turn = 0; turn < 8; turn++) subscribe_through(fault, turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_step_of_a_whole_handshake),
        cmocka_unit_test(no_answer_at_any_step_of_a_short_handshake),
        cmocka_unit_test(cut_at_any_byte_of_the_handshake),
        cmocka_unit_test(every_fault_at_a_call),
        cmocka_unit_test(every_fault_while_a_script_is_loaded_again),
        cmocka_unit_test(cut_at_any_byte_of_many_calls),
        cmocka_unit_test(records_of_another_format),
        cmocka_unit_test(a_redis_that_evicts),
        cmocka_unit_test(databases),
        cmocka_unit_test(tls_is_not_there),
        cmocka_unit_test(passwords),
        cmocka_unit_test(a_password_that_nobody_wants),
        cmocka_unit_test(a_refusal_that_is_mended),
        cmocka_unit_test(too_many_clients_is_weather),
        cmocka_unit_test(a_redis_that_is_loading),
        cmocka_unit_test(messages_arrive),
        cmocka_unit_test(a_lost_subscription_comes_back),
        cmocka_unit_test(the_first_channel_comes_after_the_start),
        cmocka_unit_test(every_fault_while_both_connect),
    };
    int failed;

    log_set(LOG_ERROR, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    proxy = fault_proxy_start(redis_server_path(server));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    fault_proxy_free(proxy);
    redis_server_free(server);
    return failed;
}
