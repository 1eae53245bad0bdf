#include "control/api/api.h"

#include "base/macros.h"
#include "control/api/auth.h"
#include "control/api/batches.h"
#include "control/api/bulk.h"
#include "control/api/enqueue.h"
#include "control/api/health.h"
#include "control/api/jobs.h"
#include "control/api/jobs_page.h"
#include "control/api/metrics.h"
#include "control/api/limits.h"
#include "control/api/outcome.h"
#include "control/api/pull.h"
#include "control/api/queues.h"
#include "control/api/result.h"
#include "control/api/schedules.h"
#include "control/api/servers.h"
#include "control/api/stats.h"
#include "control/http/http.h"
#include "control/http/route.h"

static const struct route routes[] = {
    {"GET",    "/healthz",                      healthz,           ROLE_NONE   },
    {"GET",    "/readyz",                       readyz,            ROLE_NONE   },
    {"GET",    "/metrics",                      metrics_show,      ROLE_READ   },
    {"GET",    "/v1/health",                    health_show,       ROLE_READ   },
    {"GET",    "/v1/stats",                     stats_show,        ROLE_READ   },
    {"GET",    "/v1/servers",                   servers_list,      ROLE_READ   },
    {"POST",   "/v1/servers/{name}/quiet",      server_quiet,      ROLE_ADMIN  },
    {"POST",   "/v1/servers/{name}/resume",     server_resume,     ROLE_ADMIN  },
    {"POST",   "/v1/servers/{name}/stop",       server_stop,       ROLE_ADMIN  },
    {"GET",    "/v1/queues",                    queues_list,       ROLE_READ   },
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
    {"GET",    "/v1/jobs",                      jobs_list_all,     ROLE_READ   },
    {"GET",    "/v1/jobs/{id}",                 job_show,          ROLE_READ   },
    {"PATCH",  "/v1/jobs/{id}",                 job_edit,          ROLE_ADMIN  },
    {"GET",    "/v1/jobs/{id}/result",          job_result,        ROLE_READ   },
    {"DELETE", "/v1/jobs/{id}",                 job_delete,        ROLE_ADMIN  },
    {"GET",    "/v1/jobs/{id}/explain",         job_explain,       ROLE_READ   },
    {"POST",   "/v1/jobs/{id}/cancel",          job_cancel,        ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/retry",           job_retry,         ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/run",             job_run,           ROLE_ADMIN  },
    {"POST",   "/v1/jobs/{id}/ack",             job_ack,           ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/fail",            job_fail,          ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/extend",          job_extend,        ROLE_WORK   },
    {"POST",   "/v1/jobs/{id}/progress",        job_progress,      ROLE_WORK   },
    {"GET",    "/v1/schedules",                 schedules_list,    ROLE_READ   },
    {"GET",    "/v1/schedules/{name}",          schedule_get,      ROLE_READ   },
    {"PUT",    "/v1/schedules/{name}",          schedule_put,      ROLE_ADMIN  },
    {"DELETE", "/v1/schedules/{name}",          schedule_delete,   ROLE_ADMIN  },
    {"GET",    "/v1/schedules/{name}/next",     schedule_upcoming, ROLE_READ   },
    {"POST",   "/v1/schedules/{name}/pause",    schedule_pause,    ROLE_ADMIN  },
    {"POST",   "/v1/schedules/{name}/resume",   schedule_resume,   ROLE_ADMIN  },
    {"POST",   "/v1/schedules/{name}/run",      schedule_run,      ROLE_ADMIN  },
    {"POST",   "/v1/schedules/{name}/backfill", schedule_backfill, ROLE_ADMIN  },
};

void api_handle(struct http_exchange *exchange, const struct http_request *request, void *ctx)
{
    http_serve(exchange, request, routes, countof(routes), api_gate, ctx);
}
