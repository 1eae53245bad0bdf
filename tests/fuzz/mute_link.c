#include "tests/fuzz/mute_link.h"

#include <ev.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/link.h"

struct link {
    struct ev_loop *loop;
    struct list calls;
    ev_timer turn;
};

static struct link *only;
static enum mute_answer says;
static uint8_t chooses;

/* ---- answers --------------------------------------------------------------------------------- */

static const enum pinion_err refusals[] = {
    PINION_UNAVAILABLE, PINION_CONFLICT, PINION_NOT_FOUND, PINION_BUSY, PINION_STALE,
    PINION_TOO_LARGE,
};

/* What a script may say when there is nothing, or nothing that fits. */
static const char *const empties[] = {"*-1\r\n", "*0\r\n", "$-1\r\n", "*1\r\n$9\r\nnot_found\r\n"};

static void end_well(struct call *call, const char *text)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    if (redisReaderFeed(reader, text, strlen(text)) || redisReaderGetReply(reader, &reply)) abort();
    call->done(call, PINION_OK, reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
}

static void answer(struct call *call)
{
    enum mute_answer how = says;

    chooses = (uint8_t)(chooses * 13 + 7);
    if (how == MUTE_MIXED) how = chooses % 3 ? MUTE_REFUSED : MUTE_EMPTY;
    if (how == MUTE_EMPTY)
        end_well(call, empties[chooses / 3 % countof(empties)]);
    else if (how == MUTE_REFUSED)
        call->done(call, refusals[chooses / 3 % countof(refusals)], NULL);
    else
        call->done(call, PINION_UNAVAILABLE, NULL);
}

static void answer_all(struct link *l)
{
    struct list calls, *node;

    list_init(&calls);
    list_take(&calls, &l->calls);
    while ((node = list_pop(&calls))) answer(container_of(node, struct call, node));
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    if (says != MUTE_NOTHING) answer_all(container_of(w, struct link, turn));
}

void mute_link_says(enum mute_answer how, uint8_t seed)
{
    says = how;
    chooses = seed;
}

void mute_link_flush(void)
{
    says = MUTE_UNAVAILABLE;
    answer_all(only);
}

/* ---- queue/link.h ---------------------------------------------------------------------------- */

struct link *link_new(struct ev_loop *loop, const struct link_options *options)
{
    struct link *l = xcalloc(1, sizeof *l);

    (void)options;
    l->loop = loop;
    list_init(&l->calls);
    ev_timer_init(&l->turn, on_turn, 0., 0.);
    return only = l;
}

void link_send(struct link *l, struct call *call, call_fn *done)
{
    call->done = done;
    call->link = l;
    list_push(&l->calls, &call->node);
    if (ev_is_active(&l->turn)) return;
    ev_timer_set(&l->turn, 0., 0.);
    ev_timer_start(l->loop, &l->turn);
}

void link_free(struct link *l)
{
    ev_timer_stop(l->loop, &l->turn);
    free(l);
}

void link_stop(struct link *l)
{
    answer_all(l);
}

bool link_is_up(const struct link *l)
{
    return l != NULL;
}

bool link_is_idle(const struct link *l)
{
    return list_empty(&l->calls);
}

uint64_t link_roundtrip_us(const struct link *l)
{
    return l ? 1 : 0;
}

void link_start(struct link *l)
{
    (void)l;
}

void link_subscribe(struct link *l, const char *channel)
{
    (void)l, (void)channel;
}

void link_unsubscribe(struct link *l, const char *channel)
{
    (void)l, (void)channel;
}

void link_resubscribe(struct link *l)
{
    (void)l;
}
