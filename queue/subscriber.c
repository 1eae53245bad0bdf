/* queue/subscriber.c — ready when every channel is confirmed, by an answer of its own. */
#include "queue/subscriber.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/connection.h"

struct subscriber {
    struct connection connection;
    const struct link_options *options;
    char **channels;
    size_t count, confirmed;
    bool asked;      /* the channels were sent, so a further one is sent by itself */
    bool subscribed; /* the owner was told so */
    bool running;    /* between start and stop; connected with the first channel */
};

static struct span part(const redisReply *reply, size_t i)
{
    const redisReply *r = reply->element[i];

    return HIREDIS_IS_TEXT(r->type) ? (struct span){r->str, r->len} : (struct span){0};
}

static void on_confirmed(struct subscriber *s)
{
    if (++s->confirmed < s->count || s->connection.at != CONNECTION_GREETING) return;
    connection_ready(&s->connection);
    s->subscribed = true;
    if (s->options->on_subscribed) s->options->on_subscribed(s->options->ctx);
}

static void on_delivery(redisAsyncContext *ctx, void *given, void *data)
{
    const redisReply *reply = given;
    struct subscriber *s = data;

    if (!ctx->data || !reply || !s->running) return; /* first: the subscriber may be no more */
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return;
    if (span_is(part(reply, 0), "subscribe"))
        on_confirmed(s);
    else if (span_is(part(reply, 0), "message") && s->options->on_message)
        s->options->on_message(s->options->ctx, part(reply, 1), part(reply, 2));
}

static void on_greeted(struct connection *c)
{
    struct subscriber *s = container_of(c, struct subscriber, connection);
    struct request r = REQUEST_INIT;

    s->confirmed = 0;
    s->asked = true;
    if (s->count == 0) { /* all were dropped: it stands by for the next one */
        connection_ready(c);
        return;
    }
    request_command(&r, "SUBSCRIBE");
    for (size_t i = 0; i < s->count; i++) request_add_text(&r, s->channels[i]);
    if (!connection_send(c, request_bytes(&r), on_delivery, s))
        connection_give_up(c, PINION_UNAVAILABLE, "cannot subscribe");
    request_deinit(&r);
}

static void on_lost(struct connection *c)
{
    struct subscriber *s = container_of(c, struct subscriber, connection);

    s->asked = false;
    if (!s->subscribed) return;
    s->subscribed = false;
    if (s->options->on_unsubscribed) s->options->on_unsubscribed(s->options->ctx);
}

/* The connection for calls meets the same refusal, and tells it. */
static void on_refused(struct connection *c, const struct error *why)
{
    (void)c;
    (void)why;
}

struct subscriber *subscriber_new(struct ev_loop *loop, const struct link_options *options)
{
    static const struct connection_events events = {on_greeted, on_lost, on_refused};
    struct subscriber *s = xcalloc(1, sizeof *s);

    s->options = options;
    s->connection.loop = loop;
    s->connection.events = &events;
    s->connection.name = "messages";
    s->connection.handshake.url = &options->url;
    s->connection.handshake.name_space = options->name_space;
    s->connection.handshake.light = true;
    s->connection.timeout_ms = options->call_timeout_ms;
    connection_init(&s->connection);
    return s;
}

/* To a connection that has said its channels; else they are said when it has greeted. */
static void say(struct subscriber *s, const char *verb, const char *channel)
{
    struct request r = REQUEST_INIT;

    if (!s->asked || !s->running) return;
    request_command(&r, verb);
    request_add_text(&r, channel);
    if (!connection_send(&s->connection, request_bytes(&r), on_delivery, s))
        connection_give_up(&s->connection, PINION_UNAVAILABLE, "cannot subscribe");
    request_deinit(&r);
}

void subscriber_add(struct subscriber *s, const char *channel)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->channels[i], channel) == 0) return;
    s->channels = xrealloc(s->channels, (s->count + 1) * sizeof *s->channels);
    s->channels[s->count++] = xstrdup(channel);
    if (s->running && s->connection.at == CONNECTION_STOPPED) connection_start(&s->connection);
    else say(s, "SUBSCRIBE", channel);
}

void subscriber_remove(struct subscriber *s, const char *channel)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->channels[i], channel) != 0) continue;
        free(s->channels[i]);
        s->channels[i] = s->channels[--s->count];
        say(s, "UNSUBSCRIBE", channel);
        return;
    }
}

void subscriber_start(struct subscriber *s)
{
    s->running = true;
    if (s->count) connection_start(&s->connection);
}

void subscriber_renew(struct subscriber *s)
{
    connection_give_up(&s->connection, PINION_UNAVAILABLE, "the subscription is being renewed");
}

void subscriber_stop(struct subscriber *s)
{
    s->running = false;
    s->subscribed = false;
    connection_stop(&s->connection);
}

void subscriber_free(struct subscriber *s)
{
    connection_deinit(&s->connection);
    for (size_t i = 0; i < s->count; i++) free(s->channels[i]);
    free(s->channels);
    free(s);
}
