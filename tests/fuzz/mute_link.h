/* tests/fuzz/mute_link.h — queue/link.h without a Redis: each call ends as it is told, or not until
 * mute_link_flush(). It takes the place of link.c at link time. */
#ifndef PINION_TESTS_FUZZ_MUTE_LINK_H
#define PINION_TESTS_FUZZ_MUTE_LINK_H

#include <stdint.h>

enum mute_answer {
    MUTE_UNAVAILABLE,
    MUTE_NOTHING,
    MUTE_REFUSED,
    MUTE_EMPTY,
    MUTE_MIXED,
    MUTE_ANSWERS
};

/* From now on; `seed` chooses what MUTE_REFUSED and MUTE_MIXED say. */
void mute_link_says(enum mute_answer, uint8_t seed);
void mute_link_flush(void); /* ends all calls, none of them well */

#endif
