#include "tests/support/plain_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536

static int dial(unsigned port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0) return fd;
    close(fd);
    return -1;
}

static int send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads the head and as much of a body as that announces; 0: the connection is gone. */
static unsigned read_answer(struct plain_http *h, const char **ret_body, size_t *ret_len)
{
    size_t head = 0, body = 0;

    buffer_clear(&h->in);
    while (!head || h->in.len < head + body) {
        ssize_t n = recv(h->fd, buffer_reserve(&h->in, READ_BYTES), READ_BYTES, 0);
        if (n <= 0) return 0;
        h->in.len += (size_t)n;
        h->in.data[h->in.len] = '\0';
        char *end = head ? NULL : memmem(h->in.data, h->in.len, "\r\n\r\n", 4);
        if (!end) continue;
        head = (size_t)(end - h->in.data) + 4;
        char *length = memmem(h->in.data, head, "Content-Length: ", 16);
        body = length ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    }
    *ret_body = h->in.data + head;
    *ret_len = body;
    return (unsigned)strtoul(h->in.data + 9, NULL, 10);
}

unsigned plain_post(struct plain_http *h, const char *target, const char *body, size_t len,
                    const char **ret_body, size_t *ret_len)
{
    if (h->fd < 0) h->fd = dial(h->port);
    if (h->fd < 0) return 0;
    buffer_clear(&h->out);
    buffer_printf(&h->out,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                  target, h->token, body ? len : 0);
    if (body) buffer_add(&h->out, body, len);
    unsigned status = send_all(h->fd, h->out.data, h->out.len) ? 0
                                                                : read_answer(h, ret_body, ret_len);
    if (status) return status;
    close(h->fd);
    h->fd = -1;
    return 0;
}

void plain_close(struct plain_http *h)
{
    if (h->fd >= 0) close(h->fd);
    h->fd = -1;
    buffer_deinit(&h->in);
    buffer_deinit(&h->out);
}
