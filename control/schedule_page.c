#include "control/schedule_page.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

void page_init(struct schedule_page *p, const struct schedule_page_options *o)
{
    *p = (struct schedule_page){.o = *o};
    p->found = json_object();
}

void page_deinit(struct schedule_page *p)
{
    free(p->places);
    free(p->asked);
    json_decref(p->found);
}

/* ---- names ----------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct schedule_place *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool is_behind(struct span name, struct span after)
{
    size_t len = name.len < after.len ? name.len : after.len;
    int order = after.data ? memcmp(name.data, after.data, len) : 1;

    return order > 0 || (order == 0 && name.len > after.len);
}

static void read_names(struct schedule_page *p, const struct redisReply *reply)
{
    size_t all = schedule_names_count(reply);
    struct span name, queue;

    p->places = xcalloc(all + 1, sizeof *p->places);
    for (size_t i = 0; i < all; i++) {
        schedule_names_item(reply, i, &name, &queue);
        if (!schedule_name_ok(name) || !queue_name_ok(queue)) continue; /* none of ours */
        if (p->o.queue.data && !span_equal(queue, p->o.queue)) continue;
        if (p->o.scope && !span_starts(queue, p->o.scope)) continue;
        if (!is_behind(name, p->o.after)) continue;
        memcpy(p->places[p->count].name, name.data, name.len);
        memcpy(p->places[p->count++].queue, queue.data, queue.len);
    }
    qsort(p->places, p->count, sizeof *p->places, by_name);
    p->more = p->count > p->o.limit;
    if (p->more) p->count = p->o.limit;
    p->asked = xcalloc(p->count + 1, sizeof *p->asked);
    p->named = true;
}

/* ---- queues ---------------------------------------------------------------------------------- */

/* To a place whose queue was not asked; false: there is none. */
static bool next_queue(struct schedule_page *p)
{
    while (p->at < p->count && p->asked[p->at]) p->at++;
    if (p->at == p->count) return false;
    p->key = queue_key(p->o.name_space, span_of(p->places[p->at].queue));
    p->go_on[0] = '\0';
    return true;
}

/* Of this queue: how many places behind that name, in the window. */
static size_t places_behind(const struct schedule_page *p, struct span after)
{
    size_t count = 0;

    for (size_t i = p->at; i < p->count; i++)
        count += strcmp(p->places[i].queue, p->places[p->at].queue) == 0 &&
                 is_behind(span_of(p->places[i].name), after);
    return count;
}

static struct span start_of(const struct schedule_page *p)
{
    return p->go_on[0] ? span_of(p->go_on) : p->o.after;
}

/* A queue's schedules may be others than the names say: what is beyond the window is not ours. */
static bool is_in_window(const struct schedule_page *p, struct span name)
{
    return !is_behind(name, span_of(p->places[p->count - 1].name));
}

/* false: all that is wanted of this queue is there. */
static enum pinion_err read_queue(struct schedule_page *p, const struct redisReply *reply,
                                  bool *ret_more)
{
    struct schedule_view view = {0};
    struct span queue = span_of(p->places[p->at].queue);

    *ret_more = schedule_list_more(reply) && schedule_list_count(reply) > 0;
    for (size_t i = 0; i < schedule_list_count(reply); i++) {
        if (schedule_list_item(reply, i, &view)) continue; /* doctor's business */
        if (!schedule_name_ok(view.name)) return PINION_INTERNAL;
        if (!is_in_window(p, view.name)) {
            *ret_more = false;
            break;
        }
        memcpy(p->go_on, view.name.data, view.name.len);
        p->go_on[view.name.len] = '\0';
        json_object_set_new(p->found, p->go_on, shape_schedule(&view, queue, p->o.with_content));
    }
    if (!view.name.data) *ret_more = false; /* no progress */
    if (*ret_more && !places_behind(p, span_of(p->go_on))) *ret_more = false;
    return PINION_OK;
}

static void mark_asked(struct schedule_page *p)
{
    for (size_t i = p->at; i < p->count; i++)
        if (strcmp(p->places[i].queue, p->places[p->at].queue) == 0) p->asked[i] = true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

void page_build(struct schedule_page *p, struct request *r)
{
    size_t limit;

    if (!p->named) {
        schedule_names_build(r, p->o.name_space);
        return;
    }
    limit = places_behind(p, start_of(p));
    schedule_list_build(r, queue_key_span(&p->key), start_of(p),
                        limit < SCHEDULE_PAGE_MAX ? limit : SCHEDULE_PAGE_MAX, true);
}

bool page_read(struct schedule_page *p, const struct redisReply *reply, enum pinion_err *ret_err)
{
    bool more;

    *ret_err = PINION_OK;
    if (!p->named) {
        read_names(p, reply);
        return next_queue(p);
    }
    *ret_err = read_queue(p, reply, &more);
    if (*ret_err) return false;
    if (more) return true;
    mark_asked(p);
    return next_queue(p);
}

json_t *page_items(const struct schedule_page *p)
{
    json_t *items = json_array();

    for (size_t i = 0; i < p->count; i++) {
        json_t *shape = json_object_get(p->found, p->places[i].name);
        if (shape) json_array_append(items, shape);
    }
    return items;
}

const char *page_next(const struct schedule_page *p)
{
    return p->more ? p->places[p->count - 1].name : NULL;
}
