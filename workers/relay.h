/* workers/relay.h — tells other queues what their jobs wait for: the ends of jobs of this one. */
#ifndef PINION_WORKERS_RELAY_H
#define PINION_WORKERS_RELAY_H

#include <stdbool.h>

struct consumer;
struct relay;

struct relay *relay_new(struct consumer *); /* borrowed */
void          relay_free(struct relay *);   /* idle; NULL: no-op */

/* There is something in the outbox of the consumer's queue. What cannot be told now is told when
 * the next heartbeat finds it there. Never reports. */
void          relay_wake(struct relay *);
bool          relay_idle(const struct relay *); /* no call is on its way */

#endif
