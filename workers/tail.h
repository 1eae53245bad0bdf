/* workers/tail.h — the last output of a program, for who follows it while it runs.
 *
 *      output -> ring -- while somebody follows --> messages, one each TAIL_GAP_MS
 *
 * A message is "ATTEMPT OFFSET BASE64", on the channel of the job: the bytes of that attempt from
 * OFFSET on. Who begins to follow is sent the whole ring, so others hear some of it twice; what
 * came faster than messages may go is left out, and the offsets tell. Nobody follows: a copy into
 * the ring is all it costs. Loop thread only.
 */
#ifndef PINION_WORKERS_TAIL_H
#define PINION_WORKERS_TAIL_H

#include <stddef.h>

#define TAIL_BYTES     4096
#define TAIL_GAP_MS    200
#define TAIL_FOLLOW_MS 15000 /* so long one word of a follower counts */

struct attempt;
struct tail;

/* *tail NULL: makes it. */
void tail_add(struct tail **tail, struct attempt *, const char *data, size_t len);
void tail_follow(struct tail **tail, struct attempt *); /* somebody follows, from now on */
void tail_free(struct tail *); /* tells the rest; NULL: no-op */

#endif
