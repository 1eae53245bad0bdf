/* tests/fuzz/websocket_twin.h — RFC 6455 read the dumb way: all bytes at once, one frame after the
 * other, no library. What the server makes of the same bytes in any cuts must be the same. */
#ifndef PINION_TESTS_FUZZ_WEBSOCKET_TWIN_H
#define PINION_TESTS_FUZZ_WEBSOCKET_TWIN_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/text.h"

/* How a client is served. */
struct twin_options {
    size_t message_bytes_max;
    bool echoes;       /* each message is sent back */
    unsigned ends_at;  /* the number of the message on which the server ends it; 0: none */
    unsigned end_code; /* with that */
};

struct twin {
    struct buffer told; /* messages: twin_tell() of each */
    struct buffer sent; /* what the server sends: whole frames, but for its close */
    unsigned messages;
    bool closed;        /* by the server, with `code`; 0: without one */
    bool may_be_closed; /* so, for the input ends in or behind the head of a broken frame */
    unsigned code;
};

void twin_tell(struct buffer *, struct span message, bool text);
void twin_frame(struct buffer *, unsigned opcode, struct span payload); /* as a server's */
void twin_read(struct twin *, const struct twin_options *, struct span bytes); /* of a zero one */
void twin_deinit(struct twin *);

#endif
