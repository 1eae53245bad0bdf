/* scheduler/cron.h — cron expressions: which local times do they mean? Pure; knows no zones.
 *
 * The Open Cron Pattern Specification 1.0 to 1.4, and of our own: `@every DURATION`, `H` and
 * `H(a-b)/n`, `LW` and `L-n` in day-of-month. docs/cron.md is the dialect for people.
 */
#ifndef PINION_SCHEDULER_CRON_H
#define PINION_SCHEDULER_CRON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "scheduler/civil.h"

#define CRON_TEXT_MAX 512  /* bytes of an expression */
#define CRON_YEAR_MIN 1970
#define CRON_YEAR_MAX 2199 /* nothing is found beyond these */
#define CRON_EVERY_MIN_MS 10

enum cron_kind {
    CRON_FIELDS, /* what the functions below are about */
    CRON_EVERY,  /* @every: see every_ms */
    CRON_REBOOT, /* @reboot: no time at all */
};

/* A value; copy it as you like. All but kind and every_ms is private. */
struct cron {
    enum cron_kind kind;
    uint64_t every_ms;
    uint64_t seconds, minutes;
    uint32_t hours, days;   /* bit 1: the 1st */
    uint32_t nearest;       /* bit d: the weekday nearest to d (dW), in the same month */
    uint32_t from_last;     /* bit n: n days before the last of the month (L, L-n) */
    uint16_t months;        /* bit 1: January */
    uint8_t  weekdays;      /* bit 0: Sunday */
    uint8_t  nth[6];        /* nth[n], n from 1: weekdays that count as the n-th of the month */
    uint8_t  last_weekdays; /* 5L, FRI#L */
    bool     last_nearest;  /* LW */
    bool     days_any, weekdays_any; /* a bare * or ?: restricts nothing */
    bool     both;          /* + before the day-of-week: AND */
    bool     follows_clock; /* the minute or hour field begins with a star */
    bool     with_seconds;
    uint64_t years[4];      /* bit 0: CRON_YEAR_MIN */
};

/* `name` is what H hashes, so that a schedule's times are its own and stay (NULL: ""). The error
 * names the field, the column (from 1) and what was expected. */
enum pinion_err cron_parse(struct span text, const char *name, struct cron *ret_cron,
                           struct error *why) must_use;

bool cron_matches(const struct cron *, struct civil);
/* The first match strictly after, or the last strictly before; false: never. In O(fields), not in
 * the distance: an impossible date is known at once. */
bool cron_next(const struct cron *, struct civil after, struct civil *ret_next);
bool cron_previous(const struct cron *, struct civil before, struct civil *ret_previous);

/* In words, for people: "at 02:30 on Monday to Friday, in March". */
void cron_explain(const struct cron *, struct buffer *out);

#endif
