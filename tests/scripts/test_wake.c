/* Who is told what: idle servers, earlier due times, events. A second connection listens. */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static void add(const char *kind)
{
    struct pinion_job job = {.kind = kind, .queue = "q"};

    enqueue(&rig, &job, NULL);
}

/* A claim that finds nothing, so that the server is put among the idle. */
static size_t claim_idle(const char *server, const char *patterns)
{
    struct leases got;

    claim(&rig,
          &(struct ask){.server = server, .patterns = patterns, .free = 9, .subscribed = true},
          &got);
    return got.count;
}

static void start(void)
{
    rig_reset(&rig);
    rig_heard(&rig);
}

/* The names of the servers that were told this since the last call, in order: "ab". */
static const char *told(const char *verb)
{
    static char names[64];
    size_t n = 0;

    for (const char *at = rig_heard(&rig); *at && n + 1 < sizeof names; at = strchr(at, '\n') + 1) {
        char name, word[32], tail[32];
        if (sscanf(at, "pinion:server:%c %30s %30s", &name, word, tail) != 3) continue;
        assert_string_equal(word, verb);
        assert_string_equal(tail, "q");
        names[n++] = name;
    }
    names[n] = '\0';
    return names;
}

static const char *woken(void)
{
    return told("wake");
}

static const char *pushed(void)
{
    return told("push");
}

/* More than one in a call is never pushed. */
static void add_two(const char *kind)
{
    struct pinion_job job = {.kind = kind, .queue = "q"};

    enqueue_many(&rig, &job, 2);
}

static bool is_one_of(const char *name, const char *names)
{
    return strlen(name) == 1 && strchr(names, name[0]);
}

static void check_idle(int64_t servers)
{
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:idle"), servers);
}

/* ---- one of the idle ------------------------------------------------------------------------- */

TEST(one_job_is_pushed_to_one_of_three)
{
    start();
    for (const char *server = "abc"; *server; server++) claim_idle((char[]){*server, 0}, "wc=9");
    check_idle(3);
    char seen[4] = "";
    for (int i = 0; i < 3; i++) {
        add("wc");
        const char *name = pushed();
        assert_true(is_one_of(name, "abc"));
        assert_null(strstr(seen, name));
        strncat(seen, name, 1);
        check_idle(2 - i);
    }
    add("wc");
    assert_string_equal(woken(), "");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:idle"), 0);
    assert_string_equal(counts(&rig), "ready=1 active=3");
}

TEST(a_batch_wakes_one_and_a_claim_that_leaves_work_the_next)
{
    struct pinion_job job = {.kind = "wc", .queue = "q"};
    struct leases got;

    start();
    claim_idle("a", "wc=9");
    claim_idle("b", "wc=9");
    enqueue_many(&rig, &job, 100);
    const char *name = woken();
    assert_true(is_one_of(name, "ab"));
    const char first = name[0];
    claim(&rig, &(struct ask){.server = (char[]){first, 0}, .patterns = "wc=9", .free = 9,
                              .subscribed = true}, &got);
    assert_int_equal(got.count, 9);
    assert_true(got.more);
    name = woken();
    assert_true(is_one_of(name, "ab") && name[0] != first);
    check_idle(0);
}

TEST(only_a_server_that_could_run_it_is_woken)
{
    static const struct {
        const char *pattern, *kind;
        bool woken;
    } cases[] = {
        {"user", "user", true},        {"user", "users", false},      {"user", "user.x", false},
        {"user.*", "user.x", true},    {"user.*", "user.x.y", true},  {"user.*", "user", false},
        {"user.*", "users.x", false},  {"a:*", "a:b", true},          {"a:*", "a.b", false},
        {"a/*", "a/b/c", true},        {"a/b/*", "a/b/c", true},      {"a/b/*", "a/bc", false},
        {"a.b:c/*", "a.b:c/d", true},  {"*", "anything", true},       {"*", "a.b/c:d", true},
        {"user.*", "user.", true},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        char patterns[64];
        start();
        snprintf(patterns, sizeof patterns, "%s=1", cases[i].pattern);
        claim_idle("a", patterns);
        add(cases[i].kind);
        if (strcmp(pushed(), cases[i].woken ? "a" : "") != 0)
            fail_msg("%s and %s", cases[i].pattern, cases[i].kind);
        check_idle(cases[i].woken ? 0 : 1);
        start();
        claim_idle("a", patterns);
        add_two(cases[i].kind);
        if (strcmp(woken(), cases[i].woken ? "a" : "") != 0)
            fail_msg("two: %s and %s", cases[i].pattern, cases[i].kind);
        check_idle(cases[i].woken ? 0 : 1);
    }
}

static void forty_gone_and_a(void)
{
    start();
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "gone%d", i);
        claim_idle(name, "wc=1 *=1");
    }
    claim_idle("a", "user.*=1 *=1");
    check_idle(41);
}

/* A push takes the first that it draws, then all: the first that hears it has it. */
TEST(names_that_nobody_hears_are_dropped_and_the_next_is_taken)
{
    int64_t left = 40;

    while (left == 40) { /* a was the first one drawn: nobody had to be dropped */
        forty_gone_and_a();
        add_two("wc");
        assert_string_equal(woken(), "a");
        left = rig_int(&rig, "HLEN pinion:{q}:idle");
    }
    assert_int_equal(left, 0);
    forty_gone_and_a();
    add("wc");
    assert_string_equal(pushed(), "a");
    assert_string_equal(counts(&rig), "active=1");
    assert_false(rig_int(&rig, "HEXISTS pinion:{q}:idle a"));
    forty_gone_and_a();
    leave(&rig, "a", true);
    add("wc");
    assert_string_equal(pushed(), "");
    assert_string_equal(counts(&rig), "ready=1");
    check_idle(0);
}

TEST(a_claim_that_finds_work_is_not_idle)
{
    start();
    claim_idle("a", "wc=9 zip=9");
    check_idle(1);
    add_two("wc");
    assert_string_equal(woken(), "a");
    assert_int_equal(claim_idle("a", "wc=9 zip=9"), 2);
    check_idle(1); /* it has slots left: idle again */
    struct leases got;
    claim(&rig, &(struct ask){.server = "a", .patterns = "wc=9"}, &got);
    check_idle(0); /* its channel is not heard */
    claim(&rig, &(struct ask){.server = "a", .patterns = "wc=9", .full = true, .subscribed = true},
          &got);
    check_idle(0);
}

/* ---- passed on ------------------------------------------------------------------------------- */

TEST(a_server_without_slots_passes_the_wake_up_on)
{
    struct leases got;

    start();
    claim_idle("a", "wc=9");
    claim_idle("b", "wc=9");
    add_two("wc");
    const char *name = woken();
    const char first = name[0];
    claim(&rig, &(struct ask){.server = (char[]){first, 0}, .patterns = "wc=9", .full = true,
                              .subscribed = true}, &got);
    name = woken();
    assert_true(is_one_of(name, "ab") && name[0] != first);
}

TEST(a_server_that_leaves_passes_the_wake_up_on)
{
    start();
    claim_idle("a", "wc=9");
    claim_idle("b", "wc=9");
    claim_idle("c", "zip=9");
    add_two("wc");
    const char first = woken()[0];
    leave(&rig, (char[]){first, 0}, true);
    assert_string_equal(woken(), first == 'a' ? "b" : "a");
    check_idle(1);
    leave(&rig, "c", true);
    assert_string_equal(woken(), "");
    check_idle(0);
}

/* Their handler of the kind is full, a wider one is not: they must not wake each other for ever. */
TEST(servers_with_a_full_handler_do_not_wake_each_other)
{
    start();
    add("user.mail");
    assert_int_equal(claim_idle("a", "user.mail=0 user.*=9 *=9"), 0);
    assert_int_equal(claim_idle("b", "user.mail=0 user.*=9 *=9"), 0);
    assert_int_equal(claim_idle("a", "user.mail=0 user.*=9 *=9"), 0);
    assert_string_equal(woken(), "");
    check_idle(2);
    add("user.mail");
    assert_string_equal(woken(), "");
    claim_idle("c", "*=9");
    assert_string_equal(woken(), "");
    add("user.x");
    assert_true(is_one_of(pushed(), "abc")); /* each can run it */
    leave(&rig, "a", true);
    leave(&rig, "b", true);
    leave(&rig, "c", true);
    check_idle(0);
}

TEST(a_pause_keeps_servers_idle_and_resume_wakes)
{
    start();
    pause_queue(&rig, true);
    claim_idle("a", "wc=9");
    struct heartbeat beat;
    add("wc");
    assert_string_equal(woken(), "a");
    heartbeat(&rig, "a", "wc", &beat);
    assert_false(beat.claimable);
    assert_int_equal(claim_idle("a", "wc=9"), 0);
    check_idle(1);
    pause_queue(&rig, false);
    assert_string_equal(woken(), "a");
    heartbeat(&rig, "a", "wc", &beat);
    assert_true(beat.claimable);
    assert_true(beat.heard);
    heartbeat(&rig, "nobody", "zip", &beat);
    assert_false(beat.claimable);
    assert_false(beat.heard);
}

/* ---- whatever makes a job claimable ---------------------------------------------------------- */

TEST(all_that_makes_ready_wakes)
{
    char id[QUEUE_NAME_MAX + 1];
    struct pinion_job job = {.kind = "wc", .queue = "q", .in_ms = 10};

    start();
    enqueue(&rig, &job, id);
    claim_idle("a", "wc=9");
    rig_step(&rig, 10);
    promote(&rig, NULL);
    assert_string_equal(woken(), "a");
    struct lease lease = claim_one(&rig);
    claim_idle("a", "wc=9");
    release(&rig, &lease);
    assert_string_equal(woken(), "a");
    claim_one(&rig);
    claim_idle("a", "wc=9");
    rig_step(&rig, LEASE_DEFAULT_MS + 1);
    assert_int_equal(reap(&rig), 1);
    assert_string_equal(woken(), "a");
    lease = claim_one(&rig);
    claim_idle("a", "wc=9");
    fail_in(&rig, &lease, -1);
    assert_string_equal(woken(), "");
    requeue(&rig, "retry", id);
    assert_string_equal(woken(), "a");
    lease = claim_one(&rig);
    fail_in(&rig, &lease, 60000);
    claim_idle("a", "wc=9");
    requeue(&rig, "run", id);
    assert_string_equal(woken(), "a");
}

TEST(a_cancel_tells_the_server_that_runs_it)
{
    char id[QUEUE_NAME_MAX + 1], text[128];
    struct pinion_job job = {.kind = "wc", .queue = "q"};
    struct heartbeat beat;

    start();
    heartbeat(&rig, "x", NULL, &beat);
    heartbeat(&rig, "b", NULL, &beat);
    enqueue(&rig, &job, id);
    struct leases got;
    claim(&rig, &(struct ask){.server = "b", .seat = (unsigned)beat.seat}, &got);
    renew(&rig, &got.lease[0], 10000);
    rig_heard(&rig);
    assert_string_equal(cancel(&rig, id), "marked");
    snprintf(text, sizeof text, "pinion:server:b cancel q %s\n", id);
    assert_string_equal(rig_heard(&rig), text);
}

/* ---- hints and events ------------------------------------------------------------------------ */

static const char *due_in(uint64_t ms)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .in_ms = ms};

    enqueue(&rig, &job, NULL);
    return rig_heard(&rig);
}

TEST(an_earlier_due_time_is_told)
{
    start();
    assert_string_equal(due_in(5000), "pinion:{q}:due 1790000005000\n");
    assert_string_equal(due_in(5000), "");
    assert_string_equal(due_in(9000), "");
    assert_string_equal(due_in(4999), "pinion:{q}:due 1790000004999\n");
    add("zip");
    struct lease lease = claim_one(&rig);
    fail_in(&rig, &lease, 6000);
    assert_string_equal(rig_heard(&rig), "");
    add("zip");
    lease = claim_one(&rig);
    fail_in(&rig, &lease, 100);
    assert_string_equal(rig_heard(&rig), "pinion:{q}:due 1790000000100\n");
    struct heartbeat beat;
    heartbeat(&rig, "a", NULL, &beat);
    assert_int_equal(beat.next_due_ms, RIG_START_MS + 100);
}

TEST(events_are_told_only_while_somebody_watches)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .id = "x"};

    start();
    enqueue(&rig, &job, NULL);
    cancel(&rig, "x");
    assert_string_equal(rig_heard(&rig), "");
    watch_build(&rig.request, rig_key(&rig), 60);
    freeReplyObject(rig_ask(&rig));
    assert_in_range(rig_int(&rig, "TTL pinion:{q}:watched"), 1, 60);
    requeue(&rig, "retry", "x");
    struct lease lease = claim_one(&rig);
    fail_in(&rig, &lease, 0);
    requeue(&rig, "run", "x");
    lease = claim_one(&rig);
    ack_rich(&rig, &lease, "");
    assert_string_equal(rig_heard(&rig),
                        "pinion:{q}:events ready x\npinion:{q}:events active x\n"
                        "pinion:{q}:events retry x\npinion:{q}:due 1790000000000\n"
                        "pinion:{q}:events ready x\npinion:{q}:events active x\n"
                        "pinion:{q}:events done x\n");
    pause_queue(&rig, true);
    pause_queue(&rig, true);
    pause_queue(&rig, false);
    assert_string_equal(rig_heard(&rig), "pinion:{q}:events pause \npinion:{q}:events resume \n");
    freeReplyObject(rig_command(&rig, "DEL pinion:{q}:watched"));
    add("wc");
    assert_string_equal(rig_heard(&rig), "");
}

TEST(one_event_tells_of_a_batch)
{
    struct pinion_job job = {.kind = "wc", .queue = "q"};

    start();
    watch_build(&rig.request, rig_key(&rig), 60);
    freeReplyObject(rig_ask(&rig));
    enqueue_many(&rig, &job, 3);
    const char *heard = rig_heard(&rig);
    assert_int_equal(strlen(heard), strlen("pinion:{q}:events ready\n") + 3 * 27);
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
    rig_listen(&rig, "pinion:{q}:due");
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
        cmocka_unit_test(one_job_is_pushed_to_one_of_three),
        cmocka_unit_test(a_batch_wakes_one_and_a_claim_that_leaves_work_the_next),
        cmocka_unit_test(only_a_server_that_could_run_it_is_woken),
        cmocka_unit_test(names_that_nobody_hears_are_dropped_and_the_next_is_taken),
        cmocka_unit_test(a_claim_that_finds_work_is_not_idle),
        cmocka_unit_test(a_server_without_slots_passes_the_wake_up_on),
        cmocka_unit_test(a_server_that_leaves_passes_the_wake_up_on),
        cmocka_unit_test(servers_with_a_full_handler_do_not_wake_each_other),
        cmocka_unit_test(a_pause_keeps_servers_idle_and_resume_wakes),
        cmocka_unit_test(all_that_makes_ready_wakes),
        cmocka_unit_test(a_cancel_tells_the_server_that_runs_it),
        cmocka_unit_test(an_earlier_due_time_is_told),
        cmocka_unit_test(events_are_told_only_while_somebody_watches),
        cmocka_unit_test(one_event_tells_of_a_batch),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
