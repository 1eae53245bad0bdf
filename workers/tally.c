/* Rows stand in the order of arrival; an open-addressed table of their numbers finds them. It is at
 * most half full, so a search is short and always ends. */
#include "workers/tally.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

#define OTHERS_MAX 64 /* queues of one server */
#define ROWS       (TALLY_ROWS_MAX + OTHERS_MAX)
#define SLOTS      1024
_Static_assert(SLOTS >= 2 * ROWS && (SLOTS & (SLOTS - 1)) == 0, "at most half full");

const char *const tally_ends[TALLY_ENDS] = {"done", "retry", "dead", "cancelled", "released"};

struct tally {
    struct tally_row rows[ROWS];
    size_t count;
    uint16_t slots[SLOTS]; /* row + 1; 0: empty */
};

struct tally *tally_new(void)
{
    return xcalloc(1, sizeof(struct tally));
}

void tally_free(struct tally *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->count; i++) {
        free(t->rows[i].queue);
        free(t->rows[i].kind);
    }
    free(t);
}

/* FNV-1a */
static uint32_t hash_more(uint32_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)data[i]) * 16777619u;
    return hash;
}

/* Its slot, or the empty one where it belongs. */
static uint16_t *find(struct tally *t, const char *queue, struct span kind)
{
    uint32_t at = hash_more(hash_more(2166136261u, queue, strlen(queue) + 1), kind.data, kind.len);

    for (;; at++) {
        uint16_t *slot = &t->slots[at & (SLOTS - 1)];
        const struct tally_row *row = &t->rows[*slot ? *slot - 1 : 0];
        if (!*slot || (span_is(kind, row->kind) && strcmp(row->queue, queue) == 0)) return slot;
    }
}

struct tally_row *tally_at(struct tally *t, const char *queue, struct span kind)
{
    uint16_t *slot = find(t, queue, kind);

    if (!*slot && t->count >= TALLY_ROWS_MAX) {
        kind = span_of(TALLY_OTHER);
        slot = find(t, queue, kind);
    }
    if (!*slot) {
        if (t->count == ROWS) return NULL;
        t->rows[t->count].queue = xstrdup(queue);
        t->rows[t->count].kind = xmemdup(kind.data, kind.len);
        *slot = (uint16_t)++t->count;
    }
    return &t->rows[*slot - 1];
}

void tally_add(struct tally *t, const char *queue, struct span kind, enum tally_end end)
{
    struct tally_row *row = tally_at(t, queue, kind);

    if (row) row->count[end]++;
}

size_t tally_count(const struct tally *t)
{
    return t->count;
}

const struct tally_row *tally_row(const struct tally *t, size_t i)
{
    return &t->rows[i];
}
