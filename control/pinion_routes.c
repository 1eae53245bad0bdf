/* control/pinion_routes.c — routes of a program's own, beside those of the API.
 *
 * The API hands over what its table does not know (service_serve_others), so no route here can
 * stand before one of its. The table is sorted by pattern: '{' sorts behind every letter that a
 * pattern may have, so of two rows that fit a path the more literal one comes first.
 */
#include "control/pinion_shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/api/api.h"
#include "control/api/auth.h"
#include "control/http/http.h"
#include "control/http/route.h"
#include "control/pinion_exchange.h"
#include "control/service.h"

struct row {
    pinion_serve_fn *serve, *left;
    void *ctx;
};

/* rows[i] is of table[i]. */
struct routes {
    struct service *service;
    struct route *table;
    struct row *rows;
    size_t count;
    const struct route *found; /* by the gate, for the function that is called next */
    struct list open;          /* exchanges not answered yet */
};

static route_fn serve_row;

/* ---- registering ----------------------------------------------------------------------------- */

static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

    if (!method) return known[0];
    for (size_t i = 0; i < countof(known); i++)
        if (strcmp(method, known[i]) == 0) return known[i];
    return NULL;
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!fits && c != '.' && c != '_' && c != '-') return false;
    }
    return len > 0 && strncmp(text, "..", len) != 0; /* nor "." */
}

static bool is_segment(const char *text, size_t len)
{
    if (len > 2 && text[0] == '{' && text[len - 1] == '}') return is_name(text + 1, len - 2);
    return is_name(text, len);
}

static enum pinion_err check_path(const char *path, struct error *why)
{
    unsigned count = 0;

    if (path && strcmp(path, "/") == 0) return PINION_OK;
    for (const char *at = path; at && *at == '/'; count++) {
        size_t len = strcspn(++at, "/");
        if (!is_segment(at, len) || count == ROUTE_SEGMENTS_MAX) break;
        at += len;
        if (!*at) return PINION_OK;
    }
    return error_set(why, PINION_INVALID,
                     "route %s: expected a path as \"/rooms/{room}\", of up to %d segments "
                     "[A-Za-z0-9._-] or {name}",
                     path ? path : "NULL", ROUTE_SEGMENTS_MAX);
}

/* Would both take the same paths? */
static bool are_alike(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        size_t a_len = strcspn(++a, "/"), b_len = strcspn(++b, "/");
        bool both_names = *a == '{' && *b == '{';
        if (!both_names && (a_len != b_len || memcmp(a, b, a_len) != 0)) return false;
        a += a_len;
        b += b_len;
    }
    return !*a && !*b;
}

static enum pinion_err check(const struct routes *r, const struct pinion_route *route,
                             struct error *why)
{
    const char *method = known_method(route->method);
    enum pinion_err err = check_path(route->path, why);

    if (err) return err;
    if (!method || !route->serve || (unsigned)route->role > PINION_FOR_ADMIN)
        return error_set(why, PINION_INVALID,
                         "route %s: expected GET, POST, PUT, PATCH or DELETE, a function that "
                         "serves it, and a role of pinion.h",
                         route->path);
    if (api_owns(route->path))
        return error_set(why, PINION_INVALID, "route %s: this part of the paths is the service's",
                         route->path);
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->table[i].method, method) == 0 &&
            are_alike(r->table[i].pattern, route->path))
            return error_set(why, PINION_CONFLICT, "route %s %s: there is %s already", method,
                             route->path, r->table[i].pattern);
    if (r->count < PINION_ROUTES_MAX) return PINION_OK;
    return error_set(why, PINION_TOO_LARGE, "route %s: expected at most %d routes", route->path,
                     PINION_ROUTES_MAX);
}

/* What a token must have; reading needs one, too, whatever the address. */
static unsigned need_of(enum pinion_role role)
{
    static const unsigned need[] = {
        [PINION_FOR_ANYBODY] = ROLE_NONE,
        [PINION_FOR_READ] = ROLE_READ | API_CONTENT,
        [PINION_FOR_ENQUEUE] = ROLE_ENQUEUE,
        [PINION_FOR_WORK] = ROLE_WORK,
        [PINION_FOR_ADMIN] = ROLE_ADMIN,
    };

    return need[role] | API_OF_OTHERS;
}

static void insert(struct routes *r, const struct pinion_route *route)
{
    size_t at = r->count;

    r->table = xrealloc(r->table, (r->count + 1) * sizeof *r->table);
    r->rows = xrealloc(r->rows, (r->count + 1) * sizeof *r->rows);
    for (; at && strcmp(r->table[at - 1].pattern, route->path) > 0; at--) {
        r->table[at] = r->table[at - 1];
        r->rows[at] = r->rows[at - 1];
    }
    r->table[at] = (struct route){known_method(route->method), xstrdup(route->path), serve_row,
                                  need_of(route->role)};
    r->rows[at] = (struct row){route->serve, route->left, route->ctx};
    r->count++;
}

enum pinion_err pinion_service_route(struct pinion_service *s, const struct pinion_route *route,
                                     char *text, size_t size)
{
    struct routes *r = service_routes(s);
    struct error why = {0};
    enum pinion_err err = r ? check(r, route, &why)
                            : error_set(&why, PINION_CONFLICT, "the service has started already");

    if (!err) insert(r, route);
    return tell_reason(&why, err, text, size);
}

/* ---- serving --------------------------------------------------------------------------------- */

static bool gate(struct http_exchange *x, const struct http_request *request,
                 const struct route *route, const struct route_args *args, void *ctx)
{
    struct routes *r = ctx;

    r->found = route;
    if (strcmp(route->method, "GET") != 0 && !http_origin_is_ours(request)) {
        http_reply_error(x, PINION_FORBIDDEN, "a page of another origin may not do this");
        return false;
    }
    return api_gate(x, request, route, args, r->service);
}

static void serve_row(struct http_exchange *x, const struct http_request *request,
                      const struct route_args *args, void *ctx)
{
    struct routes *r = ctx;
    const struct row *row = &r->rows[r->found - r->table];
    struct pinion_exchange *e = exchange_new(x, request, r->found, args);

    exchange_watch(e, row->left, row->ctx);
    list_push(&r->open, &e->node);
    row->serve(e, row->ctx);
}

static void handle(struct http_exchange *x, const struct http_request *request, void *ctx)
{
    struct routes *r = ctx;

    http_serve(x, request, r->table, r->count, gate, r);
}

struct routes *routes_new(struct service *service)
{
    struct routes *r = xcalloc(1, sizeof *r);

    r->service = service;
    list_init(&r->open);
    service_serve_others(service, handle, r);
    return r;
}

void routes_free(struct routes *r)
{
    struct list *node;

    if (!r) return;
    while ((node = list_pop(&r->open))) /* nobody answers them any more */
        pinion_reply_error(container_of(node, struct pinion_exchange, node), PINION_UNAVAILABLE,
                           "the service has ended");
    for (size_t i = 0; i < r->count; i++) free((char *)(uintptr_t)r->table[i].pattern);
    free(r->table);
    free(r->rows);
    free(r);
}
