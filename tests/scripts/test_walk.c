/* A random walk: every verb on a few hundred jobs, beside a simple model of what must come of it.
 * Two in five have given ids, and may wait for others or be in a batch; the others are enqueued in
 * bulk, and so begin in packs, or are made by scripts. Now and then, and at the end, all is checked
 * as `pinion doctor` does.
 *
 * PINION_WALK_SEED repeats a walk, PINION_WALK says how many operations.
 */
#include <stdlib.h>
#include "base/macros.h"
#include "tests/scripts/audit_rig.h"
#include "tests/scripts/walk.h"

#define CHECK_EVERY 2000
#define AUDIT_EVERY 20000
#define TIDY_EVERY  200

static const struct {
    void (*run)(void);
    unsigned weight;
} verbs[] = {
    {do_enqueue, 24}, {do_enqueue_batch, 4}, {do_claim, 16}, {do_ack_pack, 6}, {do_ack, 10},
    {do_fail, 10},    {do_cancel, 10},       {do_requeue, 10}, {do_step, 12},  {do_renew, 6},
    {do_release, 6},  {do_promote, 5},       {do_reap, 3},     {do_sweep, 2},  {do_take_back, 1},
    {do_pause, 1},    {do_delete, 4},        {do_limit, 1},
    {do_batch, 4},    {do_edit, 6},          {do_bulk, 1},    {do_guard, 1},   {do_on_dead, 1},
    {do_pull, 8},     {do_ack_pulled, 6},    {do_extend, 4},  {do_progress, 2},
};

/* All is well; the servers were heard just now, so that none is taken for dead. */
static void audit(void)
{
    struct heartbeat beat;

    for (size_t i = 0; i < WALK_SERVERS; i++) heartbeat(&rig, walk_servers[i], NULL, &beat);
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

/* Most verbs here ask what is remembered: a long memory would only make the walk slow. */
static void tidy(void)
{
    freeReplyObject(rig_command(&rig, "LTRIM pinion:{q}:ended 0 49"));
    if (!make_places(WALK_SPARE)) do_on_dead();
}

TEST(scripts_and_model_agree)
{
    const char *given = getenv("PINION_WALK");
    unsigned long operations = given ? strtoul(given, NULL, 10) : 30000;

    prng.state = property_seed("PINION_WALK_SEED");
    model_init(&model);
    for (size_t i = 0; i < WALK_SERVERS; i++) {
        struct heartbeat beat;
        heartbeat(&rig, walk_servers[i], NULL, &beat);
        assert_int_equal(beat.seat, i);
    }
    for (unsigned long i = 1; i <= operations; i++) {
        step();
        if (i % TIDY_EVERY == 0) tidy();
        if (i % CHECK_EVERY != 0 && i != operations) continue;
        model_check(&model, &rig);
        if (i % AUDIT_EVERY == 0 || i == operations) audit();
    }
    assert_true(model.done && model.dead && model.cancelled && model.failed && model.reaped);
    assert_true(model.released && model.completed && model.carried && model.taken_over);
    assert_true(model.pulled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts_and_model_agree)};

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
