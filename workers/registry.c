#include "workers/registry.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/key.h"

static bool is_prefix(struct span pattern)
{
    return pattern.len > 0 && pattern.data[pattern.len - 1] == '*';
}

/* Exact kinds, then prefixes from the longest on: the order that the claim script expects. */
static bool tells_more(struct span a, struct span b)
{
    if (is_prefix(a) != is_prefix(b)) return is_prefix(b);
    return is_prefix(a) && a.len > b.len;
}

enum pinion_err registry_add(struct registry *r, struct handler *h, struct error *why)
{
    struct span pattern = span_of(h->pattern);
    size_t at = 0;

    if (!pattern_ok(pattern))
        return error_set(why, PINION_INVALID,
                         "handler '%.60s': expected a kind, or a prefix that ends in .* :* or /*",
                         h->pattern ? h->pattern : "");
    if (r->count == HANDLERS_MAX)
        return error_set(why, PINION_INVALID, "more than %d handlers", HANDLERS_MAX);
    for (size_t i = 0; i < r->count; i++)
        if (span_is(pattern, r->handlers[i]->pattern))
            return error_set(why, PINION_CONFLICT, "kind '%s' has a handler already", h->pattern);
    while (at < r->count && !tells_more(pattern, span_of(r->handlers[at]->pattern))) at++;
    memmove(&r->handlers[at + 1], &r->handlers[at], (r->count - at) * sizeof r->handlers[0]);
    r->handlers[at] = h;
    r->count++;
    return PINION_OK;
}

static bool matches(struct span pattern, struct span kind)
{
    if (!is_prefix(pattern)) return span_equal(pattern, kind);
    return kind.len >= pattern.len - 1 && memcmp(kind.data, pattern.data, pattern.len - 1) == 0;
}

struct handler *registry_find(const struct registry *r, struct span kind)
{
    for (size_t i = 0; i < r->count; i++)
        if (matches(span_of(r->handlers[i]->pattern), kind)) return r->handlers[i];
    return NULL;
}

void handler_name(struct handler *h, const char *backoff, const char *on_dead)
{
    h->backoff = backoff ? xstrdup(backoff) : NULL;
    h->on_dead = on_dead ? xstrdup(on_dead) : NULL;
}

void handler_free(struct handler *h)
{
    if (h->after) h->after->before = h->before;
    if (h->before) h->before->after = h->after;
    if (h->runner->free) h->runner->free(h);
    free(h->backoff);
    free(h->on_dead);
    free(h);
}

void registry_deinit(struct registry *r)
{
    for (size_t i = 0; i < r->count; i++) handler_free(r->handlers[i]);
    r->count = 0;
}

void handler_limit(struct handler *h, unsigned most)
{
    if (!h->asked) h->asked = h->concurrency ? h->concurrency : UINT_MAX;
    h->concurrency = h->asked < most ? h->asked : most;
}

/* ---- those that go --------------------------------------------------------------------------- */

void handler_hold(struct handler *h)
{
    h->holders++;
}

void handler_drop(struct handler *h)
{
    if (!h) return;
    assert(h->holders > 0);
    if (--h->holders == 0 && h->retired) handler_free(h);
}

static bool has(const struct registry *r, const struct handler *h)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->handlers[i] == h) return true;
    return false;
}

static struct handler *successor(const struct registry *r, const struct handler *h)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->handlers[i]->pattern, h->pattern) == 0) return r->handlers[i];
    return NULL;
}

void registry_swap(struct registry *r, struct registry *next)
{
    struct registry old = *r;

    *r = *next;
    next->count = 0;
    for (size_t i = 0; i < old.count; i++) {
        struct handler *h = old.handlers[i], *after;
        if (has(r, h)) continue;
        h->retired = true;
        handler_hold(h);
        if ((after = successor(r, h))) {
            after->before = h;
            h->after = after;
        }
        handler_drop(h);
    }
}

unsigned handler_free_slots(const struct handler *h)
{
    unsigned taken = 0, concurrency = h->concurrency;

    if (h->capped && h->cap < concurrency) concurrency = h->cap;
    for (; h; h = h->before) taken += h->running + h->offered + h->stuck;
    return taken < concurrency ? concurrency - taken : 0;
}

unsigned handler_offered(const struct handler *h)
{
    unsigned offered = 0;

    for (; h; h = h->before) offered += h->offered;
    return offered;
}
