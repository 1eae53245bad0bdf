/* queue/seen.h — have I met this name before? A set of names in a few bytes for each. Pure.
 *
 * It keeps numbers made of the names, so among more names than there are it may take a new one for
 * known once in a lifetime: whoever asks must look again before it believes that.
 */
#ifndef PINION_QUEUE_SEEN_H
#define PINION_QUEUE_SEEN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

struct seen { /* private; zero is empty */
    uint64_t *slots;
    size_t    cap, count;
};

bool seen_add(struct seen *, struct span); /* true: it is new */
bool seen_has(const struct seen *, struct span);
void seen_clear(struct seen *); /* empty, and its memory is free */

#endif
