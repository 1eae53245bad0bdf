#include "cli/payload.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "queue/limits.h"

static enum pinion_err read_stdin(struct buffer *out, struct error *why)
{
    ssize_t got = 1;

    while (got > 0 && out->len <= PAYLOAD_BYTES_MAX) {
        size_t room = PAYLOAD_BYTES_MAX + 1 - out->len;

        got = read(STDIN_FILENO, buffer_reserve(out, room), room);
        if (got < 0 && errno == EINTR) got = 1;
        else if (got < 0)
            return error_set(why, PINION_INVALID, "cannot read stdin: %s", strerror(errno));
        else out->len += (size_t)got;
    }
    if (out->len <= PAYLOAD_BYTES_MAX) return PINION_OK;
    return error_set(why, PINION_TOO_LARGE, "the payload from stdin is too large: at most %d bytes",
                     PAYLOAD_BYTES_MAX);
}

enum pinion_err payload_read(const char *word, struct buffer *out, struct error *why)
{
    if (word && strcmp(word, "-") == 0) return read_stdin(out, why);
    if (word) buffer_add_text(out, word);
    return PINION_OK;
}
