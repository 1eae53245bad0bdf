/* Limits: how many attempts at once, how many starts in a time; by queue, kind, group, each group.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/limit.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static void put(const char *kind, const char *group, size_t count)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .group = group};

    for (size_t i = 0; i < count; i++) enqueue(&rig, &job, NULL);
}

static const char *set_all(const struct limit *limits, size_t count, bool replace)
{
    struct error why = {0};

    for (size_t i = 0; i < count; i++) assert_int_equal(limit_check(&limits[i], &why), PINION_OK);
    limit_build(&rig.request, rig_key(&rig), replace, limits, count);
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = limit_read(r, &why);
    freeReplyObject(r);
    return error_name(err);
}

static void at_most(enum limit_scope scope, const char *name, unsigned n)
{
    struct limit l = {.scope = scope, .name = span_of(name), .concurrency = n, .keep_rate = true};

    assert_string_equal(set_all(&l, 1, false), "ok");
}

static void rate(enum limit_scope scope, const char *name, const char *text, unsigned burst)
{
    struct limit l = {.scope = scope, .name = span_of(name), .burst = burst,
                      .keep_concurrency = true};
    struct error why;

    assert_int_equal(rate_parse(span_of(text), &l.count, &l.per_ms, &why), PINION_OK);
    assert_string_equal(set_all(&l, 1, false), "ok");
}

/* What a server with room for many gets now; every look at it checks the raw keys. */
static size_t get(struct leases *got)
{
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, got);
    freeReplyObject(rig_look(&rig));
    return got->count;
}

static size_t gets(void)
{
    static struct leases got;

    return get(&got);
}

static bool claimable(void)
{
    struct heartbeat beat;

    heartbeat(&rig, "b", "*", &beat);
    return beat.claimable;
}

/* ---- concurrency ----------------------------------------------------------------------------- */

TEST(a_queue_starts_no_more_than_its_limit)
{
    static struct leases got;

    rig_reset(&rig);
    at_most(LIMIT_QUEUE, NULL, 5);
    put("wc", NULL, 20);
    assert_true(claimable());
    assert_int_equal(get(&got), 5);
    assert_int_equal(gets(), 0);
    assert_false(claimable());
    assert_string_equal(ack(&rig, &got.lease[0]), "ok");
    assert_string_equal(ack(&rig, &got.lease[1]), "ok");
    assert_string_equal(ack(&rig, &got.lease[1]), "ok"); /* repeated: frees nothing twice */
    assert_int_equal(gets(), 2);
    assert_string_equal(counts(&rig), "ready=13 active=5");
}

TEST(a_full_kind_hides_no_other)
{
    rig_reset(&rig);
    at_most(LIMIT_KIND, "mail", 2);
    put("mail", NULL, 9);
    put("wc", NULL, 3);
    assert_int_equal(gets(), 5);
    put("wc", NULL, 1);
    assert_int_equal(gets(), 1);
    assert_false(claimable());
    assert_string_equal(counts(&rig), "ready=7 active=6");
}

/* A hundred full kinds before the one that has room, each leapt over. */
TEST(many_full_kinds_are_leapt_over)
{
    struct limit limits[100];
    static char names[100][16];

    rig_reset(&rig);
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "kind%03zu", i);
        put(names[i], NULL, 2);
        limits[i] = (struct limit){.scope = LIMIT_KIND, .name = span_of(names[i]),
                                   .concurrency = 1};
    }
    assert_string_equal(set_all(limits, 100, false), "ok");
    put("zip", NULL, 1);
    while (gets() > 0) continue;
    assert_string_equal(counts(&rig), "ready=100 active=101");
    put("zip", NULL, 1);
    assert_int_equal(gets(), 1);
    assert_false(claimable());
}

TEST(a_full_group_leaves_the_ring_and_comes_back)
{
    static struct leases got;

    rig_reset(&rig);
    at_most(LIMIT_EACH_GROUP, NULL, 1);
    at_most(LIMIT_GROUP, "big", 3);
    put("wc", "a", 5);
    put("wc", "b", 5);
    put("wc", "big", 5);
    put("wc", NULL, 2);
    assert_int_equal(get(&got), 7);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:parked"), 3);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:lanes"), 0);
    put("wc", "a", 1); /* joins a parked lane */
    put("zip", "a", 1); /* a new lane of a full group */
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:lanes"), 1);
    assert_int_equal(gets(), 0);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:lanes"), 0);
    assert_int_equal(stats(&rig).counts[2], 12);
    assert_true(stats(&rig).oldest_ready_ms >= 0);
    for (size_t i = 0; i < got.count; i++) assert_string_equal(ack(&rig, &got.lease[i]), "ok");
    freeReplyObject(rig_look(&rig));
    assert_int_equal(gets(), 1 + 1 + 2);
}

/* Every way in which an attempt ends frees its place. */
TEST(every_end_of_an_attempt_frees_its_place)
{
    static struct leases got;
    struct heartbeat beat;

    rig_reset(&rig);
    heartbeat(&rig, SERVER, NULL, &beat);
    at_most(LIMIT_QUEUE, NULL, 1);
    at_most(LIMIT_KIND, "wc", 1);
    at_most(LIMIT_EACH_GROUP, NULL, 1);
    put("wc", "g", 30);
    for (int way = 0; way < 9; way++) {
        assert_int_equal(get(&got), 1);
        struct lease *l = &got.lease[0];
        assert_int_equal(gets(), 0);
        switch (way) {
        case 0: assert_string_equal(ack(&rig, l), "ok"); break;
        case 1: assert_string_equal(ack_rich(&rig, l, ""), "ok"); break;
        case 2: assert_string_equal(fail_in(&rig, l, 1000), "retry"); break;
        case 3: assert_string_equal(fail_in(&rig, l, -1), "dead"); break;
        case 4: assert_string_equal(release(&rig, l), "ok"); break;
        case 5:
            rig_step(&rig, LEASE_DEFAULT_MS + 1);
            assert_int_equal(reap(&rig), 1);
            break;
        case 6: assert_int_equal(take_back(&rig, SERVER), 1); break;
        case 7:
            assert_string_equal(cancel(&rig, l->id), "marked");
            assert_string_equal(release(&rig, l), "ok");
            break;
        case 8:
            assert_string_equal(renew(&rig, l, 5000), "ok");
            assert_string_equal(ack(&rig, l), "ok");
            break;
        }
        freeReplyObject(rig_look(&rig));
        assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:holds"), 0);
    }
}

TEST(a_limit_counts_what_runs_when_it_is_set)
{
    static struct leases got;
    struct pinion_job jobs[100];
    static char ids[100][QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    for (size_t i = 0; i < 100; i++) jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, 100, ids);
    assert_int_equal(get(&got), 100); /* two packs */
    put("wc", NULL, 10);
    at_most(LIMIT_KIND, "wc", 60);
    freeReplyObject(rig_look(&rig));
    assert_int_equal(gets(), 0);
    assert_int_equal(ack_many(&rig, got.lease, 40, NULL), 0);
    assert_int_equal(gets(), 0);
    assert_int_equal(ack_many(&rig, got.lease + 40, 2, NULL), 0);
    assert_int_equal(gets(), 2);
    at_most(LIMIT_KIND, "wc", 62);
    assert_int_equal(gets(), 2);
    at_most(LIMIT_KIND, "wc", 0);
    assert_int_equal(gets(), 6);
    assert_int_equal(ack_many(&rig, got.lease + 42, 58, NULL), 0);
    assert_int_equal(rig_int(&rig, "SCARD pinion:{q}:hold:kind:wc"), 4);
}

TEST(packs_are_broken_up_where_a_limit_counts)
{
    static struct leases got;
    struct pinion_job jobs[64];
    static char ids[64][QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    for (size_t i = 0; i < 64; i++) jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    at_most(LIMIT_QUEUE, NULL, 5);
    enqueue_batch(&rig, jobs, 64, ids);
    assert_int_equal(get(&got), 5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(got.lease[i].id, ids[i]);
    assert_int_equal(gets(), 0);
    assert_int_equal(ack_many(&rig, got.lease, 5, NULL), 0);
    assert_int_equal(get(&got), 5);
}

/* How many commands Redis has run since the last CONFIG RESETSTAT, those of scripts among them. */
static unsigned commands_run(void)
{
    redisReply *r = rig_command(&rig, "INFO commandstats");
    unsigned sum = 0, calls;

    for (const char *at = r->str; (at = strstr(at, ":calls=")); at++)
        if (sscanf(at, ":calls=%u", &calls) == 1) sum += calls;
    freeReplyObject(r);
    return sum;
}

/* What limits cost a call, they do not cost each job of it. */
TEST(an_ack_of_many_under_a_limit_takes_few_commands)
{
    enum { JOBS = 200 };
    static struct leases got;

    rig_reset(&rig);
    at_most(LIMIT_EACH_GROUP, NULL, 1000);
    at_most(LIMIT_QUEUE, NULL, 1000);
    for (size_t i = 0; i < 4; i++) put("wc", (const char *[]){"a", "b", "c", "d"}[i], JOBS / 4);
    freeReplyObject(rig_command(&rig, "CONFIG RESETSTAT"));
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    assert_int_equal(got.count, JOBS);
    assert_in_range(commands_run(), 10, 80);
    freeReplyObject(rig_command(&rig, "CONFIG RESETSTAT"));
    assert_int_equal(ack_many(&rig, got.lease, JOBS, NULL), 0);
    assert_in_range(commands_run(), 10, 40);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:holds"), 0);
}

/* More full groups than one call takes off the ring. */
TEST(ten_thousand_full_groups_are_out_of_the_way)
{
    enum { GROUPS = 2000 };
    char name[16];
    size_t started = 0;
    struct leases *got = malloc(sizeof *got);

    rig_reset(&rig);
    at_most(LIMIT_EACH_GROUP, NULL, 1);
    for (size_t i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof name, "g%05zu", i);
        put("wc", name, 2);
    }
    do {
        claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, got);
        started += got->count;
    } while (got->more);
    assert_int_equal(started, GROUPS);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:lanes"), 0);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:parked"), GROUPS);
    at_most(LIMIT_EACH_GROUP, NULL, 2); /* all may start one more */
    for (started = 0; claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, got), got->count;)
        started += got->count;
    assert_int_equal(started, GROUPS);
    freeReplyObject(rig_look(&rig));
    free(got);
}

TEST(nothing_is_pushed_while_a_queue_has_limits)
{
    struct leases got;

    rig_reset(&rig);
    rig_heard(&rig);
    at_most(LIMIT_KIND, "other", 1);
    claim(&rig, &(struct ask){.subscribed = true}, &got);
    assert_true(got.idle);
    put("wc", NULL, 1);
    assert_non_null(strstr(rig_heard(&rig), "wake q"));
}

/* Whoever was refused is told when there is room, and only then. */
TEST(an_idle_server_is_woken_when_there_is_room)
{
    static const struct {
        enum limit_scope scope;
        const char *name;
    } scopes[] = {{LIMIT_QUEUE, NULL}, {LIMIT_KIND, "wc"}, {LIMIT_GROUP, "g"},
                  {LIMIT_EACH_GROUP, NULL}};
    struct leases got, none;

    for (size_t i = 0; i < countof(scopes); i++) {
        rig_reset(&rig);
        at_most(scopes[i].scope, scopes[i].name, 2);
        put("wc", "g", 5);
        claim(&rig, &(struct ask){.free = 9}, &got);
        assert_int_equal(got.count, 2);
        claim(&rig, &(struct ask){.free = 9, .subscribed = true}, &none);
        assert_true(none.count == 0 && none.idle);
        rig_heard(&rig);
        assert_string_equal(ack(&rig, &got.lease[0]), "ok");
        assert_non_null(strstr(rig_heard(&rig), "pinion:server:a wake q"));
    }
}

/* ---- rates ----------------------------------------------------------------------------------- */

/* Three callers, who ask at any time: never more than COUNT starts in any second, and all of them.
 */
TEST(a_rate_is_exact_to_one_job)
{
    enum { COUNT = 7, SECONDS = 20 };
    static int64_t at_us[COUNT * SECONDS + 8];
    size_t started = 0;
    struct leases got;

    rig_reset(&rig);
    rate(LIMIT_QUEUE, NULL, "7/1s", 0);
    put("wc", NULL, 200);
    srand(7);
    while (rig.now_us < (RIG_START_MS + SECONDS * 1000) * 1000) {
        char server[] = {(char)('a' + rand() % 3), 0};
        claim(&rig, &(struct ask){.server = server, .free = 9}, &got);
        for (size_t i = 0; i < got.count; i++) at_us[started++] = rig.now_us;
        for (size_t i = 0; i < got.count; i++) ack(&rig, &got.lease[i]);
        rig_step_us(&rig, rand() % 9000);
    }
    assert_in_range(started, COUNT * SECONDS - 1, COUNT * SECONDS + 1);
    for (size_t i = COUNT + 1; i < started; i++)
        assert_true(at_us[i] - at_us[i - COUNT - 1] >= 1000000 - 1);
}

/* Starts by whole second of so many, by a caller that now and then is `stall_ms` late: within a
 * second, or anywhere. */
static void count_starts(unsigned *by_second, int64_t seconds, unsigned stall_ms, bool anywhere)
{
    struct leases got;

    rig_reset(&rig);
    rate(LIMIT_QUEUE, NULL, "100/1s", 0);
    put("wc", NULL, 100 * (size_t)seconds + 110);
    while (rig.now_us < (RIG_START_MS + seconds * 1000) * 1000) {
        int64_t at_us = rig.now_us - RIG_START_MS * 1000;
        bool inside = at_us % 1000000 < 1000000 - (stall_ms + 20) * 1000;
        claim(&rig, &(struct ask){.free = 50}, &got);
        by_second[at_us / 1000000] += (unsigned)got.count;
        for (size_t i = 0; i < got.count; i++) ack(&rig, &got.lease[i]);
        bool stalls = rand() % 30 == 0 && (anywhere || inside);
        rig_step_us(&rig, stalls ? (int64_t)stall_ms * 1000 : rand() % 5000);
    }
}

/* What a stall delayed is caught up in the same second, and only there: one that ends with less
 * gives nothing to the next. */
TEST(a_rate_is_reached_in_each_second_and_never_exceeded)
{
    enum { SECONDS = 10 };
    unsigned inside[SECONDS] = {0}, anywhere[SECONDS] = {0};

    srand(11);
    count_starts(inside, SECONDS, 45, false);
    count_starts(anywhere, SECONDS, 120, true);
    for (size_t i = 0; i < SECONDS; i++) {
        assert_in_range(inside[i], 99, 101);
        assert_in_range(anywhere[i], 1, 101);
    }
}

TEST(a_burst_may_start_at_once)
{
    rig_reset(&rig);
    rate(LIMIT_KIND, "wc", "1/10s", 4);
    put("wc", NULL, 20);
    assert_int_equal(gets(), 4);
    rig_step(&rig, 9999);
    assert_int_equal(gets(), 0);
    rig_step(&rig, 1);
    assert_int_equal(gets(), 1);
}

/* Nobody asks in vain: the time of the next start is what servers sleep until. */
TEST(who_waits_for_a_rate_is_told_when)
{
    struct leases got;
    struct heartbeat beat;
    struct promoted p;

    rig_reset(&rig);
    rig_heard(&rig);
    rate(LIMIT_EACH_GROUP, NULL, "2/1s", 1);
    put("wc", "g", 3);
    put("wc", "h", 1);
    claim(&rig, &(struct ask){.free = 9, .subscribed = true}, &got);
    assert_int_equal(got.count, 2);
    assert_true(got.idle);
    assert_non_null(strstr(rig_heard(&rig), "pinion:{q}:due 1790000000500"));
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:parked"), 1);
    heartbeat(&rig, "b", "*", &beat);
    assert_false(beat.claimable);
    assert_int_equal(beat.next_due_ms, RIG_START_MS + 500);
    rig_step(&rig, 499);
    assert_int_equal(promote(&rig, NULL), 0);
    claim(&rig, &(struct ask){.free = 9, .subscribed = true}, &got);
    assert_int_equal(got.count, 0);
    rig_step(&rig, 1);
    promote(&rig, &p);
    assert_non_null(strstr(rig_heard(&rig), "pinion:server:a wake q"));
    assert_int_equal(gets(), 1);
    heartbeat(&rig, "b", "*", &beat);
    assert_int_equal(beat.next_due_ms, RIG_START_MS + 1000);
}

/* ---- setting them ---------------------------------------------------------------------------- */

TEST(limits_are_set_kept_replaced_and_cleared)
{
    struct limit l[3], read;

    rig_reset(&rig);
    at_most(LIMIT_KIND, "a/b:c", 5);
    rate(LIMIT_KIND, "a/b:c", "90/1m", 3);
    put("a/b:c", NULL, 2);
    assert_int_equal(gets(), 2);
    stats_build(&rig.request, rig_key(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(stats_limits(r), 1);
    assert_int_equal(stats_limit(r, 0, &read), PINION_OK);
    assert_true(read.scope == LIMIT_KIND && span_is(read.name, "a/b:c"));
    assert_true(read.concurrency == 5 && read.count == 90 && read.burst == 3);
    assert_true(read.per_ms == 60000 && read.running == 2);
    freeReplyObject(r);
    l[0] = (struct limit){.scope = LIMIT_QUEUE, .concurrency = LIMIT_VALUE_MAX};
    l[1] = (struct limit){.scope = LIMIT_GROUP, .name = span_of("x@y+z"), .concurrency = 1};
    l[2] = (struct limit){.scope = LIMIT_EACH_GROUP};
    assert_string_equal(set_all(l, 3, true), "ok");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:limits"), 2);
    assert_string_equal(set_all(NULL, 0, true), "ok");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:limits"), 0);
    assert_int_equal(rig_int(&rig, "HEXISTS pinion:{q}:meta limits"), 0);
}

TEST(what_is_out_of_range_is_told)
{
    const struct limit good[] = {
        {.scope = LIMIT_QUEUE, .concurrency = LIMIT_VALUE_MAX, .count = LIMIT_VALUE_MAX,
         .burst = LIMIT_VALUE_MAX, .per_ms = LIMIT_PER_MAX_MS},
    };
    const struct limit bad[] = {
        {.scope = LIMIT_QUEUE, .concurrency = LIMIT_VALUE_MAX + 1},
        {.scope = LIMIT_KIND, .name = span_of("a b")},
        {.scope = LIMIT_GROUP, .name = span_of("a#b")},
        {.scope = LIMIT_QUEUE, .count = LIMIT_VALUE_MAX + 1, .per_ms = 1},
        {.scope = LIMIT_QUEUE, .count = 1, .per_ms = LIMIT_PER_MAX_MS + 1},
        {.scope = LIMIT_QUEUE, .burst = 1},
    };
    static const char *const rates[] = {"", "1", "0/1s", "100001/1s", "1/0ms", "1/1d1ms", "x/1s"};
    struct error why;
    unsigned count;
    uint64_t per_ms;

    for (size_t i = 0; i < countof(good); i++)
        assert_int_equal(limit_check(&good[i], &why), PINION_OK);
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(limit_check(&bad[i], &why), PINION_INVALID);
    for (size_t i = 0; i < countof(rates); i++)
        assert_int_equal(rate_parse(span_of(rates[i]), &count, &per_ms, &why), PINION_INVALID);
    assert_int_equal(rate_parse(span_of("100000/1d"), &count, &per_ms, &why), PINION_OK);
}

TEST(a_queue_has_at_most_so_many_limits)
{
    static struct limit limits[LIMITS_MAX + 1];
    static char names[LIMITS_MAX + 1][16];

    rig_reset(&rig);
    for (size_t i = 0; i <= LIMITS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "g%zu", i);
        limits[i] = (struct limit){.scope = LIMIT_GROUP, .name = span_of(names[i]),
                                   .concurrency = 1};
    }
    assert_string_equal(set_all(limits, LIMITS_MAX, true), "ok");
    assert_string_equal(set_all(limits + LIMITS_MAX, 1, false), "invalid");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:limits"), LIMITS_MAX);
}

/* ---- fair turns ------------------------------------------------------------------------------ */

/* One slot: whoever comes is served next, however much another has. */
TEST(a_tenant_waits_for_one_job_of_another)
{
    struct leases got;

    rig_reset(&rig);
    put("wc", "a", 500);
    for (int i = 0; i < 20; i++) claim(&rig, &(struct ask){0}, &got);
    put("wc", "b", 1);
    claim(&rig, &(struct ask){0}, &got);
    char id[QUEUE_NAME_MAX + 1];
    snprintf(id, sizeof id, "%s", got.lease[0].id);
    redisReply *r = rig_command(&rig, "HGET pinion:{q}:jobs %s", id);
    assert_non_null(strstr(r->str, "#b\n"));
    freeReplyObject(r);
}

/* More lanes than one claim looks at, of two kinds, several slots: each has its turn before any has
 * a second one. */
TEST(turns_go_round_all_groups)
{
    enum { GROUPS = 300 };
    struct leases got;
    unsigned had[2 * GROUPS] = {0};
    char name[16];

    rig_reset(&rig);
    for (size_t i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof name, "g%05zu", i);
        put("mail", name, 3);
        put("wc", name, 3);
    }
    for (size_t n = 0; n < 2 * GROUPS; n += got.count) {
        claim(&rig, &(struct ask){.free = 6, .patterns = "mail=6 wc=6"}, &got);
        assert_int_equal(got.count, 6);
        for (size_t i = 0; i < got.count; i++) {
            redisReply *r = rig_command(&rig, "HGET pinion:{q}:jobs %s", got.lease[i].id);
            size_t group = strtoul(strchr(r->str, '#') + 2, NULL, 10);
            had[group + (strstr(r->str, ":wc") ? GROUPS : 0)]++;
            freeReplyObject(r);
        }
    }
    for (size_t i = 0; i < 2 * GROUPS; i++) assert_int_equal(had[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_starts_no_more_than_its_limit),
        cmocka_unit_test(a_full_kind_hides_no_other),
        cmocka_unit_test(many_full_kinds_are_leapt_over),
        cmocka_unit_test(a_full_group_leaves_the_ring_and_comes_back),
        cmocka_unit_test(every_end_of_an_attempt_frees_its_place),
        cmocka_unit_test(a_limit_counts_what_runs_when_it_is_set),
        cmocka_unit_test(packs_are_broken_up_where_a_limit_counts),
        cmocka_unit_test(an_ack_of_many_under_a_limit_takes_few_commands),
        cmocka_unit_test(ten_thousand_full_groups_are_out_of_the_way),
        cmocka_unit_test(nothing_is_pushed_while_a_queue_has_limits),
        cmocka_unit_test(an_idle_server_is_woken_when_there_is_room),
        cmocka_unit_test(a_rate_is_exact_to_one_job),
        cmocka_unit_test(a_rate_is_reached_in_each_second_and_never_exceeded),
        cmocka_unit_test(a_burst_may_start_at_once),
        cmocka_unit_test(who_waits_for_a_rate_is_told_when),
        cmocka_unit_test(limits_are_set_kept_replaced_and_cleared),
        cmocka_unit_test(what_is_out_of_range_is_told),
        cmocka_unit_test(a_queue_has_at_most_so_many_limits),
        cmocka_unit_test(a_tenant_waits_for_one_job_of_another),
        cmocka_unit_test(turns_go_round_all_groups),
    };

    rig_open(&rig);
    rig_listen(&rig, "pinion:server:a");
    rig_listen(&rig, "pinion:{q}:due");
    int failed = cmocka_run_group_tests_name("limits", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
