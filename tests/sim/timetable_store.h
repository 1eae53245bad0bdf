/* tests/sim/timetable_store.h — what timetable_store.c has beyond store.h. */
#ifndef PINION_TESTS_SIM_TIMETABLE_STORE_H
#define PINION_TESTS_SIM_TIMETABLE_STORE_H

#include <stdint.h>

/* Redis's clock: what it shows, and how much it gains on ours, in microseconds a second. */
void    store_set_clock(int64_t now_us, int64_t drift_ppm);
int64_t store_edits(void); /* as a heartbeat tells */

#endif
