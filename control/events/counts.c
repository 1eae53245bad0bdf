#include "control/events/counts.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

#define ROOM_FIRST 4
#define SLOTS_EACH 2 /* of a place in `items`, at least: so a search is short, and ends */

static uint32_t hash_of(struct span name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Where it is, or would be. */
static uint32_t *slot_of(const struct event_counts *c, struct span queue)
{
    size_t mask = c->slots_count - 1, at = hash_of(queue) & mask;

    while (c->slots[at] && !span_is(queue, c->items[c->slots[at] - 1].queue)) at = (at + 1) & mask;
    return &c->slots[at];
}

static void grow(struct event_counts *c)
{
    c->room = c->room ? 2 * c->room : ROOM_FIRST;
    c->items = xrealloc(c->items, c->room * sizeof *c->items);
    free(c->slots);
    c->slots_count = SLOTS_EACH * c->room; /* a power of two, as the room is */
    c->slots = xcalloc(c->slots_count, sizeof *c->slots);
    for (size_t i = 0; i < c->count; i++)
        *slot_of(c, span_of(c->items[i].queue)) = (uint32_t)(i + 1);
}

struct event_count *event_counts_of(struct event_counts *c, struct span queue, size_t max)
{
    uint32_t *slot;

    /* One queue is mostly told of several times in a row. */
    if (c->last < c->count && span_is(queue, c->items[c->last].queue)) return &c->items[c->last];
    slot = c->count ? slot_of(c, queue) : NULL;
    if (slot && *slot) return &c->items[c->last = *slot - 1];
    if (c->count >= max || queue.len > QUEUE_NAME_MAX) return NULL;
    if (c->count == c->room) grow(c);
    c->last = c->count++;
    c->items[c->last] = (struct event_count){0};
    memcpy(c->items[c->last].queue, queue.data, queue.len);
    *slot_of(c, queue) = (uint32_t)c->count;
    return &c->items[c->last];
}

size_t event_counts_bytes(const struct event_counts *c)
{
    return c->room * sizeof *c->items + c->slots_count * sizeof *c->slots;
}

void event_counts_deinit(struct event_counts *c)
{
    free(c->items);
    free(c->slots);
    *c = (struct event_counts){0};
}
