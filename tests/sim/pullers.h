/* tests/sim/pullers.h — workers elsewhere: they wait for jobs at a server, and say at times of
 * their own, through none in particular, what became of them.
 *
 * What they are answered is checked: an outcome counts just while the attempt is theirs.
 */
#ifndef PINION_TESTS_SIM_PULLERS_H
#define PINION_TESTS_SIM_PULLERS_H

#include <stdbool.h>
#include "base/text.h"

struct node;

/* One asks this server for some jobs of `pull` or its like; does nothing if it is refused. */
void pullers_ask(struct node *);
void pullers_leave_one(void);     /* somebody who waits hangs up; nobody waits: no-op */
void pullers_drop(struct node *); /* it is no more: who waits there gets no answer */
/* Does somebody wait for such a job there? */
bool pullers_wait(const struct node *, struct span kind);
/* Somebody was given this attempt, and may still say something of it. */
bool pullers_hold(const char *local_id, const char *token);

#endif
