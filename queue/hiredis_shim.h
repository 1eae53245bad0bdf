/* queue/hiredis_shim.h — hiredis 0.14 and 1.x through one door. Only files of queue/ include it.
 *
 * What we use is spelled alike in both; what differs is here. Neither one's option flags are used
 * (two of them share a value in 1.1.0), and neither one's adapter for libev.
 */
#ifndef PINION_QUEUE_HIREDIS_SHIM_H
#define PINION_QUEUE_HIREDIS_SHIM_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

/* RESP3 is never asked for, but a reader of it can meet its types: a verbatim text is a text. */
#ifdef REDIS_REPLY_VERB
#define HIREDIS_IS_TEXT(type)                                                                      \
    ((type) == REDIS_REPLY_STRING || (type) == REDIS_REPLY_STATUS || (type) == REDIS_REPLY_VERB)
#else
#define HIREDIS_IS_TEXT(type) ((type) == REDIS_REPLY_STRING || (type) == REDIS_REPLY_STATUS)
#endif

#endif
