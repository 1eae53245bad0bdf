/* A timetable in virtual time, on the real scripts: what it asks Redis, and when. */
#include "scheduler/timetable.h"
#include "tests/support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/link.h"
#include "queue/redis_clock.h"
#include "queue/schedule.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"
#include "tests/scripts/rig.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

/* ---- base/clock.h and queue/link.h, in our hands --------------------------------------------- */

static struct rig rig;
static struct list sent;
static unsigned calls[SCRIPTS + 1]; /* by script; the last: plain commands */
static enum pinion_err next_error;  /* of the next answer */
static uint64_t mono_us;

uint64_t clock_mono_us(void)
{
    return mono_us;
}

int64_t clock_wall_us(void)
{
    return (int64_t)mono_us;
}

void link_send(struct link *link, struct call *call, call_fn *done)
{
    (void)link;
    call->done = done;
    list_push(&sent, &call->node);
    calls[call->request.script]++;
}

static void answer(struct call *call)
{
    enum pinion_err err = next_error;
    redisReply *reply = err ? NULL : rig_ask_with(&rig, &call->request);

    next_error = PINION_OK;
    call->done(call, err, reply);
    if (reply) freeReplyObject(reply);
}

/* ---- a server -------------------------------------------------------------------------------- */

static struct ticker *ticker;
static struct redis_clock redis_clock;
static struct timetable_totals totals;
static struct timetable *table;
static struct zone_cache *zones;
static unsigned turns, claims;

static void on_fired(void *ctx)
{
    (void)ctx;
    claims++;
}

static struct timetable *new_table(const char *boot)
{
    return timetable_new(&(struct timetable_options){.ticker = ticker,
                                                     .clock = &redis_clock,
                                                     .zones = zones,
                                                     .key = rig_key(&rig),
                                                     .queue = "q",
                                                     .boot = boot,
                                                     .totals = &totals,
                                                     .fired = on_fired});
}

static void settle(void)
{
    struct list *node;

    do {
        timetable_flush(table);
        while ((node = list_pop(&sent))) answer(container_of(node, struct call, node));
        timetable_flush(table);
    } while (!list_empty(&sent));
}

static void step_to(uint64_t us)
{
    rig_step_us(&rig, (int64_t)(us - mono_us));
    mono_us = us;
}

/* Time passes, from alarm to alarm. */
static void run_for(uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms, next_ms;

    settle();
    while ((next_ms = ticker_next_ms(ticker)) <= until_ms) {
        if (next_ms * 1000 > mono_us) step_to(next_ms * 1000);
        turns++;
        ticker_turn(ticker);
        settle();
    }
    step_to(until_ms * 1000);
}

static int64_t edits(void)
{
    redisReply *r = rig_command(&rig, "HGET pinion:{q}:meta schedules");
    int64_t n = r->str ? strtoll(r->str, NULL, 10) : 0;

    freeReplyObject(r);
    return n;
}

/* As a heartbeat does. */
static void beat(void)
{
    redis_clock_note(&redis_clock, mono_us, mono_us, rig.now_us);
    timetable_hint(table, edits());
    settle();
}

static void count_anew(void)
{
    memset(calls, 0, sizeof calls);
    memset(&totals, 0, sizeof totals);
    turns = claims = 0;
}

static void begin(void)
{
    rig_reset(&rig);
    list_init(&sent);
    mono_us = 5000000000;
    redis_clock = (struct redis_clock){0};
    ticker = ticker_new(NULL);
    table = new_table("this-boot");
    count_anew();
}

static void end(void)
{
    timetable_free(table);
    ticker_free(ticker);
}

static void set(const char *name, const char *timing)
{
    static const struct pinion_job job = {.kind = "wc", .payload = "x", .payload_len = 1};
    enum schedule_changed changed;
    int64_t revision;

    schedule_set_build(&rig.request, rig_key(&rig),
                       &(struct schedule_set){.name = span_of(name),
                                              .timing = span_of(timing),
                                              .job = &job,
                                              .revision = SCHEDULE_ANY_REVISION,
                                              .next_ms = SCHEDULE_NEVER});
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_set_read(r, &changed, &revision), PINION_OK);
    freeReplyObject(r);
}

static void set_many(unsigned count, const char *timing)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%04u", i);
        set(name, timing);
    }
}

static int64_t jobs(void)
{
    return rig_int(&rig, "HLEN pinion:{q}:jobs");
}

#define EACH_MINUTE "{\"every_ms\":60000,\"overlap\":\"allow\"}"

/* ---- firing ---------------------------------------------------------------------------------- */

TEST(each_time_is_fired_when_it_comes)
{
    begin();
    set("a", EACH_MINUTE);
    beat();
    run_for(10 * MINUTE_MS);
    assert_int_equal(totals.fired.value, 10);
    assert_int_equal(totals.missed.value, 0);
    assert_int_equal(totals.lateness_us.count, 10);
    assert_in_range(totals.lateness_us.max, 0, 1000);
    assert_int_equal(jobs(), 10);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 10);
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 1);
    end();
}

TEST(what_is_due_together_travels_together)
{
    begin();
    set_many(100, EACH_MINUTE);
    beat();
    count_anew();
    run_for(MINUTE_MS);
    assert_int_equal(totals.fired.value, 100);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 2); /* of SCHEDULE_FIRES_MAX items */
    assert_int_equal(claims, 1);
    end();
}

TEST(a_thousand_are_fired_in_a_few_turns)
{
    begin();
    set_many(1000, EACH_MINUTE);
    beat();
    count_anew();
    run_for(MINUTE_MS);
    assert_int_equal(totals.fired.value, 1000);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 16);
    end();
}

TEST(nothing_is_asked_while_nothing_is_due)
{
    begin();
    set_many(1000, "{\"cron\":\"30 2 1 1 *\"}");
    beat();
    count_anew();
    for (int i = 0; i < 60; i++) {
        run_for(MINUTE_MS);
        beat();
    }
    for (size_t i = 0; i < countof(calls); i++) assert_int_equal(calls[i], 0);
    end();
}

TEST(a_far_time_is_come_near_to_in_a_few_steps)
{
    begin();
    set("a", "{\"every_ms\":86400000}");
    beat();
    run_for(24 * HOUR_MS);
    assert_int_equal(totals.fired.value, 1);
    assert_in_range(turns, 3, 10);
    end();
}

TEST(a_clock_that_drifts_is_followed)
{
    begin();
    set("a", "{\"every_ms\":86400000}");
    beat();
    for (int i = 0; i < 24 * 60; i++) { /* Redis's clock gains 60 ms a minute */
        run_for(MINUTE_MS);
        rig_step_us(&rig, 60000);
        redis_clock = (struct redis_clock){.steps = redis_clock.steps};
        beat();
    }
    assert_int_equal(totals.fired.value, 1);
    assert_in_range(totals.lateness_us.max, 0, 200000);
    end();
}

TEST(after_an_error_it_is_tried_again_in_a_second)
{
    static const enum pinion_err errors[] = {PINION_UNAVAILABLE, PINION_BUSY, PINION_INTERNAL};

    for (size_t i = 0; i < countof(errors); i++) {
        begin();
        set("a", "{\"every_ms\":60000,\"overlap\":\"allow\"}");
        beat();
        run_for(MINUTE_MS - (uint64_t)(rig_now_ms(&rig) % 60000) - 10);
        next_error = errors[i];
        run_for(20);
        assert_int_equal(totals.fired.value, 0);
        run_for(900);
        assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 1);
        run_for(200);
        assert_int_equal(totals.fired.value, 1);
        assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 2);
        end();
    }
}

TEST(another_server_may_be_first)
{
    struct timetable *ours, *other;

    begin();
    set("a", EACH_MINUTE);
    beat();
    ours = table;
    table = other = new_table(NULL);
    beat();
    for (int i = 0; i < 600; i++) { /* both wake up; their calls are answered in turn */
        table = i % 2 ? ours : other;
        run_for(100);
        table = i % 2 ? other : ours;
        settle();
    }
    assert_int_equal(totals.fired.value, 1);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 2);
    timetable_free(other);
    table = ours;
    end();
}

TEST(a_watermark_far_in_the_future_is_healed)
{
    begin();
    set("a", EACH_MINUTE);
    set("b", "{\"every_ms\":60000,\"overlap\":\"allow\",\"catch_up\":\"none\"}");
    rig_step(&rig, (int64_t)HOUR_MS);
    beat();
    run_for(MINUTE_MS);
    assert_int_equal(jobs(), 3); /* a catches up one, and both fire the next */
    rig_step(&rig, -(int64_t)HOUR_MS);
    log_set(LOG_ERROR, LOG_AS_TEXT);
    beat();
    timetable_stepped(table);
    settle();
    run_for(10);
    log_set(LOG_INFO, LOG_AS_TEXT);
    assert_int_equal(totals.healed.value, 2);
    run_for(2 * MINUTE_MS);
    assert_int_equal(jobs(), 7);
    end();
}

/* ---- loading --------------------------------------------------------------------------------- */

TEST(all_pages_are_loaded_and_what_is_gone_is_dropped)
{
    begin();
    set_many(2 * SCHEDULE_PAGE_MAX + 1, EACH_MINUTE);
    beat();
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 3);
    schedule_remove_build(&rig.request, rig_key(&rig), span_of("s0000"), SCHEDULE_ANY_REVISION);
    freeReplyObject(rig_ask(&rig));
    schedule_remove_build(&rig.request, rig_key(&rig), span_of("s0300"), SCHEDULE_ANY_REVISION);
    freeReplyObject(rig_ask(&rig));
    run_for(1000);
    beat();
    run_for(MINUTE_MS - 2000);
    beat();
    run_for(1000);
    assert_int_equal(totals.fired.value, 2 * SCHEDULE_PAGE_MAX - 1);
    end();
}

TEST(hints_while_it_loads_are_taken_together)
{
    begin();
    set_many(3, EACH_MINUTE);
    for (int64_t i = 1; i < 50; i++) timetable_hint(table, i);
    settle();
    run_for(5000);
    assert_in_range(calls[SCRIPT_SCHEDULE_LIST], 2, 3);
    end();
}

TEST(an_edit_that_was_not_heard_of_is_found_by_the_fire)
{
    begin();
    set("a", EACH_MINUTE);
    beat();
    set("a", "{\"every_ms\":60000,\"overlap\":\"allow\",\"phase_ms\":30000}");
    run_for(5 * MINUTE_MS);
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 2);
    assert_in_range(totals.fired.value, 4, 5);
    end();
}

TEST(one_that_cannot_be_read_is_left_alone)
{
    begin();
    set("a", "{\"from_another_version\":1}");
    set("b", EACH_MINUTE);
    log_set(LOG_ERROR + 1, LOG_AS_TEXT);
    beat();
    log_set(LOG_INFO, LOG_AS_TEXT);
    run_for(MINUTE_MS);
    assert_int_equal(totals.fired.value, 1);
    end();
}

TEST(paused_and_ended_ones_are_left_alone)
{
    begin();
    set("a", "{\"every_ms\":60000,\"paused\":true}");
    set("b", "{\"every_ms\":60000,\"overlap\":\"allow\",\"limit\":2}");
    beat();
    run_for(10 * MINUTE_MS);
    assert_int_equal(totals.fired.value, 2);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 3); /* the last one says that it has ended */
    end();
}

TEST(nothing_is_fired_while_it_is_stopped)
{
    begin();
    set("a", "{\"every_ms\":60000,\"overlap\":\"allow\",\"catch_up\":\"all\"}");
    beat();
    timetable_stop(table);
    run_for(5 * MINUTE_MS);
    assert_int_equal(calls[SCRIPT_SCHEDULE_FIRE], 0);
    beat();
    run_for(10);
    assert_int_equal(totals.fired.value, 5);
    end();
}

TEST(a_load_that_fails_is_tried_again)
{
    begin();
    set("a", EACH_MINUTE);
    next_error = PINION_BUSY;
    beat();
    run_for(5 * MINUTE_MS);
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 2);
    assert_int_equal(totals.fired.value, 5);
    end();
}

/* ---- @reboot --------------------------------------------------------------------------------- */

#define AT_REBOOT "{\"cron\":\"@reboot\",\"overlap\":\"allow\"}"

/* Another process. */
static void restart(const char *boot)
{
    timetable_free(table);
    table = new_table(boot);
    beat();
    run_for(1000);
}

TEST(a_boot_fires_once_whatever_restarts)
{
    begin();
    set("a", AT_REBOOT);
    restart("boot-1");
    assert_int_equal(jobs(), 1);
    restart("boot-1");
    run_for(48 * HOUR_MS);
    restart("boot-1");
    assert_int_equal(jobs(), 1);
    restart("boot-2");
    assert_int_equal(jobs(), 2);
    restart("boot-1"); /* another machine, whose server is younger than its boot */
    assert_int_equal(jobs(), 2);
    assert_int_equal(totals.fired.value, 2);
    end();
}

TEST(what_is_set_after_the_boot_waits_for_the_next)
{
    begin();
    restart("boot-1");
    set("a", AT_REBOOT);
    beat();
    run_for(1000);
    restart("boot-1");
    assert_int_equal(jobs(), 0);
    restart("boot-2");
    assert_int_equal(jobs(), 1);
    end();
}

TEST(what_is_set_while_a_server_begins_waits_for_the_next_boot)
{
    begin();
    set("old", AT_REBOOT);
    run_for(10);
    timetable_free(table);
    table = new_table("boot-1");
    run_for(10);
    set("new", AT_REBOOT);
    run_for(10);
    beat();
    run_for(1000);
    assert_int_equal(jobs(), 1);
    restart("boot-2");
    assert_int_equal(jobs(), 3);
    end();
}

TEST(a_clock_that_is_behind_hides_no_boot)
{
    begin();
    set("a", AT_REBOOT);
    rig_step(&rig, -(int64_t)HOUR_MS);
    restart("boot-1");
    assert_int_equal(jobs(), 1);
    end();
}

TEST(a_boot_is_not_forgotten_for_an_error)
{
    begin();
    set("a", AT_REBOOT);
    for (int at = 0; at < 4; at++) { /* the list, and each step */
        timetable_free(table);
        table = new_table("boot-1");
        redis_clock_note(&redis_clock, mono_us, mono_us, rig.now_us);
        timetable_hint(table, edits());
        for (int i = 0; i < at; i++) answer(container_of(list_pop(&sent), struct call, node));
        next_error = PINION_BUSY;
        settle();
        run_for(5000);
        assert_int_equal(jobs(), 1);
        freeReplyObject(rig_command(&rig, "DEL pinion:{q}:jobs pinion:{q}:boots"));
        rig_step(&rig, 600000);
        rig_forget_calls(&rig);
        freeReplyObject(rig_command(&rig, "DEL pinion:{q}:jobs"));
    }
    end();
}

/* ---- zones ----------------------------------------------------------------------------------- */

TEST(a_reload_reads_all_anew)
{
    begin();
    set("a", EACH_MINUTE);
    timetable_reload(table); /* before it was ever loaded: nothing */
    settle();
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 0);
    beat();
    timetable_reload(table);
    settle();
    assert_int_equal(calls[SCRIPT_SCHEDULE_LIST], 2);
    run_for(MINUTE_MS);
    assert_int_equal(totals.fired.value, 1);
    end();
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    zones = zone_cache_new();
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    zone_cache_free(zones);
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_time_is_fired_when_it_comes),
        cmocka_unit_test(what_is_due_together_travels_together),
        cmocka_unit_test(a_thousand_are_fired_in_a_few_turns),
        cmocka_unit_test(nothing_is_asked_while_nothing_is_due),
        cmocka_unit_test(a_far_time_is_come_near_to_in_a_few_steps),
        cmocka_unit_test(a_clock_that_drifts_is_followed),
        cmocka_unit_test(after_an_error_it_is_tried_again_in_a_second),
        cmocka_unit_test(another_server_may_be_first),
        cmocka_unit_test(a_watermark_far_in_the_future_is_healed),
        cmocka_unit_test(all_pages_are_loaded_and_what_is_gone_is_dropped),
        cmocka_unit_test(hints_while_it_loads_are_taken_together),
        cmocka_unit_test(an_edit_that_was_not_heard_of_is_found_by_the_fire),
        cmocka_unit_test(one_that_cannot_be_read_is_left_alone),
        cmocka_unit_test(paused_and_ended_ones_are_left_alone),
        cmocka_unit_test(nothing_is_fired_while_it_is_stopped),
        cmocka_unit_test(a_load_that_fails_is_tried_again),
        cmocka_unit_test(a_boot_fires_once_whatever_restarts),
        cmocka_unit_test(what_is_set_after_the_boot_waits_for_the_next),
        cmocka_unit_test(what_is_set_while_a_server_begins_waits_for_the_next_boot),
        cmocka_unit_test(a_clock_that_is_behind_hides_no_boot),
        cmocka_unit_test(a_boot_is_not_forgotten_for_an_error),
        cmocka_unit_test(a_reload_reads_all_anew),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
