/* base/time_text.c — RFC 3339, and the shorter forms that people type.
 *
 *      2026-11-23 T 10:00 :30 .250 +01:00       or only   10:00 :30
 *      `--date--'   `---time of day' `zone'
 *
 * Parsers cut what they took off the front of a span; what is left at the end is an error.
 */
#include "base/time_text.h"
#include "base/macros.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_MIN    1970
#define YEAR_MAX    9999
#define TIME_MS_MAX (INT64_C(253402300799) * 1000 + 999) /* the last millisecond of YEAR_MAX */

enum { QUOTED_MAX = 60 }; /* bytes of bad input that an error repeats */

static const struct unit {
    const char *name;
    uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static int shown_len(struct span s)
{
    return (int)(s.len < QUOTED_MAX ? s.len : QUOTED_MAX);
}

static enum pinion_err duration_bad(struct span s, struct error *why)
{
    return error_set(why, PINION_INVALID,
                     "duration \"%.*s\": expected numbers with d, h, m, s or ms, in this order, "
                     "like 1h30m or 250ms",
                     shown_len(s), s.data ? s.data : "");
}

/* What stands at the front and is in a..z or in 0..9 is cut off. */
static struct span cut_range(struct span *rest, char least, char most)
{
    struct span front = {rest->data, 0};

    while (front.len < rest->len && rest->data[front.len] >= least && rest->data[front.len] <= most)
        front.len++;
    if (front.len) *rest = (struct span){rest->data + front.len, rest->len - front.len};
    return front;
}

static size_t unit_of(struct span name)
{
    size_t i = 0;

    while (i < countof(units) && !span_is(name, units[i].name)) i++;
    return i;
}

enum pinion_err duration_parse(struct span s, uint64_t *ret_ms, struct error *why)
{
    struct span rest = s, digits;
    uint64_t total = 0, count, ms;
    size_t unit, unit_min = 0;

    if (span_is(s, "0")) {
        *ret_ms = 0;
        return PINION_OK;
    }
    do {
        digits = cut_range(&rest, '0', '9');
        unit = unit_of(cut_range(&rest, 'a', 'z'));
        if (digits.len == 0 || unit < unit_min || unit == countof(units))
            return duration_bad(s, why);
        unit_min = unit + 1;
        if (text_parse_u64(digits, 0, DURATION_MS_MAX, &count) ||
            __builtin_mul_overflow(count, units[unit].ms, &ms) || ms > DURATION_MS_MAX - total)
            return error_set(why, PINION_INVALID,
                             "duration \"%.*s\": expected at most a hundred years (36500d)",
                             shown_len(s), s.data);
        total += ms;
    } while (rest.len);
    *ret_ms = total;
    return PINION_OK;
}

const char *duration_format(uint64_t ms, char out[DURATION_TEXT_MAX])
{
    size_t len = 0;
    int printed = 0;

    if (ms == 0) return strcpy(out, "0s");
    for (size_t i = 0; i < countof(units) && printed < 2; i++) {
        uint64_t count = ms / units[i].ms;

        ms %= units[i].ms;
        if (count == 0) continue;
        len += (size_t)snprintf(out + len, DURATION_TEXT_MAX - len, "%" PRIu64 "%s", count,
                                units[i].name);
        printed++;
    }
    return out;
}

static bool cut_char(struct span *rest, const char *one_of)
{
    if (rest->len == 0 || rest->data[0] == '\0' || !strchr(one_of, rest->data[0])) return false;
    *rest = (struct span){rest->data + 1, rest->len - 1};
    return true;
}

/* Exactly `width` digits, whose value is in [min, max]. */
static bool cut_number(struct span *rest, size_t width, int min, int max, int *ret_value)
{
    uint64_t value;

    if (rest->len < width) return false;
    if (text_parse_u64((struct span){rest->data, width}, (uint64_t)min, (uint64_t)max, &value))
        return false;
    *rest = (struct span){rest->data + width, rest->len - width};
    *ret_value = (int)value;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool cut_date(struct span *rest, struct tm *date)
{
    int year, month, day;

    if (!cut_number(rest, 4, YEAR_MIN, YEAR_MAX, &year) || !cut_char(rest, "-") ||
        !cut_number(rest, 2, 1, 12, &month) || !cut_char(rest, "-") ||
        !cut_number(rest, 2, 1, days_in_month(year, month), &day))
        return false;
    date->tm_year = year - 1900;
    date->tm_mon = month - 1;
    date->tm_mday = day;
    return true;
}

/* ".25": one to nine digits, of which three count. */
static bool cut_fraction(struct span *rest, int *ret_ms)
{
    struct span digits;
    int ms = 0;

    if (!cut_char(rest, ".")) return true;
    digits = cut_range(rest, '0', '9');
    if (digits.len < 1 || digits.len > 9) return false;
    for (size_t i = 0; i < 3; i++) ms = ms * 10 + (i < digits.len ? digits.data[i] - '0' : 0);
    *ret_ms = ms;
    return true;
}

/* "10:00", "10:00:30", "10:00:30.250" */
static bool cut_time_of_day(struct span *rest, struct tm *at, int *ret_ms)
{
    if (!cut_number(rest, 2, 0, 23, &at->tm_hour) || !cut_char(rest, ":") ||
        !cut_number(rest, 2, 0, 59, &at->tm_min))
        return false;
    if (!cut_char(rest, ":")) return true;
    return cut_number(rest, 2, 0, 59, &at->tm_sec) && cut_fraction(rest, ret_ms);
}

/* "Z", "+02:00", to seconds east of Greenwich. */
static bool cut_zone(struct span *rest, int *ret_seconds)
{
    int hours, minutes, sign = 1;

    *ret_seconds = 0;
    if (cut_char(rest, "Zz")) return true;
    if (cut_char(rest, "-")) sign = -1;
    else if (!cut_char(rest, "+")) return false;
    if (!cut_number(rest, 2, 0, 23, &hours) || !cut_char(rest, ":") ||
        !cut_number(rest, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* False: the clocks jump over this time. mktime would slide it, perhaps to an earlier one. */
static bool local_seconds(struct tm at, time_t *ret_seconds)
{
    struct tm slid = at;

    slid.tm_isdst = -1;
    *ret_seconds = mktime(&slid);
    return slid.tm_hour == at.tm_hour && slid.tm_min == at.tm_min;
}

/* The first day from today on whose clock shows this time later than now. */
static bool next_time_of_day(struct tm at, int ms, int64_t now_ms, int64_t *ret_ms)
{
    enum { DAYS_MAX = 4 }; /* passed today, and more than any zone ever skipped in a row */
    time_t now_seconds = (time_t)(now_ms / 1000), seconds;
    struct tm today;

    if (!localtime_r(&now_seconds, &today)) return false;
    for (int day = 0; day < DAYS_MAX; day++) {
        at.tm_year = today.tm_year;
        at.tm_mon = today.tm_mon;
        at.tm_mday = today.tm_mday + day;
        if (!local_seconds(at, &seconds)) continue;
        *ret_ms = (int64_t)seconds * 1000 + ms;
        if (*ret_ms > now_ms) return true;
    }
    return false;
}

/* False: not a time. */
static bool parse_time(struct span rest, int64_t now_ms, int64_t *ret_ms)
{
    struct span time_only = rest;
    struct tm at = {0};
    int ms = 0, zone;
    time_t seconds;

    if (cut_time_of_day(&time_only, &at, &ms) && time_only.len == 0)
        return next_time_of_day(at, ms, now_ms, ret_ms);

    at = (struct tm){0};
    ms = 0;
    if (!cut_date(&rest, &at) || !cut_char(&rest, "Tt ") || !cut_time_of_day(&rest, &at, &ms))
        return false;
    if (rest.len == 0) {
        if (!local_seconds(at, &seconds)) return false;
    } else {
        if (!cut_zone(&rest, &zone) || rest.len) return false;
        seconds = timegm(&at) - zone;
    }
    *ret_ms = (int64_t)seconds * 1000 + ms;
    return true;
}

enum pinion_err time_parse(struct span s, int64_t now_ms, int64_t *ret_ms, struct error *why)
{
    int64_t ms;

    if (!parse_time(s, now_ms, &ms))
        return error_set(why, PINION_INVALID,
                         "time \"%.*s\": expected a time that exists, like 2026-11-23T10:00:00Z, "
                         "2026-11-23T10:00:00+01:00, or in local time 2026-11-23 10:00 or 10:00",
                         shown_len(s), s.data ? s.data : "");
    if (ms < 0 || ms > TIME_MS_MAX)
        return error_set(why, PINION_INVALID, "time \"%.*s\": expected a year from %d to %d",
                         shown_len(s), s.data, YEAR_MIN, YEAR_MAX);
    *ret_ms = ms;
    return PINION_OK;
}

/* Rounds down, also before 1970. */
static time_t whole_seconds(int64_t ms, int *ret_ms)
{
    int64_t seconds = ms / 1000;

    *ret_ms = (int)(ms % 1000);
    if (*ret_ms < 0) {
        *ret_ms += 1000;
        seconds--;
    }
    return (time_t)seconds;
}

const char *time_format_utc(int64_t ms, char out[TIME_TEXT_MAX])
{
    int fraction;
    time_t seconds = whole_seconds(ms, &fraction);
    struct tm at = {0};
    size_t len;

    gmtime_r(&seconds, &at);
    len = strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &at);
    snprintf(out + len, TIME_TEXT_MAX - len, ".%03dZ", fraction);
    return out;
}

const char *time_format_local(int64_t ms, char out[TIME_TEXT_MAX])
{
    int fraction;
    time_t seconds = whole_seconds(ms, &fraction);
    struct tm at = {0};
    long offset_minutes;
    size_t len;

    localtime_r(&seconds, &at);
    offset_minutes = labs(at.tm_gmtoff) / 60;
    len = strftime(out, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &at);
    snprintf(out + len, TIME_TEXT_MAX - len, ".%03d %c%02ld:%02ld", fraction,
             at.tm_gmtoff < 0 ? '-' : '+', offset_minutes / 60, offset_minutes % 60);
    return out;
}
