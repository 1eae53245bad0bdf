/* queue/subscriber.h — the connection for subscriptions: only messages come on it.
 *
 * Lost, it comes back by itself and subscribes again. Loop thread only.
 */
#ifndef PINION_QUEUE_SUBSCRIBER_H
#define PINION_QUEUE_SUBSCRIBER_H

#include "queue/link.h"

struct subscriber;

/* Of `options` (borrowed): url, call_timeout_ms, and on_subscribed, on_unsubscribed, on_message. */
struct subscriber *subscriber_new(struct ev_loop *, const struct link_options *options);
/* Also after the start. Twice: no-op. */
void               subscriber_add(struct subscriber *, const char *channel);
void               subscriber_remove(struct subscriber *, const char *channel); /* none: no-op */
void               subscriber_start(struct subscriber *); /* connects with the first channel */
void               subscriber_renew(struct subscriber *);
void               subscriber_stop(struct subscriber *);  /* nothing is called back from here on */
void               subscriber_free(struct subscriber *);

#endif
