/* A job that dies, in whichever way, is carried by one job of the kind that its queue names. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "queue/on_dead.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define REAPS_ALL 10

static char id[QUEUE_NAME_MAX + 1];

static enum pinion_err name(const char *pattern, const char *kind)
{
    struct error why;

    on_dead_build(&rig.request, rig_key(&rig));
    on_dead_add(&rig.request, pattern, kind);
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = on_dead_read(r, &why);
    freeReplyObject(r);
    return err;
}

static void make(const char *kind, const void *payload, size_t len)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .payload = payload, .payload_len = len};

    assert_string_equal(enqueue(&rig, &job, id), "new");
}

static void begin(void)
{
    rig_reset(&rig);
    assert_int_equal(name(NULL, "notify"), PINION_OK);
}

/* The one that is claimable now is rejected with this text. */
static void reject_with(struct span text)
{
    struct lease held = claim_one(&rig);
    struct settle_item item = {
        .id = span_of(held.id), .token = span_of(held.token), .text = text, .delay_ms = -1};

    fail_build(&rig.request, rig_key(&rig), &item, 1);
    freeReplyObject(rig_ask(&rig));
}

static void reject(void)
{
    reject_with(span_of("it broke"));
}

/* What a carrier is: kind, and its payload as JSON; NULL: there is no such job. */
static json_t *carrier(const char *carrier_id, const char *kind)
{
    struct job_view view;
    json_t *about = NULL;

    show_build(&rig.request, rig_key(&rig), span_of(carrier_id));
    redisReply *r = rig_ask(&rig);
    if (!show_read(r, span_of(carrier_id), &view)) {
        assert_true(span_is(view.job.kind, kind));
        about = json_loadb(view.job.payload.data, view.job.payload.len, JSON_ALLOW_NUL, NULL);
        assert_non_null(about);
        job_view_deinit(&view);
    }
    freeReplyObject(r);
    return about;
}

static void has(json_t *about, const char *key, const char *text)
{
    json_t *value = json_object_get(about, key);

    if (text) assert_string_equal(json_string_value(value), text);
    else assert_true(json_is_null(value));
}

/* Each claim is lost, until one is the last. */
static void lose(unsigned reaps)
{
    for (unsigned i = 0; i < reaps; i++) {
        claim_one(&rig);
        rig_step(&rig, 10001);
        assert_int_equal(reap(&rig), 1);
    }
}

TEST(a_rejected_one)
{
    char text[JOB_ID_MAX + 1];

    begin();
    make("wc", "two words", 9);
    reject();
    assert_string_equal(counts(&rig), "ready=1 dead=1");
    json_t *about = carrier("dead.1", "notify");
    snprintf(text, sizeof text, "q:%s", id);
    has(about, "id", text);
    has(about, "queue", "q");
    has(about, "kind", "wc");
    has(about, "error", "it broke");
    has(about, "reason", NULL);
    has(about, "died_at", "2026-09-21T14:13:20.000Z");
    has(about, "payload", "two words");
    assert_int_equal(json_integer_value(json_object_get(about, "attempts")), 1);
    assert_null(json_object_get(about, "payload_bytes"));
    json_decref(about);
    freeReplyObject(rig_look(&rig));
}

TEST(one_that_has_no_attempt_left)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .attempts_max = 2};
    struct promoted promoted;

    begin();
    assert_string_equal(enqueue(&rig, &job, id), "new");
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, 5), "retry");
    assert_string_equal(counts(&rig), "retry=1"); /* it is not dead yet */
    rig_step(&rig, 5);
    assert_int_equal(promote(&rig, &promoted), 1);
    held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, 5), "dead");
    json_t *about = carrier("dead.1", "notify");
    assert_int_equal(json_integer_value(json_object_get(about, "attempts")), 2);
    json_decref(about);
    assert_string_equal(counts(&rig), "ready=1 dead=1");
}

TEST(one_that_was_reaped_too_often)
{
    begin();
    make("wc", "x", 1);
    lose(REAPS_ALL - 1);
    assert_string_equal(counts(&rig), "ready=1");
    lose(1);
    assert_string_equal(counts(&rig), "ready=1 dead=1");
    json_t *about = carrier("dead.1", "notify");
    has(about, "reason", "lost_worker");
    has(about, "error", NULL);
    assert_int_equal(json_integer_value(json_object_get(about, "attempts")), 0);
    json_decref(about);
}

TEST(one_that_its_server_took_back)
{
    struct heartbeat beat;

    begin();
    heartbeat(&rig, SERVER, "*", &beat); /* gives it the seat */
    make("wc", "x", 1);
    lose(REAPS_ALL - 1);
    claim_one(&rig);
    assert_int_equal(take_back(&rig, SERVER), 1);
    json_t *about = carrier("dead.1", "notify");
    has(about, "reason", "lost_worker");
    json_decref(about);
}

/* Members of a pack are lifted out of it one by one. */
TEST(one_of_a_pack)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .payload = "x", .payload_len = 1};
    struct leases all;

    begin();
    enqueue_many(&rig, &job, 3);
    claim(&rig, &(struct ask){.free = 3}, &all);
    assert_int_equal(all.count, 3);
    assert_string_equal(fail_in(&rig, &all.lease[1], -1), "dead");
    json_t *about = carrier("dead.1", "notify");
    has(about, "payload", "x");
    json_decref(about);
    assert_string_equal(counts(&rig), "ready=1 active=2 dead=1");
}

TEST(a_cancelled_one_is_not_carried)
{
    begin();
    make("wc", "x", 1);
    struct lease held = claim_one(&rig);
    assert_string_equal(cancel(&rig, id), "marked");
    assert_string_equal(fail_in(&rig, &held, -1), "cancelled");
    assert_string_equal(counts(&rig), "cancelled=1");
}

/* What carries a dead one makes none when it dies, also when it is tried again or edited. */
TEST(no_loop)
{
    begin();
    make("wc", "x", 1);
    reject();
    reject(); /* the carrier */
    assert_string_equal(counts(&rig), "dead=2");
    assert_string_equal(requeue(&rig, "retry", "dead.1"), "ready");
    struct job_edit edit = {.has_payload = true, .payload = "{}", .payload_len = 2};
    assert_string_equal(edit_job(&rig, "dead.1", &edit), "edited");
    reject();
    assert_string_equal(counts(&rig), "dead=2");
}

TEST(a_repeated_failure_makes_no_second)
{
    begin();
    make("wc", "x", 1);
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(counts(&rig), "ready=1 dead=1");
}

TEST(who_dies_again_is_carried_again)
{
    begin();
    make("wc", "x", 1);
    reject();
    struct lease first = claim_one(&rig);
    assert_string_equal(first.id, "dead.1");
    assert_string_equal(ack(&rig, &first), "ok");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    reject();
    assert_string_equal(claim_one(&rig).id, "dead.2");
}

/* A person gave the id to a job of theirs: the carrier has another. */
TEST(an_id_that_is_taken)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .id = "dead.1", .payload = "x",
                             .payload_len = 1};

    for (int forgotten = 0; forgotten <= 1; forgotten++) {
        begin();
        assert_string_equal(enqueue(&rig, &job, id), "new");
        if (forgotten) assert_string_equal(delete_job(&rig, id), "deleted");
        if (forgotten) make("wc", "x", 1);
        reject();
        struct lease made = claim_one(&rig);
        assert_int_equal(strlen(made.id), strlen("dead.") + 40);
        json_decref(carrier(made.id, "notify"));
        freeReplyObject(rig_look(&rig));
    }
}

TEST(the_most_exact_name_counts)
{
    static const struct {
        const char *kind, *carrier;
    } cases[] = {
        {"mail.send", "exact"}, {"mail.list", "prefix"}, {"mail.in.box", "longer"},
        {"mailing", "star"},    {"wc", "star"},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        begin();
        assert_int_equal(name("*", "star"), PINION_OK);
        assert_int_equal(name("mail.*", "prefix"), PINION_OK);
        assert_int_equal(name("mail.in.*", "longer"), PINION_OK);
        assert_int_equal(name("mail.send", "exact"), PINION_OK);
        make(cases[i].kind, "x", 1);
        reject();
        json_decref(carrier("dead.1", cases[i].carrier));
    }
}

TEST(a_kind_beats_the_queue)
{
    begin();
    assert_int_equal(name("mail", "postmaster"), PINION_OK);
    make("mail", "x", 1);
    reject();
    make("wc", "x", 1);
    struct leases two;
    claim(&rig, &(struct ask){.patterns = "wc=1"}, &two);
    assert_string_equal(fail_in(&rig, &two.lease[0], -1), "dead");
    json_decref(carrier("dead.1", "postmaster"));
    json_decref(carrier("dead.2", "notify"));
}

TEST(none_is_named)
{
    rig_reset(&rig);
    make("wc", "x", 1);
    reject();
    assert_string_equal(counts(&rig), "dead=1");
    begin();
    assert_int_equal(name("mail", "postmaster"), PINION_OK);
    assert_int_equal(name(NULL, ""), PINION_OK); /* takes back what it names, and nothing else */
    make("wc", "x", 1);
    reject();
    assert_string_equal(counts(&rig), "dead=1");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:on_dead"), 1);
    assert_int_equal(name("mail", ""), PINION_OK);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:on_dead"), 0);
}

static void is_carried(const char *payload, size_t len, bool carried)
{
    begin();
    make("wc", payload, len);
    reject();
    json_t *about = carrier("dead.1", "notify"), *text = json_object_get(about, "payload");
    json_t *bytes = json_object_get(about, "payload_bytes");
    if (carried) {
        assert_null(bytes);
        assert_int_equal(json_string_length(text), len);
        assert_memory_equal(json_string_value(text), payload, len);
    } else {
        assert_null(text);
        assert_int_equal(json_integer_value(bytes), len);
    }
    json_decref(about);
}

TEST(a_payload_up_to_the_bound)
{
    char *payload = malloc(CARRIED_BYTES_MAX + 1);

    memset(payload, '"', CARRIED_BYTES_MAX + 1);
    is_carried(payload, 0, true);
    is_carried(payload, CARRIED_BYTES_MAX, true);
    is_carried(payload, CARRIED_BYTES_MAX + 1, false);
    free(payload);
}

TEST(a_payload_that_is_text)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool text;
    } cases[] = {
        {"a\nb\n\nc", 6, true},
        {"nul\0nul", 7, true},
        {"\x7f", 1, true},
        {"\xc2\x80 \xdf\xbf", 5, true},
        {"\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf", 15, true},
        {"\xf0\x90\x80\x80 \xf3\xbf\xbf\xbf \xf4\x8f\xbf\xbf", 14, true},
        {"\x80", 1, false},
        {"\xc0\x80", 2, false},
        {"\xc1\xbf", 2, false},
        {"\xc2", 1, false},
        {"\xc2\x80\x80", 3, false},
        {"\xe0\x9f\xbf", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xe1\x80", 2, false},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
    };

    for (size_t i = 0; i < countof(cases); i++)
        is_carried(cases[i].bytes, cases[i].len, cases[i].text);
}

TEST(an_error_that_is_no_text)
{
    begin();
    make("wc", "x", 1);
    reject_with(span_of("caf\xc3\xa9 \"quoted\""));
    json_t *about = carrier("dead.1", "notify");
    has(about, "error", "caf\xc3\xa9 \"quoted\"");
    json_decref(about);
    begin();
    make("wc", "x", 1);
    reject_with(span_of("caf\xe9"));
    about = carrier("dead.1", "notify");
    has(about, "error", "caf\xef\xbf\xbd");
    json_decref(about);
}

TEST(as_many_names_as_a_queue_may_have)
{
    char pattern[16];

    begin(); /* has one */
    for (int i = 1; i < ON_DEAD_MAX; i++) {
        snprintf(pattern, sizeof pattern, "k%d", i);
        assert_int_equal(name(pattern, "notify"), PINION_OK);
    }
    assert_int_equal(name("more", "notify"), PINION_INVALID);
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:on_dead"), ON_DEAD_MAX);
    assert_int_equal(name("k1", "other"), PINION_OK);
    assert_int_equal(name("k1", ""), PINION_OK);
    assert_int_equal(name("more", "notify"), PINION_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejected_one),
        cmocka_unit_test(one_that_has_no_attempt_left),
        cmocka_unit_test(one_that_was_reaped_too_often),
        cmocka_unit_test(one_that_its_server_took_back),
        cmocka_unit_test(one_of_a_pack),
        cmocka_unit_test(a_cancelled_one_is_not_carried),
        cmocka_unit_test(no_loop),
        cmocka_unit_test(a_repeated_failure_makes_no_second),
        cmocka_unit_test(who_dies_again_is_carried_again),
        cmocka_unit_test(an_id_that_is_taken),
        cmocka_unit_test(the_most_exact_name_counts),
        cmocka_unit_test(a_kind_beats_the_queue),
        cmocka_unit_test(none_is_named),
        cmocka_unit_test(a_payload_up_to_the_bound),
        cmocka_unit_test(a_payload_that_is_text),
        cmocka_unit_test(an_error_that_is_no_text),
        cmocka_unit_test(as_many_names_as_a_queue_may_have),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
