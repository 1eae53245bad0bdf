/* The walk's verbs of workers elsewhere: they lease with names and lengths of their own, extend,
 * tell how far they are, and end jobs in batches of all classes. Failures and releases:
 * walk_attempts.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/pull.h"
#include "queue/reply.h"
#include "tests/scripts/walk.h"

#define ACKS_MAX 12

static const char *const workers[] = {"-", "ann", "bob"};

static int64_t timeout_ms(const struct model_job *j)
{
    return (int64_t)(j->content.timeout_ms ? j->content.timeout_ms : TIMEOUT_DEFAULT_MS);
}

static bool had_its_time(const struct model_job *j)
{
    return j->pulled && rig_now_ms(&rig) >= j->since_ms + timeout_ms(j);
}

bool walk_is_late(const struct model_job *j)
{
    return had_its_time(j) && j->lease_end_us <= rig.now_us && !j->marked;
}

/* ---- leases ---------------------------------------------------------------------------------- */

/* "ann 3 - 2 ": who gets how many; and so of each job. Gives how many. */
static unsigned draw_pullers(char *text, size_t size, const char *of_each[])
{
    unsigned total = 0;
    size_t len = 0;

    for (uint64_t asks = 1 + prng_below(&prng, 3); asks > 0; asks--) {
        const char *worker = workers[prng_below(&prng, countof(workers))];
        unsigned n = 1 + (unsigned)prng_below(&prng, one_in(8) ? 90 : 6);
        len += (size_t)snprintf(text + len, size - len, "%s %u ", worker, n);
        for (; n > 0; n--) of_each[total++] = worker;
    }
    return total;
}

/* The attempt began now, whatever its token is; it has a while, and no lease beyond. */
static void start_pulled(const struct lease *lease, const char *worker, unsigned seat,
                         uint64_t lease_ms)
{
    struct model_job *j = walk_start(lease, seat, lease_ms);
    int64_t end_us;

    j->pulled = true;
    j->worker = worker[0] == '-' ? NULL : worker;
    end_us = (j->since_ms + timeout_ms(j)) * 1000;
    if (!j->content.timeout_ms || end_us >= j->lease_end_us) return; /* no lease is so long */
    j->lease_end_us = end_us;
    j->renewed = true; /* its token is kept beside the lease */
}

void do_pull(void)
{
    static const uint64_t lengths[] = {1000, 1001, 5000, 10000, 60000, LEASE_MAX_MS};
    static const char *const patterns[] = {"*=512", "wc=512", "user.mail=512 user.*=512"};
    const char *of_each[BATCH_ITEMS_MAX], *pattern = patterns[prng_below(&prng, 3)];
    char pullers[64];
    unsigned seat;
    static struct leases got;
    struct ask ask = {.server = one_in(2) ? "a#0" : "b#1",
                      .lease_ms = pull_lease_ms(lengths[prng_below(&prng, 6)], &seat),
                      .patterns = pattern,
                      .free = draw_pullers(pullers, sizeof pullers, of_each),
                      .subscribed = one_in(2),
                      .pullers = pullers};

    ask.seat = seat;
    claim(&rig, &ask, &got);
    assert_true(got.count <= ask.free && (!model.paused || got.count == 0));
    walk_find_expired();
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.lease[i].pack_size, 0);
        start_pulled(&got.lease[i], of_each[i], seat, ask.lease_ms);
    }
    model.pulled += (int64_t)got.count;
}

void do_extend(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease) && j->pulled;
    struct settle_item item = {.id = span_of(lease.id),
                               .token = span_of(lease.token),
                               .lease_ms = 1000 + prng_below(&prng, 20000)};
    int64_t end_ms = rig_now_ms(&rig) + (int64_t)item.lease_ms;
    struct pull_answer answer;
    enum settled expected = !ours             ? SETTLED_STALE
                            : had_its_time(j) ? SETTLED_LATE
                            : j->marked       ? SETTLED_CANCEL
                                              : SETTLED_OK;

    extend_build(&rig.request, rig_key(&rig), &item, 1);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(extend_read(r, &answer, 1), PINION_OK);
    freeReplyObject(r);
    if (answer.settled != expected)
        fail_msg("extend %s, which is %s: %d, expected %d", j->id, model_state(j), answer.settled,
                 expected);
    if (!ours || expected == SETTLED_LATE) return;
    if (end_ms > j->since_ms + timeout_ms(j)) end_ms = j->since_ms + timeout_ms(j);
    assert_int_equal(answer.until_ms, end_ms);
    j->lease_end_us = end_ms * 1000;
    j->renewed = true;
}

void do_progress(void)
{
    struct model_job *j;
    struct lease lease;
    bool ours = walk_pick(&j, &lease);

    expect(j, "tell of", tell_progress(&rig, &lease, (unsigned)prng_below(&prng, 101), "so far"),
           !ours       ? "stale"
           : j->marked ? "cancel"
                       : "ok");
    if (ours) j->lease.rich = true;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void ask_acks(const struct settle_item *items, size_t count, enum settled *ret)
{
    struct pull_answer answers[ACKS_MAX];

    ack_pull_build(&rig.request, rig_key(&rig), items, count);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(ack_pull_read(r, answers, count), PINION_OK);
    for (size_t i = 0; i < count; i++) ret[i] = answers[i].settled;
    freeReplyObject(r);
}

static enum settled expect_ack(const struct model_job *j, bool ours, bool before)
{
    if (!ours || !j->pulled) return SETTLED_STALE;
    if (before) return SETTLED_AGAIN;
    return had_its_time(j) && j->lease_end_us <= rig.now_us ? SETTLED_LATE : SETTLED_OK;
}

static void end_done(struct model_job *j)
{
    model_end(&model, j, W_DONE, rig_now_ms(&rig));
    j->result = j->where == W_DONE && rig_int(&rig, "HEXISTS pinion:{q}:results %s", j->id) == 1;
}

/* Some are named twice; the same call again gets the same answer. */
void do_ack_pulled(void)
{
    struct model_job *jobs[ACKS_MAX];
    struct lease leases[ACKS_MAX];
    struct settle_item items[ACKS_MAX];
    enum settled expected[ACKS_MAX], found[2][ACKS_MAX];
    size_t count = 1 + prng_below(&prng, ACKS_MAX);

    for (size_t i = 0; i < count; i++) {
        bool ours = walk_pick(&jobs[i], &leases[i]), before = false;
        for (size_t k = 0; k < i; k++)
            before = before || (jobs[k] == jobs[i] && expected[k] == SETTLED_OK);
        items[i] = (struct settle_item){.id = span_of(leases[i].id),
                                        .token = span_of(leases[i].token),
                                        .text = span_of(one_in(2) ? "r" : "")};
        expected[i] = expect_ack(jobs[i], ours, before);
    }
    ask_acks(items, count, found[0]);
    ask_acks(items, count, found[1]);
    for (size_t i = 0; i < count; i++) {
        bool done = expected[i] == SETTLED_OK;
        if (found[0][i] != expected[i] || found[1][i] != (done ? SETTLED_AGAIN : expected[i]))
            fail_msg("ack %s, which is %s: %d, again %d, expected %d", jobs[i]->id,
                     model_state(jobs[i]), found[0][i], found[1][i], expected[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (expected[i] == SETTLED_OK) end_done(jobs[i]);
}

/* What a reap leaves: the servers fail it, for the time that it had. */
void walk_fail_late(const struct redisReply *reply, size_t count)
{
    size_t expected = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++)
        expected += model.job[i].where == W_ACTIVE && walk_is_late(&model.job[i]);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        struct pull_attempt late = reaped_late(reply, i);
        struct lease lease = {0};
        snprintf(lease.id, sizeof lease.id, "%.*s", (int)late.id.len, late.id.data);
        struct model_job *j = model_find(&model, lease.id);
        assert_true(span_is(late.token, j->lease.token) && walk_is_late(j));
        assert_int_equal(late.started_ms, j->since_ms);
        assert_int_equal(late.failures, j->failures);
        if (!one_in(4)) walk_fail(j, &j->lease); /* else later: it was not told */
    }
}
