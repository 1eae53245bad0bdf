/* The walk's verbs of servers: jobs are claimed, and their attempts end in every way. */
#include "tests/scripts/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "queue/pack.h"
#include "queue/pull.h"

#define BEHIND_US 1000000 /* a token so much later than its lease ends is kept beside it */

static bool is_late(const struct model_job *j)
{
    return j->expires_ms && j->expires_ms < rig_now_ms(&rig) && !j->started;
}

/* A token is later than all before it: behind an attempt with a longer lease it is not when the
 * lease ends, and is kept beside that. Of a puller, its seat is then of a longer lease. */
static void note_lease(struct model_job *j, unsigned seat, int64_t length_ms)
{
    int64_t now_ms = rig_now_ms(&rig), plain = (now_ms + length_ms) * 1000 + (int64_t)seat;
    bool behind = j->token >= plain + BEHIND_US;
    assert_true(j->token >= plain);
    if (behind && !j->content.lease_ms && seat >= SEATS_MAX) {
        length_ms = (int64_t)pull_lease_ms((uint64_t)(j->token / 1000 - now_ms), &seat);
        assert_true(j->token / 1000 == now_ms + length_ms || length_ms == LEASE_MAX_MS);
    }
    assert_int_equal(j->token % 1000, seat);
    j->renewed = behind;
    j->lease_end_us = behind ? plain : j->token;
    j->since_ms = j->token / 1000 - length_ms;
}

struct model_job *walk_start(const struct lease *lease, unsigned seat, uint64_t lease_ms)
{
    struct model_job *j = model_find(&model, lease->id);
    int64_t token = strtoll(lease->token, NULL, 10);

    if (j->where != W_READY || is_late(j))
        fail_msg("started %s, which is %s", j->id, model_state(j));
    if (model_room(&model, j) == 0) fail_msg("started %s past a limit", j->id);
    assert_int_equal(lease->failures, j->failures);
    if (!j->carrier) assert_int_equal(lease->payload_len, j->content.payload_len);
    assert_true(token > j->token);
    j->where = W_ACTIVE;
    model_key_free(&model, j, true);
    j->lease = *lease;
    if (lease->pack_size) j->packed = *lease;
    j->token = token;
    j->pulled = false;
    j->worker = NULL;
    note_lease(j, seat, (int64_t)(j->content.lease_ms ? j->content.lease_ms : lease_ms));
    return j;
}

/* Jobs that a claim may have found too late; which ones it saw depends on their places. */
void walk_find_expired(void)
{
    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_READY || !is_late(j)) continue;
        const char *state = state_of(&rig, j->id);
        if (strcmp(state, "cancelled") == 0) model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
        else expect(j, "expire", state, "ready");
    }
}

void do_claim(void)
{
    static const char *const patterns[] = {"*=512", "wc=3 user.*=2", "user.mail=0 user.*=5 *=1",
                                           "zip=512"};
    unsigned seat = (unsigned)prng_below(&prng, WALK_SERVERS);
    uint64_t free_max = one_in(10) ? 300 : one_in(4) ? 90 : 8;
    struct ask ask = {.server = walk_servers[seat],
                      .seat = seat,
                      .lease_ms = 1000 + prng_below(&prng, 9000),
                      .patterns = patterns[prng_below(&prng, countof(patterns))],
                      .free = 1 + (unsigned)prng_below(&prng, free_max),
                      .subscribed = one_in(2)};
    static struct leases got;

    claim(&rig, &ask, &got);
    assert_true(got.count <= ask.free && (!model.paused || got.count == 0));
    walk_find_expired(); /* first: what waited for them may have started already */
    for (size_t i = 0; i < got.count; i++) (void)walk_start(&got.lease[i], seat, ask.lease_ms);
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
bool walk_pick(struct model_job **ret_job, struct lease *ret_lease)
{
    struct model_job *j = any_active();

    *ret_job = j;
    *ret_lease = j->lease;
    if (j->where == W_ACTIVE && !one_in(10)) return true;
    snprintf(ret_lease->id, sizeof ret_lease->id, "%s", j->id);
    snprintf(ret_lease->token, sizeof ret_lease->token, "%lld", (long long)rig.now_us + 999);
    return false;
}

void do_renew(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease);
    uint64_t lease_ms = 1000 + prng_below(&prng, 20000);

    if (ours && j->pulled) return; /* no server knows of it */
    expect(j, "renew", renew(&rig, &lease, lease_ms),
           !ours       ? "stale"
           : j->marked ? "cancel"
                       : "ok");
    if (!ours) return;
    j->renewed = true;
    j->lease_end_us = rig.now_us + (int64_t)lease_ms * 1000;
}

void do_ack(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease), rich = lease.rich || one_in(2);

    if (ours && j->pulled) return; /* they have a call of their own */
    expect(j, "ack", rich ? ack_rich(&rig, &lease, one_in(2) ? "r" : "") : ack(&rig, &lease),
           ours ? "ok" : "stale");
    if (!ours) return;
    if (rich) {
        model_end(&model, j, W_DONE, rig_now_ms(&rig));
        j->result =
            j->where == W_DONE && rig_int(&rig, "HEXISTS pinion:{q}:results %s", j->id) == 1;
    } else {
        model.done++;
        model_over(&model, j, W_DONE, rig_now_ms(&rig));
        model_forget(j, rig_now_ms(&rig), false);
    }
    expect(j, "ack again", rich ? ack_rich(&rig, &lease, "r") : ack(&rig, &lease), "ok");
}

/* Any of those that were claimed with one pack, with the token that they had then. One that has
 * told how far it is ends by itself, as with a server. */
static size_t pick_pack(struct model_job **ret_jobs, struct lease *ret_leases)
{
    const struct model_job *first = any_active();
    size_t count = 0;
    uint64_t part = 1 + prng_below(&prng, 3);

    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS && first->packed.pack_size; i++) {
        struct model_job *j = &model.job[i];
        if (strcmp(j->packed.token, first->packed.token) != 0 || j->where == W_NONE) continue;
        if (memcmp(j->id, first->id, PACK_NAME_LEN - 1) != 0 || !one_in(part)) continue;
        if (j->lease.rich && strcmp(j->lease.token, j->packed.token) == 0) continue;
        ret_jobs[count] = j;
        ret_leases[count++] = j->packed;
    }
    return count;
}

/* What has another token by now, or none, is stale; the same call again gets the same answer. */
void do_ack_pack(void)
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
        model_over(&model, j, W_DONE, rig_now_ms(&rig));
        model_forget(j, rig_now_ms(&rig), false);
    }
}

static const char *fail_one(struct model_job *j, const struct lease *lease, bool ours,
                            int64_t delay_ms)
{
    unsigned attempts_max = j->content.attempts_max ? j->content.attempts_max : ATTEMPTS_DEFAULT;
    enum where to = j->marked                                         ? W_CANCELLED
                    : delay_ms < 0 || j->failures + 1 >= attempts_max ? W_DEAD
                                                                      : W_RETRY;
    const char *expected = !ours           ? "stale"
                           : to == W_RETRY ? "retry"
                           : to == W_DEAD  ? "dead"
                                           : "cancelled";

    expect(j, "fail", fail_in(&rig, lease, delay_ms), expected);
    if (!ours) return expected;
    model.failed++;
    j->failures++;
    j->started = true;
    model_end(&model, j, to, next_ms());
    if (to == W_RETRY) j->due_ms = next_ms() + delay_ms;
    return expected;
}

void walk_fail(struct model_job *j, const struct lease *lease)
{
    struct lease copy = *lease; /* the model forgets it with the job */

    (void)fail_one(j, &copy, true, (int64_t)prng_below(&prng, 4000));
}

void do_fail(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease);
    int64_t delay_ms = one_in(5) ? -1 : (int64_t)prng_below(&prng, 4000);
    const char *expected = fail_one(j, &lease, ours, delay_ms);

    if (ours) expect(j, "fail again", fail_in(&rig, &lease, delay_ms), expected);
}

void do_release(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease);

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

/* As `active` has them from its end, for the dead are counted in that order. */
static int latest_first(const void *a, const void *b)
{
    const struct model_job *one = *(struct model_job *const *)a;
    const struct model_job *other = *(struct model_job *const *)b;

    if (one->lease_end_us != other->lease_end_us)
        return one->lease_end_us < other->lease_end_us ? 1 : -1;
    return strcmp(other->id, one->id);
}

static int64_t lose_all(struct model_job **jobs, size_t count)
{
    qsort(jobs, count, sizeof(struct model_job *), latest_first);
    for (size_t i = 0; i < count; i++) lose(jobs[i]);
    return (int64_t)count;
}

/* To its microsecond, the seat in its token makes the longest lease longer than any may be. */
static void cut_leases(void)
{
    int64_t last_us = rig.now_us + INT64_C(1000) * LEASE_MAX_MS;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_ACTIVE || j->lease_end_us <= last_us) continue;
        j->lease_end_us = last_us;
        j->renewed = true;
    }
}

void do_reap(void)
{
    struct model_job *lapsed[MODEL_JOBS];
    struct reaped reaped;
    size_t count = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++)
        if (model.job[i].where == W_ACTIVE && model.job[i].lease_end_us <= rig.now_us &&
            !walk_is_late(&model.job[i]))
            lapsed[count++] = &model.job[i];
    reap_build(&rig.request, rig_key(&rig), rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(reap_read(r, &reaped), PINION_OK);
    assert_false(reaped.jump);
    assert_int_equal(reaped.count, lose_all(lapsed, count));
    cut_leases();
    walk_fail_late(r, reaped.late);
    freeReplyObject(r);
}

void do_take_back(void)
{
    unsigned seat = (unsigned)prng_below(&prng, WALK_SERVERS);
    struct model_job *held[MODEL_JOBS];
    size_t count = 0;
    bool all = one_in(2);

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where == W_ACTIVE && j->token % 1000 == seat && (all || !j->renewed))
            held[count++] = j;
    }
    assert_int_equal((all ? take_back : take_back_unheard)(&rig, walk_servers[seat]),
                     lose_all(held, count));
}
