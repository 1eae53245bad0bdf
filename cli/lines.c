/* cli/lines.c
 *
 *      bytes  [ given out | line without a newline so far | free ]
 *                         at                   looked     len
 */
#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)

void lines_init(struct lines *l, int fd, size_t bytes_max)
{
    *l = (struct lines){.fd = fd, .bytes_max = bytes_max};
}

void lines_deinit(struct lines *l)
{
    buffer_deinit(&l->bytes);
}

/* The end of the line at `at`; NULL: not there yet. What was looked at is not looked at again. */
static const char *find_end(struct lines *l)
{
    const char *end = NULL;

    if (l->looked < l->bytes.len)
        end = memchr(l->bytes.data + l->looked, '\n', l->bytes.len - l->looked);
    l->looked = end ? (size_t)(end - l->bytes.data) : l->bytes.len;
    return end;
}

static enum pinion_err read_more(struct lines *l, struct error *why)
{
    ssize_t got;
    char *room;

    buffer_consume(&l->bytes, l->at);
    l->looked -= l->at;
    l->at = 0;
    room = buffer_reserve(&l->bytes, READ_BYTES);
    do got = read(l->fd, room, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0) return error_set(why, PINION_INTERNAL, "cannot read: %s", strerror(errno));
    l->bytes.len += (size_t)got;
    l->ended = got == 0;
    return PINION_OK;
}

bool lines_ready(struct lines *l)
{
    struct pollfd fd = {.fd = l->fd, .events = POLLIN};

    return l->ended || find_end(l) || poll(&fd, 1, 0) != 0;
}

enum pinion_err lines_next(struct lines *l, struct span *ret_line, struct error *why)
{
    enum pinion_err err = PINION_OK;
    const char *end;
    size_t len;

    while (!(end = find_end(l)) && !l->ended && l->bytes.len - l->at <= l->bytes_max) {
        err = read_more(l, why);
        if (err) return err;
    }
    len = (end ? l->looked : l->bytes.len) - l->at;
    if (!end && l->ended && !len) return PINION_NOT_FOUND;
    l->number++;
    if (len > l->bytes_max)
        return error_set(why, PINION_TOO_LARGE, "a line of more than %zu bytes", l->bytes_max);
    *ret_line = (struct span){l->bytes.data + l->at, len};
    l->at = l->looked = l->at + len + (end != NULL);
    return PINION_OK;
}
