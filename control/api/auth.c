#include "control/api/auth.h"

#include <string.h>
#include <strings.h>
#include "control/http/route.h"
#include "control/service.h"

#define SCHEME     "Bearer "
#define SCHEME_LEN (sizeof SCHEME - 1)

/* In a time that tells nothing of where they differ. */
static bool is_secret(struct span given, const char *secret)
{
    volatile unsigned char differ = 0;

    if (given.len != strlen(secret)) return false;
    for (size_t i = 0; i < given.len; i++)
        differ = (unsigned char)(differ | (given.data[i] ^ secret[i]));
    return differ == 0;
}

/* Roles and prefixes of further tokens belong here. false: it shows one that is none of ours. */
static bool role_of(const struct service *s, const struct http_request *request,
                    enum api_role *ret_role)
{
    struct span given = http_header(request, "Authorization");

    *ret_role = ROLE_NONE;
    if (!given.data) return true;
    if (given.len <= SCHEME_LEN || strncasecmp(given.data, SCHEME, SCHEME_LEN) != 0) return false;
    given = (struct span){given.data + SCHEME_LEN, given.len - SCHEME_LEN};
    if (!is_secret(given, service_token(s))) return false;
    *ret_role = ROLE_ADMIN;
    return true;
}

static bool may(enum api_role role, enum api_role need, const struct http_peer *peer)
{
    if (need == ROLE_NONE || role == ROLE_ADMIN || role == need) return true;
    return need == ROLE_READ && (role != ROLE_NONE || peer->local);
}

bool api_gate(struct http_exchange *x, const struct http_request *request,
              const struct route *route, void *ctx)
{
    enum api_role role, need = (enum api_role)route->need;

    if (need == ROLE_NONE) return true;
    if (!role_of(ctx, request, &role)) {
        http_reply_error(
            x, PINION_UNAUTHORIZED,
            "that token is not known: expected `Authorization: Bearer TOKEN` with what "
            "the file `token` of the service's state folder holds");
        return false;
    }
    if (may(role, need, request->peer)) return true;
    if (role == ROLE_NONE)
        http_reply_error(x, PINION_UNAUTHORIZED,
                         "this needs a token: expected `Authorization: Bearer TOKEN` with what the "
                         "file `token` of the service's state folder holds");
    else
        http_reply_error(x, PINION_FORBIDDEN, "the token's role does not allow this");
    return false;
}

enum shape_content api_content(const struct service *s, const struct http_request *request)
{
    enum api_role role;

    return role_of(s, request, &role) && role != ROLE_NONE ? SHAPE_WITH_CONTENT
                                                           : SHAPE_WITHOUT_CONTENT;
}
