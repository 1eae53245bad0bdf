/* queue/audit.h — does everything in Redis agree with everything else? And can it be mended?
 *
 *     keys ──► suspects ──check──► findings ──repair──► again, until nothing was mended
 *     each queue, part by part ──► suspects ...
 *
 * Each step is a script that looks at a bounded number of entries, so others are not held up. What
 * a step names may have moved meanwhile: every suspect is looked at again, at one moment, before it
 * counts. Blocks while the door does; one thread at a time.
 */
#ifndef PINION_QUEUE_AUDIT_H
#define PINION_QUEUE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/damage.h"
#include "queue/key.h"
#include "queue/request.h"

#define AUDIT_STEP_MAX     1024   /* entries of one step; fewer while steps take long */
#define AUDIT_FINDINGS_MAX 10000  /* more are counted, and not kept */
#define AUDIT_PASSES_MAX   5      /* one repair may show what another hid */

struct redisReply;

/* How to ask Redis. Embed it. */
struct audit_door {
    /* On success *ret_reply is the audit's. May send the request again: nothing here minds. */
    enum pinion_err (*ask)(struct audit_door *, struct request *, struct redisReply **ret_reply,
                           struct error *why);
};

enum finding_end { FINDING_FOUND, FINDING_MENDED, FINDING_LEFT };

struct finding {
    const struct damage *damage;
    enum finding_end     end;
    char  queue[QUEUE_NAME_MAX + 1]; /* "": beside the queues */
    char *subject;
    char *did; /* what a repair did, or why it did not; NULL: nobody asked for one */
};

struct audit_set {
    char  queue[QUEUE_NAME_MAX + 1];
    char *name;
};

struct audit {
    struct audit_door *door;       /* from here the caller's; borrowed */
    const char        *name_space;
    bool               repair;

    struct finding    *findings;   /* from here read-only */
    size_t             count, cap;
    uint64_t           left, mended; /* also those that were not kept */
    uint64_t           looked;     /* entries of lanes, records and the like; of all passes */
    bool               moved;      /* packs did meanwhile: their counts were not compared */
    char             (*queues)[QUEUE_NAME_MAX + 1]; /* in no order */
    size_t             queues_count;

    struct audit_set  *sets;       /* private: to be looked at with their queues */
    size_t             sets_count;
};

/* All queues that Redis has, or only those (count 0: all). Once for an audit. On failure what was
 * found until then stays to be read. */
enum pinion_err audit_run(struct audit *, const struct span only[], size_t count,
                          struct error *why) must_use;
void            audit_deinit(struct audit *);

#endif
