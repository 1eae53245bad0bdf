/* control/pulse.h — how long the loop is busy at a stretch: from one wait for events to the next.
 *
 * Whatever is due or has arrived meanwhile waits that long. Two clock readings a turn.
 */
#ifndef PINION_CONTROL_PULSE_H
#define PINION_CONTROL_PULSE_H

#include <ev.h>
#include "base/metrics.h"

struct pulse {
    struct histogram stall_us; /* read-only */
    uint64_t woke_us;          /* private from here on */
    ev_check check;
    ev_prepare prepare;
};

void pulse_start(struct pulse *, struct ev_loop *); /* keeps no loop alive */
void pulse_stop(struct pulse *, struct ev_loop *);

#endif
