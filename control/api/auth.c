#include "control/api/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "control/access/access.h"
#include "control/service.h"
#include "queue/key.h"

#define SCHEME     "Bearer "
#define SCHEME_LEN (sizeof SCHEME - 1)

_Static_assert(HTTP_CALLER_NAME_MAX >= TOKEN_NAME_MAX && HTTP_CALLER_NAME_MAX >= QUEUE_NAME_MAX,
               "a caller has room for what a token says");

/* ---- who asks -------------------------------------------------------------------------------- */

static void name_caller(struct http_caller *c, const char *name, unsigned roles, const char *scope)
{
    c->roles = roles;
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->scope, sizeof c->scope, "%s", scope);
}

/* false: it shows a token that is none of ours. */
static bool identify(const struct service *s, const struct http_request *request)
{
    struct span given = http_header(request, "Authorization");
    const struct http_peer *peer = request->peer;
    const struct token *t;

    name_caller(request->caller, peer->local ? "loopback" : "nobody", 0, "");
    if (!given.data) {
        if (peer->by_unix_socket && (peer->uid == geteuid() || peer->uid == 0))
            name_caller(request->caller, peer->text, ROLE_BIT(ROLE_ADMIN), "");
        return true;
    }
    if (given.len <= SCHEME_LEN || strncasecmp(given.data, SCHEME, SCHEME_LEN) != 0) return false;
    t = access_find(service_access(s),
                    (struct span){given.data + SCHEME_LEN, given.len - SCHEME_LEN});
    if (t) name_caller(request->caller, t->name, t->roles, t->queues);
    return t != NULL;
}

/* ---- may it? --------------------------------------------------------------------------------- */

static bool has_role(const struct http_request *request, unsigned need)
{
    unsigned roles = request->caller->roles;

    if (API_ROLE(need) == ROLE_READ)
        return roles || (request->peer->local && !(need & API_CONTENT));
    return (roles & (ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(API_ROLE(need)))) != 0;
}

static struct span arg_named(const struct route *route, const struct route_args *args,
                             const char *name)
{
    unsigned n = 0;

    for (const char *at = route->pattern; (at = strchr(at, '{')); at++, n++)
        if (strncmp(at, name, strlen(name)) == 0) return args->arg[n];
    return (struct span){NULL, 0};
}

/* What is no good name at all, the route itself refuses. */
static bool is_in_scope(const struct http_request *request, const struct route *route,
                        const struct route_args *args)
{
    struct span queue = arg_named(route, args, "{queue}"), id = arg_named(route, args, "{id}");
    struct span local;

    if (!request->caller->scope[0] || API_ROLE(route->need) == ROLE_NONE) return true;
    if (id.data && id_split(id, NULL, &queue, &local, NULL)) return true;
    return queue.data ? api_may_see(request, queue) : (route->need & API_SCOPED) != 0;
}

static void refuse_role(struct http_exchange *x, const struct http_request *request, enum role need)
{
    if (!request->caller->roles)
        http_reply_error(x, PINION_UNAUTHORIZED,
                         "this needs a token: expected `Authorization: Bearer TOKEN` with one that "
                         "`pinion token make` gave, or what the file `token` of the service's "
                         "state folder holds");
    else
        http_reply_error(x, PINION_FORBIDDEN,
                         "the token %s does not have the role for this: expected %s%s",
                         request->caller->name, need == ROLE_ADMIN ? "" : "admin or ",
                         role_name(need));
}

bool api_gate(struct http_exchange *x, const struct http_request *request,
              const struct route *route, const struct route_args *args, void *ctx)
{
    if (API_ROLE(route->need) == ROLE_NONE) return true;
    if (!identify(ctx, request)) {
        http_reply_error(x, PINION_UNAUTHORIZED,
                         "that token is not known, or has expired: expected `Authorization: Bearer "
                         "TOKEN` with one that `pinion token make` gave");
        return false;
    }
    if (!has_role(request, route->need)) {
        refuse_role(x, request, API_ROLE(route->need));
        return false;
    }
    if (is_in_scope(request, route, args)) return true;
    api_reply_out_of_scope(x, request);
    return false;
}

void api_reply_out_of_scope(struct http_exchange *x, const struct http_request *request)
{
    http_reply_error(x, PINION_FORBIDDEN, "the token %s is for queues whose names begin with %s",
                     request->caller->name, request->caller->scope);
}

enum shape_content api_content(const struct http_request *request)
{
    return request->caller->roles ? SHAPE_WITH_CONTENT : SHAPE_WITHOUT_CONTENT;
}

bool api_may_see(const struct http_request *request, struct span queue)
{
    return queues_include(request->caller->scope, queue);
}
