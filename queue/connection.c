/* One enum, one timer, moved only here:
 *
 *      STOPPED -> [RESOLVING] -> OPENING -> GREETING -> UP
 *                     |             |          |         |   cut, deadline, refused, given up
 *         ^           +-------------+----------+---------+--> LEAVING -> WAITING -> (again)
 *         +---- CLOSING <---- stop, from anywhere
 *
 * LEAVING and CLOSING last until the alarm of 0 s rings: hiredis may be up the stack, and neither a
 * context is freed nor an owner called from within it.
 */
#include "queue/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/random.h"
#include "queue/socket.h"

#define BACKOFF_DOUBLINGS_MAX 6 /* 50 ms * 2^6 is beyond the maximum */

static void set_alarm(struct connection *c, uint64_t at_ms)
{
    uint64_t now_ms = clock_mono_ms();

    c->alarm_ms = at_ms;
    ev_timer_stop(c->loop, &c->alarm);
    ev_timer_set(&c->alarm, at_ms > now_ms ? (double)(at_ms - now_ms) / 1e3 : 0., 0.);
    ev_timer_start(c->loop, &c->alarm);
}

static void leave(struct connection *c, enum pinion_err code, const char *why)
{
    resolver_stop(&c->resolver);
    error_set(&c->why, code, "%s", why[0] ? why : "the connection was lost");
    c->at = CONNECTION_LEAVING;
    set_alarm(c, 0);
}

/* The context is no longer looked at, whether it lives or not. */
static void drop_context(struct connection *c)
{
    redisAsyncContext *ctx = c->adapter.ctx;

    ev_adapter_detach(&c->adapter);
    if (ctx) redisAsyncFree(ctx);
}

static void on_gone(struct ev_adapter *adapter, const char *why)
{
    struct connection *c = container_of(adapter, struct connection, adapter);

    if (c->at != CONNECTION_LEAVING && c->at != CONNECTION_CLOSING)
        leave(c, PINION_UNAVAILABLE, why);
}

static void on_greeting(redisAsyncContext *ctx, void *reply, void *data);

static void greet(struct connection *c)
{
    if (!handshake_ask(&c->handshake, &c->request)) {
        c->events->on_greeted(c);
        return;
    }
    if (!connection_send(c, request_bytes(&c->request), on_greeting, NULL))
        leave(c, PINION_UNAVAILABLE, c->adapter.ctx->c.errstr);
}

static void on_greeting(redisAsyncContext *ctx, void *reply, void *data)
{
    struct connection *c = ctx->data;
    struct error why = {0};

    (void)data;
    if (!c || !reply || c->at != CONNECTION_GREETING) return;
    if (handshake_take(&c->handshake, reply, &why))
        leave(c, why.code, why.text);
    else
        greet(c);
}

/* A failed connect says nothing here: hiredis frees the context next, and on_gone tells. */
static void on_connect(const redisAsyncContext *ctx, int status)
{
    struct connection *c = ctx->data;

    if (!c || status != REDIS_OK || c->at != CONNECTION_OPENING) return;
    c->adapter.connected = true;
    c->at = CONNECTION_GREETING;
    handshake_begin(&c->handshake);
    greet(c); /* asks at least for a name, so the owner is not called from here */
}

static void open_context(struct connection *c, const char *host)
{
    const struct redis_url *url = c->handshake.url;
    redisAsyncContext *ctx =
        host ? redisAsyncConnect(host, (int)url->port) : redisAsyncConnectUnix(url->path);

    c->at = CONNECTION_OPENING;
    if (!ctx || ctx->err) {
        leave(c, PINION_UNAVAILABLE, ctx ? ctx->c.errstr : "out of memory");
        if (ctx) redisAsyncFree(ctx);
        return;
    }
    socket_tune(ctx->c.fd, host != NULL, c->timeout_ms);
    ctx->data = c;
    ev_adapter_attach(&c->adapter, ctx);
    redisAsyncSetConnectCallback(ctx, on_connect);
}

static void on_address(struct resolver *r, const char *why)
{
    struct connection *c = container_of(r, struct connection, resolver);

    if (r->count == 0)
        leave(c, PINION_UNAVAILABLE, why);
    else
        open_context(c, r->address[c->turn++ % r->count]);
}

static void dial(struct connection *c)
{
    const struct redis_url *url = c->handshake.url;

    c->handshake.refused = c->handshake.loading = false;
    if (url->tls) {
        c->handshake.refused = true;
        leave(c, PINION_INVALID, REDISS_UNSUPPORTED);
        return;
    }
    set_alarm(c, clock_mono_ms() + c->timeout_ms);
    if (!url->host || resolver_is_address(url->host)) {
        open_context(c, url->host);
    } else {
        c->at = CONNECTION_RESOLVING;
        resolver_ask(&c->resolver, url->host);
    }
}

/* Full jitter: many servers that lost the same Redis do not come back in one wave. */
static uint64_t backoff_ms(struct connection *c)
{
    unsigned doublings = c->failures < BACKOFF_DOUBLINGS_MAX ? c->failures : BACKOFF_DOUBLINGS_MAX;
    uint64_t most = (uint64_t)CONNECTION_BACKOFF_MIN_MS << doublings;

    c->failures++;
    if (c->handshake.loading) return CONNECTION_LOADING_MS;
    if (c->handshake.refused) return CONNECTION_BACKOFF_MAX_MS;
    if (most > CONNECTION_BACKOFF_MAX_MS) most = CONNECTION_BACKOFF_MAX_MS;
    return (uint64_t)(random_unit() * (double)most) + 1;
}

/* Closes what broke. A cause is told once, not at every attempt. */
static void closed(struct connection *c)
{
    bool is_new = strcmp(c->why.text, c->said.text) != 0, refused = c->handshake.refused;

    drop_context(c);
    c->at = CONNECTION_WAITING;
    set_alarm(c, clock_mono_ms() + backoff_ms(c));
    c->said = c->why;
    if (is_new)
        log_warn("redis_lost", LOG_TEXT("for", c->name), LOG_TEXT("redis", c->where),
                 LOG_TEXT("why", c->why.text));
    c->events->on_lost(c);
    if (refused && is_new && c->at == CONNECTION_WAITING) c->events->on_refused(c, &c->said);
}

static void on_alarm(struct ev_loop *loop, ev_timer *alarm, int events)
{
    struct connection *c = container_of(alarm, struct connection, alarm);

    (void)loop;
    (void)events;
    if (clock_mono_ms() < c->alarm_ms) {
        set_alarm(c, c->alarm_ms);
        return;
    }
    switch (c->at) {
    case CONNECTION_WAITING: dial(c); return;
    case CONNECTION_RESOLVING: leave(c, PINION_UNAVAILABLE, "no address in time"); return;
    case CONNECTION_OPENING: leave(c, PINION_UNAVAILABLE, "no connection in time"); return;
    case CONNECTION_GREETING: leave(c, PINION_UNAVAILABLE, "no answer in time"); return;
    case CONNECTION_LEAVING: closed(c); return;
    case CONNECTION_CLOSING:
        drop_context(c);
        c->at = CONNECTION_STOPPED;
        return;
    case CONNECTION_STOPPED:
    case CONNECTION_UP: assert(false); /* no alarm is set in these */
    }
}

void connection_init(struct connection *c)
{
    assert(c->loop && c->events && c->handshake.url && c->timeout_ms);
    c->at = CONNECTION_STOPPED;
    c->where = redis_url_text(c->handshake.url);
    c->request = REQUEST_INIT;
    ev_adapter_init(&c->adapter, c->loop, on_gone);
    resolver_init(&c->resolver, c->loop, on_address);
    ev_init(&c->alarm, on_alarm);
}

void connection_deinit(struct connection *c)
{
    resolver_stop(&c->resolver);
    ev_timer_stop(c->loop, &c->alarm);
    drop_context(c);
    c->at = CONNECTION_STOPPED;
    request_deinit(&c->request);
    free(c->where);
}

void connection_start(struct connection *c)
{
    assert(c->at == CONNECTION_STOPPED);
    dial(c);
}

void connection_stop(struct connection *c)
{
    if (c->at == CONNECTION_STOPPED) return;
    resolver_stop(&c->resolver);
    c->at = CONNECTION_CLOSING;
    set_alarm(c, 0);
}

void connection_ready(struct connection *c)
{
    assert(c->at == CONNECTION_GREETING);
    ev_timer_stop(c->loop, &c->alarm);
    c->at = CONNECTION_UP;
    c->failures = 0;
    if (c->said.code)
        log_info("redis_found", LOG_TEXT("for", c->name), LOG_TEXT("redis", c->where));
    c->said = (struct error){0};
}

bool connection_send(struct connection *c, struct span bytes, redisCallbackFn *answer, void *data)
{
    assert(c->adapter.ctx);
    return redisAsyncFormattedCommand(c->adapter.ctx, answer, data, bytes.data, bytes.len) ==
           REDIS_OK;
}

void connection_give_up(struct connection *c, enum pinion_err code, const char *why)
{
    if (c->at >= CONNECTION_OPENING && c->at <= CONNECTION_UP) leave(c, code, why);
}
