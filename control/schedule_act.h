/* control/schedule_act.h — what people do to one schedule: one way of asking Redis, for the
 * command, for HTTP and for the config file. Pure.
 *
 *      show, next      FIND ─► SHOW
 *      put             CLAIM ─► REGISTER ─► SHOW ─► SET ─► CLAIM again ─► SHOW
 *      pause, resume   FIND ─► SHOW ─► SET ─► SHOW
 *      run, backfill   FIND ─► SHOW ─► FIRE ... FIRE
 *      remove          FIND ─► REMOVE ─► FREE ─► SHOW ─► CLAIM, if somebody made it anew meanwhile
 *
 * Each step is built, sent and read; who sends it, and waits how, is the caller's business. A step
 * may be sent again as it was built. A name is claimed twice, and looked for once more after it was
 * freed, so that a put and a remove at the same time leave no schedule without its name.
 */
#ifndef PINION_CONTROL_SCHEDULE_ACT_H
#define PINION_CONTROL_SCHEDULE_ACT_H

#include "control/new_schedule.h"
#include "queue/key.h"

#define BACKFILL_MAX 1000 /* fires of one backfill */

enum act_verb { ACT_SHOW, ACT_PUT, ACT_PAUSE, ACT_RESUME, ACT_RUN, ACT_BACKFILL, ACT_REMOVE };

/* When may a put go on, or a remove (of that, ALWAYS and IF_REVISION)? */
enum act_if { ACT_ALWAYS, ACT_IF_NEW, ACT_IF_THERE, ACT_IF_REVISION };

struct act_options {
    enum act_verb      verb;
    const char        *name_space;
    struct span        name;       /* a good one */
    struct zone_cache *zones;      /* all is borrowed */
    bool               with_content, with_history; /* in the shape */
    const struct new_schedule *put;
    const char        *scope;      /* how the names of queues begin that it may be of; NULL: any */
    enum act_if        condition;
    int64_t            revision;   /* IF_REVISION; SCHEDULE_NO_REVISION fits none */
    int64_t            from_ms, to_ms; /* of a backfill: from <= time < to */
    bool               dry_run;    /* a backfill ends when its times are known */
    bool               keep_paused; /* a put leaves what is paused so */
};

enum act_result { ACT_UNCHANGED, ACT_MADE, ACT_CHANGED, ACT_REFUSED /* by the condition */ };

struct schedule_act {
    struct act_options o;
    /* What came of it; read-only. */
    enum act_result  result;
    char             queue[QUEUE_NAME_MAX + 1];
    json_t          *shape;    /* as it is now, or was; NULL: it was not seen */
    struct schedule *schedule; /* the same; NULL also where it could not be parsed */
    int64_t          revision;
    int64_t          now_ms;   /* Redis's clock, at the last answer */
    size_t           times_count;
    int64_t         *times_ms; /* of a backfill, or the one of run */
    char           (*jobs)[ID_LEN + 1]; /* of the same, as far as they were made; local ids */
    size_t           made;
    /* private */
    enum act_step {
        STEP_FIND, STEP_CLAIM, STEP_REGISTER, STEP_LOOK, STEP_SET, STEP_KEEP, STEP_FIRE,
        STEP_REMOVE, STEP_FREE, STEP_CHECK, STEP_AGAIN, STEP_LAST,
    } step;
    struct queue_key key;
    bool             there, removed;
    unsigned         tries;
    char            *record;   /* of its jobs, as it was seen */
    size_t           record_len, items_count;
    struct fire_item items[SCHEDULE_FIRES_MAX]; /* of the call under way */
};

void act_init(struct schedule_act *, const struct act_options *); /* must not be moved then */
void act_deinit(struct schedule_act *);

/* The next step. now_ms: Redis's clock. */
void act_build(struct schedule_act *, struct request *, int64_t now_ms);
/* Its answer. true: there is a next step; false: it has ended, and *ret_err says how (`why` in
 * words). PINION_CONFLICT with result ACT_REFUSED: the condition did not hold. PINION_FORBIDDEN: it
 * is of a queue out of the scope, and nothing was done. */
bool act_read(struct schedule_act *, const struct redisReply *, int64_t now_ms,
              enum pinion_err *ret_err, struct error *why) must_use;
bool act_changes(const struct schedule_act *); /* without an answer, what came of it is unknown */

#endif
