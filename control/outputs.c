#include "control/outputs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/key.h"
#include "queue/link.h"

struct outputs {
    struct link *link;
    const char *name_space;
    struct list waits;
    size_t count;
};

struct outputs *outputs_new(struct link *link, const char *name_space)
{
    struct outputs *o = xcalloc(1, sizeof *o);

    o->link = link;
    o->name_space = name_space;
    list_init(&o->waits);
    return o;
}

void outputs_free(struct outputs *o)
{
    assert(!o || !o->count);
    free(o);
}

static bool is_followed(const struct outputs *o, const char *channel)
{
    list_for_each (node, &o->waits)
        if (strcmp(container_of(node, struct output_wait, node)->channel, channel) == 0)
            return true;
    return false;
}

enum pinion_err outputs_wait(struct outputs *o, struct span queue, struct span local,
                             struct output_wait *w)
{
    if (o->count == OUTPUT_WAITS_MAX) return PINION_BUSY;
    w->channel = channel_of_output(o->name_space, queue, local);
    if (!is_followed(o, w->channel)) link_subscribe(o->link, w->channel);
    list_push(&o->waits, &w->node);
    o->count++;
    return PINION_OK;
}

void outputs_leave(struct outputs *o, struct output_wait *w)
{
    if (!w->channel) return;
    list_remove(&w->node);
    o->count--;
    if (!is_followed(o, w->channel)) link_unsubscribe(o->link, w->channel);
    free(w->channel);
    w->channel = NULL;
}

/* Each may leave when it is told. */
void outputs_message(struct outputs *o, struct span channel, struct span text)
{
    if (!o) return;
    list_for_each_safe (node, &o->waits) {
        struct output_wait *w = container_of(node, struct output_wait, node);
        if (span_is(channel, w->channel)) w->told(w, text, false);
    }
}

void outputs_stop(struct outputs *o)
{
    if (!o) return;
    list_for_each_safe (node, &o->waits) {
        struct output_wait *w = container_of(node, struct output_wait, node);
        w->told(w, (struct span){0}, true);
    }
}
