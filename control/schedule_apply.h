/* control/schedule_apply.h — the config file's schedules, put into Redis when a service is ready.
 *
 * One after the other. One that is there already with the same content stays as it is, with its
 * revision; one that a person paused stays paused, unless the file says `paused = no`. One that
 * cannot be put (its name belongs to another queue) is logged, and the others go on; without Redis
 * it waits until it is up again. Loop thread only.
 */
#ifndef PINION_CONTROL_SCHEDULE_APPLY_H
#define PINION_CONTROL_SCHEDULE_APPLY_H

struct schedule_apply;
struct service;

struct schedule_apply *schedule_apply_new(struct service *); /* borrowed */
void schedule_apply_free(struct schedule_apply *);           /* no call is in flight; NULL: no-op */
/* Begins, or goes on where it stopped; what is under way or done stays so. */
void schedule_apply_run(struct schedule_apply *);
/* The service has another config: all of it is put anew, after what is under way. */
void schedule_apply_again(struct schedule_apply *);

#endif
