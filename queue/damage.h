/* queue/damage.h — what can be wrong with the keys in Redis: one table of all kinds. Pure.
 *
 * queue/scripts/shared/damage.lua looks for each, by the same name, and shared/mend.lua mends it.
 */
#ifndef PINION_QUEUE_DAMAGE_H
#define PINION_QUEUE_DAMAGE_H

#include <stddef.h>
#include "base/text.h"

#define DAMAGES 73

struct damage {
    const char *name;
    const char *words; /* what it means */
    const char *mend;  /* what a repair does; NULL: a person must decide */
};

extern const struct damage damages[DAMAGES];

const struct damage *damage_find(struct span name); /* NULL: no such kind */

#endif
