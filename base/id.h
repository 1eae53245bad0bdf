/* base/id.h — time-ordered ids (ULID): 10 characters of milliseconds, 16 of randomness.
 *
 * Ids made by one thread within one millisecond increase strictly, so they sort as they were made.
 * Source: github.com/ulid/spec (Crockford base 32, upper case, monotonic variant).
 */
#ifndef PINION_BASE_ID_H
#define PINION_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

#define ID_LEN 26

void id_new(int64_t wall_ms, char out[ID_LEN + 1]);          /* any thread; safe after a fork */

/* ID_BLOCK ids in a row that differ in their last ID_BLOCK_CHARS characters only: the first of
 * them, which ends in zeros. No other call gives one of them. */
#define ID_BLOCK       1024
#define ID_BLOCK_CHARS 2
void id_new_block(int64_t wall_ms, char out[ID_LEN + 1]);
void id_in_block(char id[ID_LEN + 1], unsigned i);           /* changes it to the i-th, from 0 */
unsigned id_place_in_block(struct span id);                  /* of an id of ours; else anything */
bool id_time_ms(struct span id, int64_t *ret_ms);            /* false: not one of these ids */

#endif
