/* workers/strays.h — what programs leave behind in sessions of their own, found and killed.
 *
 * A daemon leaves its session, its group, and by the death of its parent its ancestors, too. So the
 * process makes itself the one to whom orphans fall (a subreaper): whatever our programs have left
 * becomes a child of ours, which no number or name could tell as well. A look at our children
 * follows each end of a program, LOOK_MS later; one that names a job of ours in its environment,
 * and the job does not run any more, is killed; and whoever has ended is reaped. While there is one
 * without any environment, another look follows, each after twice the time.
 *
 * That concerns all children of the process, so only a process that is ours may do it: `pinion
 * serve`, not a program that embeds the service. Children of others in it (of a plugin) are left
 * alone: they name no job. Loop thread only.
 */
#ifndef PINION_WORKERS_STRAYS_H
#define PINION_WORKERS_STRAYS_H

#include <sys/types.h>
#include "base/error.h"

#define STRAYS_LOOK_MS 20

struct process;
struct strays;
struct ticker;

/* PINION_UNAVAILABLE: this kernel does not say whose children are whose. `spared` gives a child
 * that others wait for, 0: none. */
enum pinion_err strays_new(struct ticker *, pid_t (*spared)(void *ctx), void *ctx,
                           struct strays **ret_strays, struct error *why) must_use;
void            strays_free(struct strays *); /* NULL: no-op; orphans fall to init again */

/* process.c tells: it runs, for the job `tag` (NULL: for none; borrowed until it has ended). */
void strays_began(struct strays *, struct process *, const char *tag);
void strays_ended(struct strays *, struct process *);
/* Somebody else has killed some of them: they are to be reaped. */
void strays_look(struct strays *);

#endif
