/* control/events/hub_group.c — frames are made once for a group, and sent to its members a few in
 * each turn of the loop, so that a thousand of them delay nobody's job. */
#include "control/events/hub_inside.h"

#include <assert.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/memory.h"

static struct hub_group *group_of(struct list *node)
{
    return container_of(node, struct hub_group, node);
}

static struct listener *listener_of(struct list *node)
{
    return container_of(node, struct listener, node);
}

/* ---- frames that are being made -------------------------------------------------------------- */

static void drop_own(struct hub *h)
{
    frame_drop(h->own);
    h->own = NULL;
    h->own_of = NULL;
}

static void drop_shared(struct hub *h)
{
    frame_drop(h->shared);
    h->shared = NULL;
    h->shared_by = NULL;
}

/* ---- who belongs together -------------------------------------------------------------------- */

static struct hub_group *group_new(struct hub *h, struct event_filter *taken, unsigned frames)
{
    struct hub_group *g = xcalloc(1, sizeof *g);

    *g = (struct hub_group){.hub = h, .filter = *taken, .frames = frames};
    *taken = EVENT_FILTER_INIT;
    g->period_ms = 1000 / frames;
    g->sent = history_last(h->history);
    list_init(&g->members);
    list_init(&g->turn);
    list_push(&h->groups, &g->node);
    return g;
}

struct hub_group *hub_group_join(struct hub *h, struct listener *l, struct event_filter *taken,
                                 unsigned frames)
{
    struct hub_group *g = NULL;

    list_for_each (node, &h->groups) {
        struct hub_group *known = group_of(node);
        if (known->frames != frames || !event_filter_equal(&known->filter, taken)) continue;
        g = known;
        event_filter_deinit(taken);
        break;
    }
    if (!g) g = group_new(h, taken, frames);
    g->count++;
    l->group = g;
    return g;
}

void hub_group_leave(struct listener *l)
{
    struct hub_group *g = l->group;
    struct hub *h = g->hub;

    if (h->own_of == l) drop_own(h);
    l->group = NULL;
    list_remove(&l->node);
    if (--g->count) return;
    if (h->shared_by == g) drop_shared(h);
    list_remove(&g->node);
    frame_free(g->frame);
    event_filter_deinit(&g->filter);
    free(g);
}

/* ---- one listener ---------------------------------------------------------------------------- */

/* By a small frame of its own. Gives whether there was room for that. */
static bool tell_missed(struct hub *h, struct listener *l)
{
    struct buffer json = BUFFER_INIT;
    struct frame *f;
    bool taken;

    hub_missed(h, &json, l->late ? "late" : "slow", l->late ? 0 : l->missed);
    f = frame_of(h->epoch, l->seen, (struct span){json.data, json.len}, 0);
    taken = l->frame(l, f);
    if (taken) l->missed = 0, l->late = false;
    frame_free(f);
    buffer_deinit(&json);
    return taken;
}

static void send_or_miss(struct hub *h, struct listener *l, struct frame *f)
{
    if ((l->missed || l->late) && !tell_missed(h, l)) l->missed += f->told;
    else if (!l->frame(l, f)) l->missed += f->told;
}

/* What happened behind what it has seen, in frames of its own. Gives whether it was told all of it;
 * else it goes on in a later turn, and nobody else before that. */
static bool catch_up(struct hub *h, struct listener *l, uint64_t last, size_t *looks)
{
    assert(!h->own || h->own_of == l);
    while (l->seen < last) {
        struct frame *f;
        uint64_t to;
        if (!h->own)
            h->own = frame_begin(h->history, &l->group->filter, h->epoch, l->seen, last);
        h->own_of = l;
        if (!frame_step(h->own, looks)) return false;
        f = frame_end(h->own, &to);
        h->own = NULL;
        h->own_of = NULL;
        if (f) send_or_miss(h, l, f);
        l->seen = to;
        frame_free(f);
    }
    return true;
}

/* What the group is sent; one that came in the middle of it is told the rest first. */
static void deliver(struct hub_group *g, struct listener *l)
{
    if (l->seen != g->from) {
        list_push(&g->hub->fresh, &l->node);
        g->hub->greet_ms = 0;
        return;
    }
    list_push(&g->members, &l->node);
    send_or_miss(g->hub, l, g->frame);
    l->seen = g->sent;
}

struct greeting {
    const struct event_filter *filter;
    struct buffer json;
    uint64_t told;
};

static void on_present(void *ctx, enum event_type type, struct span queue, struct span json)
{
    struct greeting *g = ctx;

    if (!event_filter_passes(g->filter, type, queue, (struct span){0})) return;
    if (g->json.len) buffer_add_char(&g->json, ',');
    buffer_add(&g->json, json.data, json.len);
    g->told++;
}

/* The present, in parts that a frame holds. Gives whether there was room for all of it; else it
 * goes on from there later. Also an empty one is sent: it has an id. */
static bool tell_present(struct hub *h, struct listener *l)
{
    bool more = true, taken = true;

    if (l->present == 0) l->seen = history_last(h->history);
    while (more && taken) {
        struct greeting g = {.filter = &l->group->filter};
        size_t at = l->present;
        struct frame *f;
        if (l->late) hub_missed(h, &g.json, "late", 0);
        more = present_tell(h->present, &at, FRAME_OTHERS_BYTES, on_present, &g);
        f = frame_of(h->epoch, l->seen, (struct span){g.json.data, g.json.len}, g.told);
        taken = l->frame(l, f);
        if (taken) l->present = at, l->late = false;
        frame_free(f);
        buffer_deinit(&g.json);
    }
    return taken;
}

enum greeted { GREETED, NO_ROOM, NO_LOOKS };

/* A new one is told the present, or what happened since it left. */
static enum greeted welcome(struct hub *h, struct listener *l, bool reached, size_t *looks)
{
    uint64_t last = history_last(h->history);

    if (l->back && l->seen < last && reached) {
        if (!catch_up(h, l, last, looks)) return NO_LOOKS;
    } else {
        l->late |= l->back && !reached;
        if (l->back && !l->late) l->present = SIZE_MAX; /* it knows all of it */
        l->back = false;
        if (!tell_present(h, l)) return NO_ROOM;
    }
    l->fresh = l->late = l->back = false;
    return GREETED;
}

/* GREETED: it belongs to the others now. */
static enum greeted greet(struct hub *h, struct listener *l, size_t *looks)
{
    bool reached = history_reaches(h->history, l->seen);
    enum greeted greeted = GREETED;

    if (!reached && h->own_of == l) drop_own(h);
    if (l->fresh) {
        greeted = welcome(h, l, reached, looks);
    } else {
        l->late |= !reached;
        if (!catch_up(h, l, l->group->sent, looks)) greeted = NO_LOOKS;
    }
    if (greeted == GREETED) list_push(&l->group->members, &l->node);
    return greeted;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool is_behind(const struct hub_group *g)
{
    return history_is_open(g->hub->history) || g->sent < history_last(g->hub->history);
}

/* The next place of a grid that all groups with this pace share, so that they are sent together. */
static uint64_t due_after(const struct hub_group *g, uint64_t now_ms)
{
    return (now_ms / g->period_ms + 1) * g->period_ms;
}

/* What was to be told next is forgotten already: there was too much of it. */
static void be_late(struct hub_group *g)
{
    list_for_each (node, &g->members) listener_of(node)->late = true;
}

/* false: it goes on in a later turn, and no other frame before that. */
static bool make_frame(struct hub_group *g, uint64_t now_ms, size_t *looks)
{
    struct hub *h = g->hub;
    uint64_t last = history_last(h->history);

    if (!h->shared) {
        frame_free(g->frame);
        g->frame = NULL;
        g->from = g->sent;
        h->shared = frame_begin(h->history, &g->filter, h->epoch, g->from, last);
        h->shared_by = g;
    }
    if (!frame_step(h->shared, looks)) return false;
    if (!history_reaches(h->history, g->from)) be_late(g);
    g->frame = frame_end(h->shared, &g->sent);
    h->shared = NULL;
    h->shared_by = NULL;
    if (!g->frame) return true;
    g->due_ms = g->sent < last ? now_ms : due_after(g, now_ms); /* the rest follows at once */
    list_take(&g->turn, &g->members);
    return true;
}

/* A few of those that are due; who had his turn goes behind the others. Gives whether there may be
 * more: everybody can make groups, by asking for something that nobody else asks for. */
static bool make_frames(struct hub *h, uint64_t now_ms)
{
    unsigned left = HUB_FRAMES_MADE_MAX;
    size_t looks = HUB_LOOKS_MAX;
    struct list todo, *node;

    if (h->shared && !make_frame(h->shared_by, now_ms, &looks)) return true;
    list_init(&todo);
    list_take(&todo, &h->groups);
    while (left && !h->shared && (node = list_pop(&todo))) {
        struct hub_group *g = group_of(node);
        list_push(&h->groups, node);
        if (g->due_ms > now_ms || !list_empty(&g->turn) || !is_behind(g)) continue;
        if (left-- == HUB_FRAMES_MADE_MAX) history_close(h->history, now_ms);
        make_frame(g, now_ms, &looks);
    }
    list_take(&todo, &h->groups);
    list_take(&h->groups, &todo);
    return left == 0 || h->shared;
}

static bool may_greet(const struct hub *h)
{
    return h->at == HUB_LIVE && clock_mono_ms() >= h->greet_ms;
}

/* A few of those whose turn it is. Gives whether there are more. */
static bool send_some(struct hub *h)
{
    struct list *node, waiting;
    unsigned left = HUB_SENDS_MAX;
    size_t looks = HUB_LOOKS_MAX;
    enum greeted greeted = GREETED;

    list_init(&waiting);
    while (left && greeted != NO_LOOKS && may_greet(h) && (node = list_pop(&h->fresh))) {
        greeted = greet(h, listener_of(node), &looks);
        if (greeted == NO_ROOM) list_push(&waiting, node);
        if (greeted == NO_LOOKS) list_push_front(&h->fresh, node);
        left--;
    }
    if (!list_empty(&waiting) && left) h->greet_ms = clock_mono_ms() + HUB_GREET_MS;
    list_take(&h->fresh, &waiting);
    list_for_each (at, &h->groups) {
        struct hub_group *g = group_of(at);
        while (left && (node = list_pop(&g->turn))) {
            deliver(g, listener_of(node));
            left--;
        }
    }
    return left == 0 || greeted == NO_LOOKS;
}

/* ---- when -----------------------------------------------------------------------------------
 *
 * Frames go out while the loop has nothing else to do: mostly it waits for Redis. One that is never
 * idle spares them a tenth of its time: the more a frame costs it, and the more there are, the
 * longer they are apart. */

/* By clock_mono_ms(). 0: at once; UINT64_MAX: never. */
static uint64_t due_ms(const struct hub *h)
{
    uint64_t soonest = UINT64_MAX, gathered = clock_mono_ms() + HUB_GATHER_MS;

    list_for_each (node, &h->groups) {
        const struct hub_group *g = group_of(node);
        if (!list_empty(&g->turn)) return 0;
        if (is_behind(g) && g->due_ms < soonest)
            soonest = g->due_ms > gathered ? g->due_ms : gathered;
    }
    if (h->at == HUB_LIVE && !list_empty(&h->fresh) && h->greet_ms < soonest)
        soonest = h->greet_ms;
    return soonest;
}

static void go_on(struct hub *h, bool more)
{
    if (more) {
        ev_idle_start(h->o.loop, &h->idle);
        ev_check_start(h->o.loop, &h->busy);
    } else {
        ev_idle_stop(h->o.loop, &h->idle);
        ev_check_stop(h->o.loop, &h->busy);
    }
}

void hub_send_soon(struct hub *h)
{
    uint64_t soonest = due_ms(h);

    if (ev_is_active(&h->idle)) return;
    if (soonest <= clock_mono_ms()) go_on(h, true);
    else if (soonest < UINT64_MAX) ticker_set_at(h->o.ticker, &h->send, soonest);
}

static void send_portion(struct hub *h)
{
    uint64_t begun_us = clock_mono_us(), ended_us, rest_us;
    bool more = send_some(h);

    more |= make_frames(h, begun_us / 1000);
    ended_us = clock_mono_us();
    rest_us = (ended_us - begun_us) * (HUB_BUSY_SHARE - 1);
    h->rest_us = ended_us + (rest_us < HUB_REST_MAX_MS * 1000 ? rest_us : HUB_REST_MAX_MS * 1000);
    if (more) return;
    go_on(h, false);
    hub_send_soon(h);
}

static void on_send(struct alarm *alarm)
{
    go_on(container_of(alarm, struct hub, send), true);
}

static void on_idle(struct ev_loop *loop, ev_idle *w, int revents)
{
    (void)loop, (void)revents;
    send_portion(container_of(w, struct hub, idle));
}

static void on_turn(struct ev_loop *loop, ev_check *w, int revents)
{
    struct hub *h = container_of(w, struct hub, busy);

    (void)loop, (void)revents;
    if (!ev_is_pending(&h->idle) && clock_mono_us() >= h->rest_us) send_portion(h);
}

void hub_send_init(struct hub *h)
{
    alarm_init(&h->send, on_send);
    ev_idle_init(&h->idle, on_idle);
    ev_check_init(&h->busy, on_turn);
}

void hub_send_stop(struct hub *h)
{
    ticker_cancel(h->o.ticker, &h->send);
    go_on(h, false);
    drop_own(h);
    drop_shared(h);
}
