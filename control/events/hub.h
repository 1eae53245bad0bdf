/* control/events/hub.h — live events of the whole cluster, for whoever listens here.
 *
 *      first listener ──► look: queues, counts, servers ──► follow each queue ──► live
 *      each second    ──► look: new queues, counts that changed, servers up and down
 *      a change       ──► history ──► one frame for all listeners alike ──► each of them
 *      last one left  ──► HUB_LINGER_MS later nothing is asked of Redis any more
 *
 * Whoever begins to listen is told the present, or goes on where he was, as long as the history
 * reaches back to there. What anybody missed he is told so: because he reads slowly, comes too
 * late, or because Redis was out of reach. Loop thread only.
 */
#ifndef PINION_CONTROL_EVENTS_HUB_H
#define PINION_CONTROL_EVENTS_HUB_H

#include <stdint.h>
#include "control/events/frame.h"

#define HUB_FRAMES_MAX    10    /* a second and listener, and the default */
#define HUB_GATHER_MS     5     /* what happens together travels together */
#define HUB_LOOK_MS       1000
#define HUB_LOOK_SOON_MS  200   /* between two looks, when a queue was paused or resumed */
#define HUB_LINGER_MS     15000 /* for listeners that come back */
#define HUB_GREET_MS      50    /* until the next part of a present that found no room */
#define HUB_SENDS_MAX     12    /* in one turn of the loop: what else it has to do waits for them */
#define HUB_BUSY_SHARE    10    /* a tenth of the loop's time, at most, while it has other work; */
#define HUB_REST_MAX_MS   100   /* it rests no longer: somebody else may have had the processor */
#define HUB_FRAMES_MADE_MAX 32  /* in one turn, each of another filter or pace */
#define HUB_LOOKS_MAX     4096  /* at events in one turn, for those, and for who catches up */

struct ev_loop;
struct fleet;
struct hub;
struct hub_group;
struct link;
struct ticker;

/* Embed it. */
struct listener {
    /* From the loop. false: there is no room now, so the frame is skipped, and counted as missed.
     * Nobody may leave from inside of it. */
    bool (*frame)(struct listener *, struct frame *);
    struct list node; /* private from here on */
    struct hub_group *group;
    uint64_t seen;    /* the moment that it was sent last */
    uint64_t missed;  /* events that it had no room for */
    size_t present;   /* so much of the present it was told */
    bool fresh;       /* not greeted yet */
    bool back;        /* was here before: goes on after `seen` */
    bool late;        /* the same, but the history does not reach back to there */
};

struct hub_options {
    struct ev_loop *loop;
    struct link *link;
    struct ticker *ticker;
    struct fleet *fleet;
    const char *name_space; /* all borrowed */
    int64_t (*now_ms)(void *ctx); /* Redis's clock */
    void *ctx;
};

struct hub *hub_new(const struct hub_options *);
void        hub_stop(struct hub *); /* before the link is; nobody is called any more; NULL: no-op */
bool        hub_stopped(const struct hub *);
void        hub_free(struct hub *); /* after that: no call is left; NULL: no-op */

/* Takes the filter's content. `frames`: a second, 1 to HUB_FRAMES_MAX. `last_id`: of the frame that
 * it was sent last; absent: none. The first frame comes in a later turn of the loop. */
void   hub_listen(struct hub *, struct listener *, struct event_filter *, unsigned frames,
                  struct span last_id);
void   hub_leave(struct hub *, struct listener *); /* twice: no-op */
size_t hub_listeners(const struct hub *);

/* From the link. NULL hub: no-op. */
void hub_message(struct hub *, struct span channel, struct span text);
void hub_lost(struct hub *);  /* the subscriptions, or the connection */
void hub_again(struct hub *); /* the subscriptions were made anew */

#endif
