/* tests/unit/zone_checks.h — zones from made-up files, and what must hold at their changes. */
#ifndef PINION_TESTS_UNIT_ZONE_CHECKS_H
#define PINION_TESTS_UNIT_ZONE_CHECKS_H

#include <stdint.h>
#include "scheduler/zone.h"
#include "tests/support/tzif.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

int64_t when(int year, unsigned month, unsigned day, unsigned hour, unsigned minute);

/* The test fails if it is refused. The caller frees the zone. */
struct zone *zone_of_bytes(const void *data, size_t len);
struct zone *zone_of(const struct tzif *);
struct zone *zone_with_footer(const char *footer);
struct zone *load_zone(const char *name);

void assert_offset(const struct zone *, int64_t utc, int32_t offset, const char *abbreviation);
void assert_once(const struct zone *, int64_t local, int64_t utc);
/* The clocks move from `before` to `after` at `at`; looks at both edges of the gap or overlap. */
void assert_change(const struct zone *, int64_t at, int32_t before, int32_t after);

#endif
