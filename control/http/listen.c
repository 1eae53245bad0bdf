#include "control/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "control/http/limits.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static enum pinion_err bad_text(struct error *why, const char *text)
{
    return error_set(
        why, PINION_INVALID,
        "listen address \"%s\": expected 127.0.0.1:PORT, [::1]:PORT, unix:PATH or fd:N", text);
}

static enum pinion_err refused(struct error *why, const char *text, const char *what)
{
    int saved = errno;

    if (saved == EADDRINUSE)
        return error_set(why, PINION_BUSY, "listen %s: %s", text, strerror(saved));
    return error_set(why, PINION_INTERNAL, "%s on %s: %s", what, text, strerror(saved));
}

/* ---- text to address ------------------------------------------------------------------------- */

static enum pinion_err parse_inet(const char *text, union address *address, socklen_t *ret_len,
                                  struct error *why)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    uint64_t port;

    if (!colon || text_parse_u64(span_of(colon + 1), 0, 65535, &port)) return bad_text(why, text);
    bool v6 = text[0] == '[' && colon > text && colon[-1] == ']';
    size_t len = (size_t)(colon - text) - (v6 ? 2 : 0);
    if (len >= sizeof host) return bad_text(why, text);
    memcpy(host, text + v6, len);
    host[len] = 0;
    if (v6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof address->v6;
        return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1 ? PINION_OK
                                                                      : bad_text(why, text);
    }
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons((uint16_t)port);
    *ret_len = sizeof address->v4;
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    return inet_pton(AF_INET, numeric, &address->v4.sin_addr) == 1 ? PINION_OK
                                                                   : bad_text(why, text);
}

static enum pinion_err parse_unix(const char *path, union address *address, socklen_t *ret_len,
                                  struct error *why)
{
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof address->un.sun_path)
        return error_set(why, PINION_INVALID, "unix socket path \"%s\": expected 1 to %zu bytes",
                         path, sizeof address->un.sun_path - 1);
    address->un.sun_family = AF_UNIX;
    memcpy(address->un.sun_path, path, len + 1);
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return PINION_OK;
}

/* ---- address to text ------------------------------------------------------------------------- */

static void name_inet(struct http_listener *l, const union address *address)
{
    char host[INET6_ADDRSTRLEN];
    bool v6 = address->any.sa_family == AF_INET6, every;

    if (v6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        every = IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    } else {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        every = address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    }
    unsigned port = ntohs(v6 ? address->v6.sin6_port : address->v4.sin_port);
    l->address = xasprintf(v6 ? "[%s]:%u" : "%s:%u", host, port);
    if (!every) l->host = xasprintf(v6 ? "[%s]" : "%s", host);
}

static enum pinion_err name_listener(struct http_listener *l, const char *text, struct error *why)
{
    union address address = {.any = {0}};
    socklen_t len = sizeof address;

    if (getsockname(l->fd, &address.any, &len) != 0) return refused(why, text, "getsockname");
    switch (address.any.sa_family) {
    case AF_UNIX:
        l->is_unix = true;
        l->address = xasprintf("unix:%s", address.un.sun_path);
        return PINION_OK;
    case AF_INET:
    case AF_INET6: name_inet(l, &address); return PINION_OK;
    default: return error_set(why, PINION_INVALID, "%s is not a socket of TCP or of unix", text);
    }
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* What every accepted TCP connection inherits (those of a unix socket have the kernel's bounds).
 * The small send buffer bounds what a slow reader holds in the kernel; keep-alive finds clients
 * that vanished while they wait. */
static void set_options(int fd, int family)
{
    static const int on = 1, idle_s = 30, interval_s = 10, probes = 3;
    static const int send_bytes = HTTP_SEND_BUFFER_BYTES / 2; /* Linux doubles it */

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    if (family == AF_UNIX) return;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
}

/* A socket file that nobody listens on is what a killed server left behind. */
static void remove_stale(const char *path, const union address *address, socklen_t len)
{
    struct stat st;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    if (connect(fd, &address->any, len) != 0 && errno == ECONNREFUSED) unlink(path);
    close(fd);
}

static enum pinion_err open_socket(struct http_listener *l, const union address *address,
                                   socklen_t len, const char *text, struct error *why)
{
    const char *path = address->any.sa_family == AF_UNIX ? address->un.sun_path : NULL;
    struct stat st;

    l->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) return refused(why, text, "socket");
    set_options(l->fd, address->any.sa_family);
    if (path) remove_stale(path, address, len);
    if (bind(l->fd, &address->any, len) != 0) return refused(why, text, "bind");
    if (path) {
        l->path = xstrdup(path);
        /* Before listen(): until then nobody can connect, whatever the umask was. */
        if (chmod(path, 0600) != 0 || lstat(path, &st) != 0) return refused(why, text, "chmod");
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    if (listen(l->fd, HTTP_BACKLOG) != 0) return refused(why, text, "listen");
    return PINION_OK;
}

static enum pinion_err inherit_socket(struct http_listener *l, const char *text, struct error *why)
{
    uint64_t fd;
    int listens = 0;
    socklen_t len = sizeof listens;

    if (text_parse_u64(span_of(text + 3), 3, 65535, &fd)) return bad_text(why, text);
    if (getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens)
        return error_set(why, PINION_INVALID, "%s is not a listening socket", text);
    l->fd = (int)fd;
    if (fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK) != 0)
        return refused(why, text, "fcntl");
    int family = AF_UNSPEC;
    len = sizeof family;
    if (getsockopt(l->fd, SOL_SOCKET, SO_DOMAIN, &family, &len) != 0)
        return refused(why, text, "getsockopt");
    set_options(l->fd, family);
    return PINION_OK;
}

enum pinion_err http_listen_open(const char *text, struct http_listener *ret_listener,
                                 struct error *why)
{
    struct http_listener l = {.fd = -1};
    union address address;
    socklen_t len = 0;
    enum pinion_err err;

    memset(&address, 0, sizeof address);
    if (strncmp(text, "fd:", 3) == 0) {
        err = inherit_socket(&l, text, why);
    } else {
        err = strncmp(text, "unix:", 5) == 0 ? parse_unix(text + 5, &address, &len, why)
                                             : parse_inet(text, &address, &len, why);
        if (!err) err = open_socket(&l, &address, len, text, why);
    }
    if (!err) err = name_listener(&l, text, why);
    if (err)
        http_listen_close(&l);
    else
        *ret_listener = l;
    return err;
}

bool http_listen_is_local(const char *text)
{
    union address a = {.any = {.sa_family = AF_UNIX}};
    socklen_t len = sizeof a;
    uint64_t fd;

    if (span_starts(span_of(text), "fd:")) {
        if (text_parse_u64(span_of(text + 3), 0, INT_MAX, &fd) ||
            getsockname((int)fd, &a.any, &len))
            return true;
    } else if (span_starts(span_of(text), "unix:") || parse_inet(text, &a, &len, NULL)) {
        return true;
    }
    if (a.any.sa_family == AF_INET) return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    return a.any.sa_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

void http_listen_close(struct http_listener *l)
{
    struct stat st;

    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->path);
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    free(l->host);
    free(l->address);
    *l = (struct http_listener){.fd = -1};
}
