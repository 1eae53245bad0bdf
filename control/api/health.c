#include "control/api/health.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "control/api/call.h"
#include "control/service.h"
#include "control/shape.h"
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

/* By hand: a balancer may ask it thousands of times a second. */
void health_show(struct http_exchange *exchange, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    const struct service *s = ctx;
    const struct redis_info *redis = service_redis_info(s);
    struct buffer out = BUFFER_INIT;
    json_t *policy_text;
    char *policy;

    (void)args;
    if (!api_query_is_empty(exchange, request)) return;
    policy_text = shape_text(span_of(redis->maxmemory_policy));
    policy = json_dumps(policy_text, JSON_ENCODE_ANY); /* all else is our own words */
    buffer_printf(&out,
                  "{\"ready\":%s,\"version\":\"%s\",\"server\":\"%s\",\"running\":%u,"
                  "\"durability\":\"%s\",\"redis\":{\"up\":%s,\"version\":%u,"
                  "\"maxmemory_policy\":%s,\"embedded\":%s}}\n",
                  service_ready(s) ? "true" : "false", PINION_VERSION, service_server_id(s),
                  service_running(s), durability_name(redis_info_durability(redis)),
                  service_redis_up(s) ? "true" : "false", redis->version, policy,
                  service_config(s)->redis ? "false" : "true");
    http_reply(exchange, &(struct http_reply){.body = out.data, .len = out.len});
    buffer_deinit(&out);
    free(policy);
    json_decref(policy_text);
}
