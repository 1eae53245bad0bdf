/* queue/request.h — one command for Redis, written as RESP while its arguments are added.
 *
 * It owns all its bytes, so it can be sent again as it is when a reply was lost or a script was not
 * loaded. The link and the blocking client send the same requests.
 */
#ifndef PINION_QUEUE_REQUEST_H
#define PINION_QUEUE_REQUEST_H

#include <stdint.h>
#include "base/buffer.h"
#include "base/text.h"
#include "queue/script.h"

#define REQUEST_NO_SCRIPT SCRIPTS

struct request {
    struct buffer bytes; /* private */
    unsigned      args;  /* private */
    enum script   script; /* read-only; REQUEST_NO_SCRIPT: a plain command */
};

#define REQUEST_INIT ((struct request){.script = REQUEST_NO_SCRIPT})

/* A call of a script on the queue whose key base is `key` ("pinion:{mail}"). Starts over. */
void request_script(struct request *, enum script, struct span key);
/* A plain command: words that hold no blanks, e.g. "GET pinion:format"; more arguments may
 * follow. */
void request_command(struct request *, const char *words);
void request_add(struct request *, const void *data, size_t len);
void request_add_span(struct request *, struct span);
void request_add_text(struct request *, const char *text);
void request_add_u64(struct request *, uint64_t);
void request_add_i64(struct request *, int64_t);
/* Two spans as one argument. */
void request_add_pair(struct request *, struct span, struct span);

struct span request_bytes(struct request *); /* borrowed until the request changes */
void        request_deinit(struct request *);

#endif
