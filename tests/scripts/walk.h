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

extern struct model model;
extern struct prng prng;
extern const char *const walk_servers[WALK_SERVERS];

bool one_in(uint64_t n);
/* Delays count from the end of the millisecond, so that none is cut short. */
int64_t next_ms(void);
struct model_job *any_job(void);
struct model_job *any_active(void); /* one that is active, if chance finds one */
void expect(const struct model_job *, const char *verb, const char *found, const char *wanted);
/* What tidies up may be called by whoever needs places for new jobs. */
void delete_ended(void);

/* walk_jobs.c */
void do_enqueue(void);
void do_enqueue_batch(void);
void do_cancel(void);
void do_delete(void);
void do_requeue(void);

/* walk_attempts.c */
void do_claim(void);
void do_renew(void);
void do_ack(void);
void do_ack_pack(void);
void do_fail(void);
void do_release(void);
void do_reap(void);
void do_take_back(void);

/* walk_upkeep.c */
void do_promote(void);
void do_sweep(void);
void do_pause(void);
void do_limit(void);
void do_step(void);

#endif
