#include "control/api/auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "control/access/access.h"
#include "control/access/strikes.h"
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

/* A program on this machine passes on what comes from elsewhere: then nothing is known of who asks.
 * Not each of them says so; --require-token is for the others. */
static bool is_passed_on(const struct http_request *request)
{
    static const char *const signs[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};

    for (size_t i = 0; i < countof(signs); i++)
        if (http_header(request, signs[i]).data) return true;
    return false;
}

static bool is_local(const struct http_request *request)
{
    return request->peer->local && !is_passed_on(request);
}

/* By where it comes from, for it shows no token. */
static void identify_peer(const struct http_request *request)
{
    const struct http_peer *peer = request->peer;

    if (!is_local(request)) return;
    if (peer->by_unix_socket && (peer->uid == geteuid() || peer->uid == 0))
        name_caller(request->caller, peer->text, ROLE_BIT(ROLE_ADMIN), "");
    else
        name_caller(request->caller, "loopback", 0, "");
}

/* Whoever stands between us might have looked at the other one. */
static bool is_repeated(const struct http_request *request, struct span given)
{
    struct http_request rest = *request;
    const char *end = request->headers.data + request->headers.len;

    rest.headers.data = given.data + given.len;
    rest.headers.len = (size_t)(end - rest.headers.data);
    span_cut(&rest.headers, '\n'); /* what is left of its line */
    return http_header(&rest, "Authorization").data != NULL;
}

/* false: it shows a token that is none of ours. */
static bool identify(const struct service *s, const struct http_request *request)
{
    struct span given = http_header(request, "Authorization");
    const struct token *t;

    name_caller(request->caller, "nobody", 0, "");
    if (!given.data) {
        identify_peer(request);
        return true;
    }
    if (given.len <= SCHEME_LEN || strncasecmp(given.data, SCHEME, SCHEME_LEN) != 0) return false;
    t = access_find(service_access(s),
                    (struct span){given.data + SCHEME_LEN, given.len - SCHEME_LEN});
    if (!t || is_repeated(request, given)) return false;
    name_caller(request->caller, t->name, t->roles, t->queues);
    request->caller->mark = token_mark(t);
    return true;
}

bool api_caller_stays(const struct http_caller *c, void *ctx)
{
    return !c->mark || access_known(service_access(ctx), c->name, c->mark);
}

/* ---- may it? --------------------------------------------------------------------------------- */

static bool has_role(const struct service *s, const struct http_request *request, unsigned need)
{
    unsigned roles = request->caller->roles;

    if (API_ROLE(need) == ROLE_READ)
        return roles || (is_local(request) && !(need & API_CONTENT) &&
                         !service_config(s)->require_token);
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

/* What is no good name at all, a route of the API itself refuses. */
static bool is_in_scope(const struct http_request *request, const struct route *route,
                        const struct route_args *args)
{
    struct span queue = arg_named(route, args, "{queue}"), id = arg_named(route, args, "{id}");
    struct span local;

    if (!request->caller->scope[0] || API_ROLE(route->need) == ROLE_NONE) return true;
    if (id.data && id_split(id, NULL, &queue, &local, NULL)) return !(route->need & API_OF_OTHERS);
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

/* A right token is let in however many wrong ones came before it: else whoever shares an address
 * with somebody, such as a proxy's, could lock him out. 256 random bits are not guessed anyway. */
static void refuse_wrong(struct http_exchange *x, const struct http_request *request,
                         struct access *access)
{
    if (access_wrong(access, request->peer->household, HTTP_HOUSEHOLD_BYTES))
        http_reply_error(x, PINION_UNAUTHORIZED,
                         "that token is not known, or has expired: expected `Authorization: Bearer "
                         "TOKEN` with one that `pinion token make` gave");
    else
        http_reply_error(x, PINION_BUSY,
                         "too many wrong tokens from there: expected at most %d at once, and then "
                         "one every %d ms",
                         STRIKES_AT_ONCE, STRIKES_EVERY_MS);
}

/* Changes, and WebSockets: a page of another site may open one, and read what comes. */
static bool must_be_ours(const struct http_request *request)
{
    bool looks = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    return !looks || http_header(request, "Upgrade").data;
}

bool api_gate(struct http_exchange *x, const struct http_request *request,
              const struct route *route, const struct route_args *args, void *ctx)
{
    if (API_ROLE(route->need) == ROLE_NONE) return true;
    bool known = identify(ctx, request);
    request->caller->need = API_ROLE(route->need);
    if (must_be_ours(request) && !http_origin_is_ours(request)) {
        http_reply_error(x, PINION_FORBIDDEN,
                         "a page of another site may not do this, whatever its token: expected "
                         "no Origin and no Sec-Fetch-Site, or those of a page of this server");
        return false;
    }
    if (!known) {
        refuse_wrong(x, request, service_access(ctx));
        return false;
    }
    if (!has_role(ctx, request, route->need)) {
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
