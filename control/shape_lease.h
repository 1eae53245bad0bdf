/* control/shape_lease.h — jobs as they are leased: shape_job, with "token" and "lease_until". Pure.
 *
 * As text, for this is a hot path; what shape_job says of a job without options is written by hand.
 */
#ifndef PINION_CONTROL_SHAPE_LEASE_H
#define PINION_CONTROL_SHAPE_LEASE_H

#include <jansson.h>
#include "base/buffer.h"
#include "base/text.h"

struct pulled;

json_t *shape_lease(const struct pulled *, struct span queue); /* the dumb twin */
/* {"items":[...]} and a newline. */
void    leases_add_text(struct buffer *, const struct pulled *, size_t count, struct span queue);

#endif
