#include "control/api/api.h"

#include <string.h>
#include "base/macros.h"
#include "control/api/auth.h"
#include "control/api/batches.h"
#include "control/api/bulk.h"
#include "control/api/caller.h"
#include "control/api/cron.h"
#include "control/api/enqueue.h"
#include "control/api/events.h"
#include "control/api/health.h"
#include "control/api/jobs.h"
#include "control/api/jobs_page.h"
#include "control/api/metrics.h"
#include "control/api/limits.h"
#include "control/api/outcome.h"
#include "control/api/output.h"
#include "control/api/pull.h"
#include "control/api/queues.h"
#include "control/api/result.h"
#include "control/api/schedules.h"
#include "control/api/servers.h"
#include "control/api/stats.h"
#include "control/api/web.h"
#include "control/http/http.h"
#include "control/http/route.h"
#include "control/service.h"

/* What it serves is by the caller's scope, though its path names no queue and no job. */
#define SCOPED(role) ((role) | API_SCOPED)

static const struct route routes[] = {
    {"GET",    "/",                             web_page,          ROLE_NONE   },
    {"GET",    "/web/{file}",                   web_show,          ROLE_NONE   },
    {"GET",    "/openapi.json",                 web_openapi,       ROLE_NONE   },
    {"GET",    "/healthz",                      healthz,           ROLE_NONE   },
    {"GET",    "/readyz",                       readyz,            ROLE_NONE   },
    {"GET",    "/metrics",                      metrics_show,      ROLE_READ   },
    {"GET",    "/v1/health",                    health_show,       SCOPED(ROLE_READ)},
    {"GET",    "/v1/caller",                    caller_show,       SCOPED(ROLE_READ)},
    {"GET",    "/v1/stats",                     stats_show,        SCOPED(ROLE_READ)},
    {"GET",    "/v1/events",                    events_follow,     SCOPED(ROLE_READ)},
    {"GET",    "/v1/servers",                   servers_list,      SCOPED(ROLE_READ)},
    {"POST",   "/v1/servers/{name}/quiet",      server_quiet,      ROLE_ADMIN  },
    {"POST",   "/v1/servers/{name}/resume",     server_resume,     ROLE_ADMIN  },
    {"POST",   "/v1/servers/{name}/stop",       server_stop,       ROLE_ADMIN  },
    {"GET",    "/v1/queues",                    queues_list,       SCOPED(ROLE_READ)},
    {"GET",    "/v1/queues/{queue}",            queue_show,        ROLE_READ   },
    {"POST",   "/v1/queues/{queue}/pause",      queue_pause,       ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/resume",     queue_resume,      ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/drain",      queue_drain,       ROLE_ADMIN  },
    {"PUT",    "/v1/queues/{queue}/bounds",     queue_bound,       ROLE_ADMIN  },
    {"PUT",    "/v1/queues/{queue}/limits",     limits_put,        ROLE_ADMIN  },
    {"GET",    "/v1/queues/{queue}/jobs",       jobs_list,         ROLE_READ   },
    {"POST",   "/v1/queues/{queue}/jobs",       jobs_enqueue,      ROLE_ENQUEUE},
    {"POST",   "/v1/queues/{queue}/jobs/retry",  jobs_retry,        ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/jobs/cancel", jobs_cancel,       ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/jobs/delete", jobs_delete,       ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/purge",      queue_purge,       ROLE_ADMIN  },
    {"POST",   "/v1/queues/{queue}/lease",      jobs_lease,        ROLE_WORK   },
    {"POST",   "/v1/queues/{queue}/ack",        jobs_ack,          ROLE_WORK   },
    {"POST",   "/v1/queues/{queue}/fail",       jobs_fail,         ROLE_WORK   },
    {"POST",   "/v1/queues/{queue}/extend",     jobs_extend,       ROLE_WORK   },
    {"GET",    "/v1/queues/{queue}/batches",    batches_list,      ROLE_READ   },
    {"GET",    "/v1/queues/{queue}/batches/{name}", batch_show,     ROLE_READ   },
    {"PUT",    "/v1/queues/{queue}/batches/{name}", batch_put,      ROLE_ENQUEUE},
    {"POST",   "/v1/queues/{queue}/batches/{name}/close", batch_close, ROLE_ENQUEUE},
    {"GET",    "/v1/jobs",                      jobs_list_all,     SCOPED(ROLE_READ)},
    {"GET",    "/v1/jobs/{id}",                 job_show,          ROLE_READ   },
    {"PATCH",  "/v1/jobs/{id}",                 job_edit,          ROLE_ADMIN  },
    {"GET",    "/v1/jobs/{id}/result",          job_result,        ROLE_READ | API_CONTENT},
    {"GET",    "/v1/jobs/{id}/output",          job_output,        ROLE_READ | API_CONTENT},
    {"DELETE", "/v1/jobs/{id}",                 job_delete,        ROLE_ADMIN  },
    {"GET",    "/v1/jobs/{id}/explain",         job_explain,       ROLE_READ   },
    {"POST",   "/v1/jobs/{id}/cancel",          job_cancel,        ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/retry",           job_retry,         ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/run",             job_run,           ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/ack",             job_ack,           ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/fail",            job_fail,          ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/extend",          job_extend,        ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/progress",        job_progress,      ROLE_WORK   },
    {"GET",    "/v1/cron",                      cron_show,         SCOPED(ROLE_READ)},
    {"GET",    "/v1/schedules",                 schedules_list,    SCOPED(ROLE_READ)},
    {"GET",    "/v1/schedules/{name}",          schedule_get,      SCOPED(ROLE_READ)},
    {"PUT",    "/v1/schedules/{name}",          schedule_put,      SCOPED(ROLE_ADMIN)},
    {"DELETE", "/v1/schedules/{name}",          schedule_delete,   SCOPED(ROLE_ADMIN)},
    {"GET",    "/v1/schedules/{name}/next",     schedule_upcoming, SCOPED(ROLE_READ)},
    {"POST",   "/v1/schedules/{name}/pause",    schedule_pause,    SCOPED(ROLE_ADMIN)},
    {"POST",   "/v1/schedules/{name}/resume",   schedule_resume,   SCOPED(ROLE_ADMIN)},
    {"POST",   "/v1/schedules/{name}/run",      schedule_run,      SCOPED(ROLE_ADMIN)},
    {"POST",   "/v1/schedules/{name}/backfill", schedule_backfill, SCOPED(ROLE_ADMIN)},
};

const struct route *api_routes(size_t *ret_count)
{
    *ret_count = countof(routes);
    return routes;
}

bool api_owns(const char *path)
{
    size_t len = 1 + strcspn(path + 1, "/");

    for (size_t i = 0; i < countof(routes); i++)
        if (strncmp(routes[i].pattern, path, len) == 0 && strchr("/", routes[i].pattern[len]))
            return true;
    return false;
}

/* Costs nothing where the program has no routes of its own. */
static bool is_of_others(const struct service *s, const struct http_request *r)
{
    struct route_match match;

    return service_has_others(s) &&
           route_find(routes, countof(routes), r->method, r->path, &match) == ROUTE_NO_PATH;
}

void api_handle(struct http_exchange *exchange, const struct http_request *request, void *ctx)
{
    if (is_of_others(ctx, request))
        service_hand_over(ctx, exchange, request);
    else
        http_serve(exchange, request, routes, countof(routes), api_gate, ctx);
}
