/* tests/sim/watch.h — the promises about time, checked after every event.
 *
 * Whoever serves, and could start a job that is ready, starts it within a heartbeat; what is due is
 * ready, and a lease that lapsed is reaped, within one. While nothing goes wrong a heartbeat is not
 * waited for: when nothing is on its way any more, nobody is left idle beside work.
 */
#ifndef PINION_TESTS_SIM_WATCH_H
#define PINION_TESTS_SIM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* undisturbed: nothing goes wrong in this run. */
void watch_begin(bool undisturbed);
void watch_forget(unsigned node); /* another one has taken its place */
void watch_stepped(void);         /* the clock of Redis was set */
uint64_t watch_stepped_us(void);  /* when it was last; 0: never */
void watch_check(void);

/* Lets the world run, and watches. */
void watch_run_until(uint64_t us);
void watch_run_for(uint64_t us);
void watch_run_until_quiet(void); /* until nothing is on its way */

#endif
