/* Jobs that wait for others, in one queue: made, told of ends, released, cancelled, forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/outbox.h"
#include "queue/reply.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define CHILDREN_MAX 10000 /* as shared/bond_make.lua has it */

static struct pinion_job named(const char *id, const char *after)
{
    return (struct pinion_job){.kind = "wc", .queue = "q", .id = id, .after = after};
}

/* "new", "existing", "conflict"; or "not_found", "busy": because of a parent, whose place it is. */
static const char *make_job(const struct pinion_job *job, unsigned *ret_parent)
{
    struct enqueue_item item = {.job = job};
    struct error why = {0};

    if (job_check(job, &why)) return why.text[0] ? "invalid" : "?";
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
    freeReplyObject(r);
    freeReplyObject(rig_look(&rig));
    if (ret_parent) *ret_parent = item.parent;
    return item.err ? error_name(item.err) : item.existing ? "existing" : "new";
}

static const char *put(const char *id, const char *after)
{
    struct pinion_job job = named(id, after);

    return make_job(&job, NULL);
}

static const char *put_any(const char *id, const char *after)
{
    struct pinion_job job = named(id, after);

    job.after_any_outcome = 1;
    return make_job(&job, NULL);
}

static void expect_states(const char *expected)
{
    char text[512], *rest = text, *word;

    freeReplyObject(rig_look(&rig));
    snprintf(text, sizeof text, "%s", expected);
    while ((word = strsep(&rest, " "))) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        const char *found = state_of(&rig, word);
        if (strcmp(found, equals + 1) != 0)
            fail_msg("%s is %s, expected %s", word, found, equals + 1);
    }
}

/* What `job show` says of it; the caller's. */
static redisReply *show(const char *id, struct job_view *ret)
{
    show_build(&rig.request, rig_key(&rig), span_of(id));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of(id), ret), PINION_OK);
    return r;
}

static void expect_why(const char *id, const char *expected)
{
    struct job_view v;
    redisReply *r = show(id, &v);

    assert_string_equal(v.why ? v.why : "", expected);
    job_view_deinit(&v);
    freeReplyObject(r);
}

/* Ends the next ready job; the one of that id. */
static void end_done(const char *id)
{
    struct lease lease = claim_one(&rig);

    assert_string_equal(lease.id, id);
    assert_string_equal(lease.rich ? ack_rich(&rig, &lease, "") : ack(&rig, &lease), "ok");
}

static void end_dead(const char *id)
{
    struct lease lease = claim_one(&rig);

    assert_string_equal(lease.id, id);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
}

TEST(a_chain_runs_in_its_order)
{
    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(put("b", "a"), "new");
    assert_string_equal(put("c", "q:b"), "new");
    assert_string_equal(counts(&rig), "waiting=2 ready=1");
    end_done("a");
    expect_states("a=remembered b=ready c=waiting");
    end_done("b");
    end_done("c");
    assert_string_equal(counts(&rig), "");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:bonds pinion:{q}:parents"), 0);
}

TEST(a_fan_in_waits_for_the_last)
{
    struct job_view v;

    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(put("b", NULL), "new");
    assert_string_equal(put("c", "a,b"), "new");
    end_done("a");
    redisReply *r = show("c", &v);
    assert_int_equal(job_view_parents(&v), 2);
    assert_string_equal(job_view_parent(&v, 0).id, "q:a");
    assert_string_equal(job_view_parent(&v, 0).outcome, "done");
    assert_null(job_view_parent(&v, 1).outcome);
    job_view_deinit(&v);
    freeReplyObject(r);
    r = show("b", &v);
    assert_int_equal(v.children, 1);
    job_view_deinit(&v);
    freeReplyObject(r);
    end_done("b");
    expect_states("c=ready");
}

/* A plain parent is acked in a batch, also out of the middle of a pack. */
TEST(plain_parents_and_packs_tell_their_children)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, jobs[20];
    char ids[20][QUEUE_NAME_MAX + 1], after[160];
    struct leases got;

    for (size_t count = 1; count <= 20; count += 19) {
        rig_reset(&rig);
        for (size_t i = 0; i < count; i++) jobs[i] = plain;
        enqueue_batch(&rig, jobs, count, ids);
        snprintf(after, sizeof after, "%.64s,q:%.64s", ids[0], ids[count - 1]);
        assert_string_equal(put("c", count == 1 ? ids[0] : after), "new");
        claim(&rig, &(struct ask){.free = 64}, &got);
        assert_int_equal(got.count, count);
        assert_int_equal(ack_many(&rig, got.lease, (count + 1) / 2, NULL), 0);
        expect_states(count == 1 ? "c=ready" : "c=waiting");
        assert_int_equal(ack_many(&rig, got.lease, count, NULL), 0); /* some of them again */
        expect_states("c=ready");
    }
}

TEST(what_fails_cancels_what_waits_for_it)
{
    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(put("b", "a"), "new");
    assert_string_equal(put("c", "b"), "new");
    assert_string_equal(put_any("d", "b,c"), "new");
    assert_string_equal(put_any("e", "a"), "new");
    end_dead("a");
    expect_states("a=dead b=cancelled c=cancelled d=ready e=ready");
    expect_why("b", "parent_dead");
    expect_why("c", "parent_cancelled");
    assert_string_equal(requeue(&rig, "retry", "a"), "ready"); /* revives nobody */
    expect_states("a=ready b=cancelled c=cancelled");
    assert_string_equal(requeue(&rig, "retry", "b"), "ready"); /* by hand: it does not wait */
    expect_states("b=ready c=cancelled");
}

TEST(every_way_to_end_is_told)
{
    static const struct {
        const char *how, *why;
    } ways[] = {{"cancel", "parent_cancelled"}, {"delete", "parent_deleted"},
                {"expire", "parent_cancelled"}, {"dead", "parent_dead"},
                {"mark", "parent_cancelled"},   {"lost", "parent_dead"}};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct pinion_job parent = named("p", NULL);
        rig_reset(&rig);
        if (strcmp(ways[i].how, "expire") == 0) parent.expires_ms = 1000;
        assert_string_equal(make_job(&parent, NULL), "new");
        assert_string_equal(put("c", "p"), "new");
        if (i == 0) assert_string_equal(cancel(&rig, "p"), "cancelled");
        if (i == 1) assert_string_equal(delete_job(&rig, "p"), "deleted");
        if (i == 2) rig_step(&rig, 1001);
        if (i == 2) assert_int_equal(claim_count(&rig), 0);
        if (i == 3) end_dead("p");
        if (i == 4) {
            struct lease lease = claim_one(&rig);
            assert_string_equal(cancel(&rig, "p"), "marked");
            expect_states("c=waiting");
            assert_string_equal(release(&rig, &lease), "ok");
        }
        for (int n = 0; i == 5 && n < 10; n++) {
            claim_one(&rig);
            rig_step(&rig, LEASE_DEFAULT_MS);
            assert_int_equal(reap(&rig), 1);
        }
        expect_states("c=cancelled");
        expect_why("c", ways[i].why);
    }
}

/* What has ended before counts; what is not there is refused. */
TEST(parents_that_ended_before)
{
    struct pinion_job job = named("x", "a,nobody");
    unsigned parent = 9;

    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(make_job(&job, &parent), "not_found");
    assert_int_equal(parent, 1);
    expect_states("x=none a=ready");
    end_done("a");
    assert_string_equal(put("b", "a"), "new"); /* remembered */
    expect_states("b=ready");
    end_dead("b");
    assert_string_equal(put("c", "b"), "new");
    assert_string_equal(put_any("d", "b"), "new");
    expect_states("c=cancelled d=ready");
    expect_why("c", "parent_dead");
    assert_string_equal(put("c", "b"), "existing");
    assert_string_equal(put("c", "a"), "conflict");
    assert_string_equal(put("self", "q:self"), "invalid");
    assert_string_equal(put("self", "a,b,q:a"), "invalid");
}

/* Within one call a child names an earlier one; a later one is not there yet, so there is no
 * cycle. */
TEST(one_call_makes_a_chain_but_no_cycle)
{
    struct pinion_job jobs[] = {named("a", NULL), named("b", "a"), named("c", "d"),
                                named("d", "c")};
    struct enqueue_item items[4] = {{.job = &jobs[0]}, {.job = &jobs[1]},
                                    {.job = &jobs[2]}, {.job = &jobs[3]}};

    struct request call = REQUEST_INIT;

    rig_reset(&rig);
    enqueue_build(&call, rig_key(&rig), items, 4, rig_now_ms(&rig));
    for (int again = 0; again < 2; again++) {
        redisReply *r = rig_ask_with(&rig, &call); /* the second time, its answer had been lost */
        assert_int_equal(enqueue_read(r, items, 4), PINION_OK);
        freeReplyObject(r);
        assert_int_equal(items[0].err, PINION_OK);
        assert_int_equal(items[1].err, PINION_OK);
        assert_int_equal(items[2].err, PINION_NOT_FOUND);
        assert_int_equal(items[3].err, PINION_NOT_FOUND);
        expect_states("a=ready b=waiting c=none d=none");
    }
    request_deinit(&call);
}

TEST(times_count_from_the_release)
{
    struct pinion_job in = named("in", "a"), at = named("at", "a"), soon = named("soon", "a");
    struct job_view v;

    rig_reset(&rig);
    in.in_ms = 5000;
    in.expires_ms = 1000;
    at.run_at_ms = RIG_START_MS + 60000;
    soon.run_at_ms = RIG_START_MS + 10;
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(make_job(&in, NULL), "new");
    assert_string_equal(make_job(&at, NULL), "new");
    assert_string_equal(make_job(&soon, NULL), "new");
    rig_step(&rig, 20000);
    assert_string_equal(counts(&rig), "waiting=3 ready=1");
    end_done("a");
    expect_states("in=scheduled at=scheduled soon=ready");
    redisReply *r = show("in", &v);
    assert_int_equal(v.due_ms, RIG_START_MS + 25000);
    assert_int_equal(v.job.run_at_ms, RIG_START_MS + 25000);
    assert_int_equal(v.job.expires_ms, RIG_START_MS + 26000);
    job_view_deinit(&v);
    freeReplyObject(r);
    r = show("at", &v);
    assert_int_equal(v.due_ms, RIG_START_MS + 60000);
    job_view_deinit(&v);
    freeReplyObject(r);
}

/* What waits can be edited, and goes on waiting. */
TEST(times_of_what_waits_can_be_edited)
{
    struct pinion_job job = named("x", "a");
    struct job_view v;

    for (int way = 0; way < 4; way++) {
        struct job_edit edit = {.when = way % 2 ? EDIT_WHEN_AT : EDIT_WHEN_IN,
                                .in_ms = way % 2 ? 0 : 5000,
                                .run_at_ms = way % 2 ? RIG_START_MS + 7000 : 0};
        rig_reset(&rig);
        job.run_at_ms = way < 2 ? RIG_START_MS + 3000 : 0;
        job.in_ms = way < 2 ? 0 : 9000;
        assert_string_equal(put("a", NULL), "new");
        assert_string_equal(make_job(&job, NULL), "new");
        assert_string_equal(edit_job(&rig, "x", &edit), "edited");
        expect_states("x=waiting");
        rig_step(&rig, 1000);
        end_done("a");
        expect_states("x=scheduled");
        redisReply *r = show("x", &v);
        assert_int_equal(v.due_ms, RIG_START_MS + (way % 2 ? 7000 : 6000));
        assert_int_equal(v.job.run_at_ms, v.due_ms);
        job_view_deinit(&v);
        freeReplyObject(r);
    }
}

/* What leaves early, or comes again under its id, is not told twice. */
TEST(a_child_may_leave_early)
{
    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(put("b", "a"), "new");
    assert_string_equal(put("c", "a"), "new");
    assert_string_equal(put("d", "a"), "new");
    assert_string_equal(requeue(&rig, "run", "b"), "ready");
    assert_string_equal(cancel(&rig, "c"), "cancelled");
    assert_string_equal(delete_job(&rig, "d"), "deleted");
    expect_states("b=ready c=cancelled d=none");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:bonds"), 0);
    end_done("a");
    expect_states("b=ready c=cancelled d=none");
    end_done("b");
}

/* A cancelled job's entry stays in its lane as a ghost: what waits under its id is not taken for
 * it. */
TEST(a_ghost_does_not_start_what_waits)
{
    struct pinion_job other = named("x", "a");

    rig_reset(&rig);
    assert_string_equal(put("a", NULL), "new");
    struct lease lease = claim_one(&rig);
    assert_string_equal(put("x", NULL), "new");
    assert_string_equal(delete_job(&rig, "x"), "deleted");
    assert_int_equal(rig_int(&rig, "DEL pinion:{q}:given pinion:{q}:given_until"), 2);
    assert_string_equal(make_job(&other, NULL), "new");
    assert_int_equal(claim_count(&rig), 0);
    expect_states("x=waiting");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    expect_states("x=ready");
    end_done("x");
}

/* At the bound of shared/bond_make.lua, and one past it; from another queue, too. */
TEST(a_parent_has_room_for_so_many)
{
    struct pinion_job child = named(NULL, "p");
    unsigned parent = 9;

    rig_reset(&rig);
    assert_string_equal(put("p", NULL), "new");
    assert_string_equal(put("other", NULL), "new");
    enqueue_many(&rig, &child, CHILDREN_MAX - 1);
    assert_string_equal(put("last", "p"), "new");
    struct pinion_job more = named("more", "other,p");
    assert_string_equal(make_job(&more, &parent), "busy");
    assert_int_equal(parent, 1);
    expect_states("last=waiting more=none");
    tell_build(&rig.request, rig_key(&rig));
    tell_add(&rig.request, span_of("bond p r:x"));
    redisReply *r = rig_ask(&rig);
    assert_true(span_is(tell_answer(r, 0), "full"));
    freeReplyObject(r);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:bonds"), CHILDREN_MAX);
    assert_string_equal(cancel(&rig, "last"), "cancelled"); /* makes room for one */
    assert_string_equal(make_job(&more, NULL), "new");
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:bonds"), CHILDREN_MAX + 1); /* two of `more` */
}

/* Its time to start by counts from then, too. */
TEST(what_is_run_by_hand_can_still_expire)
{
    struct pinion_job job = named("b", "a");

    for (int late = 0; late < 2; late++) {
        rig_reset(&rig);
        job.in_ms = 60000;
        job.expires_ms = 1000;
        assert_string_equal(put("a", NULL), "new");
        claim_one(&rig);
        assert_string_equal(make_job(&job, NULL), "new");
        rig_step(&rig, 5000);
        assert_string_equal(requeue(&rig, "run", "b"), "ready");
        rig_step(&rig, 1000 + late);
        assert_int_equal(claim_count(&rig), !late);
        expect_states(late ? "b=cancelled" : "b=active");
    }
}

/* What it is by now waited for nobody. */
TEST(a_child_that_another_job_replaced_has_no_parents)
{
    struct pinion_job job = named("b", "a"), other = named(NULL, NULL);

    rig_reset(&rig);
    job.unique = other.unique = "k=done";
    other.replace = 1;
    assert_string_equal(put("a", NULL), "new");
    assert_string_equal(make_job(&job, NULL), "new");
    assert_string_equal(enqueue(&rig, &other, NULL), "existing"); /* while it waits, it stays */
    expect_states("b=waiting");
    end_done("a");
    assert_string_equal(enqueue(&rig, &other, NULL), "replaced");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:parents"), 0);
    end_done("b");
    assert_string_equal(counts(&rig), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_runs_in_its_order),
        cmocka_unit_test(a_fan_in_waits_for_the_last),
        cmocka_unit_test(plain_parents_and_packs_tell_their_children),
        cmocka_unit_test(what_fails_cancels_what_waits_for_it),
        cmocka_unit_test(every_way_to_end_is_told),
        cmocka_unit_test(parents_that_ended_before),
        cmocka_unit_test(one_call_makes_a_chain_but_no_cycle),
        cmocka_unit_test(times_count_from_the_release),
        cmocka_unit_test(times_of_what_waits_can_be_edited),
        cmocka_unit_test(a_child_may_leave_early),
        cmocka_unit_test(a_ghost_does_not_start_what_waits),
        cmocka_unit_test(a_parent_has_room_for_so_many),
        cmocka_unit_test(what_is_run_by_hand_can_still_expire),
        cmocka_unit_test(a_child_that_another_job_replaced_has_no_parents),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
