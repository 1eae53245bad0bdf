/* Zones by name. One that was given out is never freed before the cache: schedules borrow it, and
 * those that were parsed before a file changed go on with what was true then. */
#include "scheduler/schedule.h"

#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "base/memory.h"

struct cached {
    struct list node;
    char *name;
    struct zone *zone;
};

struct zone_cache {
    struct list current, replaced;
};

struct zone_cache *zone_cache_new(void)
{
    struct zone_cache *c = xcalloc(1, sizeof *c);

    list_init(&c->current);
    list_init(&c->replaced);
    return c;
}

static void cached_free(struct cached *entry)
{
    zone_free(entry->zone);
    free(entry->name);
    free(entry);
}

void zone_cache_free(struct zone_cache *c)
{
    struct list *node;

    if (!c) return;
    list_take(&c->current, &c->replaced);
    while ((node = list_pop(&c->current))) cached_free(container_of(node, struct cached, node));
    free(c);
}

static struct cached *cached_new(const char *name, struct zone *zone)
{
    struct cached *entry = xcalloc(1, sizeof *entry);

    entry->name = xstrdup(name);
    entry->zone = zone;
    return entry;
}

enum pinion_err zone_cache_get(struct zone_cache *c, const char *name, const struct zone **ret,
                               struct error *why)
{
    struct zone *zone;
    enum pinion_err err;

    list_for_each (node, &c->current) {
        struct cached *entry = container_of(node, struct cached, node);
        if (strcmp(entry->name, name) != 0) continue;
        *ret = entry->zone;
        return PINION_OK;
    }
    if ((err = zone_load(name, &zone, why))) return err;
    list_push(&c->current, &cached_new(name, zone)->node);
    *ret = zone;
    return PINION_OK;
}

/* A file that cannot be read at the moment (an update replaces them one by one) is tried again at
 * the next call. */
bool zone_cache_refresh(struct zone_cache *c)
{
    bool changed = false;

    list_for_each (node, &c->current) {
        struct cached *entry = container_of(node, struct cached, node);
        struct zone *zone;
        if (!zone_is_stale(entry->zone) || zone_load(entry->name, &zone, NULL)) continue;
        list_push(&c->replaced, &cached_new(entry->name, entry->zone)->node);
        entry->zone = zone;
        changed = true;
    }
    return changed;
}
