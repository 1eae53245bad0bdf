/* What is told to other queues, by a whole service: something that cannot be told holds up nothing
 * that stands behind it. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/outbox.h"
#include "tests/flow/api_world.h"

#define HOME  "pinion:{default}:"
#define OTHER "pinion:{other}:"

static redisContext *redis;

static long long number(const char *command)
{
    redisReply *r = redisCommand(redis, command);

    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", command, r->str);
    assert_int_equal(r->type, REDIS_REPLY_INTEGER);
    long long n = r->integer;
    freeReplyObject(r);
    return n;
}

/* Something to be told, with a number of its own. */
static void add(const char *to_and_what)
{
    char entry[160];

    snprintf(entry, sizeof entry, "%lld %s", number("HINCRBY " HOME "meta outbox 1"), to_and_what);
    freeReplyObject(redisCommand(redis, "RPUSH " HOME "outbox %s", entry));
}

static void put_other(const char *id)
{
    char body[64];

    snprintf(body, sizeof body, "{\"kind\":\"wc\",\"id\":\"%s\"}", id);
    json_decref(ask_json(201, "POST", "/v1/queues/other/jobs", AUTH JSON, body));
}

static uint64_t untold_counted(void)
{
    static const char name[] = "\npinion_untold_total ";
    const char *at = strstr(ask("GET", "/metrics", NULL, NULL).body, name);

    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Two that will never be told, in front of and between others; and one that cannot be read. */
TEST(what_is_refused_holds_up_nobody)
{
    put_other("x");
    put_other("y");
    number("HSET " OTHER "parents bad junk");
    add("other bond x default:kid");
    add("other end bad default:p done");
    freeReplyObject(redisCommand(redis, "RPUSH " HOME "outbox junk"));
    add("other nonsense bad");
    add("other bond y default:kid");
    eventually(number("ZCARD " OTHER "bonds") == 2);
    assert_true(number("LLEN " HOME "untold") < 3); /* those are still to be tried */
    eventually(number("EXISTS " HOME "outbox") == 0);
    assert_int_equal(number("LLEN " HOME "untold"), 3);
    assert_int_equal(untold_counted(), 2); /* what could not be told; the junk was never tried */
}

/* It is told at once when whatever stood in its way is gone, as after a repair. */
TEST(what_was_set_aside_is_told_when_it_can_be)
{
    number("DEL " OTHER "parents " HOME "untold");
    number("HSET " OTHER "parents bad junk");
    add("other end bad default:p done");
    eventually(number("EXISTS " HOME "outbox") == 0);
    assert_int_equal(number("LLEN " HOME "untold"), 1);
    number("DEL " OTHER "parents");
    freeReplyObject(redisCommand(redis, "LMOVE " HOME "untold " HOME "outbox LEFT RIGHT"));
    eventually(number("EXISTS " HOME "outbox") == 0);
    assert_int_equal(number("EXISTS " HOME "untold"), 0);
}

static int open_all(void **state)
{
    (void)state;
    world_open();
    redis = redisConnectUnix(redis_server_path(world_redis));
    assert_int_equal(redis->err, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    redisFree(redis);
    world_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_holds_up_nobody),
        cmocka_unit_test(what_was_set_aside_is_told_when_it_can_be),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
