/* control/handlers.h — handlers as the config names them. */
#ifndef PINION_CONTROL_HANDLERS_H
#define PINION_CONTROL_HANDLERS_H

#include "base/error.h"
#include "control/config.h"

struct handler;
struct process_host;

/* Yours, until it is given away. `host` is borrowed for good. PINION_INVALID: it cannot work, and
 * `why` says what was expected. Loop thread. */
enum pinion_err handler_make(const struct config_handler *, const struct process_host *host,
                             struct handler **ret_handler, struct error *why) must_use;

#endif
