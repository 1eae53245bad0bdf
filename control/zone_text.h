/* control/zone_text.h — times of a zone, as people and programs write and read them. Pure. */
#ifndef PINION_CONTROL_ZONE_TEXT_H
#define PINION_CONTROL_ZONE_TEXT_H

#include "base/error.h"
#include "base/time_text.h"
#include "scheduler/rule.h"
#include "scheduler/zone.h"

/* 2026-03-29T03:00:00+02:00; with milliseconds where there are any. */
const char *zone_text(const struct zone *, int64_t ms, char out[TIME_TEXT_MAX]);

/* RFC 3339 with its zone; or without one, in this zone: 2026-03-29T02:30:00, 2026-03-29 02:30,
 * 2026-03-29 (its first moment), 02:30 (the next one after now_ms). One that the clocks jump over
 * is refused; of one that comes twice it is the first. */
enum pinion_err zone_time_parse(struct span, const struct zone *, int64_t now_ms, int64_t *ret_ms,
                                struct error *why) must_use;

/* What is special about it: "gap", "overlap_first", "overlap_second"; NULL: nothing. */
const char *rule_note_name(enum rule_note);
const char *rule_note_text(enum rule_note); /* the same, for people */

#endif
