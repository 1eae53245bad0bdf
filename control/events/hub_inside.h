/* control/events/hub_inside.h — what the files of the hub know of each other; nobody else includes
 * it.
 *
 * hub.c hears and looks; hub_group.c sends.
 */
#ifndef PINION_CONTROL_EVENTS_HUB_INSIDE_H
#define PINION_CONTROL_EVENTS_HUB_INSIDE_H

#include <ev.h>
#include "base/time_text.h"
#include "control/events/follow.h"
#include "control/events/hub.h"
#include "control/events/present.h"
#include "control/fleet.h"
#include "scheduler/ticker.h"

/* Listeners with the same filter and pace: what one is sent, all are. */
struct hub_group {
    struct list node, members;
    struct list turn; /* members that are still to be sent `frame` */
    struct hub *hub;
    struct event_filter filter;
    unsigned frames;
    uint64_t period_ms, due_ms; /* due_ms: by clock_mono_ms(), no frame before that */
    uint64_t from, sent;        /* the moments that `frame` tells of: after `from` up to `sent` */
    struct frame *frame;        /* NULL: there was nothing to tell */
    size_t count;
};

/*      IDLE ──listener──► LOOKING ──asked──► LIVE ──nobody for HUB_LINGER_MS──► IDLE
 *                             ▲                │
 *                             └──lost, again───┘ */
enum hub_at { HUB_IDLE, HUB_LOOKING, HUB_LIVE, HUB_STOPPED };

struct hub {
    struct hub_options o;
    enum hub_at at;
    struct list groups;
    struct list fresh; /* listeners to be greeted, or that came while their group was sent, */
    uint64_t greet_ms; /* not before that, by clock_mono_ms() */
    struct frame_maker *own, *shared; /* NULL: no frame is being made for one of `fresh`, a group */
    struct listener *own_of;
    struct hub_group *shared_by;
    size_t listeners;
    struct history *history;
    uint32_t epoch; /* of the history: another one after it was interrupted for nobody */
    struct follow *follow;
    struct present *present;
    struct fleet_ask ask;
    bool looking, lost;
    bool refused; /* a queue could not be asked */
    uint64_t looked_ms;
    struct alarm look, send, linger;
    ev_idle idle;     /* both run while there is something to send: */
    ev_check busy;    /* for a loop that is never idle */
    uint64_t rest_us; /* until then it sends nothing, by clock_mono_us() */
    struct buffer json;       /* of the event that is being made */
    int64_t at_ms;            /* that `at` is the text of */
    char at_text[TIME_TEXT_MAX];
};

/* hub_group.c */
struct hub_group *hub_group_join(struct hub *, struct listener *, struct event_filter *taken,
                                 unsigned frames);
void hub_group_leave(struct listener *);
void hub_send_soon(struct hub *); /* something happened, or somebody is to be greeted */
void hub_send_init(struct hub *);
void hub_send_stop(struct hub *);
/* hub.c: the event that says so; added to `json`. `count` 0: it is not known. */
void hub_missed(struct hub *, struct buffer *json, const char *why, uint64_t count);

#endif
