/* tests/flow/timers_world.h — timers in virtual time: a ticker turned by hand, and both clocks. */
#ifndef PINION_TESTS_FLOW_TIMERS_WORLD_H
#define PINION_TESTS_FLOW_TIMERS_WORLD_H

#include <stdint.h>
#include "control/timers.h"

#define START_MONO_MS UINT64_C(5000)
#define START_WALL_MS INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

extern uint64_t mono_us; /* what base/clock.h shows; 0: real time */
extern int64_t wall_ahead_us;
extern struct ticker *ticker;
extern struct timers *timers;

int virtual_start(void **state);
int virtual_end(void **state); /* checks that nothing is left on the ticker */

void step_ms(int64_t ms);   /* the wall clock */
void pass_ms(uint64_t ms);  /* as the loop would: sleeps until the next alarm */
void stall_ms(uint64_t ms); /* all is late, by so much */

/* What a callback remembers, and does. */
struct probe {
    unsigned calls;
    int64_t wall_ms;  /* of the last call */
    uint64_t mono_ms; /* of the last call, when it began */
    uint64_t missed, missed_in_all, takes_us;
    struct pinion_timer **cancels; /* NULL: none */
    struct pinion_timer *timer;
};

void note(struct pinion_timer *, void *probe);

#endif
