/* workers/consumer.h — one queue as this server serves it: claims, attempts, outcomes, upkeep.
 *
 *      DOWN ──link up──► JOIN ──seat──► TAKE_BACK ──► SERVE ──link down──► DOWN
 *                          ▲                           │
 *                          └───subscription was lost───┘
 *
 *      SERVE, hungry ──claim──► answer ──all that was asked for──► hungry
 *         ▲                       └──────less──► Redis holds our name, and wakes us
 *         └── wake-up, pushed job, heartbeat, jobs due, a full handler has a slot again
 *
 * All consumers of a server share its slots, link, ticker and clock (struct workers). Loop thread
 * only.
 */
#ifndef PINION_WORKERS_CONSUMER_H
#define PINION_WORKERS_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/text.h"

struct attempt;
struct consumer;
struct handler;
struct pushed;
struct queue_options;
struct workers;

struct consumer *consumer_new(struct workers *, const struct queue_options *);
void             consumer_free(struct consumer *); /* nothing runs,
                               no call is in flight; NULL: no-op */
struct workers  *consumer_workers(const struct consumer *);

/* The link came up; `restarted`: Redis has been restarted lately, so leases may lapse unheard. */
void consumer_up(struct consumer *, bool restarted);
void consumer_down(struct consumer *);
void consumer_wake(struct consumer *);                         /* something is claimable */
void consumer_told(struct consumer *); /* Redis took us off the idle, and this is its message */
void consumer_pushed(struct consumer *, const struct pushed *); /* a job is leased to us */
void consumer_pass_on(struct consumer *);                      /* but not by us: wake another */
void consumer_hint(struct consumer *, int64_t due_ms);         /* a job is due then */
void consumer_schedules(struct consumer *, int64_t edits);     /* edited so often */
void consumer_relay(struct consumer *);                        /* others are to be told something */
void consumer_cancel(struct consumer *, struct span local_id); /* it was marked */
void consumer_follow(struct consumer *, struct span local_id); /* somebody follows its output */

bool consumer_hungry(const struct consumer *); /* would claim, given slots */
/* Claims for at most that many slots, unless enough claims are on their way. */
void consumer_claim(struct consumer *, unsigned slots);

/* Every running attempt must stop now, and is released. */
void consumer_stop_attempts(struct consumer *);
/* Nothing runs and nothing is unsettled. */
bool consumer_empty(const struct consumer *);
/* Gives back what was pushed to us unheard, and says good-bye to Redis: its last calls. */
void consumer_leave(struct consumer *);

/* For attempts: the work of this one is over. */
void consumer_finished(struct consumer *, struct attempt *);
/* A slot of this handler came free: who found it full asks again. */
void consumer_slot_freed(struct consumer *, const struct handler *);

#endif
