#include "control/zone_text.h"

#include <stdio.h>
#include <string.h>
#include "scheduler/civil.h"

enum { QUOTED_MAX = 60 };

/* Whole seconds, also before 1970. */
static int64_t seconds_of(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

/* Local mean times have offsets with seconds; RFC 3339 has none, so the minutes count, and the
 * instant is still the same. */
const char *zone_text(const struct zone *zone, int64_t ms, char out[TIME_TEXT_MAX])
{
    int64_t utc = seconds_of(ms);
    int minutes = (int)(zone_offset(zone, utc, NULL) / 60);
    struct civil c = civil_of_seconds(utc + (int64_t)minutes * 60);
    int fraction = (int)(ms - utc * 1000), away = minutes < 0 ? -minutes : minutes;
    int len = snprintf(out, TIME_TEXT_MAX, "%04d-%02u-%02uT%02u:%02u:%02u", c.year % 10000, c.month,
                       c.day, c.hour, c.minute, c.second);

    if (fraction) len += snprintf(out + len, TIME_TEXT_MAX - (size_t)len, ".%03d", fraction);
    snprintf(out + len, TIME_TEXT_MAX - (size_t)len, "%c%02d:%02d", minutes < 0 ? '-' : '+',
             away / 60 % 100, away % 60);
    return out;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A time with a zone of its own ends with Z or +hh:mm, behind a time of day. */
static bool has_zone(struct span s)
{
    char last = s.len ? s.data[s.len - 1] : '\0';

    if (last == 'Z' || last == 'z') return true;
    return s.len > 16 && (s.data[s.len - 6] == '+' || s.data[s.len - 6] == '-');
}

/* `text` as if it were UTC, in seconds: what a clock on the wall shows; the milliseconds apart. */
static bool read_wall(struct span text, const char *before, const char *behind, int64_t *ret_local,
                      int *ret_ms)
{
    char whole[80];
    int64_t ms;
    int len = snprintf(whole, sizeof whole, "%s%.*s%sZ", before, (int)text.len, text.data, behind);

    if (text.len > QUOTED_MAX || len < 0 || (size_t)len >= sizeof whole) return false;
    if (time_parse((struct span){whole, (size_t)len}, 0, &ms, NULL)) return false;
    *ret_local = ms / 1000;
    *ret_ms = (int)(ms % 1000);
    return true;
}

static enum pinion_err refuse(struct span s, struct error *why)
{
    return error_set(why, PINION_INVALID,
                     "time '%.*s': expected one like 2026-11-23T10:00:00Z, "
                     "2026-11-23T10:00:00+01:00, or in the zone 2026-11-23 10:00, 2026-11-23 or "
                     "10:00",
                     (int)(s.len > QUOTED_MAX ? QUOTED_MAX : s.len), s.data ? s.data : "");
}

static enum pinion_err settle(struct span s, const struct zone *zone, int64_t local, int ms,
                              int64_t *ret_ms, struct error *why)
{
    struct zone_moment m = zone_find(zone, local);

    if (m.kind == ZONE_GAP)
        return error_set(why, PINION_INVALID,
                         "time '%.*s': expected one that exists; the clocks of %s jump over it",
                         (int)s.len, s.data, zone_name(zone));
    *ret_ms = m.first * 1000 + ms;
    return PINION_OK;
}

/* "02:30": today, or on one of the days behind it, where it comes after now. */
static bool next_time_of_day(struct span s, const struct zone *zone, int64_t now_ms,
                             int64_t *ret_ms)
{
    int64_t now = seconds_of(now_ms), local;
    char day[16];
    int ms;

    for (int ahead = 0; ahead < 4; ahead++) { /* more than any zone ever skipped in a row */
        struct civil c =
            civil_of_seconds(now + zone_offset(zone, now, NULL) + INT64_C(86400) * ahead);
        snprintf(day, sizeof day, "%04d-%02u-%02uT", c.year % 10000, c.month % 100, c.day % 100);
        if (!read_wall(s, day, "", &local, &ms)) return false;
        if (settle(s, zone, local, ms, ret_ms, NULL) == PINION_OK && *ret_ms > now_ms) return true;
    }
    return false;
}

enum pinion_err zone_time_parse(struct span s, const struct zone *zone, int64_t now_ms,
                                int64_t *ret_ms, struct error *why)
{
    int64_t local, at_ms;
    int ms;

    if (s.len && has_zone(s))
        return time_parse(s, now_ms, ret_ms, NULL) ? refuse(s, why) : PINION_OK;
    if (s.len && read_wall(s, "", "", &local, &ms)) return settle(s, zone, local, ms, ret_ms, why);
    if (s.len && read_wall(s, "", "T00:00", &local, &ms)) {
        *ret_ms = zone_find(zone, local).first * 1000; /* in a gap: where the day begins */
        return PINION_OK;
    }
    if (!s.len || !next_time_of_day(s, zone, now_ms, &at_ms)) return refuse(s, why);
    *ret_ms = at_ms;
    return PINION_OK;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} notes[] = {
    [NOTE_NONE] = {NULL, NULL},
    [NOTE_GAP] = {"gap", "the clocks jump over its time: moved to the end of the gap"},
    [NOTE_OVERLAP_FIRST] = {"overlap_first", "this time comes twice: the first"},
    [NOTE_OVERLAP_SECOND] = {"overlap_second", "this time comes twice: the second"},
};

const char *rule_note_name(enum rule_note note)
{
    return notes[note].name;
}

const char *rule_note_text(enum rule_note note)
{
    return notes[note].text;
}
