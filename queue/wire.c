/* One loop serves everything: send what the socket takes, read what has come, else wait for either.
 *
 *      requests  [ sent | sent_bytes.......... | to send ]
 *      replies   [ got  | on their way                   ]
 */
#include "queue/wire.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "queue/hiredis_shim.h"
#include "queue/socket.h"

#define PIECES_MAX    64          /* requests in one sendmsg */
#define READ_BYTES    (16 * 1024) /* in one recv: the reader shifts its buffer once per kilobyte */
#define PORT_TEXT_MAX 8

struct exchange {
    struct request *const *requests;
    size_t count;
    size_t sent;       /* whole requests */
    size_t sent_bytes; /* of the next one */
};

static int ms_until(uint64_t deadline_ms)
{
    uint64_t now_ms = clock_mono_ms();

    if (deadline_ms <= now_ms) return 0;
    return deadline_ms - now_ms < INT_MAX ? (int)(deadline_ms - now_ms) : INT_MAX;
}

static enum pinion_err unavailable(struct error *why, int number)
{
    return error_set(why, PINION_UNAVAILABLE, "%s", strerror(number));
}

/* ---- open ---- */

static enum pinion_err await_connect(int fd, uint64_t deadline_ms, struct error *why)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0, ready;

    do ready = poll(&wait, 1, ms_until(deadline_ms));
    while (ready < 0 && errno == EINTR);
    if (ready == 0) return unavailable(why, ETIMEDOUT);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)) error = errno;
    return error ? unavailable(why, error) : PINION_OK;
}

static enum pinion_err connect_to(const struct sockaddr *address, socklen_t size,
                                  uint64_t deadline_ms, int *ret_fd, struct error *why)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) return unavailable(why, errno);
    if (connect(fd, address, size)) {
        enum pinion_err err =
            errno == EINPROGRESS ? await_connect(fd, deadline_ms, why) : unavailable(why, errno);
        if (err) {
            close(fd);
            return err;
        }
    }
    *ret_fd = fd;
    return PINION_OK;
}

static enum pinion_err connect_socket(const struct redis_url *url, uint64_t deadline_ms,
                                      int *ret_fd, struct error *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s", url->path);

    if (len < 0 || (size_t)len >= sizeof address.sun_path) return unavailable(why, ENAMETOOLONG);
    return connect_to((const struct sockaddr *)&address, sizeof address, deadline_ms, ret_fd, why);
}

static enum pinion_err connect_host(const struct redis_url *url, uint64_t deadline_ms, int *ret_fd,
                                    struct error *why)
{
    struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    enum pinion_err err = PINION_UNAVAILABLE;
    char port[PORT_TEXT_MAX];
    int failure;

    snprintf(port, sizeof port, "%u", url->port);
    failure = getaddrinfo(url->host, port, &want, &found);
    if (failure) return error_set(why, PINION_UNAVAILABLE, "%s", gai_strerror(failure));
    for (const struct addrinfo *at = found; at && err; at = at->ai_next)
        err = connect_to(at->ai_addr, at->ai_addrlen, deadline_ms, ret_fd, why);
    freeaddrinfo(found);
    return err;
}

enum pinion_err wire_open(const struct redis_url *url, uint64_t deadline_ms, struct wire *ret_wire,
                          struct error *why)
{
    int fd = -1;
    enum pinion_err err = url->host ? connect_host(url, deadline_ms, &fd, why)
                                    : connect_socket(url, deadline_ms, &fd, why);

    if (err) return err;
    socket_tune(fd, url->host != NULL, (uint64_t)ms_until(deadline_ms) + 1);
    *ret_wire = (struct wire){.fd = fd, .reader = redisReaderCreate()};
    return PINION_OK;
}

void wire_close(struct wire *w)
{
    if (w->fd < 0) return;
    close(w->fd);
    redisReaderFree(w->reader);
    *w = WIRE_CLOSED;
}

bool wire_is_quiet(const struct wire *w)
{
    char byte;

    return w->fd >= 0 && recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

/* ---- talk ---- */

static bool is_for_later(int number)
{
    return number == EAGAIN || number == EINTR;
}

static size_t gather(const struct exchange *e, struct iovec pieces[PIECES_MAX])
{
    size_t count = 0;

    for (size_t i = e->sent; i < e->count && count < PIECES_MAX; i++) {
        struct span bytes = request_bytes(e->requests[i]);
        size_t skip = i == e->sent ? e->sent_bytes : 0;

        pieces[count++] = (struct iovec){(void *)(uintptr_t)(bytes.data + skip), bytes.len - skip};
    }
    return count;
}

static enum pinion_err send_some(struct wire *w, struct exchange *e, struct error *why)
{
    struct iovec pieces[PIECES_MAX];
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = gather(e, pieces)};
    ssize_t sent = sendmsg(w->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0) return is_for_later(errno) ? PINION_OK : unavailable(why, errno);
    e->sent_bytes += (size_t)sent;
    while (e->sent < e->count && e->sent_bytes >= request_bytes(e->requests[e->sent]).len)
        e->sent_bytes -= request_bytes(e->requests[e->sent++]).len;
    return PINION_OK;
}

static enum pinion_err receive_some(struct wire *w, struct error *why)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(w->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got == 0) return error_set(why, PINION_UNAVAILABLE, "Redis closed the connection");
    if (got < 0) return is_for_later(errno) ? PINION_OK : unavailable(why, errno);
    if (redisReaderFeed(w->reader, bytes, (size_t)got))
        return error_set(why, PINION_UNAVAILABLE, "%s", w->reader->errstr);
    return PINION_OK;
}

/* The next whole reply of those that were read; NULL: not yet. */
static enum pinion_err take_reply(struct wire *w, redisReply **ret_reply, struct error *why)
{
    void *reply = NULL;

    if (redisReaderGetReply(w->reader, &reply))
        return error_set(why, PINION_UNAVAILABLE, "this is no Redis: %s", w->reader->errstr);
    *ret_reply = reply;
    return PINION_OK;
}

/* Waits until there is something to do, and does it. PINION_BUSY: the deadline passed. */
static enum pinion_err serve(struct wire *w, struct exchange *e, uint64_t deadline_ms,
                             struct error *why)
{
    short wanted = e->sent < e->count ? POLLIN | POLLOUT : POLLIN;
    struct pollfd wait = {.fd = w->fd, .events = wanted};
    int ready = poll(&wait, 1, ms_until(deadline_ms));

    if (ready < 0) return errno == EINTR ? PINION_OK : unavailable(why, errno);
    if (ready == 0) return PINION_BUSY;
    if (wait.revents & (POLLIN | POLLHUP | POLLERR)) {
        if (receive_some(w, why)) return PINION_UNAVAILABLE;
    }
    if (wait.revents & POLLOUT) return send_some(w, e, why);
    return PINION_OK;
}

/* A call that is short, as most are, is sent before any waiting. */
static enum pinion_err exchange_all(struct wire *w, struct exchange *e, redisReply *ret_replies[],
                                    size_t *got, uint64_t timeout_ms, struct error *why)
{
    uint64_t deadline_ms = clock_mono_ms() + timeout_ms;
    enum pinion_err err = send_some(w, e, why);

    while (!err && *got < e->count) {
        redisReply *reply = NULL;

        err = take_reply(w, &reply, why);
        if (!err && reply) {
            ret_replies[(*got)++] = reply;
            deadline_ms = clock_mono_ms() + timeout_ms;
        } else if (!err) {
            err = serve(w, e, deadline_ms, why);
        }
    }
    return err;
}

size_t wire_exchange(struct wire *w, struct request *const requests[], size_t count,
                     redisReply *ret_replies[], uint64_t timeout_ms, struct error *why)
{
    struct exchange e = {.requests = requests, .count = count};
    size_t got = 0;
    enum pinion_err err = exchange_all(w, &e, ret_replies, &got, timeout_ms, why);

    if (err == PINION_BUSY)
        error_set(why, PINION_UNAVAILABLE, "no answer within %llu ms",
                  (unsigned long long)timeout_ms);
    if (err) wire_close(w); /* what still comes could no longer be told apart */
    return got;
}

enum pinion_err wire_send(struct wire *w, struct request *const requests[], size_t count,
                          uint64_t deadline_ms, struct error *why)
{
    struct exchange e = {.requests = requests, .count = count};
    enum pinion_err err = send_some(w, &e, why);

    while (!err && e.sent < e.count) err = serve(w, &e, deadline_ms, why);
    if (err == PINION_BUSY) err = error_set(why, PINION_UNAVAILABLE, "Redis takes nothing");
    if (err) wire_close(w);
    return err;
}

enum pinion_err wire_read(struct wire *w, uint64_t deadline_ms, redisReply **ret_reply,
                          struct error *why)
{
    struct exchange nothing = {0};
    enum pinion_err err;

    for (;;) {
        redisReply *reply = NULL;

        err = take_reply(w, &reply, why);
        if (!err && reply) {
            *ret_reply = reply;
            return PINION_OK;
        }
        if (!err) err = serve(w, &nothing, deadline_ms, why);
        if (err == PINION_BUSY) return err;
        if (err) {
            wire_close(w);
            return err;
        }
    }
}
