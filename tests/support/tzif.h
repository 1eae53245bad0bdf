/* tests/support/tzif.h — writes TZif files for tests: whole ones, and deliberately odd ones. */
#ifndef PINION_TESTS_SUPPORT_TZIF_H
#define PINION_TESTS_SUPPORT_TZIF_H

#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"

#define TZIF_CHANGES_MAX 16
#define TZIF_TYPES_MAX   8

struct tzif {
    char version; /* '\0' is 1; then there is no footer */
    struct { int64_t at; uint8_t type; } changes[TZIF_CHANGES_MAX];
    size_t changes_count;
    struct { int32_t offset; const char *name; } types[TZIF_TYPES_MAX];
    size_t types_count;
    const char *footer; /* NULL: an empty one */
    uint32_t leaps;     /* so many records of zeros */
    uint32_t flags;     /* so many standard/wall and UT/local flags of zeros */
};

void tzif_write(const struct tzif *, struct buffer *out);

/* One type, no change, and this footer. */
void tzif_write_footer(const char *footer, struct buffer *out);

#endif
