/* control/watchdog.h — a word to the service manager while the loop turns: systemd's WatchdogSec.
 *
 * Said from a timer of the loop, so a loop that is stuck says nothing, and the manager restarts the
 * service. Where the manager does not ask (WATCHDOG_USEC), there is no timer. Loop thread.
 */
#ifndef PINION_CONTROL_WATCHDOG_H
#define PINION_CONTROL_WATCHDOG_H

#include "scheduler/ticker.h"

struct watchdog { /* private */
    struct ticker *ticker;
    struct alarm alarm;
    uint64_t every_ms;
};

void watchdog_start(struct watchdog *, struct ticker *);
void watchdog_stop(struct watchdog *); /* also one that is all zero */

#endif
