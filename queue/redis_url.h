/* queue/redis_url.h — where a Redis is: redis://[USER:PASSWORD@]HOST[:PORT][/DB],
 * rediss://..., unix://PATH[?db=N] (or unix:PATH). */
#ifndef PINION_QUEUE_REDIS_URL_H
#define PINION_QUEUE_REDIS_URL_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

struct redis_url {
    char     *host;     /* NULL: `path` is a unix socket */
    char     *path;
    unsigned  port, db;
    bool      tls;
    char     *user, *password; /* NULL: none; percent-decoded */
};

enum pinion_err redis_url_parse(struct span, struct redis_url *ret_url, struct error *why) must_use;
void            redis_url_deinit(struct redis_url *);
/* Without the password; fit for logs. Caller frees. */
char           *redis_url_text(const struct redis_url *) must_use;

#endif
