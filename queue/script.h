/* queue/script.h — the transitions: one Lua script each, embedded at build time. */
#ifndef PINION_QUEUE_SCRIPT_H
#define PINION_QUEUE_SCRIPT_H

enum script {
    SCRIPT_ACK,
    SCRIPT_ACK_RICH,
    SCRIPT_AUDIT,
    SCRIPT_AUDIT_CHECK,
    SCRIPT_AUDIT_KEYS,
    SCRIPT_BATCH_CLOSE,
    SCRIPT_BATCH_LIST,
    SCRIPT_BATCH_OPEN,
    SCRIPT_BOUND,
    SCRIPT_BULK,
    SCRIPT_BULK_RETRY,
    SCRIPT_CANCEL,
    SCRIPT_CLAIM,
    SCRIPT_DELETE,
    SCRIPT_EDIT,
    SCRIPT_ENQUEUE,
    SCRIPT_ENQUEUE_ONE,
    SCRIPT_EXPLAIN,
    SCRIPT_FAIL,
    SCRIPT_HEARTBEAT,
    SCRIPT_LEAVE,
    SCRIPT_LIMIT,
    SCRIPT_LIST,
    SCRIPT_ON_DEAD,
    SCRIPT_PAUSE,
    SCRIPT_PROGRESS,
    SCRIPT_PROMOTE,
    SCRIPT_REAP,
    SCRIPT_RELAY,
    SCRIPT_RELEASE,
    SCRIPT_RENEW,
    SCRIPT_REPAIR,
    SCRIPT_REQUEUE,
    SCRIPT_SCHEDULE_CLAIM,
    SCRIPT_SCHEDULE_FIRE,
    SCRIPT_SCHEDULE_LIST,
    SCRIPT_SCHEDULE_REMOVE,
    SCRIPT_SCHEDULE_SET,
    SCRIPT_SCHEDULE_SHOW,
    SCRIPT_SHOW,
    SCRIPT_STATS,
    SCRIPT_SWEEP,
    SCRIPT_TAKE_BACK,
    SCRIPT_TELL,
    SCRIPT_WATCH,
    SCRIPTS
};

struct script_source {
    const char *name;
    const char *sha; /* 40 hex digits, as EVALSHA wants them */
    const char *text;
};

extern const struct script_source script_sources[SCRIPTS];

#endif
