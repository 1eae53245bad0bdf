/* scheduler/cron_text.c — says in words what an expression means. From its sets, not from its text,
 * so what it says is what will happen.
 *
 *     time of day                          days                        months, years
 *     "at 02:30"                           "every day"                 ", in March"
 *     "every 5 minutes from 09:00 to ..."  "on Monday to Friday"       ", in 2026"
 *     "at minute 5 of every hour"          "on the 1st of the month"
 */
#include "scheduler/cron.h"

#include <inttypes.h>

enum {
    VALUES_MAX = 256,
    TIMES_LISTED_MAX = 6,
    PROGRESSION_MIN = 4, /* from here "every 2nd ..." is shorter than a list */
    RUN_MIN = 3,
};

/* A set as its values, ascending. */
struct values {
    unsigned count, v[VALUES_MAX];
};

typedef void add_value_fn(struct buffer *, unsigned value);

static const char *const month_names[] = {
    "",     "January", "February",  "March",   "April",    "May",     "June",
    "July", "August",  "September", "October", "November", "December"};
/* Sunday stands at the end of a week when days are listed. */
static const char *const weekday_names[] = {"",         "Monday", "Tuesday",  "Wednesday",
                                            "Thursday", "Friday", "Saturday", "Sunday"};

static struct values values_of(uint64_t set)
{
    struct values values = {0};

    for (; set; set &= set - 1) values.v[values.count++] = (unsigned)__builtin_ctzll(set);
    return values;
}

static struct values years_of(const struct cron *c)
{
    struct values values = {0};

    for (unsigned i = 0; i <= CRON_YEAR_MAX - CRON_YEAR_MIN; i++)
        if (c->years[i / 64] >> i % 64 & 1) values.v[values.count++] = CRON_YEAR_MIN + i;
    return values;
}

static struct values weekdays_of(uint8_t set)
{
    return values_of((set & ~UINT64_C(1)) | (uint64_t)(set & 1) << 7);
}

static unsigned last_of(const struct values *values)
{
    return values->v[values->count - 1];
}

/* The step of a progression; 0: it is none. */
static unsigned step_of(const struct values *values)
{
    if (values->count < 2) return 0;
    for (unsigned i = 2; i < values->count; i++)
        if (values->v[i] - values->v[i - 1] != values->v[1] - values->v[0]) return 0;
    return values->v[1] - values->v[0];
}

/* The step with which the set goes round the clock without a seam: of 60 seconds or minutes. */
static unsigned period_of(const struct values *values)
{
    unsigned step = step_of(values);

    return step && values->v[0] == 0 && values->count * step == 60 ? step : 0;
}

static bool is_zero(const struct values *values)
{
    return values->count == 1 && values->v[0] == 0;
}

static void add_number(struct buffer *out, unsigned n)
{
    buffer_printf(out, "%u", n);
}

static void add_ordinal(struct buffer *out, unsigned n)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    bool teen = n % 100 / 10 == 1;

    buffer_printf(out, "%u%s", n, endings[!teen && n % 10 < 4 ? n % 10 : 0]);
}

static void add_month(struct buffer *out, unsigned month)
{
    buffer_add_text(out, month_names[month]);
}

static void add_weekday(struct buffer *out, unsigned weekday)
{
    buffer_add_text(out, weekday_names[weekday]);
}

/* What stands between an item and the one before it. */
static void add_joint(struct buffer *out, unsigned nth, bool last, const char *and)
{
    if (nth == 0) return;
    if (last) buffer_printf(out, " %s ", and);
    else buffer_add_text(out, ", ");
}

/* "1, 5 and 10 to 20" */
static void add_list(struct buffer *out, const struct values *values, add_value_fn *add,
                     const char *and)
{
    unsigned i = 0, end, items = 0;

    for (; i < values->count; i = end, items++) {
        for (end = i + 1; end < values->count && values->v[end] == values->v[end - 1] + 1;) end++;
        if (end - i < RUN_MIN) end = i + 1;
        add_joint(out, items, end == values->count, and);
        add(out, values->v[i]);
        if (end - i < RUN_MIN) continue;
        buffer_add_text(out, " to ");
        add(out, values->v[end - 1]);
    }
}

/* "every 2nd hour from 9 to 17" */
static bool add_progression(struct buffer *out, const struct values *values, const char *unit,
                            const char *the, add_value_fn *add)
{
    unsigned step = step_of(values);

    if (step < 2 || values->count < PROGRESSION_MIN) return false;
    buffer_add_text(out, "every ");
    add_ordinal(out, step);
    buffer_printf(out, " %s from %s", unit, the);
    add(out, values->v[0]);
    buffer_printf(out, " to %s", the);
    add(out, last_of(values));
    return true;
}

/* "every 2nd hour from 9 to 17", "hour 9", "hours 9 and 11" */
static void add_units(struct buffer *out, const struct values *values, const char *unit)
{
    if (add_progression(out, values, unit, "", add_number)) return;
    buffer_printf(out, "%s%s ", unit, values->count > 1 ? "s" : "");
    add_list(out, values, add_number, "and");
}

/* "02:30"; with seconds where there are any. */
static void add_time(struct buffer *out, unsigned hour, unsigned minute, unsigned second)
{
    buffer_printf(out, "%02u:%02u", hour, minute);
    if (second) buffer_printf(out, ":%02u", second);
}

struct day_times {
    struct values hours, minutes, seconds;
};

/* "at 02:30 and 14:30" */
static bool add_few_times(struct buffer *out, const struct day_times *t)
{
    unsigned count = t->hours.count * t->minutes.count, nth = 0;

    if (t->seconds.count > 1 || count > TIMES_LISTED_MAX) return false;
    buffer_add_text(out, "at ");
    for (unsigned h = 0; h < t->hours.count; h++)
        for (unsigned m = 0; m < t->minutes.count; m++, nth++) {
            add_joint(out, nth, nth + 1 == count, "and");
            add_time(out, t->hours.v[h], t->minutes.v[m], t->seconds.v[0]);
        }
    return true;
}

/* "every 2 hours from 00:30 to 22:30" */
static bool add_hourly(struct buffer *out, const struct day_times *t)
{
    unsigned step = step_of(&t->hours), minute = t->minutes.v[0], second = t->seconds.v[0];

    if (t->minutes.count > 1 || t->seconds.count > 1 || !step || t->hours.count == 24) return false;
    if (step == 1) buffer_add_text(out, "every hour from ");
    else buffer_printf(out, "every %u hours from ", step);
    add_time(out, t->hours.v[0], minute, second);
    buffer_add_text(out, " to ");
    add_time(out, last_of(&t->hours), minute, second);
    return true;
}

/* "every 5 minutes": true. "at minutes 5 and 10": false. */
static bool add_smallest(struct buffer *out, const struct values *values, const char *unit)
{
    unsigned period = period_of(values);

    if (period == 1) {
        buffer_printf(out, "every %s", unit);
    } else if (period) {
        buffer_printf(out, "every %u %ss", period, unit);
    } else {
        buffer_add_text(out, "at ");
        add_units(out, values, unit);
    }
    return period > 0;
}

/* The hours in which what was said so far happens; `periodic`: it has no seam at a full hour. */
static void add_hours(struct buffer *out, const struct day_times *t, bool periodic)
{
    const struct values *hours = &t->hours;

    if (hours->count == 24) {
        if (!periodic) buffer_add_text(out, " of every hour");
    } else if (periodic && (hours->count == 1 || step_of(hours) == 1)) {
        buffer_add_text(out, " from ");
        add_time(out, hours->v[0], 0, 0);
        buffer_add_text(out, " to ");
        add_time(out, last_of(hours), last_of(&t->minutes), last_of(&t->seconds));
    } else {
        buffer_add_text(out, " of ");
        add_units(out, hours, "hour");
    }
}

/* True: it is a list of times, to which "every day" may be added. */
static bool add_time_of_day(struct buffer *out, const struct day_times *t)
{
    bool periodic;

    if (add_few_times(out, t)) return true;
    if (add_hourly(out, t)) return false;
    if (is_zero(&t->seconds)) {
        periodic = add_smallest(out, &t->minutes, "minute");
    } else {
        periodic = add_smallest(out, &t->seconds, "second");
        if (t->minutes.count < 60) {
            buffer_add_text(out, " of ");
            add_units(out, &t->minutes, "minute");
            periodic = false;
        } else if (!periodic) {
            buffer_add_text(out, " of every minute");
            periodic = true;
        }
    }
    add_hours(out, t, periodic);
    return false;
}

/* "on the 1st and 15th and the last day of the month" */
static void add_days_by_number(struct buffer *out, const struct cron *c)
{
    struct values days = values_of(c->days), nearest = values_of(c->nearest);
    const char *joint = "on ";

    if (days.count) {
        buffer_add_text(out, joint);
        if (!add_progression(out, &days, "day", "the ", add_ordinal)) {
            buffer_add_text(out, "the ");
            add_list(out, &days, add_ordinal, "and");
        }
        joint = " and ";
    }
    for (unsigned n = 0; n < 32; n++) {
        if (!(c->from_last >> n & 1)) continue;
        buffer_add_text(out, joint);
        if (n == 0) buffer_add_text(out, "the last day");
        else if (n == 1) buffer_add_text(out, "the day before the last");
        else buffer_printf(out, "the day %u days before the last", n);
        joint = " and ";
    }
    if (nearest.count) {
        buffer_printf(out, "%sthe weekday (Monday to Friday) nearest to the ", joint);
        add_ordinal(out, nearest.v[0]);
    }
    if (c->last_nearest) buffer_printf(out, "%sthe last weekday (Monday to Friday)", joint);
    buffer_add_text(out, " of the month");
}

/* "Monday to Friday", "Tuesday and the last Friday of the month" */
static void add_weekdays(struct buffer *out, const struct cron *c, const char *and)
{
    struct values weekdays = weekdays_of(c->weekdays), marked;
    unsigned items = weekdays.count, total = items;

    add_list(out, &weekdays, add_weekday, and);
    for (unsigned n = 1; n < countof(c->nth); n++)
        total += (unsigned)__builtin_popcount(c->nth[n]);
    total += (unsigned)__builtin_popcount(c->last_weekdays);
    for (unsigned n = 1; n <= countof(c->nth); n++) { /* behind the 5th comes the last */
        bool last = n == countof(c->nth);

        marked = weekdays_of(last ? c->last_weekdays : c->nth[n]);
        for (unsigned i = 0; i < marked.count; i++, items++) {
            add_joint(out, items, items + 1 == total, and);
            buffer_add_text(out, "the ");
            if (last) buffer_add_text(out, "last");
            else add_ordinal(out, n);
            buffer_printf(out, " %s", weekday_names[marked.v[i]]);
        }
    }
    if (total > weekdays.count) buffer_add_text(out, " of the month");
}

static void add_days(struct buffer *out, const struct cron *c, bool say_every_day)
{
    bool all_numbers = (c->days >> 1) == UINT32_MAX >> 1, all_weekdays = c->weekdays == 0x7f;
    bool by_number = !c->days_any && !all_numbers;
    bool by_weekday = !c->weekdays_any && !all_weekdays;

    if (!c->days_any && !c->weekdays_any && !c->both && (all_numbers || all_weekdays))
        by_number = by_weekday = false; /* OR with all is all */
    if (!by_number && !by_weekday && say_every_day) buffer_add_text(out, " every day");
    if (by_number) {
        buffer_add_char(out, ' ');
        add_days_by_number(out, c);
    }
    if (!by_weekday) return;
    if (!by_number) buffer_add_text(out, " on ");
    else buffer_add_text(out, c->both ? ", if that is " : " and also on ");
    add_weekdays(out, c, by_number && c->both ? "or" : "and");
}

static void add_months_and_years(struct buffer *out, const struct cron *c)
{
    struct values months = values_of(c->months), years = years_of(c);

    if (months.count < 12) {
        buffer_add_text(out, ", in ");
        add_list(out, &months, add_month, "and");
    }
    if (years.count <= CRON_YEAR_MAX - CRON_YEAR_MIN) {
        buffer_add_text(out, ", in ");
        if (!add_progression(out, &years, "year", "", add_number))
            add_list(out, &years, add_number, "and");
    }
}

static void explain_fields(const struct cron *c, struct buffer *out)
{
    struct day_times t = {values_of(c->hours), values_of(c->minutes), values_of(c->seconds)};
    struct civil before_all = {CRON_YEAR_MIN - 1, 12, 31, 23, 59, 59}, found;

    add_days(out, c, add_time_of_day(out, &t));
    add_months_and_years(out, c);
    if (!cron_next(c, before_all, &found)) buffer_add_text(out, ": never, there is no such day");
}

/* "every hour", "every 1 minute and 30 seconds" */
static void explain_every(uint64_t every_ms, struct buffer *out)
{
    static const struct unit {
        const char *name;
        uint64_t ms;
    } units[] = {{"day", 86400000}, {"hour", 3600000}, {"minute", 60000}, {"second", 1000},
                 {"millisecond", 1}};
    unsigned nth = 0;

    buffer_add_text(out, "every ");
    for (size_t i = 0; i < countof(units); i++) {
        uint64_t count = every_ms / units[i].ms;

        every_ms %= units[i].ms;
        if (!count) continue;
        add_joint(out, nth, every_ms == 0, "and");
        if (count > 1 || nth || every_ms) buffer_printf(out, "%" PRIu64 " ", count);
        buffer_printf(out, "%s%s", units[i].name, count > 1 ? "s" : "");
        nth++;
    }
}

void cron_explain(const struct cron *c, struct buffer *out)
{
    switch (c->kind) {
    case CRON_FIELDS: explain_fields(c, out); break;
    case CRON_EVERY: explain_every(c->every_ms, out); break;
    case CRON_REBOOT: buffer_add_text(out, "once, when a server starts"); break;
    }
}
