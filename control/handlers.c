#include "control/handlers.h"

#include "workers/command.h"
#include "workers/exec.h"
#include "workers/registry.h"
#include "workers/webhook.h"

static enum pinion_err make_webhook(const struct config_handler *c, const struct handler_parts *p,
                                    struct handler **ret_handler, struct error *why)
{
    struct webhook_options o = {c->url, c->secret, c->secret_file, c->retry_4xx,
                                c->host_concurrency};
    struct error bad;
    enum pinion_err err = webhook_new(c->kind, &o, p->fetcher, p->hosts, ret_handler, &bad);

    return err ? error_set(why, err, "webhook %s: %s", c->kind, bad.text) : PINION_OK;
}

static enum pinion_err make_command(const struct config_handler *c, const struct process_host *host,
                                    struct handler **ret_handler, struct error *why)
{
    struct error bad;
    bool exec = c->runner == CONFIG_EXEC;
    enum pinion_err err =
        exec ? exec_new(c->kind, &c->program, host, ret_handler, &bad)
             : command_new(c->kind, c->argv, &c->program, host, ret_handler, &bad);

    return err ? error_set(why, err, "%s %s: %s", exec ? "exec" : "command", c->kind, bad.text)
               : PINION_OK;
}

static enum pinion_err make_runner(const struct config_handler *c, const struct handler_parts *p,
                                   struct handler **ret_handler, struct error *why)
{
    switch (c->runner) {
    case CONFIG_COMMAND:
    case CONFIG_EXEC: return make_command(c, p->host, ret_handler, why);
    case CONFIG_WEBHOOK: return make_webhook(c, p, ret_handler, why);
    case CONFIG_RUNNERS: break;
    }
    return error_set(why, PINION_INTERNAL, "%s: no runner", c->kind);
}

/* Of two numbers of slots, of which 0 says nothing. */
static unsigned least(unsigned a, unsigned b)
{
    if (!a || !b) return a + b;
    return a < b ? a : b;
}

enum pinion_err handler_make(const struct config_handler *c, const struct handler_parts *parts,
                             struct handler **ret_handler, struct error *why)
{
    struct handler *h;
    enum pinion_err err = make_runner(c, parts, &h, why);

    if (err) return err;
    h->concurrency = least(c->concurrency, h->concurrency);
    h->timeout_ms = c->timeout_ms;
    h->attempts_max = c->attempts_max;
    handler_name(h, c->backoff, c->on_dead);
    *ret_handler = h;
    return PINION_OK;
}
