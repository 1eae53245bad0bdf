/* Each reason why a job does not run: its word, the sentence, and what is told besides. */
#include <stdio.h>
#include <string.h>
#include "control/explain.h"
#include "queue/limit.h"
#include "queue/outbox.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static json_t *told;
static char id[QUEUE_NAME_MAX + 1];

static void explain(const char *local, enum shape_content content)
{
    struct explain_options o = {.queue = span_of("q"), .content = content};
    struct explain_view view;

    json_decref(told);
    explain_build(&rig.request, rig_key(&rig), span_of(local));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(explain_read(r, span_of(local), &view), PINION_OK);
    told = explain_shape(r, &view, &o);
    job_view_deinit(&view.job);
    freeReplyObject(r);
}

static const char *text(const char *key)
{
    const char *value = json_string_value(json_object_get(told, key));

    return value ? value : "";
}

/* `words` are in the message; there is always a hint. */
static void expect(const char *local, const char *reason, const char *words)
{
    explain(local, SHAPE_WITH_CONTENT);
    assert_string_equal(text("reason"), reason);
    if (!strstr(text("message"), words)) fail_msg("'%s', expected '%s'", text("message"), words);
    assert_true(text("hint")[0]);
}

static void beat(const char *server, const char *about)
{
    struct heartbeat answer;
    char *channel = channel_of_server("pinion", server);

    heartbeat_build(&rig.request, rig_key(&rig), server, about, channel, 0, NULL, 0);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(heartbeat_read(r, &answer), PINION_OK);
    freeReplyObject(r);
    free(channel);
}

static void make(const struct pinion_job *job)
{
    struct pinion_job one = *job;

    one.queue = "q";
    if (!one.kind) one.kind = "wc";
    enqueue(&rig, &one, id);
}

static void begin(void)
{
    rig_reset(&rig);
    beat(SERVER, "{\"handlers\":[\"wc\",\"user.*\"],\"concurrency\":2,\"running\":0,\"full\":[]}");
}

TEST(it_is_delayed)
{
    begin();
    make(&(struct pinion_job){.in_ms = 60000});
    expect(id, "scheduled", "it is delayed until 2026-");
    assert_string_equal(text("state"), "scheduled");
    assert_string_equal(text("due_at") + 10, "T14:14:20.000Z");
}

TEST(its_attempt_failed)
{
    begin();
    make(&(struct pinion_job){.attempts_max = 3});
    struct lease lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, 60000), "retry");
    expect(id, "retry", "attempt 1 of 3 failed (it broke), the next one is due at 2026-");
    assert_string_equal(text("error"), "it broke");
    assert_int_equal(json_integer_value(json_object_get(told, "attempts_max")), 3);
    explain(id, SHAPE_WITHOUT_CONTENT);
    assert_null(strstr(text("message"), "it broke"));
    assert_null(json_object_get(told, "error"));
}

TEST(its_queue_is_paused)
{
    begin();
    make(&(struct pinion_job){0});
    pause_queue(&rig, true);
    expect(id, "paused", "queue 'q' is paused");
    assert_string_equal(text("hint"), "pinion queue resume q");
}

TEST(no_server_is_there)
{
    begin();
    make(&(struct pinion_job){0});
    rig_step(&rig, SERVER_ALIVE_MS + 1);
    expect(id, "no_server", "no server is alive that serves queue 'q'");
}

TEST(no_server_has_its_handler)
{
    begin();
    make(&(struct pinion_job){.kind = "users"});
    expect(id, "no_handler", "no server has a handler for kind 'users' in queue 'q'");
    make(&(struct pinion_job){.kind = "user.mail"});
    expect(id, "next", "the next of its lane");
}

TEST(all_slots_are_taken)
{
    begin();
    make(&(struct pinion_job){0});
    beat(SERVER, "{\"handlers\":[\"wc\"],\"concurrency\":2,\"running\":2}");
    expect(id, "full", "all slots of the 1 server that can run it are taken");
    beat("b", "{\"handlers\":[\"wc\",\"*\"],\"concurrency\":2,\"running\":1,\"full\":[\"wc\"]}");
    expect(id, "full", "all slots of the 2 servers");
    beat("b", "{\"handlers\":[\"wc\",\"*\"],\"concurrency\":2,\"running\":1,\"full\":[\"*\"]}");
    expect(id, "next", "the next of its lane");
}

TEST(others_are_in_front_of_it)
{
    char ghost[QUEUE_NAME_MAX + 1];

    begin();
    make(&(struct pinion_job){0});
    expect(id, "next", "it is ready, and the next of its lane");
    make(&(struct pinion_job){0});
    expect(id, "behind", "it is ready, behind 1 other in its lane");
    make(&(struct pinion_job){0});
    snprintf(ghost, sizeof ghost, "%s", id);
    make(&(struct pinion_job){0});
    expect(id, "behind", "behind 3 others in its lane");
    cancel(&rig, ghost); /* its ghost does not count */
    expect(id, "behind", "behind 2 others in its lane");
    assert_null(strstr(text("message"), "urgent"));
    enqueue(&rig, &(struct pinion_job){.kind = "x", .queue = "q", .priority = PINION_PRIORITY(1)},
            NULL);
    expect(id, "behind", "; more urgent jobs come first");
}

/* At the bound and one past it; the jobs in front are in packs. */
TEST(so_many_that_they_are_not_counted)
{
    char ids[16][QUEUE_NAME_MAX + 1];
    struct pinion_job jobs[16];

    begin();
    enqueue_many(&rig, &(struct pinion_job){.kind = "wc", .queue = "q"}, EXPLAIN_AHEAD_MAX - 3);
    for (size_t i = 0; i < 16; i++) jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, 16, ids);
    expect(ids[0], "behind", "behind 997 others");
    expect(ids[3], "behind", "behind 1000 others");
    assert_int_equal(json_integer_value(json_object_get(told, "ahead")), EXPLAIN_AHEAD_MAX);
    assert_true(json_is_false(json_object_get(told, "ahead_more")));
    expect(ids[4], "behind", "behind more than 1000 others");
    assert_true(json_is_true(json_object_get(told, "ahead_more")));
    make(&(struct pinion_job){0});
    expect(id, "behind", "behind more than 1000 others");
}

/* The same where each stands for itself. */
TEST(so_many_single_ones)
{
    char at[QUEUE_NAME_MAX + 1];

    begin();
    for (int i = 0; i <= EXPLAIN_AHEAD_MAX + 1; i++) {
        make(&(struct pinion_job){0});
        if (i == EXPLAIN_AHEAD_MAX) snprintf(at, sizeof at, "%s", id);
    }
    expect(at, "behind", "behind 1000 others");
    expect(id, "behind", "behind more than 1000 others");
}

static void set_limit(struct limit limit)
{
    struct error why = {0};

    assert_int_equal(limit_check(&limit, &why), PINION_OK);
    limit_build(&rig.request, rig_key(&rig), true, &limit, 1);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &why), PINION_OK);
    freeReplyObject(r);
}

TEST(a_limit_is_reached)
{
    char runs[QUEUE_NAME_MAX + 1], by[JOB_ID_MAX + 1];

    begin();
    make(&(struct pinion_job){.group = "acme"});
    snprintf(runs, sizeof runs, "%s", id);
    snprintf(by, sizeof by, "q:%s", id);
    set_limit((struct limit){.scope = LIMIT_GROUP, .name = span_of("acme"), .concurrency = 1});
    make(&(struct pinion_job){.group = "acme"});
    expect(id, "behind", "behind 1 other");
    struct lease lease = claim_one(&rig);
    assert_string_equal(lease.id, runs);
    expect(id, "limited", "the limit of group 'acme' is reached, 1 at once, by q:");
    assert_string_equal(json_string_value(json_array_get(json_object_get(told, "limit_by"), 0)),
                        by);
    assert_int_equal(claim_count(&rig), 0); /* and now its lane is off the ring */
    expect(id, "limited", "the limit of group 'acme' is reached");
    assert_string_equal(ack(&rig, &lease), "ok");
    expect(id, "next", "the next of its lane");
    set_limit((struct limit){.scope = LIMIT_QUEUE, .concurrency = 1});
    claim_one(&rig);
    make(&(struct pinion_job){0});
    expect(id, "limited", "the limit of queue 'q' is reached, 1 at once");
}

TEST(a_rate_is_used_up)
{
    begin();
    set_limit((struct limit){
        .scope = LIMIT_KIND, .name = span_of("wc"), .count = 1, .per_ms = 60000, .burst = 1});
    make(&(struct pinion_job){0});
    make(&(struct pinion_job){0});
    claim_one(&rig);
    assert_int_equal(claim_count(&rig), 0);
    expect(id, "limited", "the rate of kind 'wc' is used up; the next start is at 2026-");
    assert_string_equal(text("due_at") + 10, "T14:14:20.000Z");
}

TEST(it_runs)
{
    begin();
    make(&(struct pinion_job){0});
    claim_one(&rig);
    expect(id, "running", "it is running since 2026-");
    assert_non_null(strstr(text("message"), " on a"));
    assert_string_equal(text("server"), SERVER);
    assert_string_equal(text("lease_until") + 10, "T14:13:30.000Z");
    cancel(&rig, id);
    expect(id, "cancelling", ", and is to be cancelled");
}

TEST(its_server_is_silent)
{
    begin();
    make(&(struct pinion_job){0});
    claim_one(&rig);
    rig_step(&rig, SERVER_ALIVE_MS + 1);
    expect(id, "server_lost", "on a, which is silent; its lease runs until 2026-");
}

TEST(it_has_ended)
{
    struct lease lease;

    begin();
    make(&(struct pinion_job){0});
    lease = claim_one(&rig);
    ack(&rig, &lease);
    expect(id, "forgotten", "it is done, and was not kept");
    make(&(struct pinion_job){.retain_ms = 60000});
    lease = claim_one(&rig);
    ack_rich(&rig, &lease, "x");
    expect(id, "done", "it is done since 2026-");
    make(&(struct pinion_job){.attempts_max = 1});
    lease = claim_one(&rig);
    fail_in(&rig, &lease, 1);
    expect(id, "dead", "it is dead: attempt 1 of 1 failed (it broke)");
    make(&(struct pinion_job){0});
    lease = claim_one(&rig);
    fail_in(&rig, &lease, -1);
    expect(id, "dead", "attempt 1 of 25 failed (it broke), and was not to be retried");
    make(&(struct pinion_job){0});
    cancel(&rig, id);
    expect(id, "cancelled", "it was cancelled");
}

/* A job that waits for `after` hears of the end of one of them. */
static void end_of_parent(const char *after, const char *what)
{
    make(&(struct pinion_job){.id = "x", .after = after});
    tell_build(&rig.request, rig_key(&rig));
    tell_add(&rig.request, span_of(what));
    freeReplyObject(rig_ask(&rig));
}

TEST(one_that_it_waited_for_ended_badly)
{
    static const struct {
        const char *told, *reason, *words;
    } rows[] = {
        {"end x r:b dead", "parent_dead", "for it was to wait for r:b, which is dead"},
        {"end x r:b cancelled", "parent_cancelled", "r:b, which was cancelled"},
        {"end x r:b deleted", "parent_deleted", "r:b, which was deleted"},
        {"end x r:b not_found", "parent_not_found", "r:b, which was not there"},
        {"end x r:b full", "parent_full", "r:b, which has as many that wait for it"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        begin();
        end_of_parent("r:a,r:b", rows[i].told);
        expect("x", rows[i].reason, rows[i].words);
        assert_string_equal(text("parent"), "r:b");
    }
    begin();
    end_of_parent("r:a", "end x r:a of_a_newer_version");
    expect("x", "cancelled", "it was cancelled: parent_of_a_newer_version");
}

TEST(its_servers_were_lost)
{
    begin();
    make(&(struct pinion_job){0});
    for (int i = 0; i < 10; i++) {
        claim_one(&rig);
        rig_step(&rig, LEASE_DEFAULT_MS + 1);
        assert_int_equal(reap(&rig), 1);
    }
    expect(id, "dead", "it is dead: its servers were lost 10 times");
}

TEST(it_was_not_started_in_time)
{
    begin();
    make(&(struct pinion_job){.expires_ms = 1000});
    rig_step(&rig, 1001);
    assert_int_equal(claim_count(&rig), 0);
    expect(id, "expired", "it was not started in time: by 2026-");
}

TEST(a_job_that_never_was)
{
    struct explain_view view;

    begin();
    explain_build(&rig.request, rig_key(&rig), span_of("nobody"));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(explain_read(r, span_of("nobody"), &view), PINION_NOT_FOUND);
    freeReplyObject(r);
}

/* What a server says of itself may be anything. */
TEST(a_strange_description)
{
    static const char *const abouts[] = {"", "junk", "[]", "{\"handlers\":7}",
                                         "{\"handlers\":[1,null,{}],\"concurrency\":\"x\"}"};

    for (size_t i = 0; i < countof(abouts); i++) {
        rig_reset(&rig);
        make(&(struct pinion_job){0});
        beat(SERVER, abouts[i]);
        expect(id, "no_handler", "no server has a handler");
    }
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    json_decref(told);
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_delayed),
        cmocka_unit_test(its_attempt_failed),
        cmocka_unit_test(its_queue_is_paused),
        cmocka_unit_test(no_server_is_there),
        cmocka_unit_test(no_server_has_its_handler),
        cmocka_unit_test(all_slots_are_taken),
        cmocka_unit_test(others_are_in_front_of_it),
        cmocka_unit_test(so_many_that_they_are_not_counted),
        cmocka_unit_test(so_many_single_ones),
        cmocka_unit_test(a_limit_is_reached),
        cmocka_unit_test(a_rate_is_used_up),
        cmocka_unit_test(it_runs),
        cmocka_unit_test(its_server_is_silent),
        cmocka_unit_test(it_has_ended),
        cmocka_unit_test(one_that_it_waited_for_ended_badly),
        cmocka_unit_test(its_servers_were_lost),
        cmocka_unit_test(it_was_not_started_in_time),
        cmocka_unit_test(a_job_that_never_was),
        cmocka_unit_test(a_strange_description),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
