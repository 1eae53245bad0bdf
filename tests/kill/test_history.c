/* tests/kill/test_history.c — the checker of the kill test finds what is broken, and only that. */
#include "tests/support/check.h"
#include "tests/kill/history.h"

#include <string.h>
#include "base/memory.h"

/* Three jobs: a ran once, b was killed with its server 77 at 200 and ran again, c logs nothing. */
static const char *const sound_runs[] = {
    "start q:a 1 77 1001 100", "end q:a 1 77 1001 150", "start q:b 1 77 1002 160",
    "start q:b 1 88 1003 200", "end q:b 1 88 1003 260",
};

static void add_runs(struct history *h, const char *const lines[], size_t count)
{
    for (size_t i = 0; i < count; i++) assert_true(history_add_line(h, lines[i]));
}

static struct history sound(void)
{
    struct history h = {
        .totals = {.enqueued = 3, .done = 3}
    };

    for (const char *id = "abc"; *id; id++) {
        char name[] = {'q', ':', *id, '\0'};
        history_add(&h, name, (struct fact){.kind = FACT_ACCEPTED, .logs = *id != 'c'});
        history_add(&h, name, (struct fact){.kind = FACT_DONE});
    }
    add_runs(&h, sound_runs, sizeof sound_runs / sizeof *sound_runs);
    history_kill(&h, (struct kill){.server = 77, .at_us = 200});
    return h;
}

static struct fact *find(struct history *h, const char *id, enum fact_kind kind)
{
    for (size_t i = 0; i < h->count; i++)
        if (strcmp(h->facts[i].id, id) == 0 && h->facts[i].kind == kind) return &h->facts[i];
    fail_msg("no such fact");
    return NULL;
}

static void drop(struct history *h, const char *id, enum fact_kind kind)
{
    *find(h, id, kind) = h->facts[--h->count];
}

/* The history has exactly this fault, about that job; and is freed. */
static void assert_only(struct history *h, enum fault fault, const char *id)
{
    struct verdict v;

    history_check(h, &v);
    if (v.faults[fault] == 0 || verdict_faults(&v) != v.faults[fault])
        verdict_print(&v, &h->totals, stderr);
    assert_true(v.faults[fault] > 0);
    assert_int_equal(verdict_faults(&v), v.faults[fault]);
    assert_string_equal(v.example[fault], id);
    history_free(h);
}

TEST(a_sound_history_has_no_fault)
{
    struct history h = sound();
    struct verdict v;

    history_check(&h, &v);
    assert_int_equal(verdict_faults(&v), 0);
    assert_int_equal(v.accepted, 3);
    assert_int_equal(v.runs[0], 1);
    assert_int_equal(v.runs[1], 1);
    history_free(&h);
}

TEST(a_lost_job_is_found)
{
    struct history h = sound();

    drop(&h, "q:c", FACT_DONE);
    h.totals.done = 2;
    h.totals.left = 1; /* even when the totals are made to balance */
    assert_only(&h, FAULT_LOST, "q:c");
}

TEST(a_job_that_did_not_end_is_found)
{
    struct history h = sound();

    find(&h, "q:c", FACT_DONE)->kind = FACT_LEFT;
    h.totals.done = 2;
    h.totals.left = 1;
    assert_only(&h, FAULT_LEFT, "q:c");
}

TEST(a_job_that_nobody_was_told_of_is_found)
{
    struct history h = sound();
    struct verdict v;

    history_add(&h, "q:d", (struct fact){.kind = FACT_DONE});
    h.totals.enqueued = h.totals.done = 4;
    history_check(&h, &v);
    assert_int_equal(v.faults[FAULT_MADE_TWICE], 1);
    assert_string_equal(v.example[FAULT_MADE_TWICE], "q:d");
    assert_int_equal(v.faults[FAULT_TOTALS], 1);
    history_free(&h);
}

TEST(one_id_for_two_clients_is_found)
{
    struct history h = sound();

    history_add(&h, "q:c", (struct fact){.kind = FACT_ACCEPTED});
    assert_only(&h, FAULT_MADE_TWICE, "q:c");
}

TEST(a_job_that_ended_twice_is_found)
{
    struct history h = sound();

    history_add(&h, "q:c", (struct fact){.kind = FACT_DONE});
    assert_only(&h, FAULT_ENDED_TWICE, "q:c");
}

TEST(a_job_that_ended_and_is_there_still_is_found)
{
    struct history h = sound();
    struct verdict v;

    history_add(&h, "q:c", (struct fact){.kind = FACT_LEFT});
    history_check(&h, &v);
    assert_int_equal(v.faults[FAULT_ENDED_TWICE], 1);
    history_free(&h);
}

TEST(a_dead_and_a_cancelled_job_are_found)
{
    static const enum fact_kind ends[] = {FACT_DEAD, FACT_CANCELLED};

    for (size_t i = 0; i < 2; i++) {
        struct history h = sound();
        find(&h, "q:c", FACT_DONE)->kind = ends[i];
        assert_only(&h, FAULT_DEAD, "q:c");
    }
}

TEST(a_done_job_without_a_run_that_ended_is_found)
{
    struct history h = sound();

    find(&h, "q:c", FACT_ACCEPTED)->logs = true;
    assert_only(&h, FAULT_NOT_RUN, "q:c");

    h = sound();
    find(&h, "q:a", FACT_RUN)->to_us = -1001; /* it began, and never said that it ended */
    assert_only(&h, FAULT_NOT_RUN, "q:a");
}

TEST(overlapping_runs_are_found)
{
    struct history h = sound();

    /* Begun before the server of the first run was gone. */
    add_runs(&h, (const char *const[]){"start q:b 1 88 1004 199", "end q:b 1 88 1004 200"}, 2);
    assert_only(&h, FAULT_OVERLAP, "q:b");

    h = sound();
    add_runs(&h, (const char *const[]){"start q:a 1 88 1005 149", "end q:a 1 88 1005 170"}, 2);
    assert_only(&h, FAULT_OVERLAP, "q:a");
}

/* The third run overlaps the first one only, not its neighbour. */
TEST(every_run_inside_an_earlier_one_is_found)
{
    struct history h = sound();
    struct verdict v;

    add_runs(&h,
             (const char *const[]){"start q:a 1 77 1006 110", "end q:a 1 77 1006 120",
                                   "start q:a 1 77 1007 130", "end q:a 1 77 1007 140"},
             4);
    history_check(&h, &v);
    assert_int_equal(v.faults[FAULT_OVERLAP], 2);
    assert_int_equal(verdict_faults(&v), 2);
    history_free(&h);
}

TEST(a_run_that_nothing_ended_overlaps_the_next_one)
{
    struct history h = sound();

    h.kills[0].server = 99; /* another server was killed, not the one that ran it */
    assert_only(&h, FAULT_OVERLAP, "q:b");

    h = sound();
    h.kills[0].at_us = 155; /* or it was killed before */
    assert_only(&h, FAULT_OVERLAP, "q:b");
}

TEST(a_collision_that_a_run_saw_is_found)
{
    struct history h = sound();

    add_runs(&h, (const char *const[]){"collided q:b 1 88 1003 201"}, 1);
    assert_only(&h, FAULT_OVERLAP, "q:b");
}

TEST(a_charged_kill_is_found)
{
    struct history h = sound();

    find(&h, "q:b", FACT_RUN)->attempt = 2;
    assert_only(&h, FAULT_CHARGED, "q:b");

    h = sound();
    h.totals.failed = 1;
    assert_only(&h, FAULT_CHARGED, "total of failed");
}

TEST(totals_that_do_not_balance_are_found)
{
    struct history h = sound();

    h.totals.done = 2;
    assert_only(&h, FAULT_TOTALS, "enqueued and ended");

    h = sound();
    h.totals.enqueued = h.totals.done = 4;
    assert_only(&h, FAULT_TOTALS, "enqueued and accepted");
}

TEST(more_runs_at_once_than_the_limit_are_found)
{
    struct history h = sound();
    struct verdict v;

    add_runs(&h, (const char *const[]){"start q:c 1 88 1004 120", "end q:c 1 88 1004 160"}, 2);
    h.at_once_max = 2;
    history_check(&h, &v);
    assert_int_equal(verdict_faults(&v), 0); /* b begins in the moment in which c ends */
    assert_int_equal(v.at_once, 2);
    h.at_once_max = 1;
    assert_only(&h, FAULT_LIMIT, "q:c");
}

TEST(a_line_that_is_none_is_refused)
{
    static const char *const lines[] = {
        "",
        "start",
        "start q:a 1 77 1001",
        "stop q:a 1 77 1001 100",
        "end q:never-begun 1 77 1001 100",
    };
    struct history h = {0};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(history_add_line(&h, lines[i]));
    assert_int_equal(h.count, 0);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_history_has_no_fault),
        cmocka_unit_test(a_lost_job_is_found),
        cmocka_unit_test(a_job_that_did_not_end_is_found),
        cmocka_unit_test(a_job_that_nobody_was_told_of_is_found),
        cmocka_unit_test(one_id_for_two_clients_is_found),
        cmocka_unit_test(a_job_that_ended_twice_is_found),
        cmocka_unit_test(a_job_that_ended_and_is_there_still_is_found),
        cmocka_unit_test(a_dead_and_a_cancelled_job_are_found),
        cmocka_unit_test(a_done_job_without_a_run_that_ended_is_found),
        cmocka_unit_test(overlapping_runs_are_found),
        cmocka_unit_test(every_run_inside_an_earlier_one_is_found),
        cmocka_unit_test(a_run_that_nothing_ended_overlaps_the_next_one),
        cmocka_unit_test(a_collision_that_a_run_saw_is_found),
        cmocka_unit_test(a_charged_kill_is_found),
        cmocka_unit_test(totals_that_do_not_balance_are_found),
        cmocka_unit_test(more_runs_at_once_than_the_limit_are_found),
        cmocka_unit_test(a_line_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
