/* control/events/follow.h — the queues that are followed: subscribed to, and asked to tell.
 *
 * Redis stops telling by itself FOLLOW_S after it was asked last. Loop thread only.
 */
#ifndef PINION_CONTROL_EVENTS_FOLLOW_H
#define PINION_CONTROL_EVENTS_FOLLOW_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

#define FOLLOW_S        15
#define FOLLOW_AGAIN_MS 5000

struct follow;
struct link;
struct ticker;

/* All borrowed. `asked`: every queue has answered that it tells; or one has not, and why. */
struct follow *follow_new(struct link *, struct ticker *, const char *name_space,
                          void (*asked)(void *ctx, enum pinion_err), void *ctx);
void           follow_free(struct follow *); /* stopped, and no call is left; NULL: no-op */

/* Bounded by who makes queues. Followed already: no-op. */
void follow_add(struct follow *, struct span queue);
void follow_kinds(struct follow *, bool wanted); /* of jobs; asks again if that is new */
void follow_again(struct follow *);              /* asks all of them now */
bool follow_is_asking(const struct follow *);
void follow_stop(struct follow *); /* none is followed any more; new ones may be added */

#endif
