/* scheduler/cron.c — finds the next and the previous match by sets, not by steps.
 *
 *     year, month    skipped by bitmap
 *     day            the days of a month that match, as one bitmap: lowest or highest bit
 *     hour .. second the next bit of each; a carry takes the lowest of all that follow
 *
 * The most that a search costs is one bitmap of days for each month from 1970 to 2199, and that
 * only for what never comes: microseconds.
 */
#include "scheduler/cron.h"

#include "base/macros.h"

#define ALL_DAYS(length) ((UINT32_C(2) << (length)) - 2) /* bits 1 to length; of 31: all but 0 */

/* The lowest bit that is not below `from`, the highest that is not above `to`; -1: none. */
static int bit_from(uint64_t set, unsigned from)
{
    if (from > 63) return -1;
    set &= ~UINT64_C(0) << from;
    return set ? __builtin_ctzll(set) : -1;
}

static int bit_until(uint64_t set, int to)
{
    if (to < 0) return -1;
    set &= ~UINT64_C(0) >> (63 - to);
    return set ? 63 - __builtin_clzll(set) : -1;
}

static bool year_matches(const struct cron *c, int year)
{
    unsigned bit = (unsigned)(year - CRON_YEAR_MIN);

    return c->years[bit / 64] >> bit % 64 & 1;
}

struct month {
    unsigned length, first_weekday;
};

/* Days of the month that fall on one of these weekdays. */
static uint32_t days_on(struct month m, uint8_t weekdays)
{
    uint64_t week = (uint64_t)weekdays << 7 | weekdays; /* bit i: weekday i, twice */

    week = week >> m.first_weekday & 0x7f; /* bit i: the weekday of day 1 + i */
    week |= week << 7 | week << 14 | week << 21 | week << 28;
    return (uint32_t)(week << 1) & ALL_DAYS(m.length);
}

/* The day from Monday to Friday that is nearest to this one, in the same month. */
static unsigned nearest_weekday(struct month m, unsigned day)
{
    unsigned weekday = (m.first_weekday + day - 1) % 7;

    if (weekday == 6) return day > 1 ? day - 1 : day + 2;
    if (weekday == 0) return day < m.length ? day + 1 : day - 2;
    return day;
}

static uint32_t days_by_number(const struct cron *c, struct month m)
{
    uint32_t days = c->days & ALL_DAYS(m.length);
    uint32_t nearest = c->nearest & ALL_DAYS(m.length);

    for (uint32_t left = c->from_last; left; left &= left - 1) {
        unsigned before = (unsigned)__builtin_ctz(left);
        if (before < m.length) days |= UINT32_C(1) << (m.length - before);
    }
    if (nearest) days |= UINT32_C(1) << nearest_weekday(m, (unsigned)__builtin_ctz(nearest));
    if (c->last_nearest) days |= UINT32_C(1) << nearest_weekday(m, m.length);
    return days;
}

static uint32_t days_by_weekday(const struct cron *c, struct month m)
{
    uint32_t days = days_on(m, c->weekdays);

    for (unsigned n = 1; n < countof(c->nth); n++)
        if (c->nth[n]) days |= days_on(m, c->nth[n]) & UINT32_C(0xfe) << (n - 1) * 7;
    if (c->last_weekdays) days |= days_on(m, c->last_weekdays) & ~ALL_DAYS(m.length - 7);
    return days;
}

/* The days of that month that match. */
static uint32_t days_of(const struct cron *c, int year, unsigned month)
{
    struct month m = {civil_month_days(year, month), 0};

    if (!(c->months >> month & 1)) return 0;
    if (c->days_any && c->weekdays_any) return ALL_DAYS(m.length);
    m.first_weekday = civil_weekday(year, month, 1);
    if (c->weekdays_any) return days_by_number(c, m);
    if (c->days_any) return days_by_weekday(c, m);
    uint32_t by_number = days_by_number(c, m), by_weekday = days_by_weekday(c, m);
    return c->both ? by_number & by_weekday : by_number | by_weekday;
}

bool cron_matches(const struct cron *c, struct civil t)
{
    if (c->kind != CRON_FIELDS || t.year < CRON_YEAR_MIN || t.year > CRON_YEAR_MAX) return false;
    return (c->seconds >> t.second & 1) && (c->minutes >> t.minute & 1) &&
           (c->hours >> t.hour & 1) && year_matches(c, t.year) &&
           (days_of(c, t.year, t.month) >> t.day & 1);
}

static void take_first_time(const struct cron *c, struct civil *t)
{
    t->hour = (unsigned)__builtin_ctz(c->hours);
    t->minute = (unsigned)__builtin_ctzll(c->minutes);
    t->second = (unsigned)__builtin_ctzll(c->seconds);
}

static void take_last_time(const struct cron *c, struct civil *t)
{
    t->hour = 31 - (unsigned)__builtin_clz(c->hours);
    t->minute = 63 - (unsigned)__builtin_clzll(c->minutes);
    t->second = 63 - (unsigned)__builtin_clzll(c->seconds);
}

/* The first time of day that is not before that of `t`; false: no more today. */
static bool time_from(const struct cron *c, struct civil *t)
{
    struct civil first;
    int hour = bit_from(c->hours, t->hour), minute = -1, second = -1;

    take_first_time(c, &first);
    if (hour == (int)t->hour) {
        minute = bit_from(c->minutes, t->minute);
        if (minute == (int)t->minute) {
            second = bit_from(c->seconds, t->second);
            if (second < 0) minute = bit_from(c->minutes, t->minute + 1);
        }
        if (minute < 0) hour = bit_from(c->hours, t->hour + 1);
    }
    if (hour < 0) return false;
    t->hour = (unsigned)hour;
    t->minute = minute < 0 ? first.minute : (unsigned)minute;
    t->second = second < 0 ? first.second : (unsigned)second;
    return true;
}

/* The last time of day that is not after that of `t`; false: none before it today. */
static bool time_until(const struct cron *c, struct civil *t)
{
    struct civil last;
    int hour = bit_until(c->hours, (int)t->hour), minute = -1, second = -1;

    take_last_time(c, &last);
    if (hour == (int)t->hour) {
        minute = bit_until(c->minutes, (int)t->minute);
        if (minute == (int)t->minute) {
            second = bit_until(c->seconds, (int)t->second);
            if (second < 0) minute = bit_until(c->minutes, (int)t->minute - 1);
        }
        if (minute < 0) hour = bit_until(c->hours, (int)t->hour - 1);
    }
    if (hour < 0) return false;
    t->hour = (unsigned)hour;
    t->minute = minute < 0 ? last.minute : (unsigned)minute;
    t->second = second < 0 ? last.second : (unsigned)second;
    return true;
}

static bool day_matches(const struct cron *c, const struct civil *t)
{
    return year_matches(c, t->year) && (days_of(c, t->year, t->month) >> t->day & 1);
}

/* Moves to the first matching day after that of `t`. */
static bool next_day(const struct cron *c, struct civil *t)
{
    int day = year_matches(c, t->year) ? bit_from(days_of(c, t->year, t->month), t->day + 1) : -1;

    while (day < 0) {
        int month = year_matches(c, t->year) ? bit_from(c->months, t->month + 1) : -1;

        if (month < 0) {
            if (++t->year > CRON_YEAR_MAX) return false;
            t->month = 0;
            continue;
        }
        t->month = (unsigned)month;
        day = bit_from(days_of(c, t->year, t->month), 1);
    }
    t->day = (unsigned)day;
    return true;
}

/* Moves to the last matching day before that of `t`. */
static bool previous_day(const struct cron *c, struct civil *t)
{
    int day =
        year_matches(c, t->year) ? bit_until(days_of(c, t->year, t->month), (int)t->day - 1) : -1;

    while (day < 0) {
        int month = year_matches(c, t->year) ? bit_until(c->months, (int)t->month - 1) : -1;

        if (month < 0) {
            if (--t->year < CRON_YEAR_MIN) return false;
            t->month = 13;
            continue;
        }
        t->month = (unsigned)month;
        day = bit_until(days_of(c, t->year, t->month), 31);
    }
    t->day = (unsigned)day;
    return true;
}

bool cron_next(const struct cron *c, struct civil after, struct civil *ret_next)
{
    struct civil t = {CRON_YEAR_MIN, 1, 1, 0, 0, 0};

    if (c->kind != CRON_FIELDS || after.year > CRON_YEAR_MAX) return false;
    if (after.year >= CRON_YEAR_MIN) t = civil_of_seconds(civil_seconds(after) + 1);
    if (t.year > CRON_YEAR_MAX) return false;
    if (!day_matches(c, &t) || !time_from(c, &t)) {
        if (!next_day(c, &t)) return false;
        take_first_time(c, &t);
    }
    *ret_next = t;
    return true;
}

bool cron_previous(const struct cron *c, struct civil before, struct civil *ret_previous)
{
    struct civil t = {CRON_YEAR_MAX, 12, 31, 23, 59, 59};

    if (c->kind != CRON_FIELDS || before.year < CRON_YEAR_MIN) return false;
    if (before.year <= CRON_YEAR_MAX) t = civil_of_seconds(civil_seconds(before) - 1);
    if (t.year < CRON_YEAR_MIN) return false;
    if (!day_matches(c, &t) || !time_until(c, &t)) {
        if (!previous_day(c, &t)) return false;
        take_last_time(c, &t);
    }
    *ret_previous = t;
    return true;
}
