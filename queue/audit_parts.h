/* queue/audit_parts.h — what the files of the audit share: suspects, and what becomes of them.
 * Nobody else includes it. */
#ifndef PINION_QUEUE_AUDIT_PARTS_H
#define PINION_QUEUE_AUDIT_PARTS_H

#include "queue/audit.h"

struct suspect {
    const struct damage *damage;
    char  queue[QUEUE_NAME_MAX + 1]; /* "": beside the queues */
    char *subject;
};

#define SUSPECTS_MAX 100000 /* of one pass; what is left over is found by the next */

struct suspects {
    struct suspect *list;
    size_t count, cap;
};

void suspects_add(struct suspects *, const struct damage *, struct span queue, struct span subject);
void suspects_clear(struct suspects *);

/* Looks at them again, and repairs if that was asked for; what is true becomes a finding. */
enum pinion_err suspects_settle(struct audit *, struct suspects *, struct error *why) must_use;
/* Is there a key of that queue which no script can read? */
bool audit_is_unreadable(const struct audit *, const char *queue);

/* Jobs of one queue that wait for jobs of others. */
struct elsewhere {
    char **subjects; /* CHILD QUEUE:PARENT */
    size_t count, cap;
};

void elsewhere_add(struct elsewhere *, struct span subject);
void elsewhere_clear(struct elsewhere *);
/* Asks those queues; what they do not know becomes a suspect. Leaves it empty. */
enum pinion_err elsewhere_settle(struct audit *, const char *queue, struct elsewhere *,
                                 struct suspects *, struct error *why) must_use;

/* The base that scripts derive keys from: of a queue, or of what stands beside them ("" ). */
struct queue_key audit_base(const struct audit *, const char *queue);
enum pinion_err audit_ask(struct audit *, struct request *, struct redisReply **ret_reply,
                          struct error *why) must_use;

#endif
