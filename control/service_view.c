/* control/service_view.c — what the API and the embedding program see of a service. */
#include "control/service_inside.h"

#include "base/clock.h"

struct ev_loop *service_loop(const struct service *s)
{
    return s->loop;
}

struct ticker *service_ticker(const struct service *s)
{
    return s->ticker;
}

bool service_ready(const struct service *s)
{
    return s->at == AT_READY && link_is_up(s->link);
}

bool service_started(const struct service *s)
{
    return s->at != AT_NEW;
}

bool service_serves(const struct service *s)
{
    return s->at == AT_READY;
}

bool service_redis_up(const struct service *s)
{
    return s->link && link_is_up(s->link);
}

const struct redis_info *service_redis_info(const struct service *s)
{
    return &s->redis;
}

const char *service_server_id(const struct service *s)
{
    return state_server_id(s->state);
}

unsigned service_running(const struct service *s)
{
    return s->workers ? workers_running(s->workers) : 0;
}

const struct config *service_config(const struct service *s)
{
    return s->config;
}

struct access *service_access(const struct service *s)
{
    return s->access;
}

uint64_t service_roundtrip_us(const struct service *s)
{
    return s->link ? link_roundtrip_us(s->link) : 0;
}

const char *service_address(const struct service *s)
{
    return s->http ? http_server_address(s->http) : NULL;
}

bool service_has_others(const struct service *s)
{
    return s->others != NULL;
}

void service_hand_over(const struct service *s, struct http_exchange *x,
                       const struct http_request *request)
{
    s->others(x, request, s->others_ctx);
}

unsigned service_http_connections(const struct service *s)
{
    return s->http ? http_server_connections(s->http) : 0;
}

uint64_t service_http_replies(const struct service *s, unsigned class)
{
    return s->http ? http_server_replies(s->http, class) : 0;
}

const struct histogram *service_stall_us(const struct service *s)
{
    return &s->pulse.stall_us;
}

const struct workers_totals *service_totals(const struct service *s)
{
    return workers_totals(s->workers);
}

struct json_t *service_recent(const struct service *s)
{
    return workers_recent(s->workers);
}

struct pull *service_pull(const struct service *s)
{
    return workers_pull(s->workers);
}

const struct process_host *service_processes(const struct service *s)
{
    return &s->host;
}

struct link *service_link(const struct service *s)
{
    return s->link;
}

struct submitter *service_submitter(const struct service *s)
{
    return s->submitter;
}

struct outputs *service_outputs(const struct service *s)
{
    return s->outputs;
}

struct results *service_results(const struct service *s)
{
    return s->results;
}

struct fleet *service_fleet(const struct service *s)
{
    return s->fleet;
}

struct hub *service_hub(const struct service *s)
{
    return s->hub;
}

const struct hosts *service_hosts(const struct service *s)
{
    return s->hosts;
}

struct zone_cache *service_zones(const struct service *s)
{
    return s->zones;
}

struct threads_view service_threads_view(const struct service *s)
{
    return threads_view(s->threads);
}

/* Until the first heartbeat tells better, by what the handshake found. */
int64_t service_now_ms(const struct service *s)
{
    int64_t now_ms = workers_now_ms(s->workers);

    return now_ms ? now_ms : clock_wall_ms() + s->redis.clock_offset_us / 1000;
}
