#include "control/api.h"

#include "base/macros.h"
#include "control/api_health.h"
#include "control/http.h"
#include "control/route.h"

static const struct route routes[] = {
    {"GET", "/healthz",   healthz    },
    {"GET", "/readyz",    readyz     },
    {"GET", "/v1/health", health_show},
};

void api_handle(struct http_exchange *exchange, const struct http_request *request, void *ctx)
{
    http_serve(exchange, request, routes, countof(routes), ctx);
}
