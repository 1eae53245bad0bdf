#include "control/handlers.h"

#include "workers/command.h"
#include "workers/registry.h"

static enum pinion_err make_runner(const struct config_handler *c, const struct process_host *host,
                                   struct handler **ret_handler, struct error *why)
{
    switch (c->runner) {
    case CONFIG_COMMAND: return command_new(c->kind, c->argv, host, ret_handler, why);
    case CONFIG_RUNNERS: break;
    }
    return error_set(why, PINION_INTERNAL, "%s: no runner", c->kind);
}

enum pinion_err handler_make(const struct config_handler *c, const struct process_host *host,
                             struct handler **ret_handler, struct error *why)
{
    struct handler *h;
    enum pinion_err err = make_runner(c, host, &h, why);

    if (err) return err;
    h->concurrency = c->concurrency;
    h->timeout_ms = c->timeout_ms;
    h->attempts_max = c->attempts_max;
    handler_name(h, c->backoff, c->on_dead);
    *ret_handler = h;
    return PINION_OK;
}
