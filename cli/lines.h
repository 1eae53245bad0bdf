/* cli/lines.h — reads a descriptor line by line, in bounded memory. */
#ifndef PINION_CLI_LINES_H
#define PINION_CLI_LINES_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

struct lines {
    int           fd;        /* borrowed */
    size_t        bytes_max; /* of one line */
    uint64_t      number;    /* read-only: of the line that was read last, from 1 */
    struct buffer bytes;     /* private, as all that follows */
    size_t        at, looked;
    bool          ended;
};

void lines_init(struct lines *, int fd, size_t bytes_max);
void lines_deinit(struct lines *);

/* Is there a line, or the end, without waiting? */
bool lines_ready(struct lines *);
/* The next line, without its newline, borrowed until the next call; PINION_NOT_FOUND: the end;
 * PINION_TOO_LARGE: `number` tells which line; PINION_INTERNAL: reading failed. */
enum pinion_err lines_next(struct lines *, struct span *ret_line, struct error *why) must_use;

#endif
