/* scheduler/timetable_parts.h — what the parts of the timetable know of each other; nobody else
 * includes it. */
#ifndef PINION_SCHEDULER_TIMETABLE_PARTS_H
#define PINION_SCHEDULER_TIMETABLE_PARTS_H

#include <stdbool.h>
#include "queue/link.h"
#include "queue/redis_clock.h"
#include "queue/schedule.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"
#include "scheduler/timetable.h"

#define TIMETABLE_RETRY_MS 1000 /* after an error of Redis's */

struct entry {
    struct timetable *t;
    struct alarm      alarm;     /* at fire_ms, or on the way there */
    struct list       node;      /* among those that are due; else alone */
    char             *name;
    struct schedule  *schedule;  /* NULL: cannot be read */
    int64_t           revision, watermark_ms;
    int64_t           fire_ms;   /* what the alarm is for; 0: to be healed */
    bool              firing;    /* in a call on its way, which holds it: */
    bool              dropped;   /* it goes with the answer */
    bool              ended;     /* its limit is reached, until it is edited */
    bool              ahead;     /* its watermark was far in the future, and that was logged */
    bool              booted;    /* @reboot: was looked after */
};

struct entries { /* by name */
    struct entry **at;
    size_t         count, room;
};

struct timetable {
    struct timetable_options o;
    struct entries entries;
    int64_t        edits;        /* of the schedules that are here; -1: none were loaded */
    struct list    due;          /* entries to be fired by the next flush */
    struct alarm   more_due;     /* more than one flush should send */
    bool           failing;      /* the last fire did, and that was logged */

    /* One load at a time: what was merged so far, and where in `entries` it goes on. */
    enum { LOAD_IDLE, LOAD_ON, LOAD_ABANDONED } load;
    bool           load_again;
    struct call    list;
    struct entries fresh;
    size_t         old;
    int64_t        fresh_edits;
    char           after[QUEUE_NAME_MAX + 1];
    uint64_t       list_sent_us, loaded_ms;
    struct alarm   load_at;

    uint64_t       began_us;     /* by the monotonic clock */
    unsigned       booting;      /* @reboot: schedules whose calls are on their way */
    bool           boot_failed;  /* one of them was not looked after */
    bool           boot_over;    /* all were: what is new is not for this boot */
};

/* timetable_fire.c */
struct entry *entry_new(struct timetable *, struct span name);
void entry_drop(struct entry *);             /* frees it, now or when its call has ended */
void entry_arm(struct entry *);              /* sets its alarm anew, or none */

/* timetable.c: something is not as it was loaded. */
void timetable_load(struct timetable *);

/* timetable_boot.c: after a load, looks after schedules that are for the boot of the machine. */
void timetable_boot(struct timetable *);

#endif
