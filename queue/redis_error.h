/* queue/redis_error.h — what an error answer of Redis means for us. Pure. */
#ifndef PINION_QUEUE_REDIS_ERROR_H
#define PINION_QUEUE_REDIS_ERROR_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

/* `text` is the answer without its '-'. PINION_INTERNAL: an answer that we did not expect, so the
 * caller logs it; everything else is weather. */
enum pinion_err redis_error_code(struct span text);
bool            redis_error_is_noscript(struct span text);
/* What people can do about it, for those that Redis words for programs; NULL: its own words do. */
const char     *redis_error_advice(struct span text);

#endif
