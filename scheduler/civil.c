/* scheduler/civil.c — days are counted in eras of 400 years that begin on the 1st of March, so that
 * the leap day is the last day of a year and months need no table. */
#include "scheduler/civil.h"

#include <assert.h>
#include <stdbool.h>

#define DAY_SECONDS   86400
#define ERA_DAYS      146097 /* 400 years */
#define EPOCH_ERA_DAY 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

unsigned civil_month_days(int year, unsigned month)
{
    assert(month >= 1 && month <= 12);
    if (month == 2) return is_leap(year) ? 29 : 28;
    return 30 + ((month + (month >> 3)) & 1);
}

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - EPOCH_ERA_DAY;
}

int64_t civil_seconds(struct civil c)
{
    return days_of(c.year, c.month, c.day) * DAY_SECONDS +
           (int64_t)(c.hour * 3600 + c.minute * 60 + c.second);
}

struct civil civil_of_seconds(int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_SECONDS);
    unsigned of_day = (unsigned)(seconds - days * DAY_SECONDS);
    int64_t era_days = days + EPOCH_ERA_DAY;
    int64_t era = floor_div(era_days, ERA_DAYS);
    unsigned day_of_era = (unsigned)(era_days - era * ERA_DAYS);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153; /* 0: March */
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;

    return (struct civil){
        .year = (int)(era * 400 + year_of_era + (month <= 2)),
        .month = month,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
    };
}

unsigned civil_weekday(int year, unsigned month, unsigned day)
{
    int64_t days = days_of(year, month, day) + 4; /* 1970-01-01 was a Thursday */

    return (unsigned)(days - floor_div(days, 7) * 7);
}
