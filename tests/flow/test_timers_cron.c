/* Timers of library users by cron expressions, in virtual time. */
#include "tests/flow/timers_world.h"
#include "base/clock.h"
#include "base/time_text.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static struct error why;

static enum pinion_err cron(struct probe *p, const char *spec, const char *tz)
{
    why = (struct error){0};
    return timers_cron(timers, spec, tz, &(struct timer_call){note, p, &p->timer}, &why);
}

static int64_t ms_of(const char *time)
{
    int64_t ms = 0;

    assert_int_equal(time_parse(span_of(time), 0, &ms, &why), PINION_OK);
    return ms;
}

static void set_wall(const char *time)
{
    step_ms(ms_of(time) - clock_wall_ms());
}

static void pass_until(const char *time)
{
    pass_ms((uint64_t)(ms_of(time) - clock_wall_ms()));
}

static void assert_last(const struct probe *p, unsigned calls, const char *time)
{
    char last[TIME_TEXT_MAX];

    assert_string_equal(time_format_utc(p->wall_ms, last), time);
    assert_int_equal(p->calls, calls);
}

TEST(it_fires_at_its_times_and_passes_over_what_it_missed)
{
    struct probe p = {0};

    set_wall("2026-03-01T12:00:30Z");
    assert_int_equal(cron(&p, "* * * * *", "UTC"), PINION_OK);
    pass_until("2026-03-01T12:00:59.999Z");
    assert_int_equal(p.calls, 0);
    pass_ms(1);
    assert_last(&p, 1, "2026-03-01T12:01:00.000Z");
    for (unsigned i = 2; i <= 100; i++) {
        pass_ms(60000);
        assert_int_equal(p.calls, i);
        assert_int_equal(p.wall_ms % 60000, 0);
        assert_int_equal(p.missed, 0);
    }
    stall_ms(10 * 60000 + 7); /* until 13:50 and 7 ms; 13:41 is what it waited for */
    assert_last(&p, 101, "2026-03-01T13:50:00.007Z");
    assert_int_equal(p.missed, 9);
    pass_ms(60000 - 7);
    assert_last(&p, 102, "2026-03-01T13:51:00.000Z");
    assert_int_equal(p.missed, 0);

    p.takes_us = 150 * 1000000;
    pass_ms(60000); /* 13:52; the call takes until 13:54:30 */
    p.takes_us = 0;
    pass_until("2026-03-01T13:55:00Z");
    assert_last(&p, 104, "2026-03-01T13:55:00.000Z");
    assert_int_equal(p.missed, 2);
}

TEST(what_it_missed_is_counted_so_far)
{
    struct probe p = {0}, q = {0};

    set_wall("2026-03-01T12:00:00Z");
    assert_int_equal(cron(&p, "* * * * * *", "UTC"), PINION_OK);
    assert_int_equal(cron(&q, "* * * * * *", "UTC"), PINION_OK);
    stall_ms((PINION_TIMER_MISSED_MAX + 1) * 1000);
    assert_int_equal(p.missed, PINION_TIMER_MISSED_MAX);
    stall_ms(PINION_TIMER_MISSED_MAX * 1000);
    assert_int_equal(p.missed, PINION_TIMER_MISSED_MAX - 1);
    q.takes_us = 2 * PINION_TIMER_MISSED_MAX * UINT64_C(1000000);
    pass_ms(1000);
    q.takes_us = 0;
    stall_ms(2 * PINION_TIMER_MISSED_MAX * 1000); /* in the call, and then before the next one */
    assert_int_equal(q.missed, PINION_TIMER_MISSED_MAX);
    p.calls = q.calls = 2;
    step_ms(100 * 365 * DAY_MS); /* nobody counts to three billion */
    pass_ms(TIMERS_WATCH_MS);
    assert_int_equal(p.calls, 3);
    assert_int_equal(p.missed, PINION_TIMER_MISSED_MAX);
    pass_ms(1000);
    assert_int_equal(p.calls, 4);
    assert_int_equal(p.missed, 0);
    assert_int_equal(q.calls, 4);
}

TEST(nights_on_which_clocks_change)
{
    struct probe fixed = {0}, hourly = {0};

    set_wall("2024-03-30T12:00:00Z");
    assert_int_equal(cron(&fixed, "30 2 * * *", "Europe/Berlin"), PINION_OK);
    assert_int_equal(cron(&hourly, "0 * * * *", "Europe/Berlin"), PINION_OK);
    pass_until("2024-03-31T12:00:00Z"); /* there is no 02:30 */
    assert_last(&fixed, 1, "2024-03-31T01:00:00.000Z");
    assert_int_equal(hourly.calls, 24);
    pass_until("2024-04-01T12:00:00Z");
    assert_last(&fixed, 2, "2024-04-01T00:30:00.000Z");

    fixed.calls = hourly.calls = 0;
    set_wall("2024-10-26T12:00:00Z");
    pass_ms(TIMERS_WATCH_MS);
    fixed.calls = hourly.calls = 0;
    pass_until("2024-10-27T12:00:00Z"); /* 02:30 comes twice */
    assert_last(&fixed, 1, "2024-10-27T00:30:00.000Z");
    assert_int_equal(hourly.calls, 24);
}

TEST(a_clock_set_back_repeats_nothing_and_silences_nothing)
{
    struct probe nightly = {0}, twice = {0}, often = {0};

    set_wall("2026-03-01T03:59:00Z");
    assert_int_equal(cron(&nightly, "0 4 * * *", "UTC"), PINION_OK);
    assert_int_equal(cron(&twice, "0 2,4 * * *", "UTC"), PINION_OK);
    assert_int_equal(cron(&often, "*/10 * * * *", "UTC"), PINION_OK);
    pass_until("2026-03-01T04:00:05Z");
    assert_int_equal(nightly.calls, 1);
    assert_int_equal(often.calls, 1);

    step_ms(-10000); /* 03:59:55: four o'clock comes again */
    pass_ms(60000);
    assert_int_equal(nightly.calls, 1);
    assert_int_equal(often.calls, 1);

    set_wall("2026-03-01T01:55:00Z"); /* two hours: a fixed time is not repeated */
    pass_until("2026-03-01T02:00:00Z");
    assert_int_equal(often.calls, 2);
    pass_until("2026-03-01T05:00:00Z");
    assert_int_equal(nightly.calls, 1);
    assert_int_equal(twice.calls, 1);
    assert_in_range(often.calls, 19, 20);
    pass_until("2026-03-02T05:00:00Z");
    assert_last(&nightly, 2, "2026-03-02T04:00:00.000Z");
    assert_int_equal(twice.calls, 3);

    set_wall("2020-03-01T01:00:00Z"); /* years: the clock was wrong before */
    pass_until("2020-03-01T05:00:00Z");
    assert_last(&nightly, 3, "2020-03-01T04:00:00.000Z");
}

TEST(a_clock_set_forth_calls_once)
{
    struct probe nightly = {0};

    set_wall("2026-03-01T03:00:00Z");
    assert_int_equal(cron(&nightly, "0 4 * * *", "UTC"), PINION_OK);
    set_wall("2026-03-05T10:00:00Z");
    pass_ms(TIMERS_WATCH_MS);
    assert_int_equal(nightly.calls, 1);
    assert_int_equal(nightly.missed, 4);
    pass_until("2026-03-06T03:59:59Z");
    assert_int_equal(nightly.calls, 1);
    pass_ms(1000);
    assert_last(&nightly, 2, "2026-03-06T04:00:00.000Z");
    assert_int_equal(nightly.missed, 0);
}

TEST(every_so_often_by_the_epoch)
{
    struct probe p = {0};

    set_wall("2026-03-01T12:00:01Z");
    assert_int_equal(cron(&p, "@every 90s", NULL), PINION_OK);
    pass_ms(10 * 90000);
    assert_int_equal(p.calls, 10);
    assert_int_equal(p.wall_ms % 90000, 0);
}

TEST(hashes_spread)
{
    struct probe many[10] = {0};
    unsigned fired = 0, minutes = 0;

    set_wall("2026-03-01T12:00:30Z");
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(cron(&many[i], "H * * * *", "UTC"), PINION_OK);
    for (unsigned minute = 0; minute < 60; minute++) {
        unsigned before = fired;
        pass_ms(60000);
        fired = 0;
        for (unsigned i = 0; i < 10; i++) fired += many[i].calls;
        minutes += fired > before;
    }
    assert_int_equal(fired, 10);
    assert_true(minutes >= 5);
}

TEST(a_last_time_is_the_last)
{
    struct probe p = {0};

    set_wall("2026-12-31T23:59:59Z");
    assert_int_equal(cron(&p, "0 0 0 1 1 * 2027", "UTC"), PINION_OK);
    pass_ms(3 * (uint64_t)DAY_MS);
    assert_last(&p, 1, "2027-01-01T00:00:00.000Z");
    pinion_timer_cancel(p.timer); /* it was still ours to cancel */
}

TEST(what_is_wrong_is_told)
{
    static const struct {
        const char *spec, *tz, *word;
    } bad[] = {
        {NULL, "UTC", "expression"},
        {"", "UTC", ""},
        {"61 * * * *", "UTC", "minute"},
        {"* * * *", "UTC", ""},
        {"@reboot", "UTC", "@reboot"},
        {"0 0 30 2 *", "UTC", "never"},
        {"0 0 0 1 1 * 2020", "UTC", "never"},
        {"* * * * *", "Europe/Berlim", "Berlin"},
    };
    struct probe p = {0};

    set_wall("2026-03-01T12:00:00Z");
    for (size_t i = 0; i < countof(bad); i++) {
        assert_int_equal(cron(&p, bad[i].spec, bad[i].tz), PINION_INVALID);
        assert_null(p.timer);
        assert_non_null(strstr(why.text, bad[i].word));
        assert_true(why.text[0] != '\0');
    }
    assert_int_equal(timers_cron(timers, "* * * * *", "UTC", &(struct timer_call){0}, &why),
                     PINION_INVALID);
    timers_stop(timers);
    assert_int_equal(cron(&p, "* * * * *", "UTC"), PINION_CONFLICT);
}

#define virtual_test(name) cmocka_unit_test_setup_teardown(name, virtual_start, virtual_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        virtual_test(it_fires_at_its_times_and_passes_over_what_it_missed),
        virtual_test(what_it_missed_is_counted_so_far),
        virtual_test(nights_on_which_clocks_change),
        virtual_test(a_clock_set_back_repeats_nothing_and_silences_nothing),
        virtual_test(a_clock_set_forth_calls_once),
        virtual_test(every_so_often_by_the_epoch),
        virtual_test(hashes_spread),
        virtual_test(a_last_time_is_the_last),
        virtual_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
