/* A call is on exactly one list until it ends:
 *
 *      link_send, up:   waiting -> flying -> done(reply)
 *                          |         |  NOSCRIPT: load, and to the front of flying again
 *      lost, stopped:      +---------+--> ended -> done(UNAVAILABLE), in a later turn of the loop
 *      link_send, down: ----------------> ended
 *
 * Flying and then waiting is the order in which calls were sent, so the first one is the oldest and
 * one timer watches over all of them.
 */
#include "queue/link.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/connection.h"
#include "queue/limits.h"
#include "queue/redis_error.h"
#include "queue/subscriber.h"

#define CALL_TIMEOUT_DEFAULT_MS 10000
#define CONNECT_TIMEOUT_MAX_MS  5000
/* Of requests in flight: hiredis copies them, and shifts the rest at every write. */
#define LINK_BYTES_MAX (4 * 1024 * 1024)

struct link {
    struct ev_loop *loop;
    struct link_options options;
    struct connection connection;
    struct subscriber *subscriber;
    struct list flying, waiting, ended;
    size_t flying_count, flying_bytes;
    size_t left;                /* calls that have not ended */
    struct call loads[SCRIPTS]; /* SCRIPT LOAD under way; its `link` is NULL while it is not */
    ev_timer end;               /* 0 s: ends what is in `ended` */
    ev_timer deadline;          /* of the oldest call; runs on for one period after the last one */
    uint64_t roundtrip_us;
    bool told_up;
};

static void end_soon(struct link *l)
{
    if (ev_is_active(&l->end)) return;
    ev_timer_set(&l->end, 0., 0.);
    ev_timer_start(l->loop, &l->end);
}

/* First collect, then call back: who sends again at once waits for the next turn. */
static void on_end(struct ev_loop *loop, ev_timer *end, int events)
{
    struct link *l = container_of(end, struct link, end);
    struct list calls, *node;

    (void)loop;
    (void)events;
    list_init(&calls);
    list_take(&calls, &l->ended);
    while ((node = list_pop(&calls)) != NULL) {
        struct call *call = container_of(node, struct call, node);

        l->left--;
        call->done(call, PINION_UNAVAILABLE, NULL);
    }
}

/* Everything that has no answer yet. */
static void end_all_later(struct link *l)
{
    ev_timer_stop(l->loop, &l->deadline);
    l->flying_count = l->flying_bytes = 0;
    list_take(&l->ended, &l->flying);
    list_take(&l->ended, &l->waiting);
    end_soon(l);
}

static uint64_t deadline_ms(const struct link *l, const struct call *call)
{
    return call->sent_us / 1000 + l->options.call_timeout_ms;
}

static void watch_deadline(struct link *l, uint64_t in_ms)
{
    if (ev_is_active(&l->deadline)) return;
    ev_timer_set(&l->deadline, (double)in_ms / 1e3, 0.);
    ev_timer_start(l->loop, &l->deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct link *l = container_of(timer, struct link, deadline);
    uint64_t now_ms = clock_mono_ms(), due_ms;
    char why[64];

    (void)loop;
    (void)events;
    if (list_empty(&l->flying)) return; /* so none is waiting either */
    due_ms = deadline_ms(l, container_of(l->flying.next, struct call, node));
    if (due_ms > now_ms) {
        watch_deadline(l, due_ms - now_ms);
        return;
    }
    snprintf(why, sizeof why, "no answer within %llu ms",
             (unsigned long long)l->options.call_timeout_ms);
    connection_give_up(&l->connection, PINION_UNAVAILABLE, why);
}

static void on_reply(redisAsyncContext *ctx, void *reply, void *data);

/* To the end of the socket's queue; the caller says where in the list. */
static void fly(struct link *l, struct call *call)
{
    struct span bytes = request_bytes(&call->request);

    l->flying_count++;
    l->flying_bytes += bytes.len;
    /* What cannot be sent ends with the others, when the connection is lost. */
    if (!connection_send(&l->connection, bytes, on_reply, call))
        connection_give_up(&l->connection, PINION_UNAVAILABLE, "hiredis takes no more commands");
    watch_deadline(l, l->options.call_timeout_ms);
}

static void land(struct link *l, struct call *call)
{
    list_remove(&call->node);
    l->flying_count--;
    l->flying_bytes -= request_bytes(&call->request).len;
}

static bool has_room(const struct link *l, struct call *next)
{
    if (l->flying_count == 0) return true;
    return l->flying_count < LINK_CALLS_MAX &&
           l->flying_bytes + request_bytes(&next->request).len <= LINK_BYTES_MAX;
}

static void let_fly(struct link *l)
{
    while (!list_empty(&l->waiting)) {
        struct call *call = container_of(l->waiting.next, struct call, node);

        if (!has_room(l, call)) return;
        list_remove(&call->node);
        list_push(&l->flying, &call->node);
        fly(l, call);
    }
}

static void begin(struct link *l, struct call *call, call_fn *done)
{
    call->done = done;
    call->link = l;
    call->repeated = false;
    call->sent_us = clock_mono_us();
    list_init(&call->node);
    l->left++;
}

static void on_loaded(struct call *load, enum pinion_err err, const redisReply *reply)
{
    (void)err; /* then the call that wanted it gets NOSCRIPT again, and ends so */
    (void)reply;
    request_deinit(&load->request);
    load->link = NULL;
}

static void load_script(struct link *l, enum script script)
{
    struct call *load = &l->loads[script];

    if (load->link) return; /* is ahead of us in the same connection */
    request_command(&load->request, "SCRIPT LOAD");
    request_add_text(&load->request, script_sources[script].text);
    begin(l, load, on_loaded);
    list_push(&l->flying, &load->node);
    fly(l, load);
}

/* Redis forgot its scripts (SCRIPT FLUSH). Load and call travel together. */
static void repeat(struct link *l, struct call *call)
{
    load_script(l, call->request.script);
    call->repeated = true;
    list_push_front(&l->flying, &call->node); /* where it was: it is still the oldest */
    fly(l, call);
}

static enum pinion_err read_error(const struct call *call, struct span text)
{
    enum pinion_err err = redis_error_code(text);
    char shown[ERROR_TEXT_MAX];

    if (err != PINION_INTERNAL) return err;
    snprintf(shown, sizeof shown, "%.*s", (int)text.len, text.data);
    log_error("redis_error", LOG_TEXT("answer", shown),
              LOG_TEXT("script", call->request.script < SCRIPTS
                                     ? script_sources[call->request.script].name
                                     : "none"));
    return err;
}

static void on_reply(redisAsyncContext *ctx, void *given, void *data)
{
    const redisReply *reply = given;
    struct call *call = data;
    enum pinion_err err = PINION_OK;
    struct link *l;

    if (!ctx->data || !reply) return; /* first: link and call may be no more */
    l = call->link;
    if (!connection_is_up(&l->connection)) return; /* given up: it ends with the others */
    land(l, call);
    if (reply->type == REDIS_REPLY_ERROR) {
        struct span text = {reply->str, reply->len};

        if (redis_error_is_noscript(text) && !call->repeated && call->request.script < SCRIPTS) {
            repeat(l, call);
            return;
        }
        err = read_error(call, text);
    }
    l->roundtrip_us = clock_mono_us() - call->sent_us;
    let_fly(l);
    l->left--;
    call->done(call, err, err ? NULL : reply);
}

static void on_greeted(struct connection *c)
{
    struct link *l = container_of(c, struct link, connection);

    connection_ready(c);
    l->told_up = true;
    if (l->options.on_up) l->options.on_up(l->options.ctx, &c->handshake.info);
}

static void on_lost(struct connection *c)
{
    struct link *l = container_of(c, struct link, connection);

    end_all_later(l);
    if (!l->told_up) return;
    l->told_up = false;
    if (l->options.on_down) l->options.on_down(l->options.ctx);
}

static void on_refused(struct connection *c, const struct error *why)
{
    struct link *l = container_of(c, struct link, connection);

    if (l->options.on_refused) l->options.on_refused(l->options.ctx, why);
}

static void init_connection(struct link *l)
{
    static const struct connection_events events = {on_greeted, on_lost, on_refused};
    uint64_t timeout_ms = l->options.call_timeout_ms;

    l->connection.loop = l->loop;
    l->connection.events = &events;
    l->connection.name = "calls";
    l->connection.handshake.url = &l->options.url;
    l->connection.handshake.name_space = l->options.name_space;
    l->connection.handshake.allow_eviction = l->options.allow_eviction;
    l->connection.timeout_ms =
        timeout_ms < CONNECT_TIMEOUT_MAX_MS ? timeout_ms : CONNECT_TIMEOUT_MAX_MS;
    connection_init(&l->connection);
}

struct link *link_new(struct ev_loop *loop, const struct link_options *options)
{
    struct link *l = xcalloc(1, sizeof *l);

    l->loop = loop;
    l->options = *options;
    if (!l->options.call_timeout_ms) l->options.call_timeout_ms = CALL_TIMEOUT_DEFAULT_MS;
    list_init(&l->flying);
    list_init(&l->waiting);
    list_init(&l->ended);
    for (size_t i = 0; i < SCRIPTS; i++) l->loads[i].request = REQUEST_INIT;
    ev_init(&l->end, on_end);
    ev_init(&l->deadline, on_deadline);
    init_connection(l);
    l->subscriber = subscriber_new(loop, &l->options);
    return l;
}

void link_subscribe(struct link *l, const char *channel)
{
    subscriber_add(l->subscriber, channel);
}

void link_unsubscribe(struct link *l, const char *channel)
{
    subscriber_remove(l->subscriber, channel);
}

/* hiredis writes with write(2), which raises SIGPIPE when Redis hung up. */
static void ignore_sigpipe(void)
{
    struct sigaction now;

    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
}

void link_start(struct link *l)
{
    ignore_sigpipe();
    connection_start(&l->connection);
    subscriber_start(l->subscriber);
}

void link_stop(struct link *l)
{
    l->told_up = false;
    connection_stop(&l->connection);
    subscriber_stop(l->subscriber);
    end_all_later(l);
}

void link_free(struct link *l)
{
    if (!l) return;
    assert(l->left == 0);
    ev_timer_stop(l->loop, &l->end);
    ev_timer_stop(l->loop, &l->deadline);
    connection_deinit(&l->connection);
    subscriber_free(l->subscriber);
    for (size_t i = 0; i < SCRIPTS; i++) request_deinit(&l->loads[i].request);
    free(l);
}

bool link_is_up(const struct link *l)
{
    return connection_is_up(&l->connection);
}

bool link_is_idle(const struct link *l)
{
    return l->left == 0;
}

void link_send(struct link *l, struct call *call, call_fn *done)
{
    begin(l, call, done);
    if (connection_is_up(&l->connection)) {
        list_push(&l->waiting, &call->node);
        let_fly(l);
    } else {
        list_push(&l->ended, &call->node);
        end_soon(l);
    }
}

void link_resubscribe(struct link *l)
{
    subscriber_renew(l->subscriber);
}

uint64_t link_roundtrip_us(const struct link *l)
{
    return l->roundtrip_us;
}
