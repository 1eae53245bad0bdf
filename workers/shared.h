/* workers/shared.h — what the parts of workers/ know of each other; nobody else includes it. */
#ifndef PINION_WORKERS_SHARED_H
#define PINION_WORKERS_SHARED_H

#include <ev.h>
#include "queue/key.h"
#include "queue/link.h"
#include "queue/upkeep.h"
#include "scheduler/promoter.h"
#include "scheduler/ticker.h"
#include "scheduler/timetable.h"
#include "workers/attempt.h"
#include "workers/pull.h"
#include "workers/recent.h"
#include "workers/relay.h"
#include "workers/workers.h"

#define HEARTBEAT_MS          1000
#define SHORT_LEASE_MS        (6 * HEARTBEAT_MS) /* longer: two renewals fit in, on beats alone */
#define CLAIMS_IN_FLIGHT_MAX  2    /* so that Redis works while we do */

struct workers {
    struct workers_options o;
    struct link           *link;
    struct registry        registry;
    struct redis_clock     clock;
    struct consumer       *consumers[QUEUES_MAX];
    size_t                 consumers_count;
    struct pull           *pull;
    unsigned               running, offered; /* slots in use; slots named in claims on their way */
    bool                   subscribed;
    char                   run_id[48];       /* of the Redis that we talk to; "" before the first */
    char                  *channel;
    enum { WORKERS_SERVE, WORKERS_GRACE, WORKERS_HURRY, WORKERS_LEAVE, WORKERS_STOPPED } at;
    bool                   quiet;            /* told to be: it claims nothing until told again */
    struct alarm           grace;
    ev_prepare             prepare;
    struct workers_totals  totals;
    struct recent         *recent;           /* what they were */
};

/* What waits to be told to Redis, by the script that tells it. */
enum outbox { OUTBOX_ACK, OUTBOX_RICH, OUTBOX_FAIL, OUTBOX_RELEASE, OUTBOXES };

enum consumer_at {
    CONSUMER_DOWN,      /* the link is down */
    CONSUMER_JOIN,      /* the first heartbeat asks for our seat */
    CONSUMER_TAKE_BACK, /* what our former incarnation held becomes ready again */
    CONSUMER_SERVE,
};

struct consumer {
    struct workers  *w;
    char            *queue, *due_channel;
    char            *on_dead;     /* kind of what carries its dead jobs; NULL: as it is */
    const struct limit *limits;   /* to be set, */
    size_t           limits_count;
    const struct bounds *bounds;  /* and these; NULL: as they are; */
    bool             is_limited, is_bounded; /* done, once for each time that they are given */
    unsigned         telling;    /* of this, calls on their way; */
    bool             tell_again; /* something of it has changed since */
    struct queue_key key;
    unsigned         weight;
    int64_t          credit; /* of its turns: see claim_by_weight */
    enum consumer_at at;
    int              seat;
    unsigned         clock_steps; /* of the clock, that we know of */
    bool             taken_back;  /* done once in the life of a server, */
    bool             unheard;     /* and again when a claim's answer or a push may be lost */
    bool             taking_back; /* a call for it is on its way */
    uint64_t         taken_back_us;  /* what was pushed for claims from before is not ours */
    uint64_t         idle_asked_us;  /* of the claim that put us among the idle; 0: we are not */
    uint64_t         beat_idle_us;   /* the same, when the last heartbeat was sent */
    uint64_t         missed_us;      /* since when a message from there is missed; 0: it is not */
    unsigned         missed_beats; /* answered since, without a message */
    unsigned         told;           /* messages from there so far */
    bool             hungry;      /* something may be claimable */
    bool             starved;     /* the last claim named a full handler */
    unsigned         claims;      /* in flight */
    unsigned         woken;       /* wake-ups so far */
    struct promoter *promoter;
    struct relay    *relay;
    struct timetable *timetable; /* NULL: schedules are not served */
    int64_t          schedule_edits; /* as last heard; before it serves, too */

    struct list      running;             /* attempts that work, or are being stopped */
    struct list      held;                /* pushed ones that wait for a claim's answer */
    struct list      progress;            /* what attempts told, to be sent; see progress.c */
    struct list      outbox[OUTBOXES];    /* attempts whose outcome is to be sent */
    unsigned         unsettled;           /* attempts whose outcome is on its way */

    struct alarm     beat, reap_at, renew_at, sweep_at;
    struct call      heartbeat, take_back, reap, sweep, leave;
    struct call      registered, carriers, limiting, bounding; /* see settings.c */
    bool             beating, reaping, sweeping, leaving, left;
    int64_t          swept; /* jobs, since it was last told */
    uint64_t         beat_sent_us, no_reap_until_ms;
    int64_t          reap_expect_ms;
};

/* Slots that no attempt and no claim on its way has. */
static inline unsigned workers_free_slots(const struct workers *w)
{
    unsigned taken = w->running + w->offered;

    return taken < w->o.concurrency ? w->o.concurrency - taken : 0;
}

static inline struct span consumer_key(const struct consumer *c)
{
    return queue_key_span(&c->key);
}

/* It claims, and starts what is pushed to it. */
static inline bool workers_take(const struct workers *w)
{
    return w->at == WORKERS_SERVE && !w->quiet;
}

/* workers.c: queues are served strictly in order, and one before this may still take free slots. */
bool workers_first_others(const struct workers *, const struct consumer *);
/* workers.c: a consumer became empty, or said good-bye. */
void workers_progress(struct workers *);
/* workers.c: a consumer began to serve. */
void workers_serving(struct workers *);

/* consumer.c: an attempt at what was leased to us. NULL: it cannot be one, and Redis was told. */
struct attempt *consumer_take(struct consumer *, const struct claimed *);
/* It starts; it has a slot. */
void consumer_begin(struct consumer *, struct attempt *);

/* pushes.c: those that wait start or are released, unless they must wait on. */
void pushes_settle(struct consumer *);

/* settings.c: what Redis is told of the queue before anything is claimed here. */
void settings_init(struct consumer *, const struct queue_options *);
void settings_deinit(struct consumer *);
void settings_send(struct consumer *); /* on each connection, before all else */
void settings_change(struct consumer *, const struct queue_options *); /* and told at once */

/* keeper.c: the upkeep of one queue. */
void keeper_init(struct consumer *);
void keeper_deinit(struct consumer *);
void keeper_up(struct consumer *, bool restarted); /* the first heartbeat goes out */
void keeper_down(struct consumer *);
/* It has begun: its lease is renewed while it runs. */
void keeper_watch(struct consumer *, const struct attempt *);
/* Renews all attempts, or those that need it. */
void keeper_renew(struct consumer *, bool all);
/* A lease ends there: it is reaped then, if it is soon and nothing moves it on. */
void keeper_lease_ends(struct consumer *, int64_t end_us);
void keeper_beat(struct consumer *); /* a heartbeat, unless one is on its way */

/* unheard.c: goes on from JOIN: serves, or first takes back what is unheard. Too early: no-op. */
void unheard_join(struct consumer *);
/* A push may have been lost: what is unheard is taken back. */
void unheard_lost(struct consumer *);
/* We were taken off the idle, and were not told why. */
void unheard_missed(struct consumer *);
/* A heartbeat was answered: are we among the idle? */
void unheard_look(struct consumer *, bool idle);
/* We leave: takes back what is unheard, then consumer_gone(). */
void unheard_leave(struct consumer *);
/* unheard.c tells consumer.c: the seat is known and the former incarnation's jobs are free. */
void consumer_serve(struct consumer *);
/* unheard.c tells consumer.c: nothing is left to be done but to say good-bye. */
void consumer_gone(struct consumer *);

/* outcomes.c: attempts that are over, told to Redis in batches. */
void outcomes_put(struct consumer *, struct attempt *);
void outcomes_send(struct consumer *);

/* progress.c: what attempts tell of how far they are, at most each PROGRESS_GAP_MS. */
void attempt_progress_put(struct attempt *, unsigned percent, struct span note);
void attempt_progress_end(struct attempt *);  /* its outcome is known, and will be sent */
void attempt_progress_free(struct attempt *); /* nothing more of it is sent */
void consumer_send_progress(struct consumer *);

#endif
