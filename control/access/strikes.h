/* control/access/strikes.h — how often each of very many may do what should be rare. Pure.
 *
 * Some at once, then one a second. Of whom it is told it keeps nothing: all share a fixed number of
 * places, so that no flood of addresses costs memory. Two may share a place, and its patience.
 */
#ifndef PINION_CONTROL_ACCESS_STRIKES_H
#define PINION_CONTROL_ACCESS_STRIKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRIKES_AT_ONCE  10
#define STRIKES_EVERY_MS 1000
#define STRIKES_PLACES   1024 /* a power of two */

struct strikes {
    uint64_t seed; /* so that nobody can choose whose place he shares */
    uint64_t debt_until_ms[STRIKES_PLACES];
};

void strikes_init(struct strikes *, uint64_t seed);
/* One more by that peer. false: it is one too many. */
bool strikes_allow(struct strikes *, const void *peer, size_t len, uint64_t now_ms);

#endif
