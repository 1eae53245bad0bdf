#include "control/api/caller.h"

#include <stdio.h>
#include "control/access/access.h"
#include "control/api/call.h"
#include "control/service.h"
#include "control/shape_token.h"

void caller_show(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    const struct http_caller *c = request->caller;
    const struct token *t;
    struct token stranger = {.roles = c->roles};

    (void)args;
    if (!api_query_is(x, request, known)) return;
    snprintf(stranger.name, sizeof stranger.name, "%s", c->name);
    t = c->mark ? access_known(service_access(ctx), c->name, c->mark) : NULL;
    api_reply_json(x, 200, shape_token(t ? t : &stranger));
}
