/* base/random.h — the only door to randomness. A test replaces it at link time. */
#ifndef PINION_BASE_RANDOM_H
#define PINION_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* From the kernel, buffered per thread; safe after a fork. */
void     random_fill(void *out, size_t bytes);
uint64_t random_u64(void);
double   random_unit(void);                    /* uniform in [0, 1) */

#endif
