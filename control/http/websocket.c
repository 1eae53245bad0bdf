#include "control/http/websocket.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "control/http/flow.h"

#define KEY_BYTES    16 /* behind the base64 of Sec-WebSocket-Key */
#define KEY_TEXT_LEN 24

static bool same_word(struct span word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.data, text, word.len) == 0;
}

/* Is the word among those of a header such as "keep-alive, Upgrade"? */
static bool names(struct span list, const char *word)
{
    while (list.len) {
        struct span item = span_cut(&list, ',');
        while (item.len && strchr(" \t", item.data[0])) item.data++, item.len--;
        while (item.len && strchr(" \t", item.data[item.len - 1])) item.len--;
        if (same_word(item, word)) return true;
    }
    return false;
}

bool http_websocket_wanted(const struct http_request *request)
{
    return names(http_header(request, "Upgrade"), "websocket") &&
           names(http_header(request, "Connection"), "upgrade");
}

/* ---- the handshake --------------------------------------------------------------------------- */

static bool is_key(struct span key)
{
    unsigned char bytes[KEY_TEXT_LEN / 4 * 3];
    size_t len;

    return key.len == KEY_TEXT_LEN && base64_decode(key, bytes, &len) == PINION_OK &&
           len == KEY_BYTES;
}

/* What shows that its request was read by somebody who knows WebSockets: RFC 6455, 4.2.2. */
static void add_accept(struct buffer *out, struct span key)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_TEXT_LEN + sizeof magic - 1];
    unsigned char digest[SHA1_BYTES];

    memcpy(text, key.data, KEY_TEXT_LEN);
    memcpy(text + KEY_TEXT_LEN, magic, sizeof magic - 1);
    sha1(text, sizeof text, digest);
    base64_add(out, digest, sizeof digest);
}

static void refuse_version(struct http_exchange *x, const char *message)
{
    static const struct http_header headers[] = {
        {"Upgrade",               "websocket"},
        {"Connection",            "Upgrade"  },
        {"Sec-WebSocket-Version", "13"       },
        {NULL,                    NULL       },
    };

    http_reply_problem(x, 426, PINION_INVALID, message, headers);
}

/* false: it has answered. */
static bool is_fit(struct http_exchange *x, const struct http_request *r)
{
    if (strcmp(r->method, "GET") != 0 || r->body.len)
        http_reply_error(x, PINION_INVALID, "a WebSocket begins with a GET without a body");
    else if (!http_websocket_wanted(r) || x->parser.head.old)
        refuse_version(x, "this is a WebSocket: expected an HTTP/1.1 request with "
                          "`Connection: Upgrade` and `Upgrade: websocket`");
    else if (!span_is(http_header(r, "Sec-WebSocket-Version"), "13"))
        refuse_version(x, "expected `Sec-WebSocket-Version: 13`");
    else if (!is_key(http_header(r, "Sec-WebSocket-Key")))
        http_reply_error(x, PINION_INVALID,
                         "expected a Sec-WebSocket-Key: the base64 of 16 bytes");
    else if (!http_origin_is_ours(r))
        http_reply_error(x, PINION_FORBIDDEN,
                         "a page of another origin may not open a WebSocket here: expected an "
                         "Origin with the host and port of Host");
    else
        return true;
    return false;
}

static void begin(struct http_exchange *x, const struct http_request *r, struct http_stream *s,
                  const struct http_websocket_options *o)
{
    const struct http_limits *limits = &x->server->limits;
    bool offered = o->protocol && names(http_header(r, "Sec-WebSocket-Protocol"), o->protocol);
    struct buffer accept = BUFFER_INIT;
    struct http_flow *f;

    add_accept(&accept, http_header(r, "Sec-WebSocket-Key"));
    const struct http_header headers[] = {
        {"Upgrade",              "websocket"},
        {"Connection",           "Upgrade"  },
        {"Sec-WebSocket-Accept", accept.data},
        {offered ? "Sec-WebSocket-Protocol" : NULL, o->protocol},
        {NULL,                   NULL       },
    };
    http_render_upgrade(x, headers);
    buffer_deinit(&accept);
    f = http_flow_begin(x, s);
    f->websocket = true;
    f->ping_ms = o->ping_ms ? o->ping_ms : limits->ping_ms;
    f->message_bytes_max = o->message_bytes_max ? o->message_bytes_max : limits->message_bytes_max;
}

void http_websocket_open(struct http_exchange *x, const struct http_request *request,
                         struct http_stream *s, const struct http_websocket_options *options)
{
    static const struct http_websocket_options defaults = {0};

    assert(x->owed && !x->stream);
    if (x->at != CONN_ANSWER)
        http_flow_refuse(x, s);
    else if (is_fit(x, request))
        begin(x, request, s, options ? options : &defaults);
    else {
        http_flow_refuse(x, s);
        http_conn_next(x);
        return;
    }
    http_flow_opened(x);
}

/* ---- is anybody there? ----------------------------------------------------------------------- */

void http_websocket_ping(struct http_exchange *x)
{
    struct http_message *m;

    if (x->flow->pinged) {
        http_conn_close(x);
        return;
    }
    x->flow->pinged = true;
    x->served = true; /* so long again for the answer */
    m = http_message_make(OP_PING, NULL, 0);
    if (!http_flow_push(x, m)) http_conn_close(x); /* cannot be: a ping always finds room */
    http_message_free(m);
}
