/* A call is on `flying` until its answer arrives or the connection is lost, then on `ended` until
 * the next turn. A parcel is what is on its way: a request, then its answer; a message; or a change
 * of the connection. Each connection has lanes of its own: what an old one left behind may arrive
 * late. */
#include "tests/sim/sim_link.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/redis_error.h"
#include "tests/sim/node.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define CHANNELS_MAX     8
#define NOTICE_MAX_US    UINT64_C(10000000) /* the deadline of a call */
#define RECONNECT_MAX_US UINT64_C(2000000)
#define SOON_US          UINT64_C(50000)

struct link {
    struct link_options options;
    char *channels[CHANNELS_MAX];
    size_t channels_count;
    struct list flying, ended, parcels;
    struct ear *ear;
    unsigned requests, answers, messages; /* lanes */
    bool started, up, severed;            /* severed: broken, and not noticed */
    bool subscribed, deaf, lose_one;
    struct event end, down, come_up, listen, unheard;
    uint64_t roundtrip_us;
};

struct parcel {
    struct event event;
    struct list node; /* of the link's parcels; none when its server is gone */
    struct link *link;
    struct call *call;   /* NULL: nobody waits for the answer */
    struct buffer bytes; /* of the request, or the text of a message */
    char *channel;
    enum script script;
    bool confirms; /* not a message: the subscription is confirmed */
    redisReply *reply;
};

static struct {
    unsigned restarts;
    uint64_t started_us;
} redis;

/* ---- parcels --------------------------------------------------------------------------------- */

static void parcel_free(struct parcel *p)
{
    event_drop(&p->event);
    list_remove(&p->node);
    buffer_deinit(&p->bytes);
    free(p->channel);
    if (p->reply) freeReplyObject(p->reply);
    free(p);
}

static void forget(struct event *event)
{
    parcel_free(container_of(event, struct parcel, event));
}

static struct parcel *parcel_new(struct link *l, event_fn *happen)
{
    struct parcel *p = xcalloc(1, sizeof *p);

    event_init(&p->event, happen);
    p->event.forget = forget;
    p->link = l;
    p->script = REQUEST_NO_SCRIPT;
    list_push(&l->parcels, &p->node);
    return p;
}

static void turn_over(struct link *l)
{
    node_turned(l->options.ctx);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void on_answer(struct event *event)
{
    struct parcel *p = container_of(event, struct parcel, event);
    struct link *l = p->link;
    struct call *call = p->call;
    enum pinion_err err = PINION_OK;

    if (p->reply->type == REDIS_REPLY_ERROR)
        err = redis_error_code((struct span){p->reply->str, p->reply->len});
    list_remove(&call->node);
    l->roundtrip_us = clock_mono_us() - call->sent_us;
    call->done(call, err, err ? NULL : p->reply);
    parcel_free(p);
    turn_over(l);
}

static void on_request(struct event *event)
{
    struct parcel *p = container_of(event, struct parcel, event);
    struct span bytes = {p->bytes.data, p->bytes.len};

    world_trace("%s: %s", p->link ? node_name(p->link->options.ctx) : "(left behind)",
                p->script < SCRIPTS ? script_sources[p->script].name : "command");
    p->reply = store_run(bytes, p->script);
    if (!p->call) {
        parcel_free(p);
        return;
    }
    p->event.happen = on_answer;
    p->event.not_before_us = node_paused_until_us(p->link->options.ctx);
    event_send(&p->event, p->link->answers);
}

static void on_end(struct event *event)
{
    struct link *l = container_of(event, struct link, end);
    struct list calls, *node;

    list_init(&calls);
    list_take(&calls, &l->ended);
    while ((node = list_pop(&calls))) {
        struct call *call = container_of(node, struct call, node);
        call->done(call, PINION_UNAVAILABLE, NULL);
    }
    turn_over(l);
}

static void end_soon(struct link *l)
{
    if (!event_pending(&l->end)) event_send_in(&l->end, world_new_lane(), 0);
}

void link_send(struct link *l, struct call *call, call_fn *done)
{
    struct span bytes = request_bytes(&call->request);

    call->done = done;
    call->link = l;
    call->sent_us = clock_mono_us();
    list_init(&call->node);
    if (!l->up) {
        list_push(&l->ended, &call->node);
        end_soon(l);
        return;
    }
    list_push(&l->flying, &call->node);
    if (l->severed) return;
    struct parcel *p = parcel_new(l, on_request);
    p->call = call;
    p->script = call->request.script;
    buffer_add(&p->bytes, bytes.data, bytes.len);
    event_send(&p->event, l->requests);
}

/* ---- the connection for calls ---------------------------------------------------------------- */

static void on_up(struct event *event)
{
    struct link *l = container_of(event, struct link, come_up);
    struct redis_info info = {.version = 70015,
                              .uptime_s = (clock_mono_us() - redis.started_us) / 1000000};

    snprintf(info.run_id, sizeof info.run_id, "run-%u", redis.restarts);
    l->up = true;
    l->severed = false;
    l->requests = world_new_lane();
    l->answers = world_new_lane();
    world_trace("%s: up", node_name(l->options.ctx));
    l->options.on_up(l->options.ctx, &info);
    turn_over(l);
}

static void come_up(struct link *l, uint64_t within_us)
{
    event_send_in(&l->come_up, world_new_lane(),
                  world_in_orders() ? 1 : 1 + world_below(within_us));
}

static void on_down(struct event *event)
{
    struct link *l = container_of(event, struct link, down);

    world_trace("%s: down", node_name(l->options.ctx));
    l->up = false;
    list_take(&l->ended, &l->flying);
    end_soon(l);
    l->options.on_down(l->options.ctx);
    come_up(l, world_chance(50) ? SOON_US : RECONNECT_MAX_US);
    turn_over(l);
}

/* What was sent first may arrive, but nobody gets an answer. */
static void drop_calls(struct link *l)
{
    bool arrives = world_chance(50);

    list_for_each_safe (node, &l->parcels) {
        struct parcel *p = container_of(node, struct parcel, node);
        if (p->event.happen != on_request && p->event.happen != on_answer) continue;
        if (p->event.happen == on_request && arrives) {
            list_remove(&p->node);
            p->link = NULL;
            p->call = NULL;
            arrives = world_chance(70);
        } else {
            arrives = arrives && p->event.happen == on_answer;
            parcel_free(p);
        }
    }
}

void link_cut(struct link *l)
{
    if (!l->up || l->severed) return;
    world_trace("%s: cut", node_name(l->options.ctx));
    l->severed = true;
    drop_calls(l);
    event_send_in(&l->down, world_new_lane(),
                  1 + world_below(world_chance(80) ? SOON_US : NOTICE_MAX_US));
}

/* ---- the subscription ------------------------------------------------------------------------ */

static void on_message(struct event *event)
{
    struct parcel *p = container_of(event, struct parcel, event);
    struct link *l = p->link;

    if (p->confirms) {
        world_trace("%s: subscribed", node_name(l->options.ctx));
        l->subscribed = true;
        l->options.on_subscribed(l->options.ctx);
    } else {
        world_trace("%s hears %s", node_name(l->options.ctx), p->bytes.data);
        l->options.on_message(l->options.ctx, span_of(p->channel),
                              (struct span){p->bytes.data, p->bytes.len});
    }
    parcel_free(p);
    turn_over(l);
}

static struct parcel *send_message(struct link *l)
{
    struct parcel *p = parcel_new(l, on_message);

    p->event.not_before_us = node_paused_until_us(l->options.ctx);
    event_send(&p->event, l->messages);
    return p;
}

static void heard(void *ctx, const char *channel, struct span text)
{
    struct link *l = ctx;

    if (l->deaf || l->lose_one) {
        world_trace("%s does not hear %s", node_name(l->options.ctx), text.data);
        l->lose_one = false;
        return;
    }
    struct parcel *p = send_message(l);
    p->channel = xstrdup(channel);
    buffer_add(&p->bytes, text.data, text.len);
}

static void on_listen(struct event *event)
{
    struct link *l = container_of(event, struct link, listen);

    l->messages = world_new_lane();
    l->deaf = false;
    ear_open(l->ear, (const char *const *)l->channels, l->channels_count);
    send_message(l)->confirms = true;
}

static void listen_within(struct link *l, uint64_t within_us)
{
    event_send_in(&l->listen, world_new_lane(), world_in_orders() ? 1 : 1 + world_below(within_us));
}

static void drop_messages(struct link *l)
{
    list_for_each_safe (node, &l->parcels) {
        struct parcel *p = container_of(node, struct parcel, node);
        if (p->event.happen == on_message) parcel_free(p);
    }
}

static void renew_subscription(struct link *l)
{
    world_trace("%s: unsubscribed", node_name(l->options.ctx));
    ear_close(l->ear);
    drop_messages(l);
    if (l->subscribed) {
        l->subscribed = false;
        l->options.on_unsubscribed(l->options.ctx);
    }
    listen_within(l, world_chance(50) ? SOON_US : RECONNECT_MAX_US);
}

static void on_unheard(struct event *event)
{
    struct link *l = container_of(event, struct link, unheard);

    renew_subscription(l);
    turn_over(l);
}

void link_deafen(struct link *l, bool half)
{
    if (l->deaf || event_pending(&l->listen) || !l->started) return;
    world_trace("%s: deaf%s", node_name(l->options.ctx), half ? ", unnoticed" : "");
    l->deaf = true;
    drop_messages(l);
    if (!half) ear_close(l->ear);
    event_send_in(&l->unheard, world_new_lane(), 1 + world_below(SOON_US * (half ? 100 : 1)));
}

void link_lose_message(struct link *l)
{
    l->lose_one = true;
}

void link_resubscribe(struct link *l)
{
    if (event_pending(&l->listen)) return;
    event_drop(&l->unheard);
    renew_subscription(l);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct link *link_new(struct ev_loop *loop, const struct link_options *options)
{
    struct link *l = xcalloc(1, sizeof *l);
    const uint64_t *paused_until_us = node_paused_until_us(options->ctx);
    struct event *const own[] = {&l->end, &l->down, &l->come_up, &l->unheard};

    (void)loop;
    l->options = *options;
    list_init(&l->flying);
    list_init(&l->ended);
    list_init(&l->parcels);
    event_init(&l->end, on_end);
    event_init(&l->down, on_down);
    event_init(&l->come_up, on_up);
    event_init(&l->listen, on_listen);
    event_init(&l->unheard, on_unheard);
    for (size_t i = 0; i < countof(own); i++) own[i]->not_before_us = paused_until_us;
    l->ear = ear_new(heard, l);
    return l;
}

void link_subscribe(struct link *l, const char *channel)
{
    assert(l->channels_count < CHANNELS_MAX);
    l->channels[l->channels_count++] = xstrdup(channel);
}

void link_start(struct link *l)
{
    l->started = true;
    come_up(l, SOON_US);
    listen_within(l, SOON_US);
}

static void give_up(struct link *l)
{
    struct event *const own[] = {&l->down, &l->come_up, &l->listen, &l->unheard};

    for (size_t i = 0; i < countof(own); i++) event_drop(own[i]);
    l->up = l->started = l->subscribed = false;
    drop_calls(l);
    drop_messages(l);
    ear_close(l->ear);
    list_take(&l->ended, &l->flying);
}

void link_stop(struct link *l)
{
    give_up(l);
    end_soon(l);
}

void link_kill(struct link *l)
{
    give_up(l);
    while (!list_empty(&l->ended)) {
        struct call *call = container_of(list_pop(&l->ended), struct call, node);
        call->done(call, PINION_UNAVAILABLE, NULL);
    }
    event_drop(&l->end);
}

void link_free(struct link *l)
{
    if (!l) return;
    assert(list_empty(&l->flying) && list_empty(&l->ended) && list_empty(&l->parcels));
    event_drop(&l->end);
    ear_free(l->ear);
    for (size_t i = 0; i < l->channels_count; i++) free(l->channels[i]);
    free(l);
}

bool link_is_up(const struct link *l)
{
    return l->up;
}

bool link_is_idle(const struct link *l)
{
    return list_empty(&l->flying) && list_empty(&l->ended);
}

bool link_works(const struct link *l)
{
    return l->up && !l->severed;
}

bool link_is_heard(const struct link *l)
{
    return l->subscribed && !l->deaf;
}

uint64_t link_roundtrip_us(const struct link *l)
{
    return l->roundtrip_us;
}

/* ---- Redis ----------------------------------------------------------------------------------- */

void sim_redis_begin(void)
{
    redis.restarts = 0;
    redis.started_us = 0;
}

void sim_redis_restart(void)
{
    world_trace("Redis restarts");
    redis.restarts++;
    redis.started_us = world_now_us();
}

uint64_t sim_redis_started_us(void)
{
    return redis.started_us;
}
