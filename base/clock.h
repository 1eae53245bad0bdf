/* base/clock.h — the only door to time. A test replaces it at link time.
 *
 * Nothing else in the house calls clock_gettime, time or ev_time. Any thread.
 */
#ifndef PINION_BASE_CLOCK_H
#define PINION_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void); /* never steps; no meaning across a reboot */
int64_t  clock_wall_us(void); /* since 1970; may step */

static inline uint64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

static inline int64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

#endif
