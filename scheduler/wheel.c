/* A time is eleven base-64 digits, and each digit is a level of 64 slots. A timer sits on the
 * level of the highest digit in which now and due differ, in the slot that due's digit names:
 *
 *      level     2    1    0
 *      now     [ 5 ][12][40]
 *      due     [ 5 ][30][ 7]   ->  level 1, slot 30, which starts at [5][30][0]
 *
 * All digits above agree, so due's digit is the larger one: every occupied slot lies ahead of now,
 * the lowest occupied level holds the earliest timers, and its lowest bit is the first slot. Timers
 * of one due_ms always share a slot, so adding at the end keeps them in order.
 *
 * A slot of level 0 is one millisecond. When now reaches the start of a higher slot, its timers
 * move down (their digit has become equal); so a timer moves at most once per level.
 *
 *      now_ms <= until_ms      between them: due, but not handed out yet
 *      late                    added when due already: due_ms is until_ms for all of them, so the
 *                              next advance moves the whole list into one slot
 */
#include "scheduler/wheel.h"

#include <assert.h>

#define FETCH_LINE  64 /* bytes: of a cache, on the processors that are common */
#define FETCH_BELOW 128
#define FETCH_ABOVE 320

_Static_assert(sizeof(struct timer) <= 40, "a million timers are at most 40 MB");
_Static_assert(WHEEL_BITS * WHEEL_LEVELS >= 64, "the levels cover every time");

static unsigned index_of(const struct wheel *w, uint64_t due_ms)
{
    /* "| 1": a timer due now sits on level 0, and clz of 0 is undefined. */
    unsigned top_bit = 63u - (unsigned)__builtin_clzll((due_ms ^ w->now_ms) | 1);
    unsigned level = top_bit / WHEEL_BITS;

    return level * WHEEL_SLOTS + (unsigned)(due_ms >> (level * WHEEL_BITS)) % WHEEL_SLOTS;
}

/* Only for a slot ahead of now: the digits above are now's, those below are 0. */
static uint64_t start_of(const struct wheel *w, unsigned index)
{
    unsigned shift = index / WHEEL_SLOTS * WHEEL_BITS;
    uint64_t above = w->now_ms >> shift & ~(uint64_t)(WHEEL_SLOTS - 1);

    return (above | index % WHEEL_SLOTS) << shift;
}

static unsigned first_index(const struct wheel *w)
{
    unsigned level = (unsigned)__builtin_ctz(w->levels);

    return level * WHEEL_SLOTS + (unsigned)__builtin_ctzll(w->occupied[level]);
}

static void mark_occupied(struct wheel *w, unsigned index)
{
    w->occupied[index / WHEEL_SLOTS] |= UINT64_C(1) << index % WHEEL_SLOTS;
    w->levels |= 1u << index / WHEEL_SLOTS;
}

static void mark_empty(struct wheel *w, unsigned index)
{
    unsigned level = index / WHEEL_SLOTS;

    w->occupied[level] &= ~(UINT64_C(1) << index % WHEEL_SLOTS);
    if (!w->occupied[level]) w->levels &= ~(1u << level);
}

static void link_timer(struct wheel *w, struct timer *t)
{
    unsigned index = index_of(w, t->due_ms);

    list_push(&w->slots[index], &t->link);
    mark_occupied(w, index);
}

/* now has reached the slot: each of its timers belongs to a lower level. */
static void cascade(struct wheel *w, unsigned index)
{
    struct list *head = &w->slots[index];
    struct list *node = head->next;

    while (node != head) {
        struct list *next = node->next;

        link_timer(w, container_of(node, struct timer, link));
        node = next;
    }
    list_init(head);
    mark_empty(w, index);
}

static void unlink_timer(struct wheel *w, struct timer *t)
{
    struct list *next = t->link.next, *prev = t->link.prev;

    list_remove(&t->link);
    /* One neighbour on both sides is the head of a list that is empty now: its address tells the
     * slot, so that neither due_ms nor the bitmaps are touched by most removals. */
    if (next == prev && next != &w->late) {
        assert(next >= w->slots && next < w->slots + countof(w->slots));
        mark_empty(w, (unsigned)(next - w->slots));
    }
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    *w = (struct wheel){.now_ms = now_ms, .until_ms = now_ms};
    list_init(&w->late);
    for (unsigned i = 0; i < countof(w->slots); i++) list_init(&w->slots[i]);
}

void timer_init(struct timer *t)
{
    list_init(&t->link);
    t->due_ms = 0;
}

bool timer_pending(const struct timer *t)
{
    return !list_empty(&t->link);
}

void wheel_add(struct wheel *w, struct timer *t, uint64_t due_ms)
{
    if (!list_empty(&t->link)) unlink_timer(w, t);
    if (due_ms > w->until_ms) {
        t->due_ms = due_ms;
        link_timer(w, t);
    } else {
        t->due_ms = w->until_ms;
        list_push(&w->late, &t->link);
    }
}

void wheel_remove(struct wheel *w, struct timer *t)
{
    if (!list_empty(&t->link)) unlink_timer(w, t);
}

void wheel_advance(struct wheel *w, uint64_t now_ms)
{
    if (!list_empty(&w->late)) {
        unsigned index = index_of(w, w->until_ms);

        list_take(&w->slots[index], &w->late);
        mark_occupied(w, index);
    }
    if (now_ms > w->until_ms) w->until_ms = now_ms;
}

/* What is due next is on its way from memory while this one is handled: the node, and what lies
 * beside it, which is its owner (when a coroutine waits, all of its stack that is in use). */
static void fetch(const struct list *node)
{
    for (uintptr_t at = (uintptr_t)node - FETCH_BELOW; at < (uintptr_t)node + FETCH_ABOVE;
         at += FETCH_LINE)
        __builtin_prefetch((const void *)at);
}

struct timer *wheel_take_due(struct wheel *w)
{
    while (w->levels) {
        unsigned index = first_index(w);
        uint64_t start_ms = start_of(w, index);

        if (start_ms > w->until_ms) break;
        w->now_ms = start_ms;
        if (index < WHEEL_SLOTS) {
            struct timer *t = container_of(w->slots[index].next, struct timer, link);

            unlink_timer(w, t);
            fetch(w->slots[index].next);
            return t;
        }
        cascade(w, index);
    }
    /* Every occupied slot starts later, so no timer changes its place; new ones sit lower. */
    w->now_ms = w->until_ms;
    return NULL;
}

bool wheel_empty(const struct wheel *w)
{
    return !w->levels && list_empty(&w->late);
}

uint64_t wheel_next_ms(const struct wheel *w)
{
    uint64_t earliest_ms = list_empty(&w->late) ? WHEEL_NEVER : w->until_ms;
    unsigned peeked = 0;

    if (!w->levels) return earliest_ms;

    unsigned index = first_index(w);
    uint64_t start_ms = start_of(w, index);

    if (index < WHEEL_SLOTS) return start_ms < earliest_ms ? start_ms : earliest_ms;
    list_for_each (node, &w->slots[index]) {
        uint64_t due_ms = container_of(node, struct timer, link)->due_ms;

        if (++peeked > WHEEL_PEEK_MAX) return start_ms < earliest_ms ? start_ms : earliest_ms;
        if (due_ms < earliest_ms) earliest_ms = due_ms;
    }
    return earliest_ms;
}

/* ---- the proof: the same facts by plain looping ---------------------------------------------- */

static unsigned digit(uint64_t ms, unsigned level)
{
    for (unsigned i = 0; i < level; i++) ms /= WHEEL_SLOTS;
    return (unsigned)(ms % WHEEL_SLOTS);
}

static void check_timer(const struct wheel *w, const struct timer *t, unsigned level, unsigned slot)
{
    unsigned differs = 0;

    for (unsigned i = 0; i < WHEEL_LEVELS; i++)
        if (digit(w->now_ms, i) != digit(t->due_ms, i)) differs = i;
    assert(t->due_ms >= w->now_ms);
    assert(level == differs);
    assert(slot == digit(t->due_ms, level));
}

static void check_links(const struct list *head)
{
    const struct list *last = head;

    list_for_each (node, head) {
        assert(node->prev == last);
        last = node;
    }
    assert(head->prev == last);
}

void wheel_check(const struct wheel *w)
{
    uint64_t earliest_ms = WHEEL_NEVER;

    assert(w->now_ms <= w->until_ms);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
            const struct list *head = &w->slots[level * WHEEL_SLOTS + slot];

            assert((w->occupied[level] >> slot & 1) == !list_empty(head));
            check_links(head);
            list_for_each (node, head) {
                const struct timer *t = container_of(node, struct timer, link);

                check_timer(w, t, level, slot);
                if (t->due_ms < earliest_ms) earliest_ms = t->due_ms;
            }
        }
        assert((w->levels >> level & 1) == (w->occupied[level] != 0));
    }
    check_links(&w->late);
    list_for_each (node, &w->late) {
        assert(container_of(node, struct timer, link)->due_ms == w->until_ms);
        if (w->until_ms < earliest_ms) earliest_ms = w->until_ms;
    }
    assert(wheel_next_ms(w) <= earliest_ms);
    assert(wheel_next_ms(w) >= w->now_ms);
}
