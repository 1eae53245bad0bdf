/* tests/support/property.h — seeded randomness for tests that check a property on many inputs.
 *
 *     struct prng prng = {property_seed("PINION_TEXT_SEED")};
 *
 * The same seed gives the same inputs on every machine. Not for anything that must be secret.
 */
#ifndef PINION_TESTS_SUPPORT_PROPERTY_H
#define PINION_TESTS_SUPPORT_PROPERTY_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state; /* any value is a good seed */
};

/* The seed in the environment variable `env`; else always the same one, so that what passed once
 * passes again, or with PINION_FRESH_SEEDS in the environment a new one, to search. Prints it in
 * the form in which it can be given back: a failing test shows its output. */
uint64_t property_seed(const char *env);

uint64_t prng_next(struct prng *);
uint64_t prng_below(struct prng *, uint64_t limit);      /* 0 .. limit - 1; limit > 0 */
uint64_t prng_magnitude(struct prng *);                  /* small and large numbers equally often */
void     prng_bytes(struct prng *, void *out, size_t len);

#endif
