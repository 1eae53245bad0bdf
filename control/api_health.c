#include "control/api_health.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "control/http.h"
#include "control/service.h"
#include "queue/redis_info.h"

static void reply_text(struct http_exchange *exchange, unsigned status, const char *text)
{
    http_reply(exchange,
               &(struct http_reply){
                   .status = status, .type = "text/plain", .body = text, .len = strlen(text)});
}

void healthz(struct http_exchange *exchange, const struct http_request *request,
             const struct route_args *args, void *ctx)
{
    (void)request, (void)args, (void)ctx;
    reply_text(exchange, 200, "ok\n");
}

void readyz(struct http_exchange *exchange, const struct http_request *request,
            const struct route_args *args, void *ctx)
{
    const struct service *s = ctx;

    (void)request, (void)args;
    if (service_ready(s))
        reply_text(exchange, 200, "ready\n");
    else
        http_reply_error(exchange, PINION_UNAVAILABLE,
                         service_redis_up(s) ? "it is starting or stopping"
                                             : "Redis is out of reach");
}

void health_show(struct http_exchange *exchange, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    const struct service *s = ctx;
    const struct redis_info *redis = service_redis_info(s);
    bool up = service_redis_up(s);
    json_t *object = json_pack(
        "{s:b, s:s, s:s, s:I, s:s, s:{s:b, s:i, s:s, s:b}}", "ready", service_ready(s), "version",
        PINION_VERSION, "server", service_server_id(s), "running", (json_int_t)service_running(s),
        "durability", durability_name(redis_info_durability(redis)), "redis", "up", up, "version",
        (int)redis->version, "maxmemory_policy", redis->maxmemory_policy, "embedded",
        service_config(s)->redis == NULL);
    char *text = json_dumps(object, JSON_COMPACT);

    (void)request, (void)args;
    http_reply(exchange, &(struct http_reply){.body = text, .len = strlen(text)});
    free(text);
    json_decref(object);
}
