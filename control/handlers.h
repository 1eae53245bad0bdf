/* control/handlers.h — handlers as the config names them. */
#ifndef PINION_CONTROL_HANDLERS_H
#define PINION_CONTROL_HANDLERS_H

#include "base/error.h"
#include "control/config.h"

struct fetcher;
struct handler;
struct hosts;
struct process_host;

/* What handlers are made with; all of it is borrowed for good. */
struct handler_parts {
    const struct process_host *host;
    struct fetcher *fetcher; /* NULL only if no webhook is made; the same for hosts */
    struct hosts *hosts;
};

/* Yours, until it is given away. PINION_INVALID: it cannot work, and `why` says what
 * was expected. Loop thread. */
enum pinion_err handler_make(const struct config_handler *, const struct handler_parts *,
                             struct handler **ret_handler, struct error *why) must_use;

#endif
