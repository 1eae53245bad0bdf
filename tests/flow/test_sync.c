/* tests/flow/test_sync.c — the blocking client and the watch: a real Redis, and faults. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/hiredis_shim.h"
#include "queue/sync.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/property.h"
#include "tests/support/redis_server.h"

#define SOON_MS     200
#define LONG_MS     20000
#define MANY        20000
#define BIG_COUNT   64
#define BIG_BYTES   (1 << 20)
#define BYTE_ROUNDS 40

static struct redis_server *server;
static struct fault_proxy *proxy;
static struct redis_url server_url, proxy_url;

static void do_quietly(const char *words)
{
    free(redis_server_do(server, "%s", words));
}

static struct redis_url parse(const char *text)
{
    struct redis_url url;
    struct error why = {0};

    if (redis_url_parse(span_of(text), &url, &why)) fail_msg("%s", why.text);
    return url;
}

static enum pinion_err try_open(const struct redis_url *url, uint64_t connect_ms, uint64_t reply_ms,
                                struct sync **ret_sync, struct error *why)
{
    struct sync_options options = {
        .name_space = "pinion", .connect_timeout_ms = connect_ms, .reply_timeout_ms = reply_ms};

    return sync_open(url, &options, ret_sync, why);
}

static struct sync *open_to(const struct redis_url *url, uint64_t reply_ms)
{
    struct sync *s = NULL;
    struct error why = {0};

    if (try_open(url, LONG_MS, reply_ms, &s, &why)) fail_msg("%s", why.text);
    return s;
}

/* Gives the answer's number, or -1 for another answer; *ret_err is what became of the call. */
static long long ask(struct sync *s, const char *words, enum pinion_err *ret_err, struct error *why)
{
    struct request request = REQUEST_INIT;
    redisReply *reply = NULL;
    long long number = -1;

    request_command(&request, words);
    *ret_err = sync_call(s, &request, &reply, why);
    assert_int_equal(*ret_err == PINION_OK, reply != NULL);
    if (reply && reply->type == REDIS_REPLY_INTEGER) number = reply->integer;
    sync_reply_free(reply);
    request_deinit(&request);
    return number;
}

static void expect(struct sync *s, const char *words, enum pinion_err expected)
{
    struct error why = {0};
    enum pinion_err err;

    ask(s, words, &err, &why);
    if (err != expected) fail_msg("%s: %s: %s", words, error_name(err), why.text);
    if (err) assert_true(why.text[0]);
}

TEST(it_opens_and_answers)
{
    struct sync *s;
    int64_t off_ms;

    do_quietly("FLUSHALL");
    s = open_to(&server_url, 0);
    assert_true(sync_info(s)->version >= 70000);
    off_ms = sync_now_ms(s) - clock_wall_ms();
    assert_in_range(off_ms + 1000, 0, 2000);
    expect(s, "PING", PINION_OK);
    sync_close(s);
    sync_close(NULL);
}

static void expect_no_redis(const char *url_text, const char *reason)
{
    struct redis_url url = parse(url_text);
    struct sync *s = NULL;
    struct error why = {0};
    uint64_t before_ms = clock_mono_ms();

    assert_int_equal(try_open(&url, SOON_MS, 0, &s, &why), PINION_UNAVAILABLE);
    assert_true(clock_mono_ms() - before_ms >= SOON_MS - 1);
    assert_null(s);
    if (!strstr(why.text, reason)) fail_msg("no \"%s\" in: %s", reason, why.text);
    assert_non_null(strstr(why.text, "is `pinion serve` running?"));
    redis_url_deinit(&url);
}

TEST(nobody_listens)
{
    char url[64];

    expect_no_redis("unix:/nowhere/redis.sock",
                    "no Redis at unix:/nowhere/redis.sock: No such file or directory");
    snprintf(url, sizeof url, "redis://:hidden@127.0.0.1:%u", redis_server_free_port());
    expect_no_redis(url, "Connection refused");
}

/* An hour to connect, of which nothing is used. What was open once is waited for again. */
TEST(at_once_where_nobody_listens)
{
    struct sync_options options = {
        .name_space = "pinion", .connect_timeout_ms = 3600000, .at_once = true};
    struct redis_url nowhere = parse("unix:/nowhere/redis.sock");
    struct sync *s = NULL;
    struct error why = {0};

    assert_int_equal(sync_open(&nowhere, &options, &s, &why), PINION_UNAVAILABLE);
    assert_non_null(strstr(why.text, "no Redis at unix:/nowhere/redis.sock: No such file"));
    redis_url_deinit(&nowhere);
    options.connect_timeout_ms = LONG_MS;
    if (sync_open(&server_url, &options, &s, &why)) fail_msg("%s", why.text);
    redis_server_kill(server);
    redis_server_begin(server);
    expect(s, "PING", PINION_OK);
    sync_close(s);
    redis_server_await(server);
}

static void expect_refused(const char *url_text, enum pinion_err code, const char *text)
{
    struct redis_url url = parse(url_text);
    struct sync *s = NULL;
    struct error why = {0};
    uint64_t before_ms = clock_mono_ms();

    assert_int_equal(try_open(&url, LONG_MS, 0, &s, &why), code);
    assert_true(clock_mono_ms() - before_ms < LONG_MS / 2); /* waiting would not help */
    if (!strstr(why.text, text)) fail_msg("no \"%s\" in: %s", text, why.text);
    redis_url_deinit(&url);
}

TEST(refusals_are_told_at_once)
{
    char url[160];

    expect_refused("rediss://localhost", PINION_INVALID, "TLS");
    snprintf(url, sizeof url, "%s?db=99", redis_server_url(server));
    expect_refused(url, PINION_INVALID, "out of range");
    do_quietly("SET pinion:format 7");
    expect_refused(redis_server_url(server), PINION_UNAVAILABLE, "records of format \"7\"");
    do_quietly("DEL pinion:format");
    do_quietly("CONFIG SET maxmemory-policy allkeys-random");
    expect_refused(redis_server_url(server), PINION_UNAVAILABLE, "--allow-eviction");
    do_quietly("CONFIG SET maxmemory-policy noeviction");
}

TEST(it_waits_while_redis_starts)
{
    struct sync *s;

    redis_server_kill(server);
    redis_server_begin(server); /* no file there yet, or one that refuses */
    s = open_to(&server_url, 0);
    expect(s, "PING", PINION_OK);
    sync_close(s);
}

TEST(it_waits_while_redis_loads)
{
    const char *const options[] = {"--save",
                                   "3600 1000000",
                                   "--key-load-delay",
                                   "50",
                                   "--loading-process-events-interval-bytes",
                                   "1024",
                                   NULL};
    struct redis_server *slow = redis_server_start(options);
    struct redis_url url = parse(redis_server_url(slow));
    struct sync *s = NULL;
    struct error why = {0};

    free(redis_server_do(slow, "DEBUG POPULATE 20000"));
    redis_server_shut(slow);
    redis_server_begin(slow);
    redis_server_await_loading(slow);
    assert_int_equal(try_open(&url, SOON_MS, 0, &s, &why), PINION_UNAVAILABLE);
    assert_non_null(strstr(why.text, "still loading"));
    s = open_to(&url, 0);
    assert_int_equal(sync_info(s)->version >= 70000, 1);
    sync_close(s);
    redis_url_deinit(&url);
    redis_server_free(slow);
}

TEST(error_answers_are_mapped)
{
    struct sync *s = open_to(&server_url, 0);

    expect(s, "SET text x", PINION_OK);
    expect(s, "INCR text", PINION_INTERNAL);
    do_quietly("CONFIG SET maxmemory 1");
    expect(s, "SET text y", PINION_BUSY);
    do_quietly("CONFIG SET maxmemory 0");
    expect(s, "SET text z", PINION_OK);
    sync_close(s);
}

/* ---- many ---- */

struct many {
    struct request *requests, **pointers;
    redisReply **replies;
    enum pinion_err *errs;
    size_t count;
};

static struct many many_new(size_t count, const char *words)
{
    struct many m = {xcalloc(count, sizeof *m.requests), xcalloc(count, sizeof *m.pointers),
                     xcalloc(count, sizeof *m.replies), xcalloc(count, sizeof *m.errs), count};

    for (size_t i = 0; i < count; i++) {
        m.requests[i] = REQUEST_INIT;
        request_command(&m.requests[i], words);
        m.pointers[i] = &m.requests[i];
    }
    return m;
}

/* Gives how many were fine. */
static size_t many_run(struct sync *s, struct many *m, struct error *why)
{
    size_t fine = 0;

    sync_call_many(s, m->pointers, m->count, m->replies, m->errs, why);
    for (size_t i = 0; i < m->count; i++) {
        assert_int_equal(m->errs[i] == PINION_OK, m->replies[i] != NULL);
        fine += m->errs[i] == PINION_OK;
    }
    return fine;
}

static void many_free(struct many *m)
{
    for (size_t i = 0; i < m->count; i++) {
        request_deinit(&m->requests[i]);
        sync_reply_free(m->replies[i]);
    }
    free(m->requests);
    free(m->pointers);
    free(m->replies);
    free(m->errs);
}

TEST(many_are_answered_in_their_order)
{
    struct sync *s = open_to(&server_url, 0);
    struct many m = many_new(MANY, "INCR counter");
    struct error why = {0};

    do_quietly("DEL counter");
    assert_int_equal(many_run(s, &m, &why), MANY);
    for (size_t i = 0; i < MANY; i++) assert_int_equal(m.replies[i]->integer, i + 1);
    assert_int_equal(why.code, PINION_OK);
    many_free(&m);
    sync_call_many(s, NULL, 0, NULL, NULL, &why);
    sync_close(s);
}

/* More than any buffer between us holds, both ways at once. */
TEST(big_pipelines_do_not_lock_up)
{
    struct sync *s = open_to(&server_url, 0);
    struct many m = many_new(BIG_COUNT, "ECHO");
    struct error why = {0};
    char *payload = xmalloc(BIG_BYTES);

    memset(payload, 'x', BIG_BYTES);
    for (size_t i = 0; i < m.count; i++) request_add(&m.requests[i], payload, BIG_BYTES);
    if (many_run(s, &m, &why) != BIG_COUNT) fail_msg("%s", why.text);
    for (size_t i = 0; i < m.count; i++) assert_int_equal(m.replies[i]->len, BIG_BYTES);
    many_free(&m);
    free(payload);
    sync_close(s);
}

TEST(one_bad_call_fails_no_other)
{
    struct sync *s = open_to(&server_url, 0);
    struct many m = many_new(9, "PING");
    struct error why = {0};

    do_quietly("SET text x");
    request_command(&m.requests[4], "INCR text");
    assert_int_equal(many_run(s, &m, &why), 8);
    assert_int_equal(m.errs[4], PINION_INTERNAL);
    assert_int_equal(why.code, PINION_INTERNAL);
    assert_non_null(strstr(why.text, "not an integer"));
    many_free(&m);
    sync_close(s);
}

TEST(scripts_that_redis_forgot)
{
    struct sync *s = open_to(&server_url, 0);
    struct many m = many_new(100, "PING");
    struct error why = {0};

    for (size_t i = 0; i < m.count; i += 2)
        request_script(&m.requests[i], SCRIPT_STATS, span_of("pinion:{mail}"));
    do_quietly("SCRIPT FLUSH");
    if (many_run(s, &m, &why) != m.count) fail_msg("%s", why.text);
    for (size_t i = 0; i < m.count; i++)
        assert_int_equal(m.replies[i]->type, i % 2 ? REDIS_REPLY_STATUS : REDIS_REPLY_ARRAY);
    many_free(&m);
    sync_close(s);
}

/* Loading does not help: it is tried once, and not for ever. */
TEST(a_script_that_redis_never_has)
{
    struct sync *s = open_to(&server_url, 0);
    struct many m = many_new(1, "EVALSHA 0123456789012345678901234567890123456789 1 key");
    struct error why = {0};

    m.requests[0].script = SCRIPT_STATS;
    assert_int_equal(many_run(s, &m, &why), 0);
    assert_int_equal(m.errs[0], PINION_UNAVAILABLE);
    assert_non_null(strstr(why.text, "NOSCRIPT"));
    many_free(&m);
    sync_close(s);
}

/* ---- losses ---- */

TEST(a_connection_that_was_lost_is_opened_again)
{
    struct sync *s = open_to(&server_url, 0);
    char first[48];

    snprintf(first, sizeof first, "%s", sync_info(s)->run_id);
    do_quietly("CLIENT KILL TYPE normal");
    expect(s, "PING", PINION_OK); /* it was known to be lost: nothing was sent in vain */
    redis_server_restart(server);
    expect(s, "PING", PINION_OK);
    assert_string_not_equal(sync_info(s)->run_id, first);
    redis_server_kill(server);
    sync_close(s);
    redis_server_begin(server);
    redis_server_await(server);
}

TEST(a_redis_that_stands_still)
{
    struct sync *s = open_to(&server_url, SOON_MS);
    struct error why = {0};
    uint64_t before_ms;
    enum pinion_err err;

    redis_server_freeze(server);
    before_ms = clock_mono_ms();
    ask(s, "PING", &err, &why);
    assert_int_equal(err, PINION_UNAVAILABLE);
    assert_true(clock_mono_ms() - before_ms >= SOON_MS - 1);
    assert_non_null(strstr(why.text, "no answer within 200 ms"));
    redis_server_thaw(server);
    expect(s, "PING", PINION_OK);
    sync_close(s);
}

static void open_through(enum fault fault, unsigned turn)
{
    struct sync *s;

    fault_proxy_set(proxy, fault, turn);
    s = open_to(&proxy_url, SOON_MS);
    expect(s, "PING", PINION_OK);
    sync_close(s);
}

TEST(every_fault_at_every_step_of_the_handshake)
{
    unsigned turns;

    fault_proxy_set(proxy, FAULT_NONE, 0);
    sync_close(open_to(&proxy_url, 0));
    fault_proxy_set(proxy, FAULT_NONE, 0);
    sync_close(open_to(&proxy_url, 0));
    turns = fault_proxy_turns(proxy);
    assert_in_range(turns, 5, 50);
    for (unsigned turn = 0; turn < turns; turn++) {
        for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++) {
            unsigned strikes = fault_proxy_strikes(proxy);

            open_through(fault, turn);
            assert_int_equal(fault_proxy_strikes(proxy), strikes + 1);
        }
    }
}

TEST(every_fault_at_a_call)
{
    for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++) {
        struct sync *s = open_to(&proxy_url, SOON_MS);

        fault_proxy_set(proxy, fault, 0);
        expect(s, "PING", PINION_UNAVAILABLE);
        expect(s, "PING", PINION_OK);
        sync_close(s);
    }
}

TEST(cut_at_any_byte_of_many_calls)
{
    struct prng prng = {property_seed("PINION_SYNC_SEED")};

    for (unsigned i = 0; i < BYTE_ROUNDS; i++) {
        struct sync *s = open_to(&proxy_url, SOON_MS);
        struct many m = many_new(100, "PING");
        struct error why = {0};
        size_t fine, at = prng_below(&prng, 100 * 14);

        if (i % 2)
            fault_proxy_cut_request(proxy, at);
        else
            fault_proxy_cut_answer(proxy, at / 2);
        fine = many_run(s, &m, &why);
        assert_in_range(fine, 0, at / 14);
        for (size_t k = 0; k < m.count; k++)
            assert_int_equal(m.errs[k], k < fine ? PINION_OK : PINION_UNAVAILABLE);
        assert_int_equal(why.code, PINION_UNAVAILABLE);
        many_free(&m);
        expect(s, "PING", PINION_OK);
        sync_close(s);
    }
}

TEST(a_fault_while_a_script_is_loaded_again)
{
    for (enum fault fault = FAULT_CUT_BEFORE; fault < FAULTS; fault++) {
        for (unsigned turn = 0; turn < 3; turn++) {
            struct sync *s = open_to(&proxy_url, SOON_MS);
            struct many m = many_new(2, "PING");
            struct error why = {0};

            request_script(&m.requests[1], SCRIPT_STATS, span_of("pinion:{mail}"));
            do_quietly("SCRIPT FLUSH");
            fault_proxy_set(proxy, fault, turn);
            many_run(s, &m, &why);
            if (turn > 0) assert_int_equal(m.errs[0], PINION_OK); /* was answered before */
            assert_int_equal(m.errs[1], PINION_UNAVAILABLE);
            assert_int_equal(why.code, PINION_UNAVAILABLE);
            many_free(&m);
            sync_close(s);
        }
    }
}

/* The proxy hangs up in the middle of a long write, and SIGPIPE has its default. */
TEST(a_broken_pipe_does_not_kill)
{
    void (*before)(int) = signal(SIGPIPE, SIG_DFL);
    struct sync *s = open_to(&proxy_url, 0);
    struct many m = many_new(MANY, "PING");
    struct error why = {0};

    fault_proxy_cut_request(proxy, 1000);
    assert_true(many_run(s, &m, &why) < m.count);
    assert_true(signal(SIGPIPE, before) == SIG_DFL); /* nor was it ignored behind our back */
    many_free(&m);
    sync_close(s);
}

/* ---- watch ---- */

static struct watch *watch_news(struct sync *s)
{
    const char *const channels[] = {"news", "weather"};
    struct watch *w = NULL;
    struct error why = {0};

    if (watch_open(s, channels, 2, &w, &why)) fail_msg("%s", why.text);
    return w;
}

TEST(messages_are_watched)
{
    struct sync *s = open_to(&server_url, 0);
    struct watch *w = watch_news(s);
    uint64_t before_ms = clock_mono_ms();
    char text[8];

    assert_int_equal(watch_next(w, 0, text, sizeof text), PINION_BUSY);
    assert_int_equal(watch_next(w, 50, text, sizeof text), PINION_BUSY);
    assert_true(clock_mono_ms() - before_ms >= 49);
    do_quietly("PUBLISH news one");
    do_quietly("PUBLISH other two");
    do_quietly("PUBLISH weather much-too-long");
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_OK);
    assert_string_equal(text, "one");
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_OK);
    assert_string_equal(text, "much-to");
    watch_close(w);
    watch_close(NULL);
    sync_close(s);
}

TEST(a_lost_watch_says_so_and_is_renewed)
{
    struct sync *s = open_to(&server_url, 0);
    struct watch *w = watch_news(s);
    char text[8];

    do_quietly("CLIENT KILL TYPE pubsub");
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_UNAVAILABLE); /* lost */
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_UNAVAILABLE); /* renewed */
    do_quietly("PUBLISH news one");
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_OK);
    redis_server_kill(server);
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_UNAVAILABLE);
    assert_int_equal(watch_next(w, SOON_MS, text, sizeof text), PINION_UNAVAILABLE);
    redis_server_begin(server);
    redis_server_await(server);
    assert_int_equal(watch_next(w, LONG_MS, text, sizeof text), PINION_UNAVAILABLE);
    assert_int_equal(watch_next(w, 0, text, sizeof text), PINION_BUSY);
    watch_close(w);
    sync_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_and_answers),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(at_once_where_nobody_listens),
        cmocka_unit_test(refusals_are_told_at_once),
        cmocka_unit_test(it_waits_while_redis_starts),
        cmocka_unit_test(it_waits_while_redis_loads),
        cmocka_unit_test(error_answers_are_mapped),
        cmocka_unit_test(many_are_answered_in_their_order),
        cmocka_unit_test(big_pipelines_do_not_lock_up),
        cmocka_unit_test(one_bad_call_fails_no_other),
        cmocka_unit_test(scripts_that_redis_forgot),
        cmocka_unit_test(a_script_that_redis_never_has),
        cmocka_unit_test(a_connection_that_was_lost_is_opened_again),
        cmocka_unit_test(a_redis_that_stands_still),
        cmocka_unit_test(every_fault_at_every_step_of_the_handshake),
        cmocka_unit_test(every_fault_at_a_call),
        cmocka_unit_test(cut_at_any_byte_of_many_calls),
        cmocka_unit_test(a_fault_while_a_script_is_loaded_again),
        cmocka_unit_test(a_broken_pipe_does_not_kill),
        cmocka_unit_test(messages_are_watched),
        cmocka_unit_test(a_lost_watch_says_so_and_is_renewed),
    };
    int failed;

    log_set(LOG_LEVELS, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    proxy = fault_proxy_start(redis_server_path(server));
    server_url = parse(redis_server_url(server));
    proxy_url = parse(fault_proxy_url(proxy));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_url_deinit(&proxy_url);
    redis_url_deinit(&server_url);
    fault_proxy_free(proxy);
    redis_server_free(server);
    return failed;
}
