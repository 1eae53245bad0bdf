/* tests/sim/scenes.h — short runs with one purpose each; each is played in many ways, and is shown
 * to notice the fault that it is for (test_sim_planted.c).
 */
#ifndef PINION_TESTS_SIM_SCENES_H
#define PINION_TESTS_SIM_SCENES_H

/* Undisturbed: whoever can run a job is woken, without waiting for a heartbeat. */
void scene_first_subscription(void);   /* a job comes while a server connects */
void scene_renewed_subscription(void); /* a job comes while a server subscribes again */
void scene_more_than_slots(void);      /* one wake-up, and more jobs than its server has slots */
void scene_shared_out(void);           /* one wake-up, and work for two servers for long */
void scene_just_full(void);            /* a wake-up for a server whose last slot is being taken */
void scene_just_quiet(void);           /* a job for a server that stops claiming */
void scene_woken_quiet(void);          /* a wake-up for such a one */
void scene_pulled(void);               /* jobs for workers elsewhere, some of whom leave */
void scene_released(void);             /* a server lets go of its work while another becomes idle */
void scene_promoted(void);             /* delayed jobs become due before idle servers */
void scene_resumed(void);              /* a paused queue is resumed */
void scene_one_by_one(void);           /* jobs are pushed while claims are on their way */
void scene_enqueued_paused(void);      /* a job for an idle server, and its queue is paused */
void scene_late_push(void);            /* jobs are pushed while what is unheard is taken back */
void scene_trusting(void);             /* the same, with a server that starts what was taken back */
void scene_never_asks(void);           /* the first one, with a server that does not claim then */

/* Disturbed: heartbeats and leases repair it, in time. */
void scene_lost_message(void);
void scene_killed(void);     /* its jobs run again within a lease and a second */
void scene_comes_back(void); /* at once, when it comes back */
void scene_redis_restarts(void);
void scene_clock_steps(void); /* no lease is lost by it */
void scene_paused(void);      /* for longer than its leases */
void scene_pulled_late(void); /* workers elsewhere say what became of jobs, often too late */
void scene_limited(void);     /* a limit of concurrency, and a server of two is killed */

#endif
