/* scheduler/cron_field.h — the grammar of one field of a cron expression. Private to cron_parse.c.
 *
 *     field   = [ "+" ] entry { "," entry }                 "+": day-of-week only
 *     entry   = ( "*" | "?" ) [ "/" step ]                  "?": the two fields of days only
 *             | "H" [ "(" value "-" value ")" ] [ "/" step ]
 *             | value [ "-" value [ "/" step ] ]
 *             | "L" [ "-" number ]                          day-of-month
 *             | value "L" | value "#" ( 1 to 5 | "L" )      day-of-week
 *     field   = value "W" | "LW"                            day-of-month, alone
 */
#ifndef PINION_SCHEDULER_CRON_FIELD_H
#define PINION_SCHEDULER_CRON_FIELD_H

#include <stddef.h>
#include "base/error.h"
#include "base/text.h"
#include "scheduler/cron.h"

#define CRON_STEP_MAX 9999

/* Their order in an expression of seven; H hashes the number. */
enum cron_field {
    CRON_SECOND,
    CRON_MINUTE,
    CRON_HOUR,
    CRON_DAY,
    CRON_MONTH,
    CRON_WEEKDAY,
    CRON_YEAR,
    CRON_FIELDS_MAX,
};

/* Adds what `text`, which begins in that column of the expression, means to `cron`. */
enum pinion_err cron_field_parse(enum cron_field, struct span text, size_t column,
                                 const char *name, struct cron *, struct error *why) must_use;

#endif
