/* A random walk: every verb on a few hundred jobs, beside a simple model of what must come of it.
 * Two in five have given ids; the others are enqueued in batches, and so begin in packs.
 *
 * PINION_WALK_SEED repeats a walk, PINION_WALK says how many operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/limit.h"
#include "queue/pack.h"
#include "tests/scripts/audit_rig.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/model.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define CHECK_EVERY 2000
#define AUDIT_EVERY 20000
#define BATCH_MAX   70
#define SERVERS     2

static const char *const servers[SERVERS] = {"a", "b"};
static struct model model;
static struct prng prng;

static bool one_in(uint64_t n)
{
    return prng_below(&prng, n) == 0;
}

static struct model_job *any_job(void)
{
    struct model_job *j;

    do j = &model.job[prng_below(&prng, MODEL_JOBS)];
    while (!j->id[0]);
    return j;
}

/* Delays count from the end of the millisecond, so that none is cut short. */
static int64_t next_ms(void)
{
    return (rig.now_us + 999) / 1000;
}

/* One that is active, if chance finds one. */
static struct model_job *any_active(void)
{
    struct model_job *j = any_job();

    for (int i = 0; i < 20 && j->where != W_ACTIVE; i++) j = any_job();
    return j;
}

static void expect(const struct model_job *j, const char *verb, const char *found,
                   const char *wanted)
{
    if (strcmp(found, wanted) != 0)
        fail_msg("%s %s, which is %s: '%s', expected '%s'", verb, j->id, model_state(j), found,
                 wanted);
}

/* ---- one function a verb --------------------------------------------------------------------- */

static void new_content(struct model_job *j)
{
    size_t i = (size_t)(j - model.job);

    j->content = (struct pinion_job){.kind = model_kinds[i % MODEL_KINDS],
                                     .queue = "q",
                                     .id = j->id,
                                     .priority = PINION_PRIORITY((unsigned)i / 70 % 3 + 4)};
    j->content.group = model_groups[i % 7 % MODEL_GROUPS];
    if (one_in(3)) j->content.in_ms = 1 + prng_below(&prng, 5000);
    if (one_in(3)) j->content.retain_ms = 1 + prng_below(&prng, 20000);
    if (one_in(6)) j->content.expires_ms = 1 + prng_below(&prng, 3000);
    if (one_in(6)) j->content.lease_ms = 1000 + prng_below(&prng, 3000);
    if (one_in(2)) j->content.attempts_max = 3;
    if (one_in(3))
        j->content.unique = model_uniques[prng_below(&prng, MODEL_KEYS)][prng_below(&prng, 3)];
}

static void do_enqueue(void)
{
    struct model_job *j = any_job();
    bool taken = !model_free(j);

    if (!taken) new_content(j);
    struct pinion_job job = j->content;
    if (taken && one_in(2)) job.timeout_ms = 7;
    job.id = j->id;
    bool held = !taken && model_key_taken(&model, j, next_ms());
    expect(j, "enqueue", enqueue(&rig, &job, NULL),
           held                               ? "existing"
           : !taken                           ? "new"
           : job.timeout_ms || !j->content.id ? "conflict"
                                              : "existing");
    if (taken || held) return;
    model_key_take(&model, j, next_ms());
    model.enqueued++;
    j->where = job.in_ms ? W_SCHEDULED : W_READY;
    j->due_ms = next_ms() + (int64_t)job.in_ms;
    j->expires_ms = job.expires_ms ? rig_now_ms(&rig) + (int64_t)(job.in_ms + job.expires_ms) : 0;
}

/* As a person would who tidies up. */
static void delete_ended(void)
{
    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_DONE && j->where != W_DEAD && j->where != W_CANCELLED) continue;
        expect(j, "delete", delete_job(&rig, j->id), "deleted");
        model_key_free(&model, j, false);
        model_forget(j, rig_now_ms(&rig), true);
    }
}

/* Some jobs of one or two kinds in one call; a few of them are kept when they are done. */
static void do_enqueue_batch(void)
{
    struct model_job *chosen[BATCH_MAX];
    struct pinion_job jobs[BATCH_MAX];
    static char ids[BATCH_MAX][QUEUE_NAME_MAX + 1];
    size_t wanted = 4 + prng_below(&prng, BATCH_MAX - 3), count = 0;
    uint64_t kinds = prng_below(&prng, MODEL_KINDS * MODEL_KINDS);
    unsigned priority = PINION_PRIORITY(4 + (unsigned)prng_below(&prng, 3));
    bool mixed = one_in(4), grouped = one_in(3);

    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS && count < wanted; i++)
        if (model_free(&model.job[i])) chosen[count++] = &model.job[i];
    if (count < wanted) delete_ended();
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        uint64_t kind = one_in(2) ? kinds % MODEL_KINDS : kinds / MODEL_KINDS;
        jobs[i] = (struct pinion_job){
            .kind = model_kinds[kind], .queue = "q", .priority = priority, .attempts_max = 3,
            .group = grouped ? model_groups[1 + kind % 2] : NULL};
        if (mixed && one_in(20)) jobs[i].retain_ms = 1 + prng_below(&prng, 20000);
    }
    enqueue_batch(&rig, jobs, count, ids);
    for (size_t i = 0; i < count; i++) {
        *chosen[i] = (struct model_job){.where = W_READY, .content = jobs[i]};
        memcpy(chosen[i]->id, ids[i], sizeof ids[i]);
    }
    model.enqueued += (int64_t)count;
}

static void do_promote(void)
{
    int64_t due = 0, next = UPKEEP_NEVER;
    struct promoted p;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_SCHEDULED && j->where != W_RETRY) continue;
        if (j->due_ms <= rig_now_ms(&rig)) {
            j->where = W_READY;
            due++;
        } else if (j->due_ms < next) {
            next = j->due_ms;
        }
    }
    assert_int_equal(promote(&rig, &p), due);
    assert_true(model.rated ? p.next_due_ms <= next : p.next_due_ms == next);
    assert_false(p.more);
}

static bool is_late(const struct model_job *j)
{
    return j->expires_ms && j->expires_ms < rig_now_ms(&rig) && !j->started;
}

static void start_job(const struct lease *lease, unsigned seat, uint64_t lease_ms)
{
    struct model_job *j = model_find(&model, lease->id);
    int64_t token = strtoll(lease->token, NULL, 10);

    if (j->where != W_READY || is_late(j))
        fail_msg("started %s, which is %s", j->id, model_state(j));
    if (model_room(&model, j) == 0) fail_msg("started %s past a limit", j->id);
    assert_int_equal(lease->failures, j->failures);
    assert_int_equal(token % 1000, seat);
    assert_true(token > j->token);
    uint64_t length_ms = j->content.lease_ms ? j->content.lease_ms : lease_ms;
    assert_true(token / 1000 >= rig_now_ms(&rig) + (int64_t)length_ms);
    j->where = W_ACTIVE;
    model_key_free(&model, j, true);
    j->lease = *lease;
    if (lease->pack_size) j->packed = *lease;
    j->lease_end_us = j->token = token;
}

/* Jobs that a claim may have found too late; which ones it saw depends on their places. */
static void find_expired(void)
{
    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_READY || !is_late(j)) continue;
        const char *state = state_of(&rig, j->id);
        if (strcmp(state, "cancelled") == 0) model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
        else expect(j, "expire", state, "ready");
    }
}

static void do_claim(void)
{
    static const char *const patterns[] = {"*=512", "wc=3 user.*=2", "user.mail=0 user.*=5 *=1",
                                           "zip=512"};
    unsigned seat = (unsigned)prng_below(&prng, SERVERS);
    uint64_t free_max = one_in(10) ? 300 : one_in(4) ? 90 : 8;
    struct ask ask = {.server = servers[seat],
                      .seat = seat,
                      .lease_ms = 1000 + prng_below(&prng, 9000),
                      .patterns = patterns[prng_below(&prng, countof(patterns))],
                      .free = 1 + (unsigned)prng_below(&prng, free_max),
                      .subscribed = one_in(2)};
    static struct leases got;

    claim(&rig, &ask, &got);
    assert_true(got.count <= ask.free && (!model.paused || got.count == 0));
    for (size_t i = 0; i < got.count; i++) start_job(&got.lease[i], seat, ask.lease_ms);
    find_expired();
    if (model.paused || model.rated || got.count == ask.free) return;
    if (strcmp(ask.patterns, "*=512") != 0) return;
    if (got.more && got.count > 0) return; /* a pack was left to the next claim */
    for (size_t i = 0; i < MODEL_JOBS; i++)
        if (model.job[i].where == W_READY && model_room(&model, &model.job[i]) > 0)
            fail_msg("claim left %s", model.job[i].id);
}

/* A job that is given back, or lost; a mark cancels it. */
static void back(struct model_job *j)
{
    j->started = true;
    if (j->marked) {
        model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
    } else {
        j->renewed = false;
        j->where = W_READY;
    }
}

/* The lease of an attempt, sometimes with a token that is not its own. */
static bool pick_lease(struct model_job **ret_job, struct lease *ret_lease)
{
    struct model_job *j = any_active();

    *ret_job = j;
    *ret_lease = j->lease;
    if (j->where == W_ACTIVE && !one_in(10)) return true;
    snprintf(ret_lease->id, sizeof ret_lease->id, "%s", j->id);
    snprintf(ret_lease->token, sizeof ret_lease->token, "%lld", (long long)rig.now_us + 999);
    return false;
}

static void do_renew(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = pick_lease(&j, &lease);
    uint64_t lease_ms = 1000 + prng_below(&prng, 20000);

    expect(j, "renew", renew(&rig, &lease, lease_ms),
           !ours       ? "stale"
           : j->marked ? "cancel"
                       : "ok");
    if (!ours) return;
    j->renewed = true;
    j->lease_end_us = rig.now_us + (int64_t)lease_ms * 1000;
}

static void do_ack(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = pick_lease(&j, &lease), rich = lease.rare || j->content.retain_ms;

    rich = rich || j->content.unique || one_in(2);

    expect(j, "ack", rich ? ack_rich(&rig, &lease, one_in(2) ? "r" : "") : ack(&rig, &lease),
           ours ? "ok" : "stale");
    if (!ours) return;
    if (rich) {
        model_end(&model, j, W_DONE, rig_now_ms(&rig));
        j->result = j->where == W_DONE &&
                    rig_int(&rig, "HEXISTS pinion:{q}:results %s", j->id) == 1;
    } else {
        model.done++;
        model_forget(j, rig_now_ms(&rig), false);
    }
    expect(j, "ack again", rich ? ack_rich(&rig, &lease, "r") : ack(&rig, &lease), "ok");
}

/* Any of those that were claimed with one pack, with the token that they had then. */
static size_t pick_pack(struct model_job **ret_jobs, struct lease *ret_leases)
{
    const struct model_job *first = any_active();
    size_t count = 0;
    uint64_t part = 1 + prng_below(&prng, 3);

    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS && first->packed.pack_size; i++) {
        struct model_job *j = &model.job[i];
        if (strcmp(j->packed.token, first->packed.token) != 0 || j->where == W_NONE) continue;
        if (memcmp(j->id, first->id, PACK_NAME_LEN - 1) != 0 || !one_in(part)) continue;
        ret_jobs[count] = j;
        ret_leases[count++] = j->packed;
    }
    return count;
}

/* What has another token by now, or none, is stale; the same call again gets the same answer. */
static void do_ack_pack(void)
{
    static struct model_job *jobs[MODEL_JOBS];
    static struct lease leases[MODEL_JOBS];
    size_t count = pick_pack(jobs, leases);
    bool stale[2][MODEL_JOBS];

    for (size_t again = 0; again < 2 && count > 0; again++)
        ack_many(&rig, leases, count, stale[again]);
    for (size_t i = 0; i < count; i++) {
        struct model_job *j = jobs[i];
        bool ours = j->where == W_ACTIVE && strcmp(j->lease.token, leases[i].token) == 0;
        expect(j, "ack with its pack", stale[0][i] ? "stale" : "ok", ours ? "ok" : "stale");
        expect(j, "ack with its pack again", stale[1][i] ? "stale" : "ok", ours ? "ok" : "stale");
        if (!ours) continue;
        model.done++;
        model_forget(j, rig_now_ms(&rig), false);
    }
}

static void do_fail(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = pick_lease(&j, &lease);
    int64_t delay_ms = one_in(5) ? -1 : (int64_t)prng_below(&prng, 4000);
    unsigned attempts_max = j->content.attempts_max ? j->content.attempts_max : ATTEMPTS_DEFAULT;
    enum where to = j->marked ? W_CANCELLED
                    : delay_ms < 0 || j->failures + 1 >= attempts_max ? W_DEAD : W_RETRY;

    const char *expected = !ours           ? "stale"
                           : to == W_RETRY ? "retry"
                           : to == W_DEAD  ? "dead"
                                           : "cancelled";
    expect(j, "fail", fail_in(&rig, &lease, delay_ms), expected);
    if (!ours) return;
    model.failed++;
    j->failures++;
    j->started = true;
    model_end(&model, j, to, next_ms());
    if (to == W_RETRY) j->due_ms = next_ms() + delay_ms;
    expect(j, "fail again", fail_in(&rig, &lease, delay_ms), expected);
}

static void do_release(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = pick_lease(&j, &lease);

    expect(j, "release", release(&rig, &lease), ours ? "ok" : "stale");
    if (!ours) return;
    back(j);
    expect(j, "release again", release(&rig, &lease), "ok");
}

static void lose(struct model_job *j)
{
    model.reaped++;
    j->reaps++;
    j->heard += j->renewed;
    if (!j->marked && (j->heard >= 5 || j->reaps >= 10))
        model_end(&model, j, W_DEAD, rig_now_ms(&rig));
    else back(j);
}

static void do_reap(void)
{
    int64_t lapsed = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        if (model.job[i].where != W_ACTIVE || model.job[i].lease_end_us > rig.now_us) continue;
        lose(&model.job[i]);
        lapsed++;
    }
    assert_int_equal(reap(&rig), lapsed);
}

static void do_take_back(void)
{
    unsigned seat = (unsigned)prng_below(&prng, SERVERS);
    int64_t held = 0;
    bool all = one_in(2);

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        if (model.job[i].where != W_ACTIVE || model.job[i].token % 1000 != seat) continue;
        if (!all && model.job[i].renewed) continue;
        lose(&model.job[i]);
        held++;
    }
    assert_int_equal((all ? take_back : take_back_unheard)(&rig, servers[seat]), held);
}

static void do_cancel(void)
{
    struct model_job *j = any_job();
    bool waits = j->where == W_SCHEDULED || j->where == W_READY || j->where == W_RETRY;
    bool remembered = j->where == W_NONE && strcmp(state_of(&rig, j->id), "remembered") == 0;

    expect(j, "cancel", cancel(&rig, j->id),
           waits ? "cancelled" : j->where == W_ACTIVE ? "marked"
           : remembered ? "done" : j->where == W_NONE ? "not_found" : model_state(j));
    if (j->where == W_ACTIVE) j->marked = true;
    if (waits) model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
}

static void do_delete(void)
{
    struct model_job *j = any_job();

    expect(j, "delete", delete_job(&rig, j->id),
           j->where == W_NONE     ? "not_found"
           : j->where == W_ACTIVE ? "active"
                                  : "deleted");
    if (j->where == W_NONE || j->where == W_ACTIVE) return;
    model_key_free(&model, j, false);
    model_forget(j, rig_now_ms(&rig), true);
}

static void do_requeue(void)
{
    struct model_job *j = any_job();
    bool retry = one_in(2),
         ended = j->where == W_DONE || j->where == W_DEAD || j->where == W_CANCELLED;
    bool may = retry ? ended : j->where == W_SCHEDULED || j->where == W_RETRY;
    bool remembered = j->where == W_NONE && strcmp(state_of(&rig, j->id), "remembered") == 0;

    bool needs_key = may && retry && j->content.unique && !strstr(j->content.unique, "=3s");
    bool held = needs_key && model_key_taken(&model, j, next_ms());
    expect(j, retry ? "retry" : "run", requeue(&rig, retry ? "retry" : "run", j->id),
           held                 ? "held"
           : may                ? "ready"
           : remembered         ? "done"
           : j->where == W_NONE ? "not_found"
                                : model_state(j));
    if (!may || held) return;
    if (needs_key) model_key_take(&model, j, next_ms());
    j->where = W_READY;
    j->result = false;
    if (!retry) return;
    j->failures = j->reaps = j->heard = 0;
    j->started = true;
}

static void do_sweep(void)
{
    int64_t now_ms = rig_now_ms(&rig), over = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        bool kept = j->where == W_DEAD || j->where == W_CANCELLED;
        if ((kept && j->due_ms + 30 * DAY_MS <= now_ms) ||
            (j->where == W_DONE && j->due_ms <= now_ms)) {
            model_forget(j, now_ms, true);
            over++;
        }
        if (j->given_until_ms && j->given_until_ms <= now_ms) j->given_until_ms = 0;
    }
    assert_int_equal(sweep(&rig), over);
}

static void do_pause(void)
{
    bool pause = one_in(4);

    assert_true(pause_queue(&rig, pause) == (pause != model.paused));
    model.paused = pause;
}

/* All of them anew, a few or none, over what runs at that time. */
static void do_limit(void)
{
    static const enum limit_scope scopes[] = {LIMIT_QUEUE, LIMIT_KIND, LIMIT_GROUP,
                                              LIMIT_EACH_GROUP};
    struct limit limits[MODEL_SCOPES];
    bool rated = one_in(4), any = !one_in(3);

    model.rated = false;
    for (size_t i = 0; i < MODEL_SCOPES; i++) {
        model.limit[i] = any && one_in(2) ? 1 + (unsigned)prng_below(&prng, 40) : 0;
        limits[i] = (struct limit){.scope = scopes[i], .concurrency = model.limit[i]};
        if (i == SCOPE_KIND) limits[i].name = span_of(MODEL_LIMITED_KIND);
        if (i == SCOPE_GROUP) limits[i].name = span_of(MODEL_LIMITED_GROUP);
        if (!rated || !model.limit[i] || one_in(2)) continue;
        limits[i].count = 1 + (unsigned)prng_below(&prng, 50);
        limits[i].per_ms = 1 + prng_below(&prng, 2000);
        model.rated = true;
    }
    limit_build(&rig.request, rig_key(&rig), one_in(2), limits, MODEL_SCOPES);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &(struct error){0}), PINION_OK);
    freeReplyObject(r);
}

static void do_step(void)
{
    rig_step_us(&rig, (int64_t)prng_below(&prng, 500000));
    if (one_in(50)) rig_step(&rig, (int64_t)prng_below(&prng, 60000));
    if (one_in(300)) rig_step(&rig, (int64_t)prng_below(&prng, 40 * (uint64_t)DAY_MS));
}

static const struct {
    void (*run)(void);
    unsigned weight;
} verbs[] = {
    {do_enqueue, 24}, {do_enqueue_batch, 4}, {do_claim, 16}, {do_ack_pack, 6}, {do_ack, 10},
    {do_fail, 10},    {do_cancel, 10},       {do_requeue, 10}, {do_step, 12},  {do_renew, 6},
    {do_release, 6},  {do_promote, 5},       {do_reap, 3},     {do_sweep, 2},  {do_take_back, 1},
    {do_pause, 1},    {do_delete, 4},        {do_limit, 1},
};

/* All is well; the servers were heard just now, so that none is taken for dead. */
static void audit(void)
{
    struct heartbeat beat;

    for (size_t i = 0; i < SERVERS; i++) heartbeat(&rig, servers[i], NULL, &beat);
    audit_clean(&rig, "on the walk");
}

static void step(void)
{
    unsigned all = 0;

    for (size_t i = 0; i < countof(verbs); i++) all += verbs[i].weight;
    uint64_t chosen = prng_below(&prng, all);
    for (size_t i = 0; i < countof(verbs); i++) {
        if (chosen < verbs[i].weight) {
            verbs[i].run();
            return;
        }
        chosen -= verbs[i].weight;
    }
}

TEST(scripts_and_model_agree)
{
    const char *given = getenv("PINION_WALK");
    unsigned long operations = given ? strtoul(given, NULL, 10) : 200000;

    prng.state = property_seed("PINION_WALK_SEED");
    model_init(&model);
    for (size_t i = 0; i < SERVERS; i++) {
        struct heartbeat beat;
        heartbeat(&rig, servers[i], NULL, &beat);
        assert_int_equal(beat.seat, i);
    }
    for (unsigned long i = 1; i <= operations; i++) {
        step();
        if (i % CHECK_EVERY != 0 && i != operations) continue;
        model_check(&model, &rig);
        if (i % AUDIT_EVERY == 0 || i == operations) audit();
        /* Most verbs here ask what is remembered: a long memory would only make the walk slow. */
        freeReplyObject(rig_command(&rig, "LTRIM pinion:{q}:ended 0 49"));
    }
    assert_true(model.done && model.dead && model.cancelled && model.failed && model.reaped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts_and_model_agree)};

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
