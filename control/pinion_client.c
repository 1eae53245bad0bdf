#include "control/pinion_shared.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "control/enqueuer.h"
#include "control/find.h"
#include "queue/sync.h"

const char *pinion_err_name(enum pinion_err err)
{
    return error_name(err);
}

enum pinion_err pinion_tell(const struct error *why, enum pinion_err err, char *text, size_t size)
{
    if (err && text && size) snprintf(text, size, "%s", why->text);
    return err;
}

#define CONNECT_DEFAULT_MS 5000
#define REPLY_DEFAULT_MS   10000

struct pinion_client {
    struct redis_url url;
    struct sync *sync;
    struct enqueuer *enqueuer;
    char *name_space;
    uint64_t reply_timeout_ms;
};

static enum pinion_err connect_client(struct pinion_client *c,
                                      const struct pinion_client_options *o, struct error *why)
{
    uint64_t wait_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_DEFAULT_MS;
    struct find_options find = {o->redis_url, o->state_dir, wait_ms};
    struct sync_options options = {c->name_space, wait_ms, c->reply_timeout_ms, false};
    char *url = NULL;
    enum pinion_err err = find_redis(&find, &url, why);

    if (!err) err = redis_url_parse(span_of(url), &c->url, why);
    if (!err) err = sync_open(&c->url, &options, &c->sync, why);
    free(url);
    return err;
}

enum pinion_err pinion_client_open(const struct pinion_client_options *options,
                                   struct pinion_client **ret_client, char *text, size_t size)
{
    static const struct pinion_client_options defaults;
    const struct pinion_client_options *o = options ? options : &defaults;
    struct pinion_client *c = xcalloc(1, sizeof *c);
    struct error why = {0};
    enum pinion_err err;

    c->name_space = xstrdup(o->name_space ? o->name_space : "pinion");
    c->reply_timeout_ms = o->reply_timeout_ms ? o->reply_timeout_ms : REPLY_DEFAULT_MS;
    err = connect_client(c, o, &why);
    if (err) {
        pinion_client_close(c);
        return pinion_tell(&why, err, text, size);
    }
    c->enqueuer = enqueuer_new(c->sync, c->name_space);
    *ret_client = c;
    return PINION_OK;
}

void pinion_client_close(struct pinion_client *c)
{
    if (!c) return;
    enqueuer_free(c->enqueuer);
    sync_close(c->sync);
    redis_url_deinit(&c->url);
    free(c->name_space);
    free(c);
}

enum pinion_err pinion_enqueue(struct pinion_client *c, const struct pinion_job *jobs, size_t count,
                               struct pinion_enqueued *ret)
{
    return enqueuer_send(c->enqueuer, jobs, count, c->reply_timeout_ms, ret, NULL);
}
