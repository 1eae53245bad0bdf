/* Every verb in every state: what it answers, and where the job is afterwards.
 *
 * The one job of the queue has the given id `x`. Its lease is the one it was last claimed with, or
 * a forged one where there was none, so that columns of ended states show what a repeated call
 * gets.
 */
#include <stdio.h>
#include <string.h>
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

enum at { NONE, SCHEDULED, READY, ACTIVE, MARKED, RETRY, DONE, DEAD, CANCELLED, REMEMBERED,
          WAITING, ATS };

static const char *const at_names[ATS] = {"none", "scheduled", "ready", "active", "marked", "retry",
                                          "done", "dead", "cancelled", "remembered",
                                          "waiting"};

static const char *unique; /* key of the job; NULL: none */
static struct lease held;
static struct pinion_job job;

/* ---- into each state ------------------------------------------------------------------------- */

static void arrange(enum at at)
{
    rig_reset(&rig);
    held = (struct lease){.id = "x", .token = "1790000000000000"};
    job = (struct pinion_job){
        .kind = "wc", .queue = "q", .id = "x", .payload = "p", .payload_len = 1,
        .unique = unique};
    if (at == SCHEDULED) job.in_ms = 1000;
    if (at == DONE) job.retain_ms = 3600000;
    if (at == WAITING) job.after = "elsewhere:p"; /* who asks there is not of this test */
    if (at == NONE) return;
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    if (at == SCHEDULED || at == READY || at == WAITING) return;
    if (at == CANCELLED) {
        assert_string_equal(cancel(&rig, "x"), "cancelled");
        return;
    }
    held = claim_one(&rig);
    if (at == MARKED) assert_string_equal(cancel(&rig, "x"), "marked");
    if (at == RETRY) assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    if (at == DEAD) assert_string_equal(fail_in(&rig, &held, -1), "dead");
    if (at == DONE || at == REMEMBERED) assert_string_equal(ack_rich(&rig, &held, "r"), "ok");
}

/* ---- the verbs, each with its answer as a word ----------------------------------------------- */

static const char *number(int64_t n)
{
    static char text[24];

    snprintf(text, sizeof text, "%lld", (long long)n);
    return text;
}

static const char *do_enqueue(void)
{
    return enqueue(&rig, &job, NULL);
}

static const char *do_enqueue_other(void)
{
    struct pinion_job other = job;

    other.payload = "P";
    return enqueue(&rig, &other, NULL);
}

static const char *do_promote_early(void)
{
    rig_step(&rig, 999);
    return number(promote(&rig, NULL));
}

static const char *do_promote(void)
{
    rig_step(&rig, 1000);
    return number(promote(&rig, NULL));
}

static const char *do_claim(void)
{
    return number((int64_t)claim_count(&rig));
}

static const char *do_claim_paused(void)
{
    assert_true(pause_queue(&rig, true));
    return number((int64_t)claim_count(&rig));
}

static const char *do_claim_resumed(void)
{
    assert_true(pause_queue(&rig, true));
    assert_false(pause_queue(&rig, true));
    assert_true(pause_queue(&rig, false));
    assert_false(pause_queue(&rig, false));
    return number((int64_t)claim_count(&rig));
}

static const char *do_renew(void)
{
    return renew(&rig, &held, 20000);
}

static const char *do_ack(void)
{
    return ack(&rig, &held);
}

static const char *do_ack_rich(void)
{
    return ack_rich(&rig, &held, "");
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

static const char *do_take_back(void)
{
    struct heartbeat beat;

    heartbeat(&rig, SERVER, NULL, &beat);
    assert_int_equal(beat.seat, 0);
    return number(take_back(&rig, SERVER));
}

static const char *do_cancel(void)
{
    return cancel(&rig, "x");
}

static const char *do_edit(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.has_payload = true, .payload = "P",
                                                  .payload_len = 1});
}

static const char *do_edit_later(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 60000});
}

static const char *do_edit_now(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.when = EDIT_WHEN_IN});
}

static const char *do_delete(void)
{
    return delete_job(&rig, "x");
}

static const char *do_retry(void)
{
    return requeue(&rig, "retry", "x");
}

static const char *do_run(void)
{
    return requeue(&rig, "run", "x");
}

static const char *do_sweep_early(void)
{
    rig_step(&rig, 3599999);
    return number(sweep(&rig));
}

static const char *do_sweep(void)
{
    rig_step(&rig, INT64_C(30) * 86400000);
    return number(sweep(&rig));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define FIVE(...) {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}
#define ALL(...)  {FIVE(__VA_ARGS__), FIVE(__VA_ARGS__), {__VA_ARGS__}}

/* The answer, and the state afterwards; NULL: as before. In the order of enum at. */
static const struct row {
    const char *verb;
    const char *(*run)(void);
    struct {
        const char *answer, *after;
    } cell[ATS];
} rows[] = {
    {"enqueue the same", do_enqueue,
     {{"new", "ready"}, {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0},
      {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0},
      {"existing", 0}}},
    {"enqueue other content", do_enqueue_other,
     {{"new", "ready"}, {"conflict", 0}, {"conflict", 0}, {"conflict", 0}, {"conflict", 0},
      {"conflict", 0}, {"conflict", 0}, {"conflict", 0}, {"conflict", 0}, {"conflict", 0},
      {"conflict", 0}}},
    {"promote early", do_promote_early, ALL("0", 0)},
    {"promote", do_promote,
     {{"0", 0}, {"1", "ready"}, {"0", 0}, {"0", 0}, {"0", 0},
      {"1", "ready"}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"claim", do_claim,
     {{"0", 0}, {"0", 0}, {"1", "active"}, {"0", 0}, {"0", 0},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"claim while paused", do_claim_paused, ALL("0", 0)},
    {"claim when resumed", do_claim_resumed,
     {{"0", 0}, {"0", 0}, {"1", "active"}, {"0", 0}, {"0", 0},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"renew", do_renew,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", 0}, {"cancel", 0},
      {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0},
      {"stale", 0}}},
    {"ack", do_ack, /* a job that is kept or unique is not ended by it: ack_rich is */
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", "remembered"}, {"ok", "remembered"},
      {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", 0},
      {"stale", 0}}},
    {"ack_rich", do_ack_rich,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", "remembered"}, {"ok", "remembered"},
      {"stale", 0}, {"ok", 0}, {"stale", 0}, {"stale", 0}, {"ok", 0},
      {"stale", 0}}},
    {"fail", do_fail,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"retry", "retry"}, {"cancelled", "cancelled"},
      {"retry", 0}, {"stale", 0}, {"dead", 0}, {"stale", 0}, {"stale", 0},
      {"stale", 0}}},
    {"fail, the last", do_fail_last,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"dead", "dead"}, {"cancelled", "cancelled"},
      {"retry", 0}, {"stale", 0}, {"dead", 0}, {"stale", 0}, {"stale", 0},
      {"stale", 0}}},
    {"release", do_release,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", "ready"}, {"ok", "cancelled"},
      {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0},
      {"stale", 0}}},
    {"reap early", do_reap_early, ALL("0", 0)},
    {"reap", do_reap,
     {{"0", 0}, {"0", 0}, {"0", 0}, {"1", "ready"}, {"1", "cancelled"},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"take_back", do_take_back,
     {{"0", 0}, {"0", 0}, {"0", 0}, {"1", "ready"}, {"1", "cancelled"},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"cancel", do_cancel,
     {{"not_found", 0}, {"cancelled", "cancelled"}, {"cancelled", "cancelled"}, {"marked", 0},
      {"marked", 0}, {"cancelled", "cancelled"}, {"done", 0}, {"dead", 0}, {"cancelled", 0},
      {"done", 0},
      {"cancelled", "cancelled"}}},
    {"edit", do_edit,
     {{"not_found", 0}, {"edited", 0}, {"edited", 0}, {"active", 0}, {"active", 0},
      {"edited", 0}, {"done", 0}, {"dead", 0}, {"cancelled", 0}, {"done", 0},
      {"edited", 0}}},
    {"edit to later", do_edit_later,
     {{"not_found", 0}, {"edited", 0}, {"edited", "scheduled"}, {"active", 0}, {"active", 0},
      {"edited", 0}, {"done", 0}, {"dead", 0}, {"cancelled", 0}, {"done", 0},
      {"edited", 0}}},
    {"edit to now", do_edit_now,
     {{"not_found", 0}, {"edited", "ready"}, {"edited", 0}, {"active", 0}, {"active", 0},
      {"edited", "ready"}, {"done", 0}, {"dead", 0}, {"cancelled", 0}, {"done", 0},
      {"edited", 0}}},
    {"delete", do_delete,
     {{"not_found", 0}, {"deleted", "none"}, {"deleted", "none"}, {"active", 0}, {"active", 0},
      {"deleted", "none"}, {"deleted", "none"}, {"deleted", "none"}, {"deleted", "none"},
      {"not_found", 0},
      {"deleted", "none"}}},
    {"retry", do_retry,
     {{"not_found", 0}, {"scheduled", 0}, {"ready", 0}, {"active", 0}, {"active", 0},
      {"retry", 0}, {"ready", "ready"}, {"ready", "ready"}, {"ready", "ready"}, {"done", 0},
      {"waiting", 0}}},
    {"run", do_run,
     {{"not_found", 0}, {"ready", "ready"}, {"ready", 0}, {"active", 0}, {"active", 0},
      {"ready", "ready"}, {"done", 0}, {"dead", 0}, {"cancelled", 0}, {"done", 0},
      {"ready", "ready"}}},
    {"sweep early", do_sweep_early, ALL("0", 0)},
    {"sweep", do_sweep,
     {{"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}, {"1", "none"}, {"1", "none"}, {"1", "none"}, {"0", 0},
      {"0", 0}}},
};

static const char *state_name(enum at at)
{
    return at == MARKED ? "active" : at_names[at];
}

/* The counts of a queue whose only job is in that state. */
static const char *counts_of(const char *state)
{
    static char text[32];

    snprintf(text, sizeof text, "%s=1", state);
    return strcmp(state, "none") == 0 || strcmp(state, "remembered") == 0 ? "" : text;
}

/* The key is held from the enqueue until the job has started or ended; look.lua says by whom. */
static void check_key(const char *verb, enum at at, const char *after)
{
    static const char *const over[] = {"none", "done", "dead", "cancelled", "remembered"};
    bool start = unique && strcmp(unique, "k=start") == 0;
    bool started = at >= ACTIVE && at != WAITING && (at < DONE || strcmp(verb, "retry") != 0);
    bool held_now = unique && !(start && (started || strcmp(after, "active") == 0));

    for (size_t i = 0; i < countof(over); i++) held_now &= strcmp(after, over[i]) != 0;
    if (rig_int(&rig, "HEXISTS pinion:{q}:uniques k") != held_now)
        fail_msg("%s in %s, unique %s: the key is%s held", verb, at_names[at], unique,
                 held_now ? " not" : "");
    if (strcmp(verb, "ack") != 0) freeReplyObject(rig_look(&rig));
}

static void try_cell(const struct row *row, enum at at)
{
    const char *after = row->cell[at].after ? row->cell[at].after : state_name(at);

    arrange(at);
    assert_string_equal(state_of(&rig, "x"), state_name(at));
    const char *answer = row->run();
    if (strcmp(answer, row->cell[at].answer) != 0)
        fail_msg("%s in %s: answered '%s', expected '%s'", row->verb, at_names[at], answer,
                 row->cell[at].answer);
    const char *found = state_of(&rig, "x");
    if (strcmp(found, after) != 0)
        fail_msg("%s in %s: now %s, expected %s", row->verb, at_names[at], found, after);
    const char *seen = counts(&rig);
    if (strcmp(seen, counts_of(after)) != 0)
        fail_msg("%s in %s: counts '%s', expected '%s'", row->verb, at_names[at], seen,
                 counts_of(after));
    check_key(row->verb, at, after);
}

static void try_all(const char *key)
{
    unique = key;
    for (size_t i = 0; i < countof(rows); i++)
        for (enum at at = 0; at < ATS; at++)
            if (!key || strcmp(rows[i].verb, "ack") != 0) try_cell(&rows[i], at);
}

TEST(every_verb_in_every_state)
{
    try_all(NULL);
}

TEST(every_verb_in_every_state_of_a_unique_job)
{
    try_all("k");
    try_all("k=start");
    unique = NULL;
}

/* The mark goes with the attempt: what is retried by hand after a cancel is not cancelled again. */
TEST(a_mark_ends_with_its_attempt)
{
    arrange(MARKED);
    assert_string_equal(release(&rig, &held), "ok");
    assert_string_equal(requeue(&rig, "retry", "x"), "ready");
    held = claim_one(&rig);
    assert_string_equal(renew(&rig, &held, 1000), "ok");
    assert_string_equal(release(&rig, &held), "ok");
    assert_string_equal(state_of(&rig, "x"), "ready");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_in_every_state),
        cmocka_unit_test(every_verb_in_every_state_of_a_unique_job),
        cmocka_unit_test(a_mark_ends_with_its_attempt),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
