/* pinion.h: limits that a program sets, and a service that serves its queues strictly. */
#include "include/pinion.h"
#include "base/log.h"
#include "tests/flow/scratch.h"
#include "tests/support/check.h"
#include "tests/support/redis_server.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#define HALF 12 /* jobs of each of two queues */

static struct redis_server *server;
static struct pinion_client *client;
static char why[256];

static void limit_is(const char *scope, const char *words)
{
    char *text = redis_server_do(server, "HGET pinion:{mail}:limits %s", scope);

    assert_string_equal(text, words);
    free(text);
}

static void count_is(const char *count)
{
    char *text = redis_server_do(server, "HLEN pinion:{mail}:limits");

    assert_string_equal(text, count);
    free(text);
}

static void sets(struct pinion_limit limit)
{
    if (pinion_limit(client, "mail", &limit, 1, why, sizeof why)) fail_msg("%s", why);
}

static void refuses(struct pinion_limit limit, const char *words)
{
    struct pinion_limit limits[] = {{.concurrency = 7}, limit};

    assert_int_equal(pinion_limit(client, "mail", limits, 2, why, sizeof why), PINION_INVALID);
    if (!strstr(why, words)) fail_msg("expected '%s', not '%s'", words, why);
    assert_int_equal(pinion_limit(client, "mail", limits, 2, NULL, 0), PINION_INVALID);
    count_is("0"); /* nor was the good one set */
}

TEST(each_scope_is_set_kept_and_cleared)
{
    const struct pinion_limit limits[] = {
        {.concurrency = 20},
        {.kind = "sms", .rate = 100, .rate_per_ms = 1000, .burst = 10},
        {.group = "acme", .concurrency = 2, .rate = 1, .rate_per_ms = 60000},
        {.each_group = 1, .concurrency = 1},
    };

    for (int again = 0; again < 2; again++) /* the same once more changes nothing */
        assert_int_equal(pinion_limit(client, "mail", limits, 4, why, sizeof why), PINION_OK);
    limit_is("queue", "20 0 0 0");
    limit_is("kind:sms", "0 100 1000000 10");
    limit_is("group:acme", "2 1 60000000 1");
    limit_is("groups", "1 0 0 0");
    sets((struct pinion_limit){.kind = "sms", .concurrency = 3});
    limit_is("kind:sms", "3 100 1000000 10");
    sets((struct pinion_limit){.kind = "sms", .rate = 5, .rate_per_ms = 1000});
    limit_is("kind:sms", "3 5 1000000 1");
    sets((struct pinion_limit){.kind = "sms", .clear = 1});
    count_is("3");
    sets((struct pinion_limit){.clear = 1});
    limit_is("group:acme", "2 1 60000000 1");
    count_is("2");
    char *queues = redis_server_do(server, "SMEMBERS pinion:queues");
    assert_string_equal(queues, "mail");
    free(queues);
}

TEST(bad_limits_change_nothing)
{
    refuses((struct pinion_limit){0}, "expected either clear, or a concurrency or rate");
    refuses((struct pinion_limit){.clear = 1, .concurrency = 1}, "expected either clear");
    refuses((struct pinion_limit){.kind = "a", .group = "b", .concurrency = 1}, "one of kind");
    refuses((struct pinion_limit){.group = "b", .each_group = 1, .concurrency = 1}, "one of kind");
    refuses((struct pinion_limit){.kind = "", .concurrency = 1}, "kind '': expected 1 to 128");
    refuses((struct pinion_limit){.group = "a b", .concurrency = 1},
            "group 'a b': expected 1 to 128");
    refuses((struct pinion_limit){.burst = 2}, "burst: expected");
    refuses((struct pinion_limit){.rate = 2}, "rate: expected");
    refuses((struct pinion_limit){.rate_per_ms = 2}, "rate: expected");
    refuses((struct pinion_limit){.concurrency = 100001}, "concurrency: expected 1 to 100000");
    refuses((struct pinion_limit){.rate = 100001, .rate_per_ms = 1}, "rate: expected");
    refuses((struct pinion_limit){.rate = 1, .rate_per_ms = 86400001}, "rate: expected");
    refuses((struct pinion_limit){.rate = 1, .rate_per_ms = 1, .burst = 100001}, "burst: expected");
    sets((struct pinion_limit){
        .concurrency = 100000, .rate = 100000, .rate_per_ms = 86400000, .burst = 100000});
    limit_is("queue", "100000 100000 86400000000 100000");
}

TEST(how_many_and_of_what)
{
    static const struct pinion_limit one = {.concurrency = 1};
    struct pinion_limit *many = calloc(1001, sizeof *many);
    char kinds[1001][8];

    assert_int_equal(pinion_limit(client, "bad name", &one, 1, why, sizeof why), PINION_INVALID);
    assert_int_equal(pinion_limit(client, "mail", &one, 0, why, sizeof why), PINION_INVALID);
    for (int i = 0; i < 1001; i++) {
        snprintf(kinds[i], sizeof kinds[i], "k%d", i);
        many[i] = (struct pinion_limit){.kind = kinds[i], .concurrency = 1};
    }
    assert_int_equal(pinion_limit(client, "mail", many, 1001, why, sizeof why), PINION_INVALID);
    count_is("0");
    assert_int_equal(pinion_limit(client, "mail", many, 1000, why, sizeof why), PINION_OK);
    count_is("1000");
    assert_int_equal(pinion_limit(client, "mail", &one, 1, why, sizeof why), PINION_INVALID);
    assert_non_null(strstr(why, "at most 1000 limits"));
    assert_int_equal(pinion_limit(client, NULL, &one, 1, why, sizeof why), PINION_OK);
    char *text = redis_server_do(server, "HGET pinion:{default}:limits queue");
    assert_string_equal(text, "1 0 0 0");
    free(text);
    free(many);
}

/* ---- a service, strictly in order ------------------------------------------------------------ */

static struct pinion_service *service;
static char order[2 * HALF + 1];
static unsigned started, running, most;

static void later(struct pinion_timer *t, void *ctx)
{
    (void)t;
    running--;
    pinion_attempt_done(ctx, NULL, 0);
    if (started == 2 * HALF && running == 0) pinion_service_stop(service);
}

static void note(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    order[started++] = pinion_attempt_work(a)->queue[0];
    if (++running > most) most = running;
    assert_int_equal(pinion_call_later(service, 5, later, a, NULL), PINION_OK);
}

static void enqueue_half(const char *queue)
{
    struct pinion_enqueued made[HALF];
    struct pinion_job jobs[HALF];

    for (int i = 0; i < HALF; i++) jobs[i] = (struct pinion_job){.kind = "note", .queue = queue};
    assert_int_equal(pinion_enqueue(client, jobs, HALF, made), PINION_OK);
}

static void serve_both(const char *const queues[], unsigned concurrency, int strict)
{
    static const struct pinion_handler handler = {.kind = "note", .run = note};
    char scratch[SCRATCH_MAX];
    struct pinion_service_options options = {.redis_url = redis_server_url(server),
                                             .state_dir = scratch,
                                             .queues = queues,
                                             .concurrency = concurrency,
                                             .strict = strict};

    assert_true(scratch_make(scratch));
    memset(order, 0, sizeof order);
    started = running = most = 0;
    enqueue_half("low");
    enqueue_half("mail");
    if (pinion_service_new(NULL, &options, &service, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(pinion_service_handle(service, &handler), PINION_OK);
    assert_int_equal(pinion_service_start(service, why, sizeof why), PINION_OK);
    assert_int_equal(pinion_service_run(service), PINION_OK);
    pinion_service_free(service);
    assert_int_equal(scratch_remove(scratch), 0);
}

static const char in_order[] = "mmmmmmmmmmmmllllllllllll";

TEST(strict_with_one_slot_and_with_eight)
{
    static const char *const queues[] = {"mail", "low", NULL};

    _Static_assert(sizeof in_order == 2 * HALF + 1, "both halves");
    serve_both(queues, 1, 1);
    assert_string_equal(order, in_order);
    serve_both(queues, 8, 1);
    assert_string_equal(order, in_order);
    assert_int_equal(most, 8);
    serve_both(queues, 1, 0); /* by turns: else this test shows nothing */
    assert_string_not_equal(order, in_order);
}

TEST(strict_takes_no_weights)
{
    static const char *const queues[] = {"mail=2", "low", NULL};
    struct pinion_service_options options = {.queues = queues, .strict = 1};

    assert_int_equal(pinion_service_new(NULL, &options, &service, why, sizeof why),
                     PINION_INVALID);
    assert_string_equal(why, "strict: expected queues without weights, not 'mail=2'");
}

/* The limit leaves the first queue one slot; the others are for the second. */
TEST(a_first_queue_at_its_limit_holds_nothing_up)
{
    static const char *const queues[] = {"mail", "low", NULL};

    sets((struct pinion_limit){.concurrency = 1});
    serve_both(queues, 4, 1);
    assert_int_equal(most, 4);
    assert_int_equal(order[0], 'm');
    assert_non_null(memchr(order, 'l', 4)); /* at once beside it */
}

static int begin(void **state)
{
    struct pinion_client_options options = {0};

    (void)state;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    options.redis_url = redis_server_url(server);
    if (pinion_client_open(&options, &client, why, sizeof why)) fail_msg("%s", why);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pinion_client_close(client);
    redis_server_free(server);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_scope_is_set_kept_and_cleared),
        CASE(bad_limits_change_nothing),
        CASE(how_many_and_of_what),
        CASE(strict_with_one_slot_and_with_eight),
        CASE(strict_takes_no_weights),
        CASE(a_first_queue_at_its_limit_holds_nothing_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
