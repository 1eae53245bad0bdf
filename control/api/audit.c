#include "control/api/audit.h"

#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "control/access/access.h"
#include "control/service.h"

static bool is_change(const struct http_request *request)
{
    static const char *const looks[] = {"GET", "HEAD", "OPTIONS"};

    for (size_t i = 0; i < countof(looks); i++)
        if (strcmp(request->method, looks[i]) == 0) return false;
    return true;
}

static bool is_wanted(const struct service *s, const struct http_request *request)
{
    switch (service_config(s)->audit) {
    case CONFIG_AUDIT_ALL: return true;
    case CONFIG_AUDIT_ADMIN: return request->caller->need == ROLE_ADMIN;
    case CONFIG_AUDIT_NONE: break;
    }
    return false;
}

void audit_answered(const struct http_request *request, unsigned status, void *ctx)
{
    const struct http_caller *c = request->caller;
    const struct service *s = ctx;
    char path[AUDIT_PATH_MAX + 4];
    bool cut = request->path.len > AUDIT_PATH_MAX;
    uint64_t untold = 0;

    if (!c->name[0] || !is_change(request) || !is_wanted(s, request)) return; /* no row, no gate */
    if ((status == 401 || status == 403 || status == 429) && !c->roles &&
        !access_tells(service_access(s), request->peer->household, HTTP_HOUSEHOLD_BYTES, &untold))
        return;
    snprintf(path, sizeof path, "%.*s%s", cut ? AUDIT_PATH_MAX : (int)request->path.len,
             request->path.data, cut ? "..." : "");
    const struct log_field fields[] = {
        LOG_TEXT("who", c->name),        LOG_TEXT("peer", request->peer->text),
        LOG_TEXT("method", request->method), LOG_TEXT("path", path),
        LOG_INT("status", status),       LOG_TEXT("request", request->id),
        {untold ? "untold" : NULL, NULL, (int64_t)untold}, {NULL, NULL, 0},
    };
    log_fields(LOG_INFO, "audit", fields);
}
