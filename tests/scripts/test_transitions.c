/* Every verb in every state, without an option and with each: what it answers, and where the job is
 * afterwards. (In a pack: see test_packs. All jobs of a state at once: see test_bulk.) */
#include <stdio.h>
#include <string.h>
#include "tests/scripts/transition.h"
#include "tests/support/check.h"

/* What none of these asks for changes no cell, but where the table says so. */
static const struct option options[] = {
    {.name = "nothing"},
    {.name = "unique", .job = {.unique = "k"}},
    {.name = "unique until it starts", .job = {.unique = "k=start"}},
    {.name = "unique for a time", .job = {.unique = "k=30s"}},
    {.name = "a group", .job = {.group = "acme"}},
    {.name = "a group, with limits", .job = {.group = "acme"}, .limited = true},
    {.name = "bounds of the queue", .guarded = true},
    {.name = "a batch", .job = {.batch = "b"}},
    {.name = "to be kept", .job = {.retain_ms = 3600000}},
    {.name = "to start by then", .job = {.expires_ms = 3600000}},
    {.name = "after any outcome", .job = {.after_any_outcome = 1}},
    {.name = "tags and the like",
     .job = {.tags = "eu,invoice", .backoff = "fixed:10s", .timeout_ms = 1000, .lease_ms = 10000,
             .priority = PINION_PRIORITY(0),
             .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
};

static const struct option *option;

/* ---- the table ------------------------------------------------------------------------------- */

#define FIVE(...) {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}
#define ALL(...)  {FIVE(__VA_ARGS__), FIVE(__VA_ARGS__), {__VA_ARGS__}}

/* The answer, and the state afterwards; NULL: as before. In the order of enum at. */
static const struct row {
    const char *verb;
    verb_fn *run;
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
    {"enqueue the same while paused", do_enqueue_paused,
     {{"new", "ready"}, {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0},
      {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0},
      {"existing", 0}}},
    {"enqueue while draining", do_enqueue_draining, ALL("busy", 0)},
    {"enqueue another with its key", do_enqueue_rival,
     {{"new", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0}, {"existing", 0},
      {"existing", 0}, {"new", 0}, {"new", 0}, {"new", 0}, {"new", 0},
      {"existing", 0}}},
    {"enqueue another to replace it", do_enqueue_replacing,
     {{"new", 0}, {"replaced", "ready"}, {"replaced", 0}, {"existing", 0}, {"existing", 0},
      {"replaced", "ready"}, {"new", 0}, {"new", 0}, {"new", 0}, {"new", 0},
      {"existing", 0}}},
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
    {"claim while draining", do_claim_draining,
     {{"0", 0}, {"0", 0}, {"1", "active"}, {"0", 0}, {"0", 0},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"claim too late", do_claim_late,
     {{"0", 0}, {"0", 0}, {"0", "cancelled"}, {"0", 0}, {"0", 0},
      {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}}},
    {"renew", do_renew,
     {{"stale", 0}, {"stale", 0}, {"stale", 0}, {"ok", 0}, {"cancel", 0},
      {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0}, {"stale", 0},
      {"stale", 0}}},
    {"progress", do_progress,
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
    {"take_back of what is unheard", do_take_back_unheard,
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
    {"its parent is done", do_parent_done,
     {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0},
      {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0},
      {"", "ready"}}},
    {"its parent is dead", do_parent_dead, /* after any outcome: ready */
     {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0},
      {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0},
      {"", "cancelled"}}},
    {"sweep early", do_sweep_early, ALL("0", 0)},
    {"sweep", do_sweep,
     {{"0", 0}, {"0", 0}, {"0", 0}, {"0", 0}, {"0", 0},
      {"0", 0}, {"1", "none"}, {"1", "none"}, {"1", "none"}, {"0", 0},
      {"0", 0}}},
};

/* ---- what a cell says ------------------------------------------------------------------------ */

static const char *state_name(enum at at)
{
    return at == MARKED ? "active" : at_names[at];
}

static const char *state_after(const struct row *row, enum at at)
{
    const char *after = row->cell[at].after ? row->cell[at].after : state_name(at);

    if (option->job.after_any_outcome && at == WAITING && row->run == do_parent_dead)
        return "ready";
    return option->job.retain_ms && strcmp(after, "remembered") == 0 ? "done" : after;
}

static bool is_rival(const struct row *row)
{
    return row->run == do_enqueue_rival || row->run == do_enqueue_replacing;
}

/* Another job was made, which is ready. */
static bool has_rival(const struct row *row, enum at at)
{
    return is_rival(row) && strcmp(row->cell[at].answer, "new") == 0;
}

static void check_counts(const struct row *row, enum at at, const char *after)
{
    struct queue_view view = stats(&rig);

    for (size_t i = 0; i < STATES; i++) {
        int expected = strcmp(job_states[i], after) == 0;
        if (has_rival(row, at)) expected += strcmp(job_states[i], "ready") == 0;
        if (view.counts[i] != expected)
            fail_msg("%s: %s in %s: %lld are %s, expected %d", option->name, row->verb,
                     at_names[at], (long long)view.counts[i], job_states[i], expected);
    }
}

/* The key is held from the enqueue until the job has started or ended; look.lua says by whom. */
static void check_key(const struct row *row, enum at at, const char *after)
{
    static const char *const over[] = {"none", "done", "dead", "cancelled", "remembered"};
    const char *unique = option->job.unique;
    bool start = unique && strcmp(unique, "k=start") == 0;
    bool started = at >= ACTIVE && at != WAITING && (at < DONE || row->run != do_retry);
    bool held_now = unique && !(start && (started || strcmp(after, "active") == 0));

    if (unique && strcmp(unique, "k=30s") == 0) return; /* has nothing more to do with the job */
    for (size_t i = 0; i < countof(over); i++) held_now &= strcmp(after, over[i]) != 0;
    held_now |= has_rival(row, at);
    if (rig_int(&rig, "HEXISTS pinion:{q}:uniques k") != held_now)
        fail_msg("%s: %s in %s: the key is%s held", option->name, row->verb, at_names[at],
                 held_now ? " not" : "");
}

static void try_cell(const struct row *row, enum at at)
{
    const char *after = state_after(row, at);

    arrange(at, option);
    assert_string_equal(state_of(&rig, "x"), state_name(at));
    const char *answer = row->run();
    if (strcmp(answer, row->cell[at].answer) != 0)
        fail_msg("%s: %s in %s: answered '%s', expected '%s'", option->name, row->verb,
                 at_names[at], answer, row->cell[at].answer);
    const char *found = state_of(&rig, "x");
    if (strcmp(found, after) != 0)
        fail_msg("%s: %s in %s: now %s, expected %s", option->name, row->verb, at_names[at], found,
                 after);
    check_counts(row, at, after);
    check_key(row, at, after);
    if (row->run != do_ack) freeReplyObject(rig_look(&rig));
}

/* A cell that cannot be with this option. */
static bool is_absent(const struct row *row, enum at at)
{
    const struct pinion_job *j = &option->job;
    bool rich = j->unique || j->batch || j->retain_ms; /* ended by ack_rich only */

    if (row->run == do_ack && rich) return true;
    if (row->run == do_claim_late && !j->expires_ms) return true;
    if (is_rival(row) && (!j->unique || strcmp(j->unique, "k") != 0)) return true;
    return at == REMEMBERED && j->retain_ms;
}

TEST(every_verb_in_every_state_with_each_option)
{
    for (size_t k = 0; k < countof(options); k++) {
        option = &options[k];
        for (size_t i = 0; i < countof(rows); i++)
            for (enum at at = 0; at < ATS; at++)
                if (!is_absent(&rows[i], at)) try_cell(&rows[i], at);
    }
}

/* The mark goes with the attempt: what is retried by hand after a cancel is not cancelled again. */
TEST(a_mark_ends_with_its_attempt)
{
    arrange(MARKED, &options[0]);
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
        cmocka_unit_test(every_verb_in_every_state_with_each_option),
        cmocka_unit_test(a_mark_ends_with_its_attempt),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
