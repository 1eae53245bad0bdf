/* scheduler/civil.h — dates and times of day in the Gregorian calendar, without zones. Pure.
 *
 * Source of the algorithms: Howard Hinnant, chrono-compatible low-level date algorithms.
 */
#ifndef PINION_SCHEDULER_CIVIL_H
#define PINION_SCHEDULER_CIVIL_H

#include <stdint.h>

struct civil {
    int      year;
    unsigned month, day;           /* from 1 */
    unsigned hour, minute, second; /* second: 0 to 59 */
};

/* Seconds from 1970-01-01 00:00:00 to then, as if there were no zones. Valid dates only. */
int64_t      civil_seconds(struct civil);
struct civil civil_of_seconds(int64_t);
unsigned     civil_weekday(int year, unsigned month, unsigned day); /* 0 is Sunday */
unsigned     civil_month_days(int year, unsigned month);            /* 28 to 31 */

#endif
