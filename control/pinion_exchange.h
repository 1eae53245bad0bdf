/* control/pinion_exchange.h — the inside of struct pinion_exchange; for files behind pinion.h. */
#ifndef PINION_CONTROL_PINION_EXCHANGE_H
#define PINION_CONTROL_PINION_EXCHANGE_H

#include "base/list.h"
#include "control/http/http.h"
#include "control/http/route.h"
#include "include/pinion.h"

struct pinion_exchange {
    struct list node; /* among those that are open */
    struct http_exchange *x;
    const struct http_request *request;
    const char *pattern;              /* borrowed from its route */
    char *args[ROUTE_SEGMENTS_MAX];   /* of its {names}, in order */
    unsigned arg_count;
    struct pinion_asked asked;
    char *path;
    char **kept; /* texts that were given out */
    size_t kept_count;
    struct http_waiter waiter;
    pinion_serve_fn *left;
    void *ctx;
};

struct pinion_exchange *exchange_new(struct http_exchange *, const struct http_request *,
                                     const struct route *, const struct route_args *);
void exchange_watch(struct pinion_exchange *, pinion_serve_fn *left, void *ctx); /* NULL: nobody */
void exchange_free(struct pinion_exchange *); /* the http_exchange is, or will be, answered */

#endif
