/* tests/scripts/walk.h — the random walk over the scripts: what its parts share, and its verbs.
 *
 * A verb draws what to do, does it with the scripts, and then with the model, which it asks what
 * must come of it. It fails when the answer is another one. Those that find nothing to do return.
 */
#ifndef PINION_TESTS_SCRIPTS_WALK_H
#define PINION_TESTS_SCRIPTS_WALK_H

#include "tests/scripts/model.h"
#include "tests/scripts/one_rig.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define WALK_SERVERS 2
#define WALK_SPARE   80 /* places that are left free for what scripts make */

extern struct model model;
extern struct prng prng;
extern const char *const walk_servers[WALK_SERVERS];

bool one_in(uint64_t n);
/* Delays count from the end of the millisecond, so that none is cut short. */
int64_t next_ms(void);
struct model_job *any_job(void);
struct model_job *any_active(void); /* one that is active, if chance finds one */
void expect(const struct model_job *, const char *verb, const char *found, const char *wanted);
/* As a person would who tidies up, if fewer places than that are free for made jobs. Gives whether
 * so many are. */
bool make_places(size_t wanted);
/* Of a state that is not W_NONE; or what is left of one that has ended. */
const char *state_or_memory(const struct model_job *);
/* So many such jobs in one call: the word for the first, see enqueue; or "busy", "not_found". */
const char *try_enqueue(const struct pinion_job *, size_t count);

/* walk_jobs.c */
void do_enqueue(void);
void do_enqueue_batch(void);
void do_cancel(void);
void do_delete(void);
void do_requeue(void);
void retry_by_hand(struct model_job *);   /* in the model */
bool lacks_key(const struct model_job *); /* another has what a retry would take again */

/* walk_beside.c */
void do_batch(void);
void do_edit(void);
void do_guard(void);
void do_on_dead(void); /* none are named while few places are free */

/* walk_bulk.c */
void do_bulk(void);

/* walk_attempts.c */
void do_claim(void);
void do_renew(void);
void do_ack(void);
void do_ack_pack(void);
void do_fail(void);
void do_release(void);
void do_reap(void);
void do_take_back(void);

/* A claim has leased it so. The verbs below for those of another file. */
struct model_job *walk_start(const struct lease *, unsigned seat, uint64_t lease_ms);
void walk_find_expired(void); /* jobs that the claim may have found too late */
/* The lease of an attempt, sometimes with a token that is not its own: then false. */
bool walk_pick(struct model_job **ret_job, struct lease *ret_lease);
void walk_fail(struct model_job *, const struct lease *); /* its attempt */

/* walk_pull.c */
void do_pull(void);
void do_extend(void);
void do_progress(void); /* of servers' attempts, too */
void do_ack_pulled(void);
bool walk_is_late(const struct model_job *); /* it had its time, and only waits to be failed */
/* The answer of a reap that left so many. */
void walk_fail_late(const struct redisReply *, size_t count);

/* walk_upkeep.c */
void do_promote(void);
void do_sweep(void);
void do_pause(void);
void do_limit(void);
void do_step(void);

#endif
