/* base/time_text.h — durations and times as people write them. */
#ifndef PINION_BASE_TIME_TEXT_H
#define PINION_BASE_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

#define TIME_TEXT_MAX     40 /* any result of time_format_*, with its NUL */
#define DURATION_TEXT_MAX 32
#define DURATION_MS_MAX   (UINT64_C(36500) * 86400000) /* a hundred years */

/* "250ms", "10s", "5m", "2h", "3d", "1h30m"; a bare "0". At most DURATION_MS_MAX. */
enum pinion_err duration_parse(struct span, uint64_t *ret_ms, struct error *why) must_use;
/* The same spelling, two units at most: "1h30m", "2.5s" is never printed, "2s500ms" is. */
const char *duration_format(uint64_t ms, char out[DURATION_TEXT_MAX]);

/* RFC 3339 with zone ("2026-11-23T10:00:00.250Z", "...+02:00"), or a local time without zone
 * ("2026-11-23 10:00", "2026-11-23T10:00:30", "10:00" = the next 10:00 after now_ms).
 * Milliseconds since 1970. Needs now_ms only for a bare time of day. A local
 * time that the clocks jump over is refused; of one that comes twice, mktime picks one. */
enum pinion_err time_parse(struct span, int64_t now_ms, int64_t *ret_ms, struct error *why)
    must_use;

const char *time_format_utc(int64_t ms, char out[TIME_TEXT_MAX]);   /* 2026-11-23T10:00:00.250Z */
/* 2026-11-23 11:00:00.250 +01:00 */
const char *time_format_local(int64_t ms, char out[TIME_TEXT_MAX]);

#endif
