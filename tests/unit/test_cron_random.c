/* Random expressions against a fool who turns over the calendar day by day, hour by hour.
 *
 * An expression is made as a model first; its text is what the parser gets, the model is what the
 * fool asks, value by value. The two share no code but struct civil. PINION_CRON_EXPRESSIONS says
 * how many expressions are tried.
 */
#include "scheduler/cron.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXPRESSIONS = 3000, ENTRIES_MAX = 3, STEPS = 3 };
enum { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, FIELDS };

static const unsigned least[FIELDS] = {0, 0, 0, 1, 1, 0, CRON_YEAR_MIN};
static const unsigned most[FIELDS] = {59, 59, 23, 31, 12, 7, CRON_YEAR_MAX};
static const char *const names[FIELDS] = {
    [MONTH] = "janfebmaraprmayjunjulaugsepoctnovdec", [WEEKDAY] = "sunmontuewedthufrisatsun"};

struct entry {
    enum { STAR, QUESTION, VALUE, RANGE, LAST_DAY, NEAREST, LAST_NEAREST, NTH, LAST_OF } kind;
    unsigned a, b, step; /* step 0: none is written */
};

struct model {
    struct entry entries[FIELDS][ENTRIES_MAX];
    unsigned counts[FIELDS];
    unsigned first_field, end_field;
    bool both;
};

struct day {
    int year;
    unsigned month, day, weekday;
};

static struct prng prng;

static unsigned below(unsigned n)
{
    return (unsigned)prng_below(&prng, n);
}

static unsigned between(unsigned low, unsigned high)
{
    return low + below(high - low + 1);
}

/* --- the model, made and written --- */

static struct entry some_entry(unsigned field, bool alone)
{
    struct entry e = {VALUE, between(least[field], most[field]), 0, 0};
    unsigned dice = below(10);

    if (field == YEAR && below(2)) e.a = between(2020, 2040);
    if (dice < 2) {
        e.kind = dice && (field == DAY || field == WEEKDAY) ? QUESTION : STAR;
        if (below(2)) e.step = 1 + below(below(4) ? 12 : 70);
    } else if (dice < 5) {
        e.kind = RANGE;
        e.b = between(e.a, most[field]);
        if (below(2)) e.step = 1 + below(below(4) ? 7 : 70);
    } else if (field == DAY && dice < 8) {
        e.kind = below(2) || !alone ? LAST_DAY : below(3) ? NEAREST : LAST_NEAREST;
        if (e.kind == LAST_DAY) e.a = below(2) ? below(5) : below(31);
        if (e.kind == NEAREST && below(2)) e.a = below(2) ? 1 : between(28, 31);
    } else if (field == WEEKDAY && dice < 9) {
        e.kind = below(3) ? NTH : LAST_OF;
        e.b = 1 + below(5);
    }
    return e;
}

static struct model some_model(void)
{
    struct model m = {.first_field = below(2) ? MINUTE : SECOND, .end_field = YEAR};

    if (m.first_field == SECOND && below(2)) m.end_field = FIELDS;
    m.both = below(5) == 0;
    for (unsigned f = m.first_field; f < m.end_field; f++) {
        m.counts[f] = below(3) ? 1 : between(1, ENTRIES_MAX);
        for (unsigned i = 0; i < m.counts[f]; i++)
            m.entries[f][i] = some_entry(f, m.counts[f] == 1);
        if (f >= DAY && below(3) == 0) {
            m.counts[f] = 1;
            m.entries[f][0] = (struct entry){.kind = STAR};
        }
    }
    return m;
}

static void write_value(struct buffer *out, unsigned field, unsigned value)
{
    if (!names[field] || below(2)) {
        buffer_printf(out, below(8) ? "%u" : "%02u", value);
        return;
    }
    const char *name = names[field] + (value - least[field]) * 3;
    for (int i = 0; i < 3; i++)
        buffer_add_char(out, (char)(below(2) ? name[i] - 'a' + 'A' : name[i]));
}

static void write_entry(struct buffer *out, unsigned field, struct entry e)
{
    switch (e.kind) {
    case STAR: buffer_add_char(out, '*'); break;
    case QUESTION: buffer_add_char(out, '?'); break;
    case LAST_NEAREST: buffer_add_text(out, "LW"); break;
    case LAST_DAY:
        buffer_add_char(out, 'L');
        if (e.a) buffer_printf(out, "-%u", e.a);
        break;
    case NEAREST: buffer_printf(out, "%uW", e.a); break;
    case VALUE: write_value(out, field, e.a); break;
    case RANGE:
        /* SUN begins a range as 0 and ends one as 7, but for SUN-SUN. */
        if (field == WEEKDAY && (e.a == 7 || (e.a == 0 && (e.b == 0 || e.b == 7))))
            buffer_printf(out, "%u-%u", e.a, e.b);
        else {
            write_value(out, field, e.a);
            buffer_add_char(out, '-');
            write_value(out, field, e.b);
        }
        break;
    case NTH:
        write_value(out, field, e.a);
        buffer_printf(out, "#%u", e.b);
        break;
    case LAST_OF:
        write_value(out, field, e.a);
        buffer_add_text(out, below(2) ? "L" : "#L");
        break;
    }
    if (e.step) buffer_printf(out, "/%u", e.step);
}

static void write_blanks(struct buffer *out, unsigned least_count)
{
    for (unsigned n = least_count + (below(6) ? 0 : below(3)); n > 0; n--)
        buffer_add_char(out, below(4) ? ' ' : '\t');
}

static void write_model(struct buffer *out, const struct model *m)
{
    buffer_clear(out);
    write_blanks(out, 0);
    for (unsigned f = m->first_field; f < m->end_field; f++) {
        if (f > m->first_field) write_blanks(out, 1);
        if (f == WEEKDAY && m->both) buffer_add_char(out, '+');
        for (unsigned i = 0; i < m->counts[f]; i++) {
            if (i) buffer_add_char(out, ',');
            write_entry(out, f, m->entries[f][i]);
        }
    }
    write_blanks(out, 0);
}

/* --- the fool --- */

static unsigned month_days(int year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 400 == 0 || (year % 100 != 0 && year % 4 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static struct day day_of(struct civil t)
{
    struct tm tm = {.tm_year = t.year - 1900, .tm_mon = (int)t.month - 1, .tm_mday = (int)t.day};

    timegm(&tm);
    return (struct day){t.year, t.month, t.day, (unsigned)tm.tm_wday};
}

static void turn_over(struct day *d)
{
    d->weekday = d->weekday == 6 ? 0 : d->weekday + 1;
    if (++d->day <= month_days(d->year, d->month)) return;
    d->day = 1;
    if (++d->month <= 12) return;
    d->month = 1;
    d->year++;
}

static void turn_back(struct day *d)
{
    d->weekday = d->weekday == 0 ? 6 : d->weekday - 1;
    if (--d->day > 0) return;
    if (--d->month == 0) {
        d->month = 12;
        d->year--;
    }
    d->day = month_days(d->year, d->month);
}

/* Does the value of a field without marks of days match? */
static bool entry_holds(struct entry e, unsigned field, unsigned value)
{
    unsigned step = e.step ? e.step : 1;

    switch (e.kind) {
    case STAR:
    case QUESTION: return (value - least[field]) % step == 0;
    case VALUE: return value == (field == WEEKDAY ? e.a % 7 : e.a);
    case RANGE:
        for (unsigned v = e.a; v <= e.b; v += step)
            if ((field == WEEKDAY ? v % 7 : v) == value) return true;
        return false;
    default: return false;
    }
}

static bool field_holds(const struct model *m, unsigned field, unsigned value)
{
    if (field < m->first_field) return value == 0;
    if (field >= m->end_field) return true;
    for (unsigned i = 0; i < m->counts[field]; i++)
        if (entry_holds(m->entries[field][i], field, value)) return true;
    return false;
}

static bool is_weekend(struct day d)
{
    return d.weekday == 0 || d.weekday == 6;
}

/* Is `d` what the day `wanted` of its month is moved to? Tries what is nearest first. */
static bool is_nearest(struct day d, unsigned wanted)
{
    static const int tries[] = {0, -1, 1, -2, 2};

    if (is_weekend(d) || wanted > month_days(d.year, d.month)) return false;
    for (size_t i = 0; i < countof(tries); i++) {
        int day = (int)wanted + tries[i];

        if (day < 1 || day > (int)month_days(d.year, d.month)) continue;
        unsigned weekday = (d.weekday + 70 + (unsigned)(day - (int)d.day)) % 7;
        if (weekday != 0 && weekday != 6) return day == (int)d.day;
    }
    return false;
}

static bool day_number_holds(struct entry e, struct day d)
{
    switch (e.kind) {
    case LAST_DAY: return d.day + e.a == month_days(d.year, d.month);
    case NEAREST: return is_nearest(d, e.a);
    case LAST_NEAREST: return is_nearest(d, month_days(d.year, d.month));
    default: return entry_holds(e, DAY, d.day);
    }
}

static bool weekday_holds(struct entry e, struct day d)
{
    unsigned nth = 1;

    if (e.kind != NTH && e.kind != LAST_OF) return entry_holds(e, WEEKDAY, d.weekday);
    if (e.a % 7 != d.weekday) return false;
    if (e.kind == LAST_OF) return d.day + 7 > month_days(d.year, d.month);
    for (unsigned day = d.day; day > 7; day -= 7) nth++;
    return nth == e.b;
}

static bool is_any(const struct model *m, unsigned field)
{
    struct entry e = m->entries[field][0];

    return m->counts[field] == 1 && (e.kind == STAR || e.kind == QUESTION) && !e.step;
}

static bool day_holds(const struct model *m, struct day d)
{
    bool number = false, weekday = false;

    if (!field_holds(m, MONTH, d.month) || !field_holds(m, YEAR, (unsigned)d.year)) return false;
    for (unsigned i = 0; i < m->counts[DAY]; i++)
        number |= day_number_holds(m->entries[DAY][i], d);
    for (unsigned i = 0; i < m->counts[WEEKDAY]; i++)
        weekday |= weekday_holds(m->entries[WEEKDAY][i], d);
    if (is_any(m, DAY) || is_any(m, WEEKDAY) || m->both)
        return number && weekday;
    return number || weekday;
}

static int compare(struct civil a, struct civil b)
{
    const int x[] = {a.year, (int)a.month, (int)a.day, (int)a.hour, (int)a.minute, (int)a.second};
    const int y[] = {b.year, (int)b.month, (int)b.day, (int)b.hour, (int)b.minute, (int)b.second};

    for (size_t i = 0; i < countof(x); i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* The first match of the day that is after `from`, or the last that is before it. */
static bool find_in_day(const struct model *m, struct day d, struct civil from, bool forwards,
                        struct civil *ret_found)
{
    for (unsigned i = 0; i < 24; i++) {
        unsigned hour = forwards ? i : 23 - i;

        if (!field_holds(m, HOUR, hour)) continue;
        for (unsigned k = 0; k < 60; k++) {
            unsigned minute = forwards ? k : 59 - k;

            if (!field_holds(m, MINUTE, minute)) continue;
            for (unsigned n = 0; n < 60; n++) {
                unsigned second = forwards ? n : 59 - n;
                struct civil t = {d.year, d.month, d.day, hour, minute, second};

                if (!field_holds(m, SECOND, second)) continue;
                if (compare(t, from) != (forwards ? 1 : -1)) continue;
                *ret_found = t;
                return true;
            }
        }
    }
    return false;
}

static bool fool_next(const struct model *m, struct civil after, struct civil *ret_next)
{
    struct civil first = {CRON_YEAR_MIN, 1, 1, 0, 0, 0};
    struct day d = day_of(after.year < CRON_YEAR_MIN ? first : after);

    for (; d.year <= CRON_YEAR_MAX; turn_over(&d))
        if (day_holds(m, d) && find_in_day(m, d, after, true, ret_next)) return true;
    return false;
}

static bool fool_previous(const struct model *m, struct civil before, struct civil *ret_previous)
{
    struct civil last = {CRON_YEAR_MAX, 12, 31, 23, 59, 59};
    struct day d = day_of(before.year > CRON_YEAR_MAX ? last : before);

    for (; d.year >= CRON_YEAR_MIN; turn_back(&d))
        if (day_holds(m, d) && find_in_day(m, d, before, false, ret_previous)) return true;
    return false;
}

/* --- the comparison --- */

static struct civil some_time(void)
{
    static const int edges[] = {1969, 1970, 1971, 2099, 2100, 2198, 2199, 2200, 1900, 2400};
    struct civil t = {(int)between(2019, 2041), between(1, 12), 1, below(24), below(60), below(60)};

    if (below(8) == 0) t.year = edges[below(countof(edges))];
    if (below(8) == 0) t.month = below(2) ? 12 : 1;
    t.day = below(6) ? between(1, month_days(t.year, t.month)) : month_days(t.year, t.month);
    if (below(8) == 0) t.hour = t.minute = t.second = 0;
    if (below(8) == 0) t = (struct civil){t.year, t.month, t.day, 23, 59, 59};
    return t;
}

#define SHOW        "%04d-%02u-%02u %02u:%02u:%02u"
#define SHOWN(t)    (t).year, (t).month, (t).day, (t).hour, (t).minute, (t).second

static void check(const char *text, const struct model *m, const struct cron *c, struct civil from,
                  bool forwards)
{
    struct civil found = {0}, expected = {0};

    for (int i = 0; i < STEPS; i++, from = found) {
        bool finds = forwards ? cron_next(c, from, &found) : cron_previous(c, from, &found);
        bool exists = forwards ? fool_next(m, from, &expected) : fool_previous(m, from, &expected);

        if (finds != exists || compare(found, expected) != 0)
            fail_msg("'%s': %s " SHOW ": " SHOW ", expected " SHOW, text,
                     forwards ? "after" : "before", SHOWN(from), SHOWN(found), SHOWN(expected));
        if (!finds) return;
        if (!cron_matches(c, found)) fail_msg("'%s' does not match " SHOW, text, SHOWN(found));
    }
}

static void check_match(const char *text, const struct model *m, const struct cron *c)
{
    struct civil t = some_time();
    bool expected = t.year >= CRON_YEAR_MIN && t.year <= CRON_YEAR_MAX &&
                    day_holds(m, day_of(t)) && field_holds(m, HOUR, t.hour) &&
                    field_holds(m, MINUTE, t.minute) && field_holds(m, SECOND, t.second);

    if (cron_matches(c, t) != expected) fail_msg("'%s': " SHOW, text, SHOWN(t));
}

TEST(next_and_previous_are_those_of_a_fool)
{
    const char *wanted = getenv("PINION_CRON_EXPRESSIONS");
    long count = wanted ? strtol(wanted, NULL, 10) : EXPRESSIONS;
    struct buffer text = BUFFER_INIT;

    prng.state = property_seed("PINION_CRON_SEED");
    for (long i = 0; i < count; i++) {
        struct model m = some_model();
        struct error why = {0};
        struct cron c;

        write_model(&text, &m);
        if (cron_parse((struct span){text.data, text.len}, NULL, &c, &why))
            fail_msg("'%s': %s", text.data, why.text);
        check(text.data, &m, &c, some_time(), true);
        check(text.data, &m, &c, some_time(), false);
        for (int k = 0; k < 20; k++) check_match(text.data, &m, &c);
    }
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(next_and_previous_are_those_of_a_fool)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
