/* scheduler/zone.h — time zones, read from the system's TZif files. Pure but for zone_load.
 *
 * Versions 1 to 4 (RFC 8536), with the rule of the footer for times beyond the table, up to the
 * year 9999. Explicit about gaps and overlaps: nothing is guessed. Files are not trusted: every
 * count is bounded. Files that count leap seconds are refused.
 */
#ifndef PINION_SCHEDULER_ZONE_H
#define PINION_SCHEDULER_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

#define ZONE_NAME_MAX   64
#define ZONE_BYTES_MAX  (256 * 1024) /* of a file */
#define ZONE_NEVER      INT64_MAX

struct zone;

/* "Europe/Berlin", "UTC"; "local": what the system is set to (TZ, then /etc/localtime). Files are
 * looked for in TZDIR, else in /usr/share/zoneinfo. PINION_INVALID: no such zone, and which name is
 * nearest to it. Reads a file: not for the loop's hot paths. A zone of "local" is named after what
 * the system is set to, where that has a name. */
enum pinion_err zone_load(const char *name, struct zone **ret_zone, struct error *why) must_use;
/* The bytes of a TZif file. */
enum pinion_err zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone,
                           struct error *why) must_use;
void        zone_free(struct zone *); /* NULL: no-op */
const char *zone_name(const struct zone *);
/* Is the file on disk another one than was read? Then load it anew. Not if it is gone. */
bool        zone_is_stale(const struct zone *);

/* Seconds east of UTC at that instant (seconds since 1970), and its abbreviation (may be NULL). */
int32_t zone_offset(const struct zone *, int64_t utc, const char **ret_abbreviation);

/* What a local time (civil_seconds) means. */
enum zone_local {
    ZONE_ONCE,    /* at first */
    ZONE_GAP,     /* the clocks jump over it; first: the instant of the jump */
    ZONE_OVERLAP, /* it comes twice: first, then second */
};
struct zone_moment {
    enum zone_local kind;
    int64_t first, second;  /* instants; second of an overlap only */
    int32_t before, after;  /* gap, overlap: offsets on both sides of the change */
};
/* A local time beyond 2^60 is answered as 2^60. */
struct zone_moment zone_find(const struct zone *, int64_t local);

/* The first change of the offset after, or the last one at or before that instant; ZONE_NEVER (or
 * -ZONE_NEVER) if there is none. */
int64_t zone_next_change(const struct zone *, int64_t utc);
int64_t zone_previous_change(const struct zone *, int64_t utc);

#endif
