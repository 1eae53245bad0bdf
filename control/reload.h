/* control/reload.h — what of a fresh config only a restart can bring in. */
#ifndef PINION_CONTROL_RELOAD_H
#define PINION_CONTROL_RELOAD_H

#include "base/buffer.h"
#include "control/config.h"

/* `fresh` gets what `running` has in each key that needs a restart; those that differed are named
 * in `out`: "redis, listen". Both are finished. Pure. */
void reload_keep(struct config *fresh, const struct config *running, struct buffer *out);

#endif
