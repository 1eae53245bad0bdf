#include "control/access/strikes.h"

#include <string.h>

void strikes_init(struct strikes *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
}

static size_t place_of(const struct strikes *s, const void *peer, size_t len)
{
    const unsigned char *bytes = peer;
    uint64_t hash = s->seed;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (size_t)(hash ^ hash >> 32) & (STRIKES_PLACES - 1);
}

/* Each costs STRIKES_EVERY_MS of a debt that time pays off. */
bool strikes_allow(struct strikes *s, const void *peer, size_t len, uint64_t now_ms)
{
    uint64_t *debt = &s->debt_until_ms[place_of(s, peer, len)];
    uint64_t from = *debt > now_ms ? *debt : now_ms;

    if (from + STRIKES_EVERY_MS > now_ms + (uint64_t)STRIKES_AT_ONCE * STRIKES_EVERY_MS)
        return false;
    *debt = from + STRIKES_EVERY_MS;
    return true;
}
