/* seen.c — an open table of 64-bit hashes, at most half full; 0 is a free slot. */
#include "queue/seen.h"

#include <stdlib.h>
#include "base/memory.h"

#define SEEN_CAP_MIN 1024

/* FNV-1a, stirred so that its low bits may be used. */
static uint64_t hash_of(struct span name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.data[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return h ? h : 1;
}

/* Its slot, or the free one where it belongs. */
static size_t slot_of(const struct seen *s, uint64_t hash)
{
    size_t i = hash & (s->cap - 1);

    while (s->slots[i] && s->slots[i] != hash) i = (i + 1) & (s->cap - 1);
    return i;
}

static void grow(struct seen *s)
{
    struct seen larger = {.cap = s->cap ? 2 * s->cap : SEEN_CAP_MIN, .count = s->count};

    larger.slots = xcalloc(larger.cap, sizeof *larger.slots);
    for (size_t i = 0; i < s->cap; i++)
        if (s->slots[i]) larger.slots[slot_of(&larger, s->slots[i])] = s->slots[i];
    free(s->slots);
    *s = larger;
}

bool seen_add(struct seen *s, struct span name)
{
    uint64_t hash = hash_of(name);

    if (2 * (s->count + 1) > s->cap) grow(s);
    size_t i = slot_of(s, hash);
    if (s->slots[i]) return false;
    s->slots[i] = hash;
    s->count++;
    return true;
}

bool seen_has(const struct seen *s, struct span name)
{
    return s->cap && s->slots[slot_of(s, hash_of(name))];
}

void seen_clear(struct seen *s)
{
    free(s->slots);
    *s = (struct seen){0};
}
