/* tests/support/property.c — splitmix64: one addition and one mix of the bits per number. */
#include "tests/support/property.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define SEED_OF_THE_SUITE 20260718 /* any number */

/* The kernel itself and not base/random.h, which a test may have replaced. */
static uint64_t fresh_seed(void)
{
    uint32_t seed;
    ssize_t got = getrandom(&seed, sizeof(seed), 0);

    assert(got == (ssize_t)sizeof(seed));
    return seed;
}

uint64_t property_seed(const char *env)
{
    const char *given = getenv(env);
    uint64_t seed = given ? strtoull(given, NULL, 0) : SEED_OF_THE_SUITE;

    if (!given && getenv("PINION_FRESH_SEEDS")) seed = fresh_seed();

    fprintf(stderr, "%s=%" PRIu64 "\n", env, seed);
    return seed;
}

uint64_t prng_next(struct prng *p)
{
    uint64_t mixed = p->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* The remainder favours small numbers by less than limit / 2^64: no test can see it. */
uint64_t prng_below(struct prng *p, uint64_t limit)
{
    assert(limit > 0);
    return prng_next(p) % limit;
}

uint64_t prng_magnitude(struct prng *p)
{
    return prng_next(p) >> prng_below(p, 64);
}

void prng_bytes(struct prng *p, void *out, size_t len)
{
    unsigned char *byte = out;

    for (size_t i = 0; i < len; i++) byte[i] = (unsigned char)prng_next(p);
}
