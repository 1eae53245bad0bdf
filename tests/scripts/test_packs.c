/* Every verb on a job in a pack: what it answers, where the job is afterwards, where the others
 * are.
 *
 * The pack has SIZE jobs; the one that is looked at has place PLACE. After every verb the raw keys
 * are checked against each other, the counters of packed jobs among them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "queue/pack.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define SIZE  6
#define PLACE 3

enum at { READY, ACTIVE, MARKED, ALONE, ENDED, ONLY, ATS };

static const char *const at_names[ATS] = {"ready", "active", "marked", "alone", "ended", "only"};

static char ids[BATCH_ITEMS_MAX][QUEUE_NAME_MAX + 1];
static struct leases got;
static struct lease held; /* of the job that is looked at; forged while it is ready */

static void make_pack(size_t size)
{
    struct pinion_job jobs[BATCH_ITEMS_MAX];

    for (size_t i = 0; i < size; i++) jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, size, ids);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:5:wc"), (size + 63) / 64);
}

static void claim_all(void)
{
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    for (size_t i = 0; i < got.count; i++) assert_string_equal(got.lease[i].id, ids[i]);
}

static void check_raw(void)
{
    freeReplyObject(rig_look(&rig));
}

static void arrange(enum at at)
{
    rig_reset(&rig);
    make_pack(SIZE);
    held = (struct lease){.pack_size = SIZE};
    snprintf(held.id, sizeof held.id, "%s", ids[PLACE]);
    snprintf(held.token, sizeof held.token, "%lld",
             (long long)rig.now_us + LEASE_DEFAULT_MS * 1000);
    if (at == READY) return;
    claim_all();
    assert_int_equal(got.count, SIZE);
    held = got.lease[PLACE];
    assert_int_equal(held.pack_size, SIZE);
    if (at == MARKED) assert_string_equal(cancel(&rig, held.id), "marked");
    if (at == ALONE) assert_string_equal(renew(&rig, &held, 20000), "ok");
    if (at == ENDED) assert_string_equal(ack(&rig, &held), "ok");
    for (size_t i = 0; at == ONLY && i < SIZE; i++)
        if (i != PLACE) assert_string_equal(ack(&rig, &got.lease[i]), "ok");
}

/* ---- the verbs, each with its answer as a word ----------------------------------------------- */

static const char *number(int64_t n)
{
    static char text[24];

    snprintf(text, sizeof text, "%lld", (long long)n);
    return text;
}

static const char *do_cancel(void)
{
    return cancel(&rig, held.id);
}

static const char *do_delete(void)
{
    return delete_job(&rig, held.id);
}

static const char *do_run(void)
{
    return requeue(&rig, "run", held.id);
}

static const char *do_retry(void)
{
    return requeue(&rig, "retry", held.id);
}

static const char *do_enqueue(void)
{
    return enqueue(&rig, &(struct pinion_job){.kind = "wc", .queue = "q", .id = held.id}, NULL);
}

static const char *do_claim(void)
{
    return number((int64_t)claim_count(&rig));
}

static const char *do_promote(void)
{
    return number(promote(&rig, NULL));
}

static const char *do_renew(void)
{
    return renew(&rig, &held, 20000);
}

static const char *do_ack(void)
{
    return ack(&rig, &held);
}

/* As by a server that was started anew since the claim. */
static const char *do_ack_by_id(void)
{
    held.pack_size = 0;
    return ack(&rig, &held);
}

static const char *do_ack_rich(void)
{
    return ack_rich(&rig, &held, "r");
}

static const char *do_fail(void)
{
    return fail_in(&rig, &held, 1000);
}

static const char *do_fail_last(void)
{
    return fail_in(&rig, &held, -1);
}

static const char *do_release(void)
{
    return release(&rig, &held);
}

static const char *do_reap_early(void)
{
    rig_step_us(&rig, LEASE_DEFAULT_MS * 1000 - 1);
    return number(reap(&rig));
}

static const char *do_reap(void)
{
    rig_step(&rig, LEASE_DEFAULT_MS);
    return number(reap(&rig));
}

static void take_seat(void)
{
    struct heartbeat beat;

    heartbeat(&rig, SERVER, NULL, &beat);
    assert_int_equal(beat.seat, 0);
}

static const char *do_take_back(void)
{
    take_seat();
    return number(take_back(&rig, SERVER));
}

static const char *do_take_back_unheard(void)
{
    take_seat();
    return number(take_back_unheard(&rig, SERVER));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define THREE(...) {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}
#define ALL(...)   {THREE(__VA_ARGS__), THREE(__VA_ARGS__)}

/* The answer, the state of the job and of the others; NULL: as before. In the order of enum at. */
static const struct row {
    const char *verb;
    const char *(*run)(void);
    struct {
        const char *answer, *after, *others;
    } cell[ATS];
} rows[] = {
    {"cancel", do_cancel,
     {{"cancelled", "cancelled", 0}, {"marked", 0, 0}, {"marked", 0, 0}, {"marked", 0, 0},
      {"done", 0, 0}, {"marked", 0, 0}}},
    {"delete", do_delete,
     {{"deleted", "none", 0}, {"active", 0, 0}, {"active", 0, 0}, {"active", 0, 0},
      {"not_found", 0, 0}, {"active", 0, 0}}},
    {"run", do_run,
     {{"ready", 0, 0}, {"active", 0, 0}, {"active", 0, 0}, {"active", 0, 0},
      {"done", 0, 0}, {"active", 0, 0}}},
    {"retry", do_retry,
     {{"ready", 0, 0}, {"active", 0, 0}, {"active", 0, 0}, {"active", 0, 0},
      {"done", 0, 0}, {"active", 0, 0}}},
    {"enqueue under its id", do_enqueue,
     {{"conflict", 0, 0}, {"conflict", 0, 0}, {"conflict", 0, 0}, {"conflict", 0, 0},
      {"new", "ready", 0}, {"conflict", 0, 0}}},
    {"claim", do_claim,
     {{"6", "active", "active"}, {"0", 0, 0}, {"0", 0, 0}, {"0", 0, 0}, {"0", 0, 0}, {"0", 0, 0}}},
    {"promote", do_promote, ALL("0", 0, 0)},
    {"renew", do_renew,
     {{"stale", 0, 0}, {"ok", 0, 0}, {"cancel", 0, 0}, {"ok", 0, 0}, {"stale", 0, 0},
      {"ok", 0, 0}}},
    {"ack", do_ack,
     {{"stale", 0, 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0},
      {"ok", 0, 0}, {"ok", "remembered", 0}}},
    {"ack by its id alone", do_ack_by_id,
     {{"stale", 0, 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0},
      {"ok", 0, 0}, {"ok", "remembered", 0}}},
    {"ack_rich", do_ack_rich,
     {{"stale", 0, 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0}, {"ok", "remembered", 0},
      {"ok", 0, 0}, {"ok", "remembered", 0}}},
    {"fail", do_fail,
     {{"stale", 0, 0}, {"retry", "retry", 0}, {"cancelled", "cancelled", 0}, {"retry", "retry", 0},
      {"stale", 0, 0}, {"retry", "retry", 0}}},
    {"fail, the last", do_fail_last,
     {{"stale", 0, 0}, {"dead", "dead", 0}, {"cancelled", "cancelled", 0}, {"dead", "dead", 0},
      {"stale", 0, 0}, {"dead", "dead", 0}}},
    {"release", do_release,
     {{"stale", 0, 0}, {"ok", "ready", 0}, {"ok", "cancelled", 0}, {"ok", "ready", 0},
      {"stale", 0, 0}, {"ok", "ready", 0}}},
    {"reap early", do_reap_early, ALL("0", 0, 0)},
    {"reap", do_reap,
     {{"0", 0, 0}, {"6", "ready", "ready"}, {"6", "cancelled", "ready"}, {"5", 0, "ready"},
      {"5", 0, "ready"}, {"1", "ready", 0}}},
    {"take_back", do_take_back,
     {{"0", 0, 0}, {"6", "ready", "ready"}, {"6", "cancelled", "ready"}, {"6", "ready", "ready"},
      {"5", 0, "ready"}, {"1", "ready", 0}}},
    {"take_back what is unheard", do_take_back_unheard,
     {{"0", 0, 0}, {"6", "ready", "ready"}, {"6", "cancelled", "ready"}, {"5", 0, "ready"},
      {"5", 0, "ready"}, {"1", "ready", 0}}},
};

static void expect(const char *verb, enum at at, const char *what, const char *found,
                   const char *expected)
{
    if (strcmp(found, expected) != 0)
        fail_msg("%s, %s: %s '%s', expected '%s'", verb, at_names[at], what, found, expected);
}

/* The counts of a queue with one job here and SIZE - 1 there. */
static const char *counts_of(const char *one, const char *others)
{
    static char text[64];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < STATES; i++) {
        int n = (strcmp(one, job_states[i]) == 0) +
                (SIZE - 1) * (strcmp(others, job_states[i]) == 0);
        if (n) len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%d", len ? " " : "",
                                       job_states[i], n);
    }
    return text;
}

static const char *one_state(enum at at)
{
    return at == READY ? "ready" : at == ENDED ? "remembered" : "active";
}

static const char *others_state(enum at at)
{
    return at == READY ? "ready" : at == ONLY ? "remembered" : "active";
}

static void check_states(const char *verb, enum at at, const char *one, const char *others)
{
    for (size_t i = 0; i < SIZE; i++)
        expect(verb, at, i == PLACE ? "it is" : "another is", state_of(&rig, ids[i]),
               i == PLACE ? one : others);
    expect(verb, at, "counts", counts(&rig), counts_of(one, others));
    check_raw();
}

TEST(every_verb_in_every_state)
{
    for (size_t i = 0; i < countof(rows); i++) {
        for (enum at at = 0; at < ATS; at++) {
            const struct row *row = &rows[i];
            const char *after = row->cell[at].after, *others = row->cell[at].others;

            arrange(at);
            check_states("nothing", at, one_state(at), others_state(at));
            expect(row->verb, at, "answered", row->run(), row->cell[at].answer);
            check_states(row->verb, at, after ? after : one_state(at),
                         others ? others : others_state(at));
        }
    }
}

/* ---- what is stale changes nothing ----------------------------------------------------------- */

static char *digest_of_all(void)
{
    redisReply *r = rig_command(&rig, "DEBUG DIGEST");
    char *text = strdup(r->str);

    freeReplyObject(r);
    return text;
}

TEST(another_token_changes_nothing)
{
    static const char *(*const verbs[])(void) = {
        do_renew, do_ack, do_ack_by_id, do_ack_rich, do_fail, do_fail_last, do_release};
    static const int64_t others[] = {-1000000, -1, 1, 1000000};

    for (enum at at = 0; at < ATS; at++) {
        for (size_t i = 0; i < countof(verbs) * countof(others); i++) {
            arrange(at);
            int64_t token = strtoll(held.token, NULL, 10) + others[i % countof(others)];
            snprintf(held.token, sizeof held.token, "%lld", (long long)token);
            char *before = digest_of_all();
            expect("a stale verb", at, "answered", verbs[i / countof(others)](), "stale");
            char *after = digest_of_all();
            assert_string_equal(before, after);
            free(before);
            free(after);
        }
    }
}

TEST(acks_of_a_pack_that_was_reaped_are_stale)
{
    rig_reset(&rig);
    make_pack(PACK_JOBS_MAX);
    claim_all();
    struct leases former = got;
    rig_step(&rig, LEASE_DEFAULT_MS);
    assert_int_equal(reap(&rig), PACK_JOBS_MAX);
    assert_int_equal(ack_many(&rig, former.lease, PACK_JOBS_MAX, NULL), PACK_JOBS_MAX);
    assert_string_equal(counts(&rig), "ready=64");
    claim_all(); /* in the order in which they were */
    assert_int_equal(got.count, PACK_JOBS_MAX);
    assert_int_equal(ack_many(&rig, former.lease, PACK_JOBS_MAX, NULL), PACK_JOBS_MAX);
    for (size_t i = 0; i < 60; i++) /* what was reaped has a past to tell of */
        assert_string_equal(ack_rich(&rig, &got.lease[i], ""), "ok");
    assert_int_equal(ack_many(&rig, former.lease, PACK_JOBS_MAX, NULL), PACK_JOBS_MAX);
    for (size_t i = 0; i < PACK_JOBS_MAX; i++)
        assert_string_equal(ack_rich(&rig, &got.lease[i], ""), "ok");
    assert_int_equal(stats(&rig).done, PACK_JOBS_MAX);
    assert_string_equal(counts(&rig), "");
    check_raw();
}

/* Those that had left the pack are not remembered as done with it. */
TEST(what_failed_is_stale_in_an_ack_of_the_whole)
{
    bool stale[SIZE];

    arrange(ACTIVE);
    assert_string_equal(do_fail(), "retry");
    for (int repeated = 0; repeated < 3; repeated++) {
        assert_int_equal(ack_many(&rig, got.lease, SIZE, stale), 1);
        assert_true(stale[PLACE]);
    }
    check_states("ack of the whole", ACTIVE, "retry", "remembered");
    assert_string_equal(do_ack(), "stale");
    assert_int_equal(stats(&rig).done, SIZE - 1);
}

/* ---- acks in parts, and again ---------------------------------------------------------------- */

/* Each part is acked, then again, then with all that were before it. */
TEST(acks_in_parts_and_repeated_count_once)
{
    for (size_t size = PACK_JOBS_MIN; size <= PACK_JOBS_MAX; size += 5) {
        for (size_t part = 1; part <= size; part += 1 + part / 3) {
            rig_reset(&rig);
            make_pack(size);
            claim_all();
            for (size_t from = 0; from < size; from += part) {
                size_t n = from + part < size ? part : size - from;
                assert_int_equal(ack_many(&rig, got.lease + from, n, NULL), 0);
                assert_int_equal(ack_many(&rig, got.lease + from, n, NULL), 0);
                assert_int_equal(ack_many(&rig, got.lease, from + n, NULL), 0);
                assert_int_equal(stats(&rig).done, from + n);
                assert_int_equal(stats(&rig).counts[3], size - from - n);
                check_raw();
            }
            assert_int_equal(ack_many(&rig, got.lease, size, NULL), 0);
            assert_int_equal(stats(&rig).done, size);
            assert_int_equal(
                rig_int(&rig, "EXISTS pinion:{q}:jobs pinion:{q}:gone pinion:{q}:active"), 0);
        }
    }
}

/* The second call acks the whole, of which a half was done by a call whose answer was lost. */
TEST(a_regrouped_ack_ends_the_rest)
{
    rig_reset(&rig);
    make_pack(PACK_JOBS_MAX);
    claim_all();
    struct lease odd[PACK_JOBS_MAX / 2];
    for (size_t i = 0; i < countof(odd); i++) odd[i] = got.lease[2 * i + 1];
    assert_int_equal(ack_many(&rig, odd, countof(odd), NULL), 0);
    assert_string_equal(counts(&rig), "active=32");
    assert_string_equal(renew(&rig, &got.lease[0], 20000), "ok");
    assert_string_equal(renew(&rig, &got.lease[62], 20000), "ok");
    assert_int_equal(ack_many(&rig, got.lease, PACK_JOBS_MAX, NULL), 0);
    assert_int_equal(ack_many(&rig, got.lease, PACK_JOBS_MAX, NULL), 0);
    assert_int_equal(stats(&rig).done, PACK_JOBS_MAX);
    for (size_t i = 0; i < PACK_JOBS_MAX; i++)
        assert_string_equal(state_of(&rig, ids[i]), "remembered");
    assert_string_equal(counts(&rig), "");
    check_raw();
}

TEST(marks_end_with_their_pack)
{
    arrange(ACTIVE);
    for (size_t i = 0; i < SIZE; i++) assert_string_equal(cancel(&rig, ids[i]), "marked");
    assert_int_equal(ack_many(&rig, got.lease, 2, NULL), 0);
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:marks"), SIZE - 2);
    assert_string_equal(renew(&rig, &held, 20000), "cancel");
    assert_int_equal(ack_many(&rig, got.lease, SIZE, NULL), 0);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:marks"), 0);
    assert_int_equal(stats(&rig).done, SIZE);
    check_raw();
}

/* ---- what is remembered ---------------------------------------------------------------------- */

TEST(the_end_of_a_whole_pack_is_known_by_each_id)
{
    char id[QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    make_pack(40);
    claim_all();
    assert_int_equal(ack_many(&rig, got.lease, 40, NULL), 0);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:ended"), 1);
    snprintf(id, sizeof id, "%s", ids[0]);
    for (unsigned i = 0; i < ID_BLOCK; i++) {
        id_in_block(id, i);
        assert_string_equal(state_of(&rig, id), i < 40 ? "remembered" : "none");
    }
    id[25] = 'I'; /* no digit */
    assert_string_equal(state_of(&rig, id), "none");
    id[25] = '\0';
    assert_string_equal(state_of(&rig, id), "none");
    snprintf(id, sizeof id, "%.*s0", ID_LEN, ids[0]);
    assert_string_equal(state_of(&rig, id), "none");
}

TEST(the_end_of_a_part_is_known_by_its_ids)
{
    rig_reset(&rig);
    make_pack(40);
    claim_all();
    assert_int_equal(ack_many(&rig, got.lease + 10, 20, NULL), 0);
    for (size_t i = 0; i < 40; i++)
        assert_string_equal(state_of(&rig, ids[i]), i >= 10 && i < 30 ? "remembered" : "active");
}

/* An id that was made, ended, and is given by a person now: another job. */
TEST(an_ended_id_of_a_pack_can_be_given_again)
{
    arrange(ENDED);
    struct lease former = held;
    struct leases again;
    assert_string_equal(do_enqueue(), "new");
    assert_string_equal(ack(&rig, &former), "ok"); /* repeated; it is not the new job's */
    assert_string_equal(state_of(&rig, held.id), "ready");
    rig_step(&rig, 1);
    claim(&rig, &(struct ask){.free = 10}, &again);
    assert_int_equal(again.count, 1);
    assert_int_equal(ack_many(&rig, got.lease, SIZE, NULL), 0);
    assert_string_equal(state_of(&rig, held.id), "active");
    assert_string_equal(counts(&rig), "active=1");
    assert_string_equal(ack_rich(&rig, &again.lease[0], ""), "ok");
    assert_string_equal(counts(&rig), "");
    check_raw();
}

/* A ghost that it left in the lane is not a new job's entry. */
TEST(a_deleted_id_of_a_pack_can_be_given_again)
{
    arrange(READY);
    assert_string_equal(do_delete(), "deleted");
    assert_string_equal(do_enqueue(), "new");
    check_raw();
    struct leases all;
    claim(&rig, &(struct ask){.free = 10}, &all);
    assert_int_equal(all.count, SIZE);
    assert_string_equal(all.lease[SIZE - 1].id, held.id);
    check_raw();
}

/* ---- events ---------------------------------------------------------------------------------- */

/* "pinion:{q}:events STATE ID ID ...\n" of these ids. */
static void expect_event(const char *state, size_t from, size_t to)
{
    static char text[BATCH_ITEMS_MAX * (ID_LEN + 1) + 64];
    int len = snprintf(text, sizeof text, "pinion:{q}:events %s", state);

    for (size_t i = from; i < to; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, " %s", ids[i]);
    snprintf(text + len, sizeof text - (size_t)len, "\n");
    assert_string_equal(rig_heard(&rig), text);
}

TEST(events_spell_the_ids)
{
    rig_reset(&rig);
    rig_listen(&rig, "pinion:{q}:events");
    watch_build(&rig.request, rig_key(&rig), 3600);
    freeReplyObject(rig_ask(&rig));
    make_pack(70);
    expect_event("ready", 0, 70);
    claim_all();
    expect_event("active", 0, 70);
    assert_int_equal(ack_many(&rig, got.lease + 10, 10, NULL), 0);
    expect_event("done", 10, 20);
    assert_int_equal(ack_many(&rig, got.lease + 10, 20, NULL), 0);
    expect_event("done", 20, 30);
    assert_int_equal(ack_many(&rig, got.lease + 10, 20, NULL), 0);
    assert_string_equal(rig_heard(&rig), "");
    assert_int_equal(ack_many(&rig, got.lease + 30, 34, NULL), 0);
    expect_event("done", 30, 64);
    assert_string_equal(fail_in(&rig, &got.lease[1], -1), "dead");
    expect_event("dead", 1, 2);
    make_pack(4);
    expect_event("ready", 0, 4);
    assert_string_equal(cancel(&rig, ids[2]), "cancelled");
    expect_event("cancelled", 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_in_every_state),
        cmocka_unit_test(another_token_changes_nothing),
        cmocka_unit_test(acks_of_a_pack_that_was_reaped_are_stale),
        cmocka_unit_test(what_failed_is_stale_in_an_ack_of_the_whole),
        cmocka_unit_test(acks_in_parts_and_repeated_count_once),
        cmocka_unit_test(a_regrouped_ack_ends_the_rest),
        cmocka_unit_test(marks_end_with_their_pack),
        cmocka_unit_test(the_end_of_a_whole_pack_is_known_by_each_id),
        cmocka_unit_test(the_end_of_a_part_is_known_by_its_ids),
        cmocka_unit_test(an_ended_id_of_a_pack_can_be_given_again),
        cmocka_unit_test(a_deleted_id_of_a_pack_can_be_given_again),
        cmocka_unit_test(events_spell_the_ids),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
