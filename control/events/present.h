/* control/events/present.h — queues and servers as they are now; tells what changed since the last
 * look. Loop thread only.
 */
#ifndef PINION_CONTROL_EVENTS_PRESENT_H
#define PINION_CONTROL_EVENTS_PRESENT_H

#include <stdbool.h>
#include <stdint.h>
#include "control/events/filter.h"

struct fleet_view;
struct present;

/* `json`: a whole event; borrowed. An absent queue: it is of none. */
typedef void present_fn(void *ctx, enum event_type, struct span queue, struct span json);

struct present *present_new(void);
void            present_free(struct present *); /* NULL: no-op */

/* What is new, or other than before, is told. A queue's ages are no change. */
void present_look(struct present *, const struct fleet_view *, int64_t now_ms, present_fn *,
                  void *ctx);
/* The next look tells the queue, also if it is as it was: in between it may have been another,
 * which a client saw by asking. */
void present_touch(struct present *, struct span queue);
/* All of it as it was last seen, from place `*at` (0: the first) on, about so many bytes. false:
 * that was the last part. */
bool present_tell(const struct present *, size_t *at, size_t bytes, present_fn *, void *ctx);
void present_forget(struct present *); /* the next look tells everything */

#endif
