/* control/http/tls.h — TLS 1.2 and 1.3 on a non-blocking socket: what conn.c sends and receives
 * through, where the server has a certificate.
 *
 * Calls that look like those of the socket mean the same, errno included. Everything on the loop's
 * thread.
 */
#ifndef PINION_CONTROL_HTTP_TLS_H
#define PINION_CONTROL_HTTP_TLS_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

struct http_tls; /* a certificate with its key, and what it allows */

/* One connection. Whoever waits for the socket must ask which way: a read may have to write first,
 * as when the peer asked for new keys. Nobody may read while a write is `stuck`: OpenSSL would
 * answer such a peer in the middle of the other record, and give up ("bad length"). */
struct tls_conn {
    struct ssl_st *ssl;
    bool begun;            /* the first byte was looked at */
    bool shaken;           /* the handshake is done */
    bool failed;           /* nothing more can be said */
    bool more;             /* bytes wait in here, of which the socket knows nothing any more */
    bool read_wants_write; /* the last read could not go on before a write */
    bool write_wants_read;
    bool stuck;            /* the last write goes on when the socket has room */
};

/* Files in PEM: the certificate with its chain, and its key, which must not be encrypted.
 * PINION_INVALID: which file is bad, and why; PINION_UNAVAILABLE: no OpenSSL here. */
enum pinion_err http_tls_open(const char *cert, const char *key, struct http_tls **ret_tls,
                              struct error *why) must_use;
void http_tls_free(struct http_tls *); /* its connections go on; NULL: no-op */

struct tls_conn *tls_conn_new(struct http_tls *, int fd);
void             tls_conn_free(struct tls_conn *); /* says goodbye if it can; the socket stays */

enum tls_shake { TLS_DONE, TLS_LATER, TLS_PLAIN, TLS_FAILED };
/* A step of the handshake. TLS_PLAIN: the peer speaks HTTP without TLS; its bytes are untouched. */
enum tls_shake tls_conn_accept(struct tls_conn *, int fd);
ssize_t tls_conn_recv(struct tls_conn *, void *out, size_t size);
ssize_t tls_conn_peek(struct tls_conn *, void *out, size_t size);
/* After EAGAIN the same bytes must come again, with more behind them or not. */
ssize_t tls_conn_send(struct tls_conn *, const void *data, size_t len);
/* "No more will come from me". false: the socket is full; ask again when it is not. */
bool tls_conn_finish(struct tls_conn *);

#endif
