/* A retry of many jobs at once leaves behind, byte for byte, what a retry of each leaves: from the
 * same Redis, both ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "queue/bulk.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define ROUNDS   20
#define JOBS_MAX 200

static struct prng prng;

static uint64_t below(uint64_t limit)
{
    return prng_below(&prng, limit);
}

/* ---- all that a queue keeps ------------------------------------------------------------------ */

static const char dump_lua[] =
    "local out, names = {}, redis.call('KEYS', 'pinion:{q}:*') "
    "table.sort(names) "
    "for _, name in ipairs(names) do "
    "  local t, v = redis.call('TYPE', name).ok, nil "
    "  if t == 'string' then v = {redis.call('GET', name)} "
    "  elseif t == 'list' then v = redis.call('LRANGE', name, 0, -1) "
    "  elseif t == 'zset' then v = redis.call('ZRANGE', name, 0, -1, 'WITHSCORES') "
    "  elseif t == 'set' then v = redis.call('SMEMBERS', name) table.sort(v) "
    "  else "
    "    local all = redis.call('HGETALL', name) v = {} "
    "    for i = 1, #all, 2 do v[#v + 1] = all[i] .. ' = ' .. all[i + 1] end "
    "    table.sort(v) "
    "  end "
    "  out[#out + 1] = name .. ': ' .. table.concat(v, ' | ') "
    "end "
    "return table.concat(out, '\\n')";

static char *dump(void)
{
    redisReply *r = rig_command(&rig, "EVAL %s 0", dump_lua);
    char *text = strndup(r->str, r->len);

    assert_non_null(text);
    freeReplyObject(r);
    return text;
}

static void copy_to_db(int db)
{
    static const char lua[] = "for _, name in ipairs(redis.call('KEYS', '*')) do "
                              "redis.call('COPY', name, name, 'DB', ARGV[1], 'REPLACE') end";
    freeReplyObject(rig_command(&rig, "EVAL %s 0 %d", lua, db));
}

/* ---- jobs that have ended -------------------------------------------------------------------- */

static void end_one(const struct lease *lease)
{
    if (below(3) == 0) tell_progress(&rig, lease, (unsigned)below(100), "half");
    if (below(2)) fail_in(&rig, lease, -1);
    else ack_rich(&rig, lease, "result");
}

static void make_one(unsigned n)
{
    static const char *const kinds[] = {"wc", "zip"}, *const groups[] = {NULL, NULL, "a", "b"};
    char id[32], unique[32];
    struct pinion_job job = {.kind = kinds[below(2)], .queue = "q", .group = groups[below(4)]};

    snprintf(id, sizeof id, "j%u", n);
    snprintf(unique, sizeof unique, "k%u", (unsigned)below(3));
    if (below(2)) job.id = id;
    if (below(6) == 0) job.unique = unique;
    if (below(6) == 0) job.batch = "b";
    if (below(3) == 0) job.retain_ms = 1000000;
    if (!job.id && !job.unique && !job.batch && below(3) == 0) enqueue_many(&rig, &job, 10);
    else enqueue(&rig, &job, NULL);
}

/* Many of them at once, so that some end in the same millisecond; some leave ghosts. */
static void make_world(void)
{
    struct leases got;
    unsigned made = 0;

    rig_reset(&rig);
    while (made < JOBS_MAX / 2 + below(JOBS_MAX / 2)) {
        make_one(made++);
        if (below(3)) continue;
        if (below(2)) rig_step(&rig, 1);
        claim(&rig, &(struct ask){.free = 1 + (unsigned)below(30)}, &got);
        for (size_t i = 0; i < got.count; i++) end_one(&got.lease[i]);
        if (below(4) == 0)
            for (unsigned i = 0; i < made; i++) {
                char id[32];
                snprintf(id, sizeof id, "j%u", i);
                if (below(3) == 0) cancel(&rig, id);
            }
    }
    rig_step(&rig, 10);
}

/* ---- both ways ------------------------------------------------------------------------------- */

static uint64_t retry_all(const char *state)
{
    struct job_filter all = {0};
    struct bulk_step one;
    char cursor[256] = "";
    uint64_t changed = 0;

    do {
        bulk_build(&rig.request, rig_key(&rig), BULK_RETRY, span_of(state), &all, span_of(cursor));
        redisReply *r = rig_ask(&rig);
        assert_int_equal(bulk_read(r, &one), PINION_OK);
        assert_true(one.changed <= BULK_RETRIES_MAX);
        changed += one.changed;
        snprintf(cursor, sizeof cursor, "%.*s", (int)one.next.len, one.next.data);
        freeReplyObject(r);
    } while (cursor[0]);
    return changed;
}

static uint64_t retry_each(const char *state)
{
    redisReply *ids = rig_command(&rig, "ZRANGE pinion:{q}:%s 0 -1", state);
    uint64_t changed = 0;

    for (size_t i = 0; i < ids->elements; i++)
        changed += strcmp(requeue(&rig, "retry", ids->element[i]->str), "ready") == 0;
    freeReplyObject(ids);
    return changed;
}

TEST(many_at_once_are_retried_as_one_by_one)
{
    static const char *const states[] = {"dead", "cancelled", "done"};

    for (int round = 0; round < ROUNDS; round++) {
        const char *ended = states[below(countof(states))];
        make_world();
        copy_to_db(1);
        uint64_t at_once = retry_all(ended);
        freeReplyObject(rig_look(&rig));
        char *after = dump();
        freeReplyObject(rig_command(&rig, "SWAPDB 0 1"));
        assert_int_equal(retry_each(ended), at_once);
        char *expected = dump();
        assert_string_equal(after, expected);
        free(after);
        free(expected);
    }
}

TEST(of_two_with_one_unique_key_only_one_is_retried)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .unique = "k"};

    rig_reset(&rig);
    for (int i = 0; i < 2; i++) {
        enqueue(&rig, &job, NULL);
        struct lease lease = claim_one(&rig);
        fail_in(&rig, &lease, -1);
        rig_step(&rig, 1);
    }
    assert_int_equal(retry_all("dead"), 1);
    assert_int_equal(retry_all("dead"), 0);
    assert_string_equal(counts(&rig), "ready=1 dead=1");
}

/* Jobs with a key or a batch are dearer, so a step takes fewer of them. */
TEST(a_step_takes_fewer_of_what_is_dear)
{
    const uint64_t dear = BULK_RETRIES_MAX / 4;
    struct pinion_job job = {.kind = "wc", .queue = "q", .batch = "b"};
    struct job_filter all = {0};
    struct bulk_step one;
    struct leases got;

    rig_reset(&rig);
    for (uint64_t i = 0; i <= dear; i++) enqueue(&rig, &job, NULL);
    claim(&rig, &(struct ask){.free = 512}, &got);
    for (size_t i = 0; i < got.count; i++) fail_in(&rig, &got.lease[i], -1);
    for (uint64_t expected = dear; expected; expected = expected == dear ? 1 : 0) {
        bulk_build(&rig.request, rig_key(&rig), BULK_RETRY, span_of("dead"), &all, span_of(""));
        redisReply *r = rig_ask(&rig);
        assert_int_equal(bulk_read(r, &one), PINION_OK);
        assert_int_equal(one.changed, expected);
        freeReplyObject(r);
    }
}

TEST(one_server_is_told_of_each_lane)
{
    struct pinion_job wc = {.kind = "wc", .queue = "q"}, zip = {.kind = "zip", .queue = "q"};
    struct leases got;

    rig_reset(&rig);
    enqueue_many(&rig, &wc, 100);
    enqueue_many(&rig, &zip, 1);
    claim(&rig, &(struct ask){.free = 512}, &got);
    for (size_t i = 0; i < got.count; i++) fail_in(&rig, &got.lease[i], -1);
    rig_listen(&rig, "pinion:server:" SERVER);
    claim(&rig, &(struct ask){.free = 512, .subscribed = true}, &got);
    assert_true(got.idle);
    assert_int_equal(retry_all("dead"), 101);
    const char *heard = strstr(rig_heard(&rig), "wake q\n");
    assert_non_null(heard);
    assert_null(strstr(heard + 1, "wake q\n")); /* it is idle no more */
}

static int open_rig(void **state)
{
    prng.state = property_seed("PINION_BULK_RETRY_SEED");
    return rig_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once_are_retried_as_one_by_one),
        cmocka_unit_test(of_two_with_one_unique_key_only_one_is_retried),
        cmocka_unit_test(a_step_takes_fewer_of_what_is_dear),
        cmocka_unit_test(one_server_is_told_of_each_lane),
    };

    return cmocka_run_group_tests(tests, open_rig, rig_teardown);
}
