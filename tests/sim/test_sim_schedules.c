/* Servers with schedules of all kinds, for hours of virtual time, while servers are killed, paused
 * and cut off, clocks step and people edit: no time is fired twice, none is forgotten, and what was
 * missed is caught up as asked.
 *
 *     PINION_SIM_HOURS=N  how long a run is
 *
 * A thousand seeds of a day each: PINION_SIM_HOURS=24 PINION_SIM_SEEDS=1000, a release build, and
 * one processor (taskset -c 0), for Redis and the test only ever wait for each other.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/steer.h"
#include "tests/sim/fires.h"
#include "tests/sim/node.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/timetable_node.h"
#include "tests/sim/timetable_store.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US   (60 * MINUTE_US)
#define SEEDS     12
#define HOURS     8
#define LULL_US   (40 * MINUTE_US)                /* at most, from one deed to the next */
#define BOUND_US  (TABLE_BEAT_US + 3 * SECOND_US) /* until a server has done all that is due */

static struct zone_cache *zones;

/* ---- schedules ------------------------------------------------------------------------------- */

/* The evening before the clocks change in Berlin, and before they change in New York. */
static const int64_t evenings_ms[] = {1774731600000, 1792872000000, 1772917200000, 1793480400000};

static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

static const char *const rules[] = {
    "\"cron\":\"* * * * *\"",
    "\"cron\":\"*/7 * * * *\"",
    "\"cron\":\"30 2 * * *\",\"tz\":\"Europe/Berlin\"",
    "\"cron\":\"*/20 1-3 * * *\",\"tz\":\"Europe/Berlin\",\"dst\":\"both\"",
    "\"cron\":\"30 1,2 * * *\",\"tz\":\"America/New_York\",\"dst\":\"once-late\"",
    "\"cron\":\"H H/2 * * *\"",
    "\"every_ms\":3600000",
    "\"every_ms\":420000,\"phase_ms\":1234",
};

/* A burst: ten times a second, for so long that it does not cost too much to play. */
static void add_burst(struct buffer *json)
{
    int64_t from_ms = store_now_us() / 1000 + (int64_t)world_below(HOUR_US / 1000);
    char from[TIME_TEXT_MAX], until[TIME_TEXT_MAX];

    buffer_printf(json, "\"every_ms\":100,\"start\":\"%s\",\"end\":\"%s\"",
                  time_format_utc(from_ms, from),
                  time_format_utc(from_ms + (int64_t)world_below(15000) + 1, until));
}

static void add_once(struct buffer *json)
{
    int64_t at_ms = store_now_us() / 1000 + (int64_t)world_below(2 * HOUR_US / 1000);
    char at[TIME_TEXT_MAX];

    buffer_printf(json, "\"at\":\"%s\"", time_format_utc(at_ms, at));
}

/* `busy`: of the first two, so that something happens all the time. */
static char *random_timing(bool busy)
{
    static const char *const overlaps[] = {"skip", "allow", "queue", "replace"};
    static const char *const policies[] = {"one", "none", "all"};
    struct buffer json = BUFFER_INIT;
    unsigned overlap = (unsigned)world_below(countof(overlaps));
    bool keeps = overlap == OVERLAP_ALLOW || overlap == OVERLAP_QUEUE;

    buffer_add_char(&json, '{');
    if (busy)
        buffer_add_text(&json, rules[world_below(2)]);
    else if (world_chance(10))
        add_burst(&json);
    else if (world_chance(10))
        add_once(&json);
    else
        buffer_add_text(&json, rules[1 + world_below(countof(rules) - 1)]);
    buffer_printf(&json, ",\"overlap\":\"%s\",\"catch_up\":\"%s\"", overlaps[overlap],
                  policies[world_below(keeps ? 3 : 2)]);
    if (world_chance(20)) buffer_printf(&json, ",\"jitter_ms\":%d", (int)world_below(100000));
    if (!busy && world_chance(10)) buffer_printf(&json, ",\"limit\":%d", 1 + (int)world_below(9));
    if (!busy && world_chance(10)) buffer_add_text(&json, ",\"paused\":true");
    buffer_add_char(&json, '}');
    return buffer_take(&json, NULL);
}

static struct schedule *parsed(const char *name, const char *json)
{
    struct schedule *s = NULL;
    struct error why = {0};

    if (schedule_parse_text(span_of(name), span_of(json), zones, &s, &why))
        fail_msg("%s: %s", json, why.text);
    return s;
}

static redisReply *send(struct request *r)
{
    return store_run(request_bytes(r), r->script);
}

/* But for whether it is paused. */
static bool same_timing(struct schedule *a, struct schedule *b)
{
    bool a_paused = a->paused, b_paused = b->paused;

    a->paused = b->paused = false;
    char *of_a = schedule_timing(a), *of_b = schedule_timing(b);
    bool same = strcmp(of_a, of_b) == 0;
    a->paused = a_paused;
    b->paused = b_paused;
    free(of_a);
    free(of_b);
    return same;
}

static void set_schedule(const char *name, const char *json)
{
    static const struct pinion_job job = {.kind = "now", .payload = "x", .payload_len = 1};
    struct plan *plan = fires_plan(name);
    struct schedule *s = parsed(name, json);
    bool same = plan->schedule && schedule_same_times(plan->schedule, s);
    bool resumed = plan->schedule && plan->schedule->paused && !s->paused;
    char *timing = schedule_timing(s);
    struct schedule_set set = {.name = span_of(name),
                               .timing = span_of(timing),
                               .job = &job,
                               .revision = SCHEDULE_ANY_REVISION,
                               .from_now = !same || resumed,
                               .next_ms = SCHEDULE_NEVER};
    struct request r = REQUEST_INIT;
    enum schedule_changed changed = SCHEDULE_NONE;
    int64_t revision = 0;

    world_trace("set %s %s", name, timing);
    schedule_set_build(&r, store_key(), &set);
    redisReply *reply = send(&r);
    if (schedule_set_read(reply, &changed, &revision)) world_broken("schedule_set: no answer");
    if (changed == SCHEDULE_SET)
        fires_set(plan, s, revision, set.from_now,
                  same && (!set.from_now || same_timing(plan->schedule, s)));
    else
        schedule_free(s);
    freeReplyObject(reply);
    request_deinit(&r);
    free(timing);
}

static void remove_schedule(const char *name)
{
    struct request r = REQUEST_INIT;
    enum schedule_changed changed;
    int64_t revision;

    world_trace("remove %s", name);
    schedule_remove_build(&r, store_key(), span_of(name), SCHEDULE_ANY_REVISION);
    redisReply *reply = send(&r);
    if (schedule_remove_read(reply, &changed, &revision) ||
        (changed == SCHEDULE_REMOVED) != !!fires_plan(name)->schedule)
        world_broken("removed what is not there, or the other way");
    fires_removed(fires_plan(name));
    freeReplyObject(reply);
    request_deinit(&r);
}

static void set_some(const char *name)
{
    char *timing = random_timing(name == names[0]);

    set_schedule(name, timing);
    free(timing);
}

static void pause_or_resume(const char *name)
{
    struct schedule *s = fires_plan(name)->schedule;

    s->paused = !s->paused; /* only to be written */
    char *timing = schedule_timing(s);
    s->paused = !s->paused;
    set_schedule(name, timing);
    free(timing);
}

static void edit_one(void)
{
    const char *name = names[world_below(countof(names))];
    bool is_there = fires_plan(name)->schedule != NULL;

    if (is_there && world_chance(20))
        remove_schedule(name);
    else if (is_there && (fires_plan(name)->schedule->paused || world_chance(30)))
        pause_or_resume(name);
    else
        set_some(name);
}

/* Whatever the last jobs are, they end: so that those after them are made, or were buffered. */
static void end_jobs(void)
{
    struct request r = REQUEST_INIT;

    for (size_t i = 0; i < countof(names); i++) {
        struct schedule_view v;
        schedule_show_build(&r, store_key(), span_of(names[i]));
        redisReply *reply = send(&r);
        if (!schedule_show_read(reply, &v) && v.last_job.data) {
            struct request cancel = REQUEST_INIT;
            cancel_build(&cancel, store_key(), &v.last_job, 1);
            freeReplyObject(send(&cancel));
            request_deinit(&cancel);
        }
        freeReplyObject(reply);
    }
    request_deinit(&r);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static const char *const servers[TABLES_MAX] = {"x", "y", "z"};

static struct node *server_called(const char *name)
{
    for (unsigned i = 0; i < TABLES_MAX; i++)
        if (table_at(i) && strcmp(node_name(table_at(i)), name) == 0) return table_at(i);
    return NULL;
}

static void restart_redis(void)
{
    sim_redis_restart();
    for (unsigned i = 0; i < TABLES_MAX; i++)
        if (table_at(i)) link_cut(table_link(table_at(i)));
}

static int64_t gone_us; /* Redis's clock, forward, and not yet back */

/* Forward up to an hour; back up to a minute, or by as much as it had gone forward. */
static void step_clock(void)
{
    uint64_t what = world_below(100);

    if (what < 40) {
        gone_us = (int64_t)world_below(world_chance(50) ? HOUR_US : MINUTE_US);
        store_step_clock(gone_us);
        if (world_chance(50)) return;
    }
    if (what < 60 && gone_us) {
        store_step_clock(-gone_us);
        gone_us = 0;
    } else if (what >= 40) {
        store_step_clock(-(int64_t)world_below(MINUTE_US));
    }
}

static void do_something(void)
{
    const char *name = servers[world_below(TABLES_MAX)];
    struct node *n = server_called(name);
    uint64_t what = world_below(100);

    if (what < 15)
        step_clock();
    else if (what < 20)
        restart_redis();
    else if (what < 40)
        edit_one();
    else if (what < 50)
        end_jobs();
    else if (!n)
        table_start(name, zones);
    else if (what < 65)
        table_kill(n);
    else if (what < 75)
        table_pause(n, world_below(world_chance(50) ? 10 * SECOND_US : HOUR_US));
    else if (what < 90)
        link_cut(table_link(n));
    else
        link_deafen(table_link(n), world_chance(50));
}

/* ---- a run ----------------------------------------------------------------------------------- */

static bool somebody_serves(void)
{
    for (unsigned i = 0; i < TABLES_MAX; i++) {
        uint64_t since_us = table_at(i) ? table_serves_since_us(table_at(i)) : UINT64_MAX;
        if (since_us != UINT64_MAX && world_now_us() - since_us > BOUND_US) return true;
    }
    return false;
}

static void run_until(uint64_t until_us)
{
    while (world_step(until_us))
        if (somebody_serves()) fires_check(BOUND_US);
}

static uint64_t run_us(void)
{
    const char *given = getenv("PINION_SIM_HOURS");

    return (given ? strtoull(given, NULL, 10) : HOURS) * HOUR_US;
}

static void a_day(void)
{
    uint64_t end_us = world_now_us() + run_us();

    gone_us = 0;
    store_set_clock(evenings_ms[world_below(countof(evenings_ms))] * 1000 +
                        (int64_t)world_below(4 * HOUR_US),
                    (int64_t)world_below(400) - 200);
    for (unsigned i = 0; i < 2; i++) table_start(servers[i], zones);
    for (unsigned i = 0; i < countof(names); i++) set_some(names[i]);
    while (world_now_us() < end_us && !world_violation()) {
        run_until(world_now_us() + 1 + world_below(world_chance(30) ? SECOND_US : LULL_US));
        do_something();
    }
    if (!table_at(0)) table_start(servers[2], zones);
    run_until(world_now_us() + 20 * SECOND_US);
}

TEST(no_time_is_fired_twice_and_none_is_forgotten)
{
    sim_check_seeds(&(struct play){.scenario = a_day}, SEEDS);
}

static int setup(void **state)
{
    zones = zone_cache_new();
    return sim_setup(state);
}

static int teardown(void **state)
{
    fires_end();
    zone_cache_free(zones);
    return sim_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_time_is_fired_twice_and_none_is_forgotten),
    };

    cmocka_set_test_filter(getenv("PINION_SIM_TEST"));
    return cmocka_run_group_tests(tests, setup, teardown);
}
