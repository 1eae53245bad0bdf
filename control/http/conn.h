/* control/http/conn.h — the inside that server, conn, exchange and reply share.
 *
 * TLS is in the functions of conn.c through which bytes pass. Replies without end and WebSockets
 * are CONN_STREAM, and have a struct http_flow beside their exchange.
 */
#ifndef PINION_CONTROL_HTTP_CONN_H
#define PINION_CONTROL_HTTP_CONN_H

#include <ev.h>
#include "base/buffer.h"
#include "base/list.h"
#include "control/http/gzip.h"
#include "control/http/http.h"
#include "control/http/listen.h"
#include "control/http/parse.h"
#include "control/http/peers.h"
#include "control/http/tls.h"
#include "scheduler/ticker.h"

#define HTTP_DATE_MAX 96 /* more than a date needs, so that no compiler doubts it */

/* Of every reply: it is what it says it is, in no frame and on no page of others. A page that needs
 * more than the policy gives says its own. */
#define HTTP_SAFETY_HEADERS                                                   \
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"            \
    "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"
#define HTTP_SAFETY_POLICY \
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"

struct http_server {
    struct ev_loop *loop;
    struct ticker *ticker;
    http_handler_fn *handler;
    http_answered_fn *answered;
    void *ctx;
    struct http_limits limits;
    struct http_tls *tls; /* for new connections; NULL: none, bytes go as they are */
    const char **hosts; /* that Host may name; NULL ends; not looked at on a unix socket */

    struct http_listener listener;
    int spare_fd; /* -1 when another thread was faster to take it */
    ev_io accept;
    struct alarm accept_pause;

    uint64_t replies[HTTP_STATUS_CLASSES]; /* so far, by their first digit */

    struct list conns;  /* with a descriptor */
    struct list again;  /* have something to do in the next turn */
    struct list closed; /* no descriptor, but the handler still owes an answer */
    ev_timer turn;      /* runs while `again` is not empty, or the last one left */
    unsigned connections;
    size_t buffered; /* bytes of requests, beyond what idle connections keep */
    size_t unsent;   /* bytes of replies, likewise */
    size_t streamed; /* bytes that wait for readers of streams: what many are sent counts once */
    struct http_peers peers;

    uint32_t id_start; /* how the ids of its requests begin */
    uint32_t id_count;

    bool draining;
    http_drained_fn *drained;
    void *drained_ctx;

    struct http_gzip *gzip; /* NULL: nobody asked yet */
    int64_t date_s;
    char date[HTTP_DATE_MAX];
};

/* What the connection waits for:
 *
 *     SHAKE --TLS is there, or none is wanted--> HEAD
 *
 *     HEAD --head--> BODY --body--> ANSWER --http_reply()--> HEAD ...
 *       |             |                |
 *       +--refused----+----close-------+--> CLOSE --all sent--> LINGER --client closed--> GONE
 *
 * From ANSWER, what goes on without end is STREAM (flow.h).
 * GONE (no descriptor) comes from anywhere: reset, deadline, server closed. */
enum conn_at {
    CONN_SHAKE,
    CONN_HEAD,
    CONN_BODY,
    CONN_ANSWER,
    CONN_STREAM,
    CONN_CLOSE,
    CONN_LINGER,
    CONN_GONE,
};
enum conn_due {
    DUE_NONE,
    DUE_SHAKE,
    DUE_IDLE,
    DUE_HEAD,
    DUE_BODY,
    DUE_ANSWER,
    DUE_STALL,
    DUE_PING,
    DUE_WRITE,
    DUE_LINGER,
};

/* A connection is its exchange: requests come one at a time. */
struct http_exchange {
    struct http_server *server; /* NULL: it was closed before the handler answered */
    struct list node;           /* in server->conns or ->closed */
    struct list again;          /* in server->again, or nowhere */
    int fd;
    struct tls_conn *tls; /* NULL: bytes go as they are */
    enum conn_at at;
    bool owed;    /* the handler has the exchange; independent of `at` */
    bool eof;     /* nothing more will come in */
    bool unread;  /* bytes wait in the kernel behind a request that waits */
    bool in_turn; /* replies are collected, and sent once at the end */
    bool served;  /* in this turn: the deadline starts anew */
    ev_io readable, writable;

    struct alarm alarm;
    enum conn_due due;
    uint64_t due_ms;   /* of clock_mono_ms() */
    uint64_t allow_ms; /* for this answer, beyond the limit */

    struct buffer in;  /* flat: this request, then what follows it */
    size_t in_at;      /* where this request begins */
    size_t in_counted; /* what server->buffered holds for it */
    struct buffer out;
    size_t out_at;      /* sent so far */
    size_t out_counted; /* what server->unsent holds for it */
    struct http_parser parser;

    struct http_request request;
    struct http_caller caller; /* of it */
    char id[HTTP_REQUEST_ID_MAX + 1]; /* of it; "": it has not come so far */
    struct http_waiter *waiter;
    struct http_stream *stream; /* whose end is to be told; outlives `flow` for that */
    struct http_flow *flow;     /* NULL unless CONN_STREAM */
    struct http_peer peer;
    struct http_peer_count *peer_count;
};

enum step {
    STEP_SERVED, /* one request was answered; there may be another */
    STEP_HUNGRY, /* needs bytes */
    STEP_WAIT,   /* for the handler, or for the client to take what is queued */
};

/* exchange.c */
enum step http_exchange_step(struct http_exchange *);
/* Our own last word to a request that never reached the handler; the framing is lost with it. */
enum step http_exchange_refuse(struct http_exchange *, const struct http_refusal *);
void http_exchange_left(struct http_exchange *); /* tells the waiter, once */
bool http_exchange_closes(const struct http_exchange *); /* after the answer */

/* conn.c */
static inline size_t http_conn_unsent(const struct http_exchange *x)
{
    return x->out.len - x->out_at;
}

void http_conn_open(struct http_server *, int fd, const struct http_peer *,
                    struct http_peer_count *);
void http_conn_close(struct http_exchange *); /* now; freed in the next turn, or when answered */
void http_conn_next(struct http_exchange *);  /* its turn comes from the loop */
void http_conn_turn(struct http_exchange *);
void http_conn_flush(struct http_exchange *); /* sends what it can; its turn must follow */
void http_conn_release(struct http_exchange *); /* gives the buffer of requests back */
void http_conn_shrink(struct http_exchange *);  /* keeps what is in it, in less memory */
void http_conn_free(struct http_exchange *);    /* closed and answered */
void http_conn_end(struct http_exchange *); /* a closed one: tells the waiter, frees if unowed */

/* reply.c: adds one whole reply to `out`; `close` adds Connection: close */
void http_render(struct http_exchange *, const struct http_reply *, bool close);
void http_render_problem(struct http_exchange *, unsigned status, enum pinion_err code,
                         const char *message, const struct http_header *headers, bool close);

/* The same for what goes on: the head alone. */
void http_render_endless(struct http_exchange *, const char *type, const struct http_header *,
                         bool close);
void http_render_upgrade(struct http_exchange *, const struct http_header *);

/* server.c */
void http_server_wake(struct http_server *); /* start `turn` */

#endif
