#include "control/http/tls.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/http/tls_lib.h"

/* Forward secrecy and authenticated encryption only; those of TLS 1.3 are all so. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

#define EXPIRES_SOON_DAYS 7

struct http_tls {
    SSL_CTX *ctx;
};

/* ---- the socket, as OpenSSL is to see it ----------------------------------------------------- */

/* Its own would write without MSG_NOSIGNAL, and SIGPIPE is not ours to ignore. */
static BIO_METHOD *socket_method;

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)tls_lib.bio_get_data(bio);
}

static int try_later(BIO *bio, int direction)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        tls_lib.bio_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
    return -1;
}

static int on_read(BIO *bio, char *out, int size)
{
    ssize_t n = recv(fd_of(bio), out, (size_t)size, 0);

    tls_lib.bio_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (n < 0) return try_later(bio, BIO_FLAGS_READ);
    if (n == 0) tls_lib.bio_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static int on_write(BIO *bio, const char *data, int len)
{
    ssize_t n = send(fd_of(bio), data, (size_t)len, MSG_NOSIGNAL);

    tls_lib.bio_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    return n < 0 ? try_later(bio, BIO_FLAGS_WRITE) : (int)n;
}

static long on_control(BIO *bio, int what, long number, void *pointer)
{
    (void)number, (void)pointer;
    if (what == BIO_CTRL_EOF) return tls_lib.bio_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return what == BIO_CTRL_FLUSH;
}

static void make_socket_method(void)
{
    if (socket_method) return;
    socket_method = tls_lib.bio_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (!socket_method) abort();
    tls_lib.bio_meth_set_read(socket_method, on_read);
    tls_lib.bio_meth_set_write(socket_method, on_write);
    tls_lib.bio_meth_set_ctrl(socket_method, on_control);
}

/* ---- the certificate ------------------------------------------------------------------------- */

/* A key that asks for a password cannot be asked for one. */
static int no_password(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return 0;
}

/* Who offers protocols must offer ours: a client of HTTP/2 alone would not understand a word. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                           const unsigned char *offered, unsigned len, void *ctx)
{
    static const char ours[] = "http/1.1";

    (void)ssl, (void)ctx;
    for (unsigned at = 0; at < len; at += 1u + offered[at]) {
        if (offered[at] != sizeof ours - 1 || len - at < sizeof ours) continue;
        if (memcmp(offered + at + 1, ours, sizeof ours - 1) != 0) continue;
        *ret_name = offered + at + 1;
        *ret_len = sizeof ours - 1;
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Few sessions are worth their memory: what a client needs to come back quickly, it keeps itself,
 * in tickets. A peer that just closes is no error: HTTP says itself where a message ends. */
static void set_manners(SSL_CTX *ctx)
{
    tls_lib.ctx_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    tls_lib.ctx_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    tls_lib.ctx_ctrl(ctx, SSL_CTRL_MODE,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS,
                     NULL);
    tls_lib.ctx_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (tls_lib.ctx_set_cipher_list(ctx, CIPHERS) != 1) abort();
    tls_lib.ctx_set_alpn_select_cb(ctx, choose_protocol, NULL);
    tls_lib.ctx_set_default_passwd_cb(ctx, no_password);
}

static enum pinion_err bad_file(struct error *why, const char *key, const char *file,
                                const char *what)
{
    const char *reason = tls_lib.err_reason_error_string(tls_lib.err_peek_error());

    if (access(file, R_OK) != 0)
        return error_set(why, PINION_INVALID, "%s %s: %s", key, file, strerror(errno));
    return error_set(why, PINION_INVALID, "%s %s: expected %s (%s)", key, file, what,
                     reason ? reason : "it cannot be read");
}

static enum pinion_err load_files(SSL_CTX *ctx, const char *cert, const char *key,
                                  struct error *why)
{
    tls_lib.err_clear_error();
    if (tls_lib.ctx_use_certificate_chain_file(ctx, cert) != 1)
        return bad_file(why, "tls-cert", cert, "a certificate and its chain in PEM");
    if (tls_lib.ctx_use_private_key_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return bad_file(why, "tls-key", key, "the unencrypted private key of tls-cert in PEM");
    return PINION_OK;
}

static void tell_expiry(SSL_CTX *ctx, const char *cert)
{
    const ASN1_TIME *end = tls_lib.x509_get0_not_after(tls_lib.ctx_get0_certificate(ctx));
    int days = 0, seconds = 0;

    if (tls_lib.asn1_time_diff(&days, &seconds, NULL, end) != 1) return;
    if (days < 0 || seconds < 0)
        log_warn("tls_certificate_expired", LOG_TEXT("file", cert), LOG_INT("days_ago", -days));
    else if (days < EXPIRES_SOON_DAYS)
        log_warn("tls_certificate_expires_soon", LOG_TEXT("file", cert), LOG_INT("days", days));
    else
        log_info("tls_certificate", LOG_TEXT("file", cert), LOG_INT("days", days));
}

enum pinion_err http_tls_open(const char *cert, const char *key, struct http_tls **ret_tls,
                              struct error *why)
{
    enum pinion_err err = tls_lib_load(why);

    if (err) return err;
    make_socket_method();
    SSL_CTX *ctx = tls_lib.ctx_new(tls_lib.server_method());
    if (!ctx) return error_set(why, PINION_UNAVAILABLE, "OpenSSL does not work here");
    set_manners(ctx);
    err = load_files(ctx, cert, key, why);
    tls_lib.err_clear_error();
    if (err) {
        tls_lib.ctx_free(ctx);
        return err;
    }
    tell_expiry(ctx, cert);
    *ret_tls = xmemdup(&(struct http_tls){ctx}, sizeof **ret_tls);
    return PINION_OK;
}

void http_tls_free(struct http_tls *tls)
{
    if (!tls) return;
    tls_lib.ctx_free(tls->ctx);
    free(tls);
}

/* ---- connections ----------------------------------------------------------------------------- */

struct tls_conn *tls_conn_new(struct http_tls *tls, int fd)
{
    struct tls_conn *conn = xcalloc(1, sizeof *conn);
    BIO *bio = tls_lib.bio_new(socket_method);

    conn->ssl = tls_lib.ssl_new(tls->ctx);
    if (!conn->ssl || !bio) abort(); /* out of memory, as in base/memory.h */
    tls_lib.bio_set_data(bio, (void *)(intptr_t)fd);
    tls_lib.bio_set_init(bio, 1);
    tls_lib.set_bio(conn->ssl, bio, bio);
    tls_lib.set_read_ahead(conn->ssl, 1); /* a record is one read, not two */
    return conn;
}

void tls_conn_free(struct tls_conn *conn)
{
    tls_lib.err_clear_error();
    if (conn->shaken && !conn->failed) tls_lib.shutdown(conn->ssl);
    tls_lib.ssl_free(conn->ssl);
    tls_lib.err_clear_error();
    free(conn);
}

enum tls_shake tls_conn_accept(struct tls_conn *conn, int fd)
{
    if (!conn->begun) {
        char first;
        ssize_t n = recv(fd, &first, 1, MSG_PEEK);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return TLS_LATER;
        if (n <= 0) return TLS_FAILED;
        if (first >= 'A' && first <= 'Z') return TLS_PLAIN; /* a record begins with 22 */
        conn->begun = true;
    }
    tls_lib.err_clear_error();
    int n = tls_lib.accept(conn->ssl);
    if (n == 1) {
        conn->shaken = true;
        conn->more = tls_lib.has_pending(conn->ssl);
        conn->read_wants_write = false;
        return TLS_DONE;
    }
    int error = tls_lib.get_error(conn->ssl, n);
    conn->read_wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return TLS_LATER;
    conn->failed = true;
    return TLS_FAILED;
}

/* What a call on the socket would have given. */
static ssize_t as_socket(struct tls_conn *conn, int n, int *ret_error)
{
    *ret_error = n > 0 ? SSL_ERROR_NONE : tls_lib.get_error(conn->ssl, n);
    switch (*ret_error) {
    case SSL_ERROR_NONE: return n;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    default:
        conn->failed = true;
        errno = EPROTO;
        return -1;
    }
}

static int clamp(size_t size)
{
    return size < INT_MAX ? (int)size : INT_MAX;
}

static ssize_t has_read(struct tls_conn *conn, int n)
{
    int error;
    ssize_t result = as_socket(conn, n, &error);

    conn->more = n > 0 && tls_lib.has_pending(conn->ssl);
    conn->read_wants_write = error == SSL_ERROR_WANT_WRITE;
    return result;
}

ssize_t tls_conn_recv(struct tls_conn *conn, void *out, size_t size)
{
    tls_lib.err_clear_error();
    return has_read(conn, tls_lib.read(conn->ssl, out, clamp(size)));
}

ssize_t tls_conn_peek(struct tls_conn *conn, void *out, size_t size)
{
    tls_lib.err_clear_error();
    return has_read(conn, tls_lib.peek(conn->ssl, out, clamp(size)));
}

ssize_t tls_conn_send(struct tls_conn *conn, const void *data, size_t len)
{
    int error;

    tls_lib.err_clear_error();
    ssize_t n = as_socket(conn, tls_lib.write(conn->ssl, data, clamp(len)), &error);
    conn->write_wants_read = error == SSL_ERROR_WANT_READ;
    conn->stuck = error == SSL_ERROR_WANT_WRITE;
    if (n == 0) errno = EPIPE;
    return n ? n : -1;
}

bool tls_conn_finish(struct tls_conn *conn)
{
    int error = SSL_ERROR_NONE, n;

    if (!conn->shaken || conn->failed) return true;
    tls_lib.err_clear_error();
    n = tls_lib.shutdown(conn->ssl);
    if (n < 0) error = tls_lib.get_error(conn->ssl, n);
    return error != SSL_ERROR_WANT_WRITE;
}
