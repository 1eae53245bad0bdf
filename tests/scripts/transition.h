/* tests/scripts/transition.h — one job in one state, and every verb that may meet it there.
 *
 * The one job of the queue has the given id `x`. Its lease is the one it was last claimed with, or
 * a forged one where there was none, so that columns of ended states show what a repeated call
 * gets.
 */
#ifndef PINION_TESTS_SCRIPTS_TRANSITION_H
#define PINION_TESTS_SCRIPTS_TRANSITION_H

#include "include/pinion.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"

enum at { NONE, SCHEDULED, READY, ACTIVE, MARKED, RETRY, DONE, DEAD, CANCELLED, REMEMBERED,
          WAITING, ATS };

extern const char *const at_names[ATS];

/* What a job may ask for besides. */
struct option {
    const char *name;
    struct pinion_job job;  /* only what it asks for */
    bool limited;           /* queue, kind and group let one run at once */
    bool guarded;           /* the queue is bounded, with room for more */
};

extern struct lease held;
extern struct pinion_job job;

/* The queue and its job, in that state. */
void arrange(enum at, const struct option *);

/* Each does it to the job, and gives the answer as a word. Borrowed until the next call. */
typedef const char *verb_fn(void);
verb_fn do_enqueue, do_enqueue_other, do_enqueue_paused, do_enqueue_draining, do_enqueue_rival,
    do_enqueue_replacing, do_promote_early, do_promote, do_claim, do_claim_paused,
    do_claim_resumed, do_claim_draining, do_claim_late, do_renew, do_progress, do_ack, do_ack_rich,
    do_fail, do_fail_last, do_release, do_reap_early, do_reap, do_take_back, do_take_back_unheard,
    do_cancel, do_edit, do_edit_later, do_edit_now, do_delete, do_retry, do_run, do_parent_done,
    do_parent_dead, do_sweep_early, do_sweep;

#endif
