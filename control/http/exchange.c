/* control/http/exchange.c — the steps of one request, and the answer to it.
 *
 * Nothing here reads, writes, watches or sets a time: a step takes bytes from the buffer, moves
 * `at`, and adds to `out`; the turn that called it does the rest.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/http/flow.h"

#define HTTP_REQUEST_ID_LETTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

enum step http_exchange_refuse(struct http_exchange *x, const struct http_refusal *r)
{
    http_render_problem(x, r->status, r->code, r->text, NULL, true);
    x->at = CONN_CLOSE;
    http_conn_release(x);
    return STEP_WAIT;
}

/* The request is answered: on to the next, or to the end. */
static void request_done(struct http_exchange *x, bool close)
{
    x->in_at += x->parser.head.bytes + x->parser.body_len;
    x->served = true;
    x->id[0] = '\0';
    x->at = close ? CONN_CLOSE : CONN_HEAD;
    http_parser_init(&x->parser, &x->server->limits);
}

bool http_exchange_closes(const struct http_exchange *x)
{
    return !x->parser.head.keep_alive || x->server->draining;
}

/* Clients that ask for much and do not read shall not have all memory. */
static bool is_too_much(const struct http_server *server, size_t len)
{
    return len > HTTP_BUFFER_BYTES_KEPT && server->unsent + len > server->limits.unsent_bytes_max;
}

void http_reply(struct http_exchange *x, const struct http_reply *reply)
{
    assert(x->owed); /* else it was answered twice */
    x->owed = false;
    x->waiter = NULL;
    if (x->server && x->server->answered)
        x->server->answered(&x->request, reply->status ? reply->status : 200, x->server->ctx);
    if (x->at == CONN_ANSWER) {
        bool close = http_exchange_closes(x);
        if (reply->len > x->server->limits.reply_bytes_max)
            http_render_problem(x, 500, PINION_INTERNAL, "the reply would be too large", NULL,
                                close);
        else if (is_too_much(x->server, reply->len))
            http_render_problem(x, 503, PINION_UNAVAILABLE,
                                "too many replies wait for slow readers; of a change, the outcome "
                                "is unknown",
                                NULL, close);
        else
            http_render(x, reply, close);
        request_done(x, close);
        if (!x->in_turn) http_conn_next(x);
    } else if (x->at == CONN_GONE && list_empty(&x->again) && !x->in_turn) {
        http_conn_free(x);
    } /* else the client was told already, or http_conn_end() will free it */
}

void http_wait(struct http_exchange *x, struct http_waiter *waiter)
{
    assert(x->owed);
    x->waiter = waiter;
}

void http_exchange_left(struct http_exchange *x)
{
    struct http_waiter *waiter = x->waiter;

    x->waiter = NULL;
    if (x->owed && waiter) waiter->left(waiter);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static struct span part(const struct http_exchange *x, struct http_part p)
{
    return (struct span){x->in.data + x->in_at + p.at, p.len};
}

/* The client's own, so that it can find what it asked for in our log; else one of ours. */
static void name_request(struct http_exchange *x)
{
    struct span given = http_header(&x->request, "X-Request-Id");

    if (given.len && given.len <= HTTP_REQUEST_ID_MAX &&
        strspn(given.data, HTTP_REQUEST_ID_LETTERS) >= given.len) {
        memcpy(x->id, given.data, given.len);
        x->id[given.len] = '\0';
        return;
    }
    snprintf(x->id, sizeof x->id, "%08" PRIx32 "-%06" PRIx32, x->server->id_start,
             ++x->server->id_count);
}

static enum step serve(struct http_exchange *x)
{
    const struct http_head *h = &x->parser.head;

    x->request = (struct http_request){
        .method = h->method,
        .path = h->path.len ? part(x, h->path) : span_of("/"),
        .query = h->has_query ? part(x, h->query) : span_of(NULL),
        .headers = part(x, h->lines),
        .body = part(x, (struct http_part){h->bytes, x->parser.body_len}),
        .peer = &x->peer,
        .caller = &x->caller,
        .id = x->id,
    };
    name_request(x);
    x->caller = (struct http_caller){.roles = 0};
    x->at = CONN_ANSWER;
    x->owed = true;
    x->unread = false;
    x->allow_ms = 0;
    x->server->handler(x, &x->request, x->server->ctx);
    if (x->at == CONN_STREAM) return http_flow_step(x);
    return x->at == CONN_HEAD && !x->stream ? STEP_SERVED : STEP_WAIT;
}

/* Against DNS rebinding: a page from elsewhere reaches our address, but under its own name. */
static bool host_is_ours(const struct http_exchange *x)
{
    const struct http_head *h = &x->parser.head;
    const char *const *hosts = x->server->hosts;

    if (x->server->listener.is_unix) return true;
    if (h->has_host && !http_host_allowed(hosts, part(x, h->host))) return false;
    return !h->has_authority || http_host_allowed(hosts, part(x, h->authority));
}

static enum step step_body(struct http_exchange *x)
{
    size_t len = x->in.len - x->in_at;
    enum http_progress progress = http_parse_body(&x->parser, x->in.data + x->in_at, &len);

    x->in.len = x->in_at + len;
    if (progress == HTTP_MORE && x->parser.too_large) http_conn_shrink(x);
    if (progress == HTTP_MORE) return STEP_HUNGRY;
    if (progress == HTTP_REFUSED) return http_exchange_refuse(x, &x->parser.refusal);
    if (!x->parser.too_large) return serve(x);
    bool close = http_exchange_closes(x);
    http_body_too_large(&x->parser);
    http_render_problem(x, 413, PINION_TOO_LARGE, x->parser.text, NULL, close);
    request_done(x, close);
    return close ? STEP_WAIT : STEP_SERVED;
}

static enum step step_head(struct http_exchange *x)
{
    static const struct http_refusal foreign = {
        421, PINION_MISDIRECTED,
        "this server is not known by that Host: expected localhost, the address that it listens "
        "on, or a name that --http-host gave it"};
    struct http_parser *p = &x->parser;
    size_t have = x->in.len - x->in_at;

    if (http_conn_unsent(x) > x->server->limits.reply_queue_bytes_max) return STEP_WAIT;
    if (!have) return STEP_HUNGRY;
    switch (http_parse_head(p, x->in.data + x->in_at, have)) {
    case HTTP_MORE: return STEP_HUNGRY;
    case HTTP_REFUSED: return http_exchange_refuse(x, &p->refusal);
    case HTTP_DONE: break;
    }
    if (!host_is_ours(x)) return http_exchange_refuse(x, &foreign);
    if (p->head.expects && p->too_large) {
        http_body_too_large(p);
        return http_exchange_refuse(x, &p->refusal);
    }
    if (p->head.expects && have == p->head.bytes)
        buffer_add_text(&x->out, "HTTP/1.1 100 Continue\r\n\r\n");
    x->at = CONN_BODY;
    return step_body(x);
}

enum step http_exchange_step(struct http_exchange *x)
{
    switch (x->at) {
    case CONN_HEAD: return step_head(x);
    case CONN_BODY: return step_body(x);
    case CONN_STREAM: return http_flow_step(x);
    default: return STEP_WAIT;
    }
}
