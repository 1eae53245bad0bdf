/* tests/flow/http_world.h — a server and its raw clients in one thread: the loop runs in steps
 * until what a test waits for is true. The clock stands still but for what the test adds.
 * With PINION_TEST_TLS in the environment all is said inside TLS. */
#ifndef PINION_TESTS_FLOW_HTTP_WORLD_H
#define PINION_TESTS_FLOW_HTTP_WORLD_H

#include "control/http/http.h"
#include "tests/support/check.h"

#define CLIENTS_MAX 64
#define WAITING_MAX 8

struct ev_loop;
struct ssl_session_st;

struct client {
    int fd;             /* -1: closed by us */
    struct ssl_st *ssl; /* NULL: in the clear */
    struct buffer got;
    bool eof; /* the server closed, or reset */
};

struct waiting {
    struct http_waiter waiter;
    struct http_exchange *exchange; /* NULL: answered */
    const struct http_request *request;
    bool left;
    bool answer_when_left;
};

extern struct http_server *server;
extern struct http_options options;         /* for the next world_open() */
extern http_handler_fn *world_handler;      /* instead of the paths below; NULL: none */
extern unsigned requests;                   /* that reached the handler */
extern struct waiting waiting[WAITING_MAX]; /* exchanges of /wait, in order */
extern unsigned waiting_count;
extern unsigned drained;
extern struct ssl_ctx_st *client_tls;       /* of what client_shake() begins; NULL: no TLS yet */
extern char tls_cert[64], tls_key[64];      /* the server's files */
extern bool close_when_drained; /* from inside the callback */

/* Paths: /wait is kept; /echo answers body and query; /big?N answers N bytes; /inject shows
 * headers; /peer names the peer; everything else goes through a small route table. */
void world_open(void);
void world_close(void); /* closes server and clients; asserts that nothing is left over */
void world_attach(struct ev_loop *, const char *address); /* the server of somebody else's loop */
void world_detach(void); /* closes the clients */
void world_drain(void);
void world_pass(uint64_t ms);     /* time passes, alarms fire */
void world_turns(unsigned turns); /* the loop, without waiting */
void world_sleep_turn(void);      /* the loop once; it may wait for events */

bool world_has_tls(void);                            /* for new clients of the open world */
struct client *client_open(void);                    /* to the server's address */
struct client *client_open_clear(void);              /* connected, and no more */
void client_shake(struct client *);                  /* if the server has TLS, as of now */
void client_shake_with(struct client *, struct ssl_session_st *); /* from before; NULL: none */
struct client *client_open_from(const char *v4);     /* from this loopback address */
void client_send(struct client *, const char *text); /* all of it; the loop runs meanwhile */
void client_send_bytes(struct client *, const void *data, size_t len);
void client_pull(struct client *);  /* what has come, into `got` */
/* What the socket takes now, and no turn of the loop: as send(). */
ssize_t client_try_send(struct client *, const void *data, size_t len);
ssize_t client_take(struct client *, void *out, size_t size); /* as recv(), and not into `got` */
void client_leave(struct client *); /* close */
void client_reset(struct client *); /* RST */
void client_half_close(struct client *);
/* What stands in `got` is an answer with this status; its bytes are consumed. Gives its text. */
const char *expect(struct client *, unsigned status);
const char *expect_head_only(struct client *, unsigned status); /* of HEAD: no body follows */
void expect_eof(struct client *);
void expect_nothing(struct client *);

#define eventually(condition)                                               \
    do {                                                                    \
        for (unsigned tries_ = 0; !(condition); tries_++) {                 \
            if (tries_ > 20000) fail_msg("never came true: %s", #condition); \
            world_sleep_turn();                                             \
        }                                                                   \
    } while (0)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

#endif
