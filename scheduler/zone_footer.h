/* scheduler/zone_footer.h — the POSIX rule of a zone: when do its clocks change, year after year?
 *
 * "CET-1CEST,M3.5.0,M10.5.0/3", with the extensions of RFC 8536: quoted names, and times of
 * -167 to 167 hours. Pure; for the files of the zone only.
 */
#ifndef PINION_SCHEDULER_ZONE_FOOTER_H
#define PINION_SCHEDULER_ZONE_FOOTER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

#define ZONE_ABBREVIATION_MAX 15
#define ZONE_OFFSET_MAX       (26 * 3600)
#define FOOTER_YEAR_MIN       1 /* outside of these years clocks do not change */
#define FOOTER_YEAR_MAX       9999

struct zone_type {
    int32_t offset; /* seconds east of UTC */
    char    abbreviation[ZONE_ABBREVIATION_MAX + 1];
};

struct footer_date {
    enum { FOOTER_DAY_OF_YEAR, FOOTER_DAY_WITHOUT_LEAP, FOOTER_WEEKDAY_OF_MONTH } kind;
    unsigned day;         /* of the year, from 0; without leap: from 1; of the week, from 0 */
    unsigned month, week; /* week 5: the last such day */
    int32_t  time;        /* local seconds since midnight; may lie days away from it */
};

struct zone_footer {
    bool changes; /* false: always standard */
    struct zone_type   standard, daylight;
    struct footer_date start, end; /* of daylight time */
};

/* From `at` on, the clocks show daylight time, or not. */
struct footer_event {
    int64_t at;
    bool    daylight;
};

/* A rule whose clocks never move in effect (summer time all year) gives changes == false. */
enum pinion_err footer_parse(struct span text, struct zone_footer *ret_footer,
                             struct error *why) must_use;

/* Of a footer that changes: the last event at or before, the first after. False: there is none. */
bool footer_before(const struct zone_footer *, int64_t utc, struct footer_event *ret_event);
bool footer_after(const struct zone_footer *, int64_t utc, struct footer_event *ret_event);

#endif
