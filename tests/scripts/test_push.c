/* A job that is due now is leased to an idle server and sent to it, by the script that makes it. */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define DAY_MS         INT64_C(86400000)
#define PUSH_BYTES_MAX 65536 /* of a record; as in shared/push.lua */
#define HEAD           (sizeof "05:wc\n\n" - 1)

static const struct pinion_job plain = {.kind = "wc", .queue = "q"};

/* Found nothing, and is to be told. */
static struct leases wait_for(const char *server, const char *patterns)
{
    struct leases got;

    claim(&rig,
          &(struct ask){.server = server, .patterns = patterns, .free = 9, .subscribed = true,
                        .seat = 7, .lease_ms = 5000, .asked_us = 4711},
          &got);
    return got;
}

static void start(void)
{
    rig_reset(&rig);
    rig_heard(&rig);
}

static bool is_told(const char *what)
{
    return strstr(rig_heard(&rig), what) != NULL;
}

/* The push that "a" heard, read as a server reads it; it borrows until the next one. */
static struct pushed heard_push(void)
{
    static const char head[] = "pinion:server:a push q ";
    struct pushed p = {0};

    const char *text = strstr(rig_heard(&rig), head);
    if (!text) fail_msg("no push, but: %s", rig.heard.data);
    text += sizeof head - 1;
    size_t len = (size_t)(rig.heard.data + rig.heard.len - text) - 1; /* but for the last '\n' */
    assert_int_equal(pushed_read((struct span){text, len}, &p), PINION_OK);
    return p;
}

static struct lease lease_of(const struct pushed *p)
{
    struct lease lease = {0};

    snprintf(lease.id, sizeof lease.id, "%.*s", (int)p->job.id.len, p->job.id.data);
    snprintf(lease.token, sizeof lease.token, "%.*s", (int)p->job.token.len, p->job.token.data);
    return lease;
}

TEST(it_says_all_that_a_claim_would)
{
    static const char payload[] = "a b\nc\0d\r\n push q ";
    struct pinion_job job = plain;
    char id[QUEUE_NAME_MAX + 1], token[TOKEN_MAX];
    struct job read;

    start();
    job.payload = payload;
    job.payload_len = sizeof payload;
    assert_true(wait_for("a", "wc=9").idle);
    enqueue(&rig, &job, id);
    struct pushed p = heard_push();
    snprintf(token, sizeof token, "%lld007", (long long)(RIG_START_MS + 5000));
    assert_true(span_is(p.job.id, id));
    assert_true(span_is(p.job.token, token));
    assert_int_equal(p.asked_us, 4711);
    assert_false(p.job.rare);
    assert_int_equal(job_decode(p.job.id, p.job.record, &read), PINION_OK);
    assert_int_equal(read.payload.len, sizeof payload);
    assert_memory_equal(read.payload.data, payload, sizeof payload);
    struct lease lease = lease_of(&p);
    assert_string_equal(state_of(&rig, id), "active");
    assert_string_equal(ack(&rig, &lease), "ok");
    assert_string_equal(counts(&rig), "");
}

TEST(released_it_is_the_first_and_uncharged)
{
    start();
    wait_for("a", "wc=9");
    enqueue(&rig, &plain, NULL);
    struct pushed p = heard_push();
    struct lease lease = lease_of(&p);
    enqueue(&rig, &plain, NULL);
    wait_for("b", "zip=9");
    assert_string_equal(release(&rig, &lease), "ok");
    assert_false(is_told("push"));
    struct lease next = claim_one(&rig);
    assert_string_equal(next.id, lease.id);
    assert_int_equal(next.failures, 0);
    assert_string_equal(ack(&rig, &lease), "stale");
}

/* One of two is woken for what waits; the other one must not run ahead of it. */
TEST(nothing_is_pushed_past_what_waits)
{
    start();
    wait_for("a", "*=9");
    wait_for("b", "*=9");
    wait_for("c", "zip=9");
    enqueue_many(&rig, &plain, 2);
    assert_true(is_told("wake q"));
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:idle"), 2);
    enqueue(&rig, &(struct pinion_job){.kind = "other", .queue = "q"}, NULL);
    assert_true(is_told("wake q"));
    assert_string_equal(counts(&rig), "ready=3");
    enqueue(&rig, &(struct pinion_job){.kind = "zip", .queue = "q"}, NULL);
    assert_true(is_told("server:c push q")); /* it could run nothing of it */
    assert_string_equal(counts(&rig), "ready=3 active=1");
}

TEST(nothing_is_pushed_in_a_paused_queue)
{
    start();
    wait_for("a", "wc=9");
    pause_queue(&rig, true);
    enqueue(&rig, &plain, NULL);
    assert_true(is_told("server:a wake q"));
    assert_string_equal(counts(&rig), "ready=1");
}

/* Is a job with a payload that makes its record so long pushed? */
static bool is_pushed(size_t record_len)
{
    struct pinion_job job = plain;

    start();
    wait_for("a", "wc=9");
    job.payload_len = record_len - HEAD;
    void *payload = calloc(1, job.payload_len);
    job.payload = payload;
    enqueue(&rig, &job, NULL);
    free(payload);
    const char *heard = rig_heard(&rig);
    assert_true(strstr(heard, "server:a push q ") || strstr(heard, "server:a wake q\n"));
    return strstr(heard, "push") != NULL;
}

TEST(only_so_much_is_pushed)
{
    assert_true(is_pushed(PUSH_BYTES_MAX));
    assert_false(is_pushed(PUSH_BYTES_MAX + 1));
}

TEST(only_one_plain_job_of_a_call_is_pushed)
{
    struct pinion_job lease = plain, named = plain, past = plain, later = plain, expires = plain;
    const struct {
        const struct pinion_job *job;
        const char *counts;
    } cases[] = {
        {&plain,   "active=1"   },
        {&named,   "active=1"   },
        {&past,    "active=1"   },
        {&lease,   "ready=1"    },
        {&expires, "ready=1"    },
        {&later,   "scheduled=1"},
    };

    named.id = "x";
    past.run_at_ms = RIG_START_MS - 1000;
    lease.lease_ms = 60000;
    expires.expires_ms = 60000;
    later.in_ms = 1;
    for (size_t i = 0; i < countof(cases); i++) {
        start();
        wait_for("a", "wc=9");
        enqueue(&rig, cases[i].job, NULL);
        if (strcmp(counts(&rig), cases[i].counts) != 0) fail_msg("%zu: %s", i, counts(&rig));
    }
    start();
    wait_for("a", "wc=9");
    enqueue_many(&rig, &plain, 2);
    assert_string_equal(counts(&rig), "ready=2");
}

/* A repeated call gets its answer again, and nothing else happens. */
TEST(a_repeated_call_pushes_once)
{
    struct enqueue_item item = {.job = &plain};
    struct request call = REQUEST_INIT;

    start();
    wait_for("a", "wc=9");
    enqueue_build(&call, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    freeReplyObject(rig_ask_with(&rig, &call));
    assert_true(is_told("push"));
    wait_for("b", "wc=9");
    freeReplyObject(rig_ask_with(&rig, &call));
    assert_string_equal(rig_heard(&rig), "");
    assert_string_equal(counts(&rig), "active=1");
    request_deinit(&call);
}

/* The ghost of a job that had its name stands in another lane, and is not this job. */
TEST(one_whose_name_a_ghost_has_is_not_pushed)
{
    struct pinion_job job = {.kind = "zip", .queue = "q", .id = "x"};

    start();
    enqueue(&rig, &job, NULL);
    assert_string_equal(cancel(&rig, "x"), "cancelled");
    rig_step(&rig, 31 * DAY_MS);
    sweep(&rig);
    rig_step(&rig, 2 * DAY_MS);
    sweep(&rig);
    wait_for("a", "wc=9");
    job.kind = "wc";
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    assert_true(is_told("server:a wake q"));
    assert_string_equal(counts(&rig), "ready=1");
    assert_int_equal(claim_count(&rig), 1);
    assert_string_equal(counts(&rig), "active=1");
}

/* ---- what was lost --------------------------------------------------------------------------- */

TEST(what_was_pushed_unheard_is_taken_back)
{
    struct heartbeat beat;
    struct leases got;

    start();
    heartbeat(&rig, "a", "wc", &beat);
    for (int i = 0; i < 2; i++) {
        claim(&rig, &(struct ask){.patterns = "wc=9", .free = 9, .subscribed = true,
                                  .seat = (unsigned)beat.seat}, &got);
        assert_true(got.idle);
        enqueue(&rig, &plain, NULL);
        struct pushed p = heard_push();
        struct lease lease = lease_of(&p);
        if (i == 0) renew(&rig, &lease, 10000);
    }
    assert_string_equal(counts(&rig), "active=2");
    assert_int_equal(take_back_unheard(&rig, "a"), 1);
    assert_string_equal(counts(&rig), "ready=1 active=1");
}

TEST(nothing_is_pushed_to_who_takes_back)
{
    struct heartbeat beat;

    start();
    heartbeat(&rig, "a", "wc", &beat);
    wait_for("a", "wc=9");
    take_back_unheard(&rig, "a");
    enqueue(&rig, &plain, NULL);
    assert_false(is_told("push"));
    assert_string_equal(counts(&rig), "ready=1");
}

/* A claim and a heartbeat both tell whether our name is still there. */
TEST(a_server_learns_that_it_was_told_something)
{
    struct heartbeat beat;

    start();
    heartbeat(&rig, "a", "wc", &beat);
    assert_false(beat.idle);
    assert_false(wait_for("a", "wc=9").was_idle);
    assert_true(wait_for("a", "wc=9").was_idle);
    heartbeat(&rig, "a", "wc", &beat);
    assert_true(beat.idle);
    enqueue(&rig, &plain, NULL);
    heartbeat(&rig, "a", "wc", &beat);
    assert_false(beat.idle);
    assert_false(wait_for("a", "wc=9").was_idle);
    assert_false(wait_for("a", "wc=0").idle); /* nothing that it could run */
}

TEST(who_watches_sees_it_come_and_start)
{
    struct pinion_job job = plain;

    start();
    watch_build(&rig.request, rig_key(&rig), 60);
    freeReplyObject(rig_ask(&rig));
    wait_for("a", "wc=9");
    job.id = "x";
    enqueue(&rig, &job, NULL);
    assert_true(is_told("pinion:{q}:events ready x\npinion:{q}:events active x\n"));
}

TEST(what_is_not_a_push_is_not_read_as_one)
{
    static const char *const texts[] = {"",          "x",           "x 1",         "x 1 ",
                                        "x y 1 r",   "x 1 y r",     "x 0 1 r",     " 1 1 r",
                                        "a/b 1 1 r", "x -1 1 05:w", "x 1 -1 05:w", "x  1 05:w"};
    struct pushed p;

    for (size_t i = 0; i < countof(texts); i++)
        if (!pushed_read(span_of(texts[i]), &p)) fail_msg("'%s' was read", texts[i]);
    assert_int_equal(pushed_read(span_of("x 1 0 "), &p), PINION_OK); /* its record is not one */
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    for (const char *server = "abc"; *server; server++) {
        char *channel = channel_of_server("pinion", (char[]){*server, 0});
        rig_listen(&rig, channel);
        free(channel);
    }
    rig_listen(&rig, "pinion:{q}:events");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_all_that_a_claim_would),
        cmocka_unit_test(released_it_is_the_first_and_uncharged),
        cmocka_unit_test(nothing_is_pushed_past_what_waits),
        cmocka_unit_test(nothing_is_pushed_in_a_paused_queue),
        cmocka_unit_test(only_so_much_is_pushed),
        cmocka_unit_test(only_one_plain_job_of_a_call_is_pushed),
        cmocka_unit_test(a_repeated_call_pushes_once),
        cmocka_unit_test(one_whose_name_a_ghost_has_is_not_pushed),
        cmocka_unit_test(what_was_pushed_unheard_is_taken_back),
        cmocka_unit_test(nothing_is_pushed_to_who_takes_back),
        cmocka_unit_test(a_server_learns_that_it_was_told_something),
        cmocka_unit_test(who_watches_sees_it_come_and_start),
        cmocka_unit_test(what_is_not_a_push_is_not_read_as_one),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
