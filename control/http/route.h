/* control/http/route.h — which function serves a method and a path: one table for all. Pure.
 *
 *     { "GET", "/v1/jobs/{id}", job_show, ROLE_READ },
 *
 * A pattern is segments between '/': literal text, or {name}, which takes one whole segment that
 * is not empty. The first row that fits wins, so a literal row stands above a {name} row. GET rows
 * serve HEAD. The path is decoded once, here and nowhere else.
 */
#ifndef PINION_CONTROL_HTTP_ROUTE_H
#define PINION_CONTROL_HTTP_ROUTE_H

#include <stddef.h>
#include "base/error.h"
#include "base/text.h"

#define ROUTE_PATH_BYTES_MAX 1024 /* decoded; a longer path fits no row */
#define ROUTE_SEGMENTS_MAX   8    /* of a pattern; a path with more fits no row */
#define ROUTE_ALLOW_MAX      64

struct http_exchange;
struct http_request;

/* The decoded values of the pattern's {names}, from left to right; valid UTF-8 without control
 * characters, each followed by a NUL. They live as long as the struct and must not be copied. */
struct route_args {
    struct span arg[ROUTE_SEGMENTS_MAX];
    unsigned count;
    char text[ROUTE_PATH_BYTES_MAX + 1]; /* private */
};

typedef void route_fn(struct http_exchange *, const struct http_request *,
                      const struct route_args *, void *ctx);

struct route {
    const char *method, *pattern;
    route_fn *serve;
    unsigned need; /* what the server's gate asks of the client: the gate's own numbers */
};

enum route_found {
    ROUTE_OK,
    ROUTE_BAD_PATH,     /* bad %-code, %00, %2f, "." or "..", control characters, not UTF-8 */
    ROUTE_NO_PATH,      /* 404 */
    ROUTE_OTHER_METHOD, /* 405: `allow` lists those that fit */
};

struct route_match {
    const struct route *route; /* NULL unless ROUTE_OK */
    struct route_args args;
    char allow[ROUTE_ALLOW_MAX]; /* "GET, HEAD, DELETE"; ROUTE_OTHER_METHOD only */
};

enum route_found route_find(const struct route *table, size_t count, const char *method,
                            struct span path, struct route_match *ret_match);

/* The value of ?name= in a query as sent ('+' is a blank), decoded into `out` with a NUL.
 * PINION_NOT_FOUND: not there; PINION_INVALID: badly encoded, repeated, or longer than `out`. */
enum pinion_err route_query(struct span query, const char *name, char *out, size_t out_size,
                            struct error *why) must_use;

#endif
