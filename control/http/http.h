/* control/http/http.h — an HTTP/1.1 server on the loop: requests come to one handler, which answers
 * each exactly once, at once or later.
 *
 * It frames, limits, times and closes; it knows no path and no token (route.h finds the path's
 * function). Everything runs on the loop's thread. No callback runs inside a call of the caller,
 * but for http_server_close(). Requests of one connection come one after the other.
 */
#ifndef PINION_CONTROL_HTTP_HTTP_H
#define PINION_CONTROL_HTTP_HTTP_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"
#include "base/text.h"
#include "control/http/limits.h"

#define HTTP_PEER_TEXT_MAX   48
#define HTTP_STATUS_CLASSES 6 /* 1xx .. 5xx; there is no 0xx */
#define HTTP_CALLER_NAME_MAX 64
#define HTTP_REQUEST_ID_MAX  64
#define HTTP_HOUSEHOLD_BYTES 16

struct ev_loop;
struct ticker;
struct route;
struct route_args;
struct http_server;
struct http_tls;
struct http_exchange; /* one request and the duty to answer it; valid until http_reply() */

struct http_peer {
    bool local; /* loopback, or a unix socket */
    bool by_unix_socket;
    uid_t uid;                     /* who connected, by the kernel; unix socket only */
    char text[HTTP_PEER_TEXT_MAX]; /* "127.0.0.1", "::1", "uid 1000" */
    /* The same for all that count as one: an IPv4 address, an IPv6 /64, a user. */
    unsigned char household[HTTP_HOUSEHOLD_BYTES];
};

/* Who asks, and what for: the gate fills it in (it is zero before), whoever serves reads it. What
 * the numbers and texts mean is the gate's business. */
struct http_caller {
    unsigned roles, need; /* that it has; that was asked of it */
    uint64_t mark;        /* tells it from another of the same name */
    char name[HTTP_CALLER_NAME_MAX + 1], scope[HTTP_CALLER_NAME_MAX + 1];
};

/* All of it is borrowed and stays valid until the exchange is answered. */
struct http_request {
    const char *method;      /* GET HEAD POST PUT PATCH DELETE or OPTIONS: others never arrive */
    struct span path, query; /* as sent, still %-encoded; query is absent without '?' */
    struct span headers;     /* the checked lines; read them by http_header() */
    struct span body;        /* whole, without chunks; never absent */
    const struct http_peer *peer;
    struct http_caller *caller;
    const char *id; /* of X-Request-Id, or made here; the answer has it, too */
};

struct http_header {
    const char *name, *value; /* name NULL ends a list; control characters become '?' */
};

struct http_reply {
    unsigned status;  /* 0: 200 */
    const char *type; /* Content-Type; NULL: application/json */
    const void *body; /* copied */
    size_t len;
    const struct http_header *headers; /* more of them; NULL: none */
};

/* For an exchange that waits: embed it. `left` is called at most once, on the loop, when the client
 * left, stopped sending for good, or the answer's deadline passed. The exchange must be answered
 * all the same (there or later); what is answered to nobody is dropped. */
struct http_waiter {
    void (*left)(struct http_waiter *);
};

typedef void http_handler_fn(struct http_exchange *, const struct http_request *, void *ctx);
typedef void http_drained_fn(void *ctx);
/* What came of a request that reached the handler; also when nobody was left to be told. */
typedef void http_answered_fn(const struct http_request *, unsigned status, void *ctx);

struct http_options {
    const char *listen;       /* "127.0.0.1:7466", "[::1]:0", "unix:PATH", "fd:3" (inherited) */
    const char *const *hosts; /* names besides localhost, 127.0.0.1, [::1]; NULL ends; or NULL */
    struct http_tls *tls; /* by http_tls_open(), the server's from then on; NULL: in the clear */
    http_answered_fn *answered; /* called with the handler's ctx; NULL: nobody wants to know */
    struct http_limits limits;
};

/* PINION_INVALID: a bad address; PINION_BUSY: it is in use; PINION_INTERNAL: the system refused. */
enum pinion_err http_server_open(struct ev_loop *, struct ticker *, const struct http_options *,
                                 http_handler_fn *, void *ctx, struct http_server **ret_server,
                                 struct error *why) must_use;
/* With the port that :0 became, and behind "https://" where it speaks TLS. */
const char *http_server_address(const struct http_server *);
/* Other limits from now on; deadlines that run already stay. Zeros: the defaults. */
void http_server_limit(struct http_server *, struct http_limits);
/* Another certificate for new connections; those that are open keep theirs. It is the server's from
 * then on. Only where there was one. */
void http_server_renew(struct http_server *, struct http_tls *);
unsigned http_server_connections(const struct http_server *);
/* So far, of statuses CLASS00 to CLASS99; `class` is 1 .. 5. */
uint64_t http_server_replies(const struct http_server *, unsigned class);
/* Closes every connection that waits for something to come (a stream, a long poll) for a caller who
 * does not stay. Not from inside a callback of the server. */
void http_server_recall(struct http_server *, bool (*stays)(const struct http_caller *, void *ctx),
                        void *ctx);
/* No more accepts; idle connections close now, others after their answer. `drained` (NULL is fine)
 * is called once, on the loop, when none is left, and may close the server. */
void http_server_drain(struct http_server *, http_drained_fn *drained, void *ctx);
/* At once. Waiters are told they were left, streams that they ended; exchanges still open may be
 * answered afterwards. Not from inside a handler, a waiter or a stream's callback. */
void http_server_close(struct http_server *);

/* Against pages of somebody else that speak through a visitor's browser: a newer one says by
 * Sec-Fetch-Site where the page is from. Else a request without Origin comes from no page; with
 * one, it must name the host and port that Host names. */
bool http_origin_is_ours(const struct http_request *) must_use;

struct span http_header(const struct http_request *, const char *name); /* the first; or absent */
void http_wait(struct http_exchange *, struct http_waiter *); /* NULL: tell nobody any more */
void http_allow_ms(struct http_exchange *, uint64_t ms);      /* a long poll: moves the deadline */

void http_reply(struct http_exchange *, const struct http_reply *);
/* {"error":{"code":...,"message":...}} with the status of base/error.h */
void http_reply_error(struct http_exchange *, enum pinion_err, const char *format, ...)
    printf_like(3, 4);
/* The same with a status of its own, such as 405; `headers` may be NULL. */
void http_reply_problem(struct http_exchange *, unsigned status, enum pinion_err code,
                        const char *message, const struct http_header *headers);

/* May the client go on to that row? false: the gate has answered. */
typedef bool http_gate_fn(struct http_exchange *, const struct http_request *,
                          const struct route *, const struct route_args *, void *ctx);

/* Answers by the table's function for the path, if the gate (NULL: everybody) lets it; or 400, 404,
 * or 405 with Allow. */
void http_serve(struct http_exchange *, const struct http_request *, const struct route *table,
                size_t count, http_gate_fn *, void *ctx);

#endif
