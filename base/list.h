/* base/list.h — intrusive doubly linked list; the owner embeds a `struct list` as its node.
 *
 * A node that is on no list points to itself, so removing it again is a no-op.
 */
#ifndef PINION_BASE_LIST_H
#define PINION_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include "base/macros.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Adds at the end. The node must be on no list. */
static inline void list_push(struct list *l, struct list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

static inline void list_push_front(struct list *l, struct list *node)
{
    list_push(l->next, node);
}

/* The first node, removed; NULL when empty. */
static inline struct list *list_pop(struct list *l)
{
    struct list *node = l->next;

    if (node == l) return NULL;
    list_remove(node);
    return node;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_take(struct list *to, struct list *from)
{
    if (list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_for_each(node, l) for (struct list *node = (l)->next; node != (l); node = node->next)

/* The body may remove `node` from the list, and nothing else. */
#define list_for_each_safe(node, l)                                                                \
    for (struct list *node = (l)->next, *node##_next = node->next; node != (l);                    \
         node = node##_next, node##_next = node->next)

#endif
