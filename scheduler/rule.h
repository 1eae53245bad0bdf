/* scheduler/rule.h — when does a schedule fire? A cron expression in a zone, an interval, or once.
 *
 * Pure. Times are milliseconds since 1970 UTC. docs/schedules.md has the table of what each policy
 * does on the nights on which clocks change.
 */
#ifndef PINION_SCHEDULER_RULE_H
#define PINION_SCHEDULER_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "scheduler/cron.h"
#include "scheduler/zone.h"

#define RULE_NEVER        INT64_MAX
#define RULE_EVERY_MIN_MS 10

/* On a night on which clocks change. Under all but skip, an expression that begins its minute or
 * hour with a star follows the clock; skip makes no difference between expressions. */
enum rule_dst {
    DST_VIXIE,     /* a fixed time: once, at the end of a gap of up to three hours, or first in an
                    * overlap */
    DST_SKIP,      /* nothing in a gap; the first in an overlap */
    DST_ONCE_LATE, /* as vixie, but the second in an overlap */
    DST_BOTH,      /* as vixie, but both in an overlap */
};
extern const char *const rule_dst_names[]; /* "vixie" "skip" "once-late" "both" */
enum pinion_err rule_dst_parse(struct span, enum rule_dst *ret, struct error *why) must_use;

struct rule {
    enum { RULE_CRON, RULE_EVERY, RULE_AT } kind;
    struct cron        cron; /* RULE_CRON; @every becomes RULE_EVERY */
    const struct zone *zone; /* borrowed */
    enum rule_dst      dst;
    int64_t            every_ms, phase_ms; /* RULE_EVERY: at multiples of every_ms, plus phase_ms */
    int64_t            at_ms;
};

/* Strictly after, and strictly before; RULE_NEVER if there is none. */
int64_t rule_next(const struct rule *, int64_t after_ms);
int64_t rule_previous(const struct rule *, int64_t before_ms);

/* What is special about a time that rule_next gave, for people. */
enum rule_note {
    NOTE_NONE,
    NOTE_GAP,            /* moved to the end of a gap */
    NOTE_OVERLAP_FIRST,  /* the first of two such local times */
    NOTE_OVERLAP_SECOND,
};
enum rule_note rule_note(const struct rule *, int64_t at_ms);

#endif
