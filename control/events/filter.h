/* control/events/filter.h — which events somebody wants to hear. Pure.
 *
 * What is not said is no bound. An event that has no queue passes no filter of queues, and one
 * without a kind no filter of kinds; that events were missed is told to everybody.
 */
#ifndef PINION_CONTROL_EVENTS_FILTER_H
#define PINION_CONTROL_EVENTS_FILTER_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

#define EVENT_FILTER_NAMES_MAX 64 /* queues, and kinds, of one filter */

enum event_type {
    EVENT_JOB,
    EVENT_PROGRESS,
    EVENT_QUEUE,
    EVENT_SCHEDULE,
    EVENT_SERVER,
    EVENT_MISSED,
    EVENT_TYPES
};

extern const char *const event_type_names[EVENT_TYPES];

struct event_names {
    char  *text; /* "a,b"; NULL: no bound */
    size_t count;
};

struct event_filter {
    struct event_names queues, kinds; /* kinds may be patterns: "user.*" */
    unsigned types;                   /* a bit each; 0: all */
    bool     with_kind;               /* jobs are wanted with their kind */
    char    *prefix;                  /* of the names of queues that may be seen; NULL: all */
};

#define EVENT_FILTER_INIT ((struct event_filter){0})

/* Each takes a list with commas, and may be called again. PINION_INVALID says what was expected. */
enum pinion_err event_filter_queues(struct event_filter *, struct span, struct error *) must_use;
enum pinion_err event_filter_kinds(struct event_filter *, struct span, struct error *) must_use;
enum pinion_err event_filter_types(struct event_filter *, struct span, struct error *) must_use;
void            event_filter_deinit(struct event_filter *);

/* An absent queue or kind: the event has none. */
bool event_filter_passes(const struct event_filter *, enum event_type, struct span queue,
                         struct span kind);
bool event_filter_sees(const struct event_filter *, struct span queue); /* by name and prefix */
bool event_filter_equal(const struct event_filter *, const struct event_filter *);
bool event_filter_wants_kinds(const struct event_filter *);

#endif
