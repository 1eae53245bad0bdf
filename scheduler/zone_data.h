/* scheduler/zone_data.h — what a zone is made of. Private to the files of the zone.
 *
 *     first ---changes[0]--- ... ---changes[count - 1]--- footer's events ---> for ever
 *
 * The type before the first change is `first`. The footer rules only behind the last change, or
 * everywhere if there is none; before its own first event, the type of that last change goes on.
 */
#ifndef PINION_SCHEDULER_ZONE_DATA_H
#define PINION_SCHEDULER_ZONE_DATA_H

#include <sys/types.h>
#include <time.h>
#include "scheduler/zone.h"
#include "scheduler/zone_footer.h"

#define ZONE_TYPES_MAX 256

struct zone_change {
    int64_t at;   /* UTC; strictly ascending */
    uint8_t type; /* in effect from then on */
};

/* Which file was read, to notice another one. */
struct zone_file {
    char *path; /* owned; NULL: not from a file, never stale */
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified;
};

struct zone {
    char                name[ZONE_NAME_MAX + 1];
    struct zone_file    file;
    size_t              count;
    struct zone_change *changes; /* owned */
    struct zone_type   *types;   /* owned */
    struct zone_type    first;
    struct zone_footer  footer;  /* .changes == false: nothing comes behind the table */
    int32_t             offset_min, offset_max; /* of all types */
};

/* A zone that always follows the footer, and was read from no file. */
struct zone *zone_of_footer(const char *name, const struct zone_footer *) must_use;
/* The name of a zone file that is nearest to what was typed; false: none is near. */
bool zone_nearest_name(const char *folder, const char *typed, char ret_name[ZONE_NAME_MAX + 1]);

#endif
