/* The simulator can fail: each of these faults is planted in a script, or in a server, and must be
 * noticed, in the words that it deserves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "tests/sim/load.h"
#include "tests/sim/scenes.h"
#include "tests/sim/sim.h"
#include "tests/support/check.h"

#define TRIES 400

static const struct fault {
    const char *name;
    struct planted planted; /* in the text of the script as it is embedded */
    scenario_fn *scenario;
    bool undisturbed;
    const char *violation; /* part of what must be said */
} faults[] = {
    {
     .name = "enqueue wakes nobody",
     .planted = {SCRIPT_ENQUEUE, "wake(kind_of(lane)) end\n  note('ready', ARGV",
                    "end\n  note('ready', ARGV"},
     .scenario = scene_more_than_slots,
     .undisturbed = true,
     .violation = "was not woken",
     },
    {
     .name = "a job is pushed in a paused queue",
     .planted = {SCRIPT_ENQUEUE_ONE, "if meta[1] or meta[2]", "if meta[2]"},
     .scenario = scene_enqueued_paused,
     .undisturbed = true,
     .violation = "though the queue is paused",
     },
    {
     .name = "a push that was lost with its subscription stays lost",
     .planted = {SCRIPT_TAKE_BACK, "(all or not heard)", "all"},
     .scenario = scene_renewed_subscription,
     .undisturbed = true,
     .violation = "nobody runs it",
     },
    {
     .name = "a server starts what was taken back from it",
     .scenario = scene_trusting,
     .undisturbed = true,
     .violation = "still runs",
     },
    {
     .name = "a job is pushed to a server that leaves",
     .planted = {SCRIPT_TAKE_BACK, "idle_leave(ARGV[1])", ""},
     .scenario = scene_just_quiet,
     .undisturbed = true,
     .violation = "nobody runs it",
     },
    {
     .name = "a claim does not pass on what it leaves",
     .planted = {SCRIPT_CLAIM, "or not wake(kind)", "or true"},
     .scenario = scene_shared_out,
     .undisturbed = true,
     .violation = "was not woken",
     },
    {
     .name = "no claim after the subscription",
     .scenario = scene_never_asks,
     .undisturbed = true,
     .violation = "was not woken",
     },
    {
     .name = "a server that leaves keeps its wake-up",
     .planted = {SCRIPT_LEAVE, "for _, lane in ipairs(lanes) do wake(kind_of(lane)) end", ""},
     .scenario = scene_woken_quiet,
     .undisturbed = true,
     .violation = "was not woken",
     },
    {
     .name = "an ack counts without its token",
     .planted = {SCRIPT_ACK, "scores[i] ~= token or renewed and renewed[i]", "false"},
     .scenario = scene_paused,
     .violation = "without its token",
     },
    {
     .name = "an ack from elsewhere counts without its token",
     .planted = {SCRIPT_ACK_PULL, "if record and own == token and", "if record and own and"},
     .scenario = scene_pulled_late,
     .violation = "without its token",
     },
    {
     .name = "a lease of workers elsewhere is taken back by a server",
     .planted = {SCRIPT_REAP, "integer(now), '-inf'", "'+inf', '-inf'"},
     .scenario = scene_pulled_late,
     .violation = "before its lease was over",
     },
    {
     .name = "who pulls is not told",
     .planted = {SCRIPT_ENQUEUE_ONE, "local line = name:match('#(%d+)$')",
                    "local line = name:match('#(%d+)$') if line then return end"},
     .scenario = scene_pulled,
     .undisturbed = true,
     .violation = "was not woken",
     },
    {
     .name = "an ack of a pack counts without its token",
     .planted = {SCRIPT_ACK, "redis.call('ZSCORE', key('active'), name) == token", "true"},
     .scenario = scene_paused,
     .violation = "bits of no pack",
     },
    {
     .name = "a job that was lifted out stays in its pack",
     .planted = {SCRIPT_FAIL, "leave_pack(name, record, pack_size(record)", "tostring(name"},
     .scenario = load_calm,
     .undisturbed = true,
     .violation = "in a pack and by itself",
     },
    {
     .name = "a lease is not renewed",
     .planted = {SCRIPT_RENEW, "redis.call('ZADD', key('active'), integer(now", "tostring('')--("},
     .scenario = load_calm,
     .undisturbed = true,
     .violation = "undisturbed",
     },
    {
     .name = "a reap does not look at the clock",
     .planted = {SCRIPT_REAP, "math.abs(now / 1000 - ARGV[1]) > STEP_MS", "false"},
     .scenario = scene_clock_steps,
     .violation = "undisturbed",
     },
    {
     .name = "another server's jobs are taken back",
     .planted = {SCRIPT_TAKE_BACK, "% 1000 == seat", "% 1000 >= 0"},
     .scenario = load_calm,
     .undisturbed = true,
     .violation = "was taken back while",
     },
    {
     .name = "a job is promoted a second early",
     .planted = {SCRIPT_PROMOTE, "local now_ms = math.floor(now / 1000)",
                    "local now_ms = math.floor(now / 1000) + 1000"},
     .scenario = scene_promoted,
     .undisturbed = true,
     .violation = "before it was due",
     },
    {
     .name = "a failure counts twice",
     .planted = {SCRIPT_FAIL, "(rare.a or 0) + 1", "(rare.a or 0) + 2"},
     .scenario = load_calm,
     .undisturbed = true,
     .violation = "failures",
     },
    {
     .name = "a reap forgets the lease",
     .planted = {SCRIPT_REAP, "redis.call('ZREM', key('active'), id)", ""},
     .scenario = scene_killed,
     .violation = "is active and ready",
     },
    {
     .name = "a claim forgets what it has started",
     .planted = {SCRIPT_CLAIM, "redis.call('SADD', key('hold:' .. scope), unpack(ids, from))", ""},
     .scenario = scene_limited,
     .violation = "does not count in",
     },
    {
     .name = "a claim counts one too few",
     .planted = {SCRIPT_CLAIM, "limit.concurrency - redis", "limit.concurrency + 1 - redis"},
     .scenario = scene_limited,
     .violation = "where 3 may be",
     },
    {
     .name = "who is reaped keeps its place",
     .planted = {SCRIPT_REAP, "if holding then free_holds({id}, 1, 1) end", ""},
     .scenario = scene_limited,
     .violation = "counts, but is not active",
     },
};

TEST(every_planted_fault_is_noticed)
{
    for (size_t i = 0; i < countof(faults); i++) {
        const struct fault *f = &faults[i];
        const struct play p = {f->scenario, f->undisturbed, &f->planted};
        const char *violation = NULL;
        unsigned n = 0;
        while (n < TRIES && !violation) violation = sim_play_seed(&p, sim_first_seed() + n++);
        printf("%s: noticed in run %u\n", f->name, n);
        if (!violation) fail_msg("%s: not noticed in %d runs", f->name, TRIES);
        if (!strstr(violation, f->violation)) fail_msg("%s: noticed as '%s'", f->name, violation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_planted_fault_is_noticed),
    };

    return cmocka_run_group_tests(tests, sim_setup, sim_teardown);
}
