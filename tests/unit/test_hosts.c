/* test_hosts.c — who may ask a host now, who waits, and when its breaker opens and closes. */
#include "tests/support/check.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "workers/hosts.h"
#include "workers/registry.h"

#define START_US UINT64_C(1000000)

static uint64_t now_us;
static double luck; /* what random_unit gives */
static struct ticker *ticker;
static struct hosts *hosts;
static struct handler handler;
static struct host *host;
static unsigned given; /* times that there were slots again */

uint64_t clock_mono_us(void)
{
    return now_us;
}

int64_t clock_wall_us(void)
{
    return (int64_t)now_us;
}

double random_unit(void)
{
    return luck;
}

uint64_t random_u64(void)
{
    return 0;
}

void random_fill(void *out, size_t bytes)
{
    (void)out, (void)bytes;
}

static void give(void *ctx)
{
    (void)ctx;
    given++;
}

static int setup(void **state)
{
    (void)state;
    now_us = START_US;
    luck = 1;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    ticker = ticker_new(NULL);
    given = 0;
    hosts = hosts_new(ticker, give, NULL);
    handler = (struct handler){.concurrency = 8};
    host = host_join(hosts, "a:80", &handler, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    host_part(host, &handler);
    assert_int_equal(hosts_count(hosts), 0);
    hosts_free(hosts);
    ticker_free(ticker);
    return 0;
}

static void pass_ms(uint64_t ms)
{
    now_us += ms * 1000;
    ticker_turn(ticker);
}

struct caller {
    struct turn turn;
    int told; /* 1: it may; -1: it was refused */
};

static void go(struct turn *turn, bool may)
{
    struct caller *c = container_of(turn, struct caller, turn);

    assert_int_equal(c->told, 0);
    c->told = may ? 1 : -1;
}

static void enters(struct caller *c, enum entry wanted)
{
    *c = (struct caller){.turn.go = go};
    assert_int_equal(host_enter(host, &c->turn), wanted);
}

static void asks(enum verdict verdict)
{
    struct caller c;

    enters(&c, ENTRY_GO);
    host_leave(host, verdict);
}

static void fails_often(void)
{
    for (int i = 0; i < HOST_FAILURES_MAX; i++) asks(HOST_FAILED);
}

static void breaker_is(enum breaker wanted, unsigned free_slots)
{
    assert_int_equal(hosts_view(hosts, 0).breaker, wanted);
    assert_int_equal(handler_free_slots(&handler), free_slots);
}

TEST(as_many_as_it_may_in_turn)
{
    struct caller c[5];

    enters(&c[0], ENTRY_GO);
    enters(&c[1], ENTRY_GO);
    enters(&c[2], ENTRY_WAIT);
    enters(&c[3], ENTRY_WAIT);
    enters(&c[4], ENTRY_WAIT);
    assert_int_equal(hosts_view(hosts, 0).waiting, 3);
    host_give_up(&c[2].turn);
    host_leave(host, HOST_ANSWERED);
    assert_int_equal(c[2].told, 0);
    assert_int_equal(c[3].told, 1);
    assert_int_equal(c[4].told, 0);
    host_leave(host, HOST_UNKNOWN);
    assert_int_equal(c[4].told, 1);
    host_leave(host, HOST_ANSWERED);
    host_leave(host, HOST_ANSWERED);
    assert_int_equal(hosts_view(hosts, 0).running, 0);
    assert_int_equal(hosts_view(hosts, 0).asked, 4);
}

static unsigned concurrency(void)
{
    return hosts_view(hosts, 0).concurrency;
}

TEST(the_least_concurrency_counts)
{
    struct handler others[3] = {{.concurrency = 9}, {.concurrency = 9}, {.concurrency = 9}};
    struct host *b = host_join(hosts, "b:80", &others[2], 0);

    assert_ptr_equal(host_join(hosts, "a:80", &others[0], 3), host);
    assert_int_equal(concurrency(), 2);
    host_join(hosts, "a:80", &others[1], 1);
    assert_int_equal(concurrency(), 1);
    host_part(host, &others[1]);
    assert_int_equal(concurrency(), 2);
    host_part(host, &others[0]);
    assert_int_equal(hosts_count(hosts), 2);
    assert_int_equal(hosts_view(hosts, 1).concurrency, HOST_CONCURRENCY_DEFAULT);
    host_part(b, &others[2]);
    assert_int_equal(hosts_count(hosts), 1);
}

TEST(failures_at_their_limit)
{
    for (int i = 0; i < HOST_FAILURES_MAX - 1; i++) asks(HOST_FAILED);
    asks(HOST_UNKNOWN); /* neither one nor an answer */
    breaker_is(BREAKER_CLOSED, 8);
    asks(HOST_ANSWERED);
    for (int i = 0; i < HOST_FAILURES_MAX - 1; i++) asks(HOST_FAILED);
    breaker_is(BREAKER_CLOSED, 8);
    asks(HOST_FAILED);
    breaker_is(BREAKER_OPEN, 0);
}

TEST(open_half_closed)
{
    struct caller c;

    fails_often();
    enters(&c, ENTRY_REFUSED);
    assert_int_equal(host_rest_ms(host), BREAKER_FIRST_MS);
    pass_ms(BREAKER_FIRST_MS - 1);
    breaker_is(BREAKER_OPEN, 0);
    pass_ms(1);
    breaker_is(BREAKER_HALF, 1);
    enters(&c, ENTRY_GO);
    enters(&c, ENTRY_REFUSED); /* one is enough to find out */
    host_leave(host, HOST_UNKNOWN);
    breaker_is(BREAKER_HALF, 1);
    assert_int_equal(given, 1);
    asks(HOST_ANSWERED);
    assert_int_equal(given, 2);
    breaker_is(BREAKER_CLOSED, 8);
    assert_int_equal(hosts_view(hosts, 0).postponed, 2);
}

TEST(who_comes_later_finds_it_open)
{
    struct handler later = {.concurrency = 4};

    fails_often();
    host_join(hosts, "a:80", &later, 4);
    assert_int_equal(handler_free_slots(&later), 0);
    pass_ms(BREAKER_FIRST_MS);
    assert_int_equal(handler_free_slots(&later), 1);
    asks(HOST_ANSWERED);
    assert_int_equal(handler_free_slots(&later), 4);
    host_part(host, &later);
}

TEST(longer_each_time)
{
    uint64_t ms = BREAKER_FIRST_MS;

    fails_often();
    for (int i = 0; i < 12; i++) {
        assert_int_equal(host_rest_ms(host), ms);
        pass_ms(ms);
        breaker_is(BREAKER_HALF, 1);
        asks(HOST_FAILED);
        breaker_is(BREAKER_OPEN, 0);
        ms = ms * 2 < BREAKER_MAX_MS ? ms * 2 : BREAKER_MAX_MS;
    }
    pass_ms(ms);
    asks(HOST_ANSWERED);
    luck = 0;
    fails_often(); /* all is forgotten */
    assert_int_equal(host_rest_ms(host), BREAKER_FIRST_MS / 2);
}

TEST(who_waits_is_refused)
{
    struct caller c[3];

    enters(&c[0], ENTRY_GO);
    for (int i = 0; i < HOST_FAILURES_MAX - 1; i++) asks(HOST_FAILED);
    enters(&c[1], ENTRY_GO);
    enters(&c[2], ENTRY_WAIT);
    host_leave(host, HOST_FAILED);
    assert_int_equal(c[2].told, -1);
    breaker_is(BREAKER_OPEN, 0);
    assert_int_equal(hosts_view(hosts, 0).running, 1);
    host_leave(host, HOST_FAILED); /* was under way: it is no longer open for that, */
    assert_int_equal(host_rest_ms(host), BREAKER_FIRST_MS);
}

TEST(a_late_answer_closes)
{
    struct caller c;

    enters(&c, ENTRY_GO);
    fails_often();
    breaker_is(BREAKER_OPEN, 0);
    host_leave(host, HOST_ANSWERED);
    breaker_is(BREAKER_CLOSED, 8);
    pass_ms(BREAKER_MAX_MS); /* its time comes no more */
    breaker_is(BREAKER_CLOSED, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_many_as_it_may_in_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(the_least_concurrency_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_at_their_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(open_half_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_later_finds_it_open, setup, teardown),
        cmocka_unit_test_setup_teardown(longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_answer_closes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
