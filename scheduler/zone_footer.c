/* Beyond the table of a zone file, its last line says how the clocks go on:
 *
 *     CET-1CEST,M3.5.0,M10.5.0/3
 *     |  |  |   |      end of daylight time: the last Sunday of October, at 3 in summer time
 *     |  |  |   start: the last Sunday of March, at 2 (when nothing is said) in standard time
 *     |  |  name of daylight time, one hour ahead when nothing is said
 *     |  hours WEST of Greenwich
 *     name of standard time
 *
 * A time of up to a week (/-167 to /167) moves an event into the year before or after, so whoever
 * asks about an instant must look at its neighbour years too.
 */
#include "scheduler/zone_footer.h"

#include <string.h>
#include "scheduler/civil.h"

#define DAY              INT64_C(86400)
#define HOUR             3600
#define OFFSET_HOURS_MAX 24
#define TIME_HOURS_MAX   167 /* a week less an hour */
#define NAME_MIN         3
#define YEARS_ABOUT      2 /* before and after: an event strays by ten days at most */
#define CYCLE_FIRST_YEAR 2000
#define CYCLE_YEARS      400 /* then leap years and weekdays repeat */

/* ---- reading ---- */

static bool take(struct span *rest, char c)
{
    if (!rest->len || rest->data[0] != c) return false;
    rest->data++;
    rest->len--;
    return true;
}

static bool is_digit(struct span rest)
{
    return rest.len && rest.data[0] >= '0' && rest.data[0] <= '9';
}

static bool take_number(struct span *rest, unsigned min, unsigned max, unsigned *ret_value)
{
    unsigned value = 0;

    if (!is_digit(*rest)) return false;
    for (; is_digit(*rest); rest->data++, rest->len--) {
        value = value * 10 + (unsigned)(rest->data[0] - '0');
        if (value > max) return false;
    }
    if (value < min) return false;
    *ret_value = value;
    return true;
}

static bool is_name_char(char c, bool quoted)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
    return quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-');
}

/* CET, or <+03> */
static bool take_name(struct span *rest, char name[ZONE_ABBREVIATION_MAX + 1])
{
    bool quoted = take(rest, '<');
    size_t len = 0;

    while (len < rest->len && is_name_char(rest->data[len], quoted)) len++;
    if (len < NAME_MIN || len > ZONE_ABBREVIATION_MAX) return false;
    memcpy(name, rest->data, len);
    name[len] = '\0';
    rest->data += len;
    rest->len -= len;
    return !quoted || take(rest, '>');
}

/* [+-]h[:mm[:ss]] */
static bool take_time(struct span *rest, unsigned hours_max, int32_t *ret_seconds)
{
    bool minus = take(rest, '-');
    unsigned hours, minutes = 0, seconds = 0;

    if (!minus) take(rest, '+');
    if (!take_number(rest, 0, hours_max, &hours)) return false;
    if (take(rest, ':')) {
        if (!take_number(rest, 0, 59, &minutes)) return false;
        if (take(rest, ':') && !take_number(rest, 0, 59, &seconds)) return false;
    }
    *ret_seconds = (int32_t)(hours * HOUR + minutes * 60 + seconds);
    if (minus) *ret_seconds = -*ret_seconds;
    return true;
}

/* ,M3.5.0/2 or ,J60 or ,59/-1 */
static bool take_date(struct span *rest, struct footer_date *ret_date)
{
    struct footer_date d = {.kind = FOOTER_DAY_OF_YEAR, .time = 2 * HOUR};

    if (!take(rest, ',')) return false;
    if (take(rest, 'J')) {
        d.kind = FOOTER_DAY_WITHOUT_LEAP;
        if (!take_number(rest, 1, 365, &d.day)) return false;
    } else if (take(rest, 'M')) {
        d.kind = FOOTER_WEEKDAY_OF_MONTH;
        if (!take_number(rest, 1, 12, &d.month) || !take(rest, '.')) return false;
        if (!take_number(rest, 1, 5, &d.week) || !take(rest, '.')) return false;
        if (!take_number(rest, 0, 6, &d.day)) return false;
    } else if (!take_number(rest, 0, 365, &d.day)) {
        return false;
    }
    if (take(rest, '/') && !take_time(rest, TIME_HOURS_MAX, &d.time)) return false;
    *ret_date = d;
    return true;
}

static bool take_offset(struct span *rest, int32_t *ret_offset)
{
    int32_t west;

    if (!take_time(rest, OFFSET_HOURS_MAX, &west)) return false;
    *ret_offset = -west;
    return true;
}

static bool take_footer(struct span *rest, struct zone_footer *f)
{
    if (!take_name(rest, f->standard.abbreviation)) return false;
    if (!take_offset(rest, &f->standard.offset)) return false;
    if (!rest->len) return true;

    f->changes = true;
    if (!take_name(rest, f->daylight.abbreviation)) return false;
    f->daylight.offset = f->standard.offset + HOUR;
    if (rest->len && rest->data[0] != ',' && !take_offset(rest, &f->daylight.offset)) return false;
    return take_date(rest, &f->start) && take_date(rest, &f->end) && !rest->len;
}

/* ---- events ---- */

static int64_t day_of(const struct footer_date *d, int year)
{
    int64_t first = civil_seconds((struct civil){.year = year, .month = 1, .day = 1}) / DAY;

    switch (d->kind) {
    case FOOTER_DAY_OF_YEAR: return first + d->day;
    case FOOTER_DAY_WITHOUT_LEAP:
        return first + d->day - 1 + (d->day >= 60 && civil_month_days(year, 2) == 29);
    case FOOTER_WEEKDAY_OF_MONTH: break;
    }
    unsigned length = civil_month_days(year, d->month);
    unsigned day = 1 + (7 + d->day - civil_weekday(year, d->month, 1)) % 7 + (d->week - 1) * 7;
    while (day > length) day -= 7; /* week 5 is the last one */
    return civil_seconds((struct civil){.year = year, .month = d->month, .day = day}) / DAY;
}

static struct footer_event event_of(const struct zone_footer *f, int year, bool daylight)
{
    const struct footer_date *d = daylight ? &f->start : &f->end;
    int32_t before = daylight ? f->standard.offset : f->daylight.offset;

    return (struct footer_event){day_of(d, year) * DAY + d->time - before, daylight};
}

static int year_about(int64_t utc)
{
    static const int64_t seconds_a_year = 31556952; /* the mean one: far years are only bounds */

    if (utc < (FOOTER_YEAR_MIN - 1970 - YEARS_ABOUT) * seconds_a_year)
        return FOOTER_YEAR_MIN - YEARS_ABOUT;
    if (utc > (FOOTER_YEAR_MAX - 1970 + YEARS_ABOUT) * seconds_a_year)
        return FOOTER_YEAR_MAX + YEARS_ABOUT;
    return civil_of_seconds(utc).year;
}

static int year_within(int year)
{
    if (year < FOOTER_YEAR_MIN) return FOOTER_YEAR_MIN;
    return year > FOOTER_YEAR_MAX ? FOOTER_YEAR_MAX : year;
}

/* Of two events at one instant the later one in the rule's order counts: what ends with the old
 * year and begins with the new one never ended. */
bool footer_before(const struct zone_footer *f, int64_t utc, struct footer_event *ret_event)
{
    int year = year_about(utc), last = year_within(year + YEARS_ABOUT);
    bool found = false;

    for (int y = year_within(year - YEARS_ABOUT); y <= last; y++) {
        for (int i = 0; i < 2; i++) {
            struct footer_event e = event_of(f, y, i == 0);
            if (e.at > utc || (found && e.at < ret_event->at)) continue;
            *ret_event = e;
            found = true;
        }
    }
    return found;
}

bool footer_after(const struct zone_footer *f, int64_t utc, struct footer_event *ret_event)
{
    int year = year_about(utc), last = year_within(year + YEARS_ABOUT);
    bool found = false;
    int64_t at = 0;

    for (int y = year_within(year - YEARS_ABOUT); y <= last; y++) {
        for (int i = 0; i < 2; i++) {
            struct footer_event e = event_of(f, y, i == 0);
            if (e.at <= utc || (found && e.at >= at)) continue;
            at = e.at;
            found = true;
        }
    }
    return found && footer_before(f, at, ret_event);
}

/* Are there years in which the clocks move? All later loops to the next change may rely on it. */
static bool moves(const struct zone_footer *f, bool *ret_daylight)
{
    struct footer_event e = {0};
    int64_t at = civil_seconds((struct civil){.year = CYCLE_FIRST_YEAR, .month = 1, .day = 1});
    bool daylight;

    if (!footer_before(f, at, &e)) return false;
    *ret_daylight = daylight = e.daylight;
    if (f->standard.offset == f->daylight.offset) return false;
    for (int i = 0; i < 2 * CYCLE_YEARS; i++) {
        if (!footer_after(f, e.at, &e)) return false;
        if (e.daylight != daylight) return true;
    }
    return false;
}

enum pinion_err footer_parse(struct span text, struct zone_footer *ret_footer, struct error *why)
{
    struct zone_footer f = {0};
    struct span rest = text;
    bool daylight = false;

    if (!take_footer(&rest, &f))
        return error_set(why, PINION_INVALID,
                         "expected a rule such as CET-1CEST,M3.5.0,M10.5.0/3, got '%.*s'",
                         (int)(text.len < 64 ? text.len : 64), text.data ? text.data : "");
    if (f.changes && !moves(&f, &daylight)) {
        f.changes = false;
        if (daylight) f.standard = f.daylight;
    }
    *ret_footer = f;
    return PINION_OK;
}
