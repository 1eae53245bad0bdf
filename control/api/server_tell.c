/* POST /v1/servers/{name}/quiet|resume|stop
 *
 *      LOOK ──it is so──► 200
 *       ▲ │ not yet: told, and again after a second
 *       └─┴── SERVER_TELL_MS ──► 503
 */
#include "control/api/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/api/call.h"
#include "control/fleet.h"
#include "control/server_verb.h"
#include "control/service.h"
#include "queue/steer.h"
#include "scheduler/ticker.h"

struct tell_ask {
    struct fleet_ask ask;
    struct call call;
    struct alarm next;
    struct service *service;
    struct http_exchange *exchange;
    enum server_verb verb;
    char *name;
    unsigned looks;
    uint64_t until_ms;
};

static void end(struct tell_ask *a, const struct error *why)
{
    if (why) api_reply_why(a->exchange, why);
    request_deinit(&a->call.request);
    free(a->name);
    free(a);
}

static void end_well(struct tell_ask *a, json_t *server)
{
    api_reply_json(a->exchange, 200,
                   server ? json_incref(server)
                          : json_pack("{s:s, s:s, s:b}", "name", a->name, "state", "stopped",
                                      "alive", false));
    end(a, NULL);
}

static void on_next(struct alarm *alarm)
{
    struct tell_ask *a = container_of(alarm, struct tell_ask, next);

    fleet_ask(service_fleet(a->service), &a->ask);
}

static void look_again(struct tell_ask *a)
{
    struct error why;

    if (clock_mono_ms() < a->until_ms) {
        ticker_set_in(service_ticker(a->service), &a->next, SERVER_LOOK_MS);
        return;
    }
    error_set(&why, PINION_UNAVAILABLE, "it was told to %s, and has not done so within %d s",
              server_verb_name(a->verb), SERVER_TELL_MS / 1000);
    end(a, &why);
}

/* One that is to stop, and is us, is on its way: nothing of ours is left to be looked at. */
static void on_told(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct tell_ask *a = container_of(call, struct tell_ask, call);
    struct error why;

    if (err) {
        error_set(&why, err, "whether the server was told is unknown: ask again");
        end(a, &why);
    } else if (!server_told(reply)) {
        error_set(&why, PINION_UNAVAILABLE, "the server does not hear us");
        end(a, &why);
    } else if (a->verb == SERVER_STOP && strcmp(a->name, service_server_id(a->service)) == 0) {
        json_t *us = json_pack("{s:s, s:s, s:b}", "name", a->name, "state", "stopping", "alive",
                               true);
        end_well(a, us);
        json_decref(us);
    } else {
        look_again(a);
    }
}

static void tell(struct tell_ask *a)
{
    server_tell_build(&a->call.request, service_config(a->service)->name_space, a->name,
                      server_verb_name(a->verb));
    link_send(service_link(a->service), &a->call, on_told);
}

static void on_look(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct tell_ask *a = container_of(ask, struct tell_ask, ask);
    struct error why = {0};
    json_t *server = NULL;

    if (!err && a->looks == 0)
        err = server_pick(a->verb, view->servers, a->name, &server, &why);
    else if (!err)
        server = json_object_get(view->servers, a->name);
    if (err) {
        if (!why.code) error_set(&why, err, "Redis is out of reach");
        end(a, &why);
    } else if (server_verb_done(a->verb, server)) {
        end_well(a, server);
    } else if (a->looks++ % SERVER_LOOKS == 0) {
        tell(a);
    } else {
        look_again(a);
    }
}

static void begin(struct service *s, struct http_exchange *x, const struct http_request *request,
                  struct span name, enum server_verb verb)
{
    static const char *const known[] = {NULL};
    struct tell_ask *a;

    if (!api_query_is(x, request, known) || !api_body_is_empty(x, request) || !api_has_redis(s, x))
        return;
    a = xcalloc(1, sizeof *a);
    a->ask.done = on_look;
    a->call.request = REQUEST_INIT;
    alarm_init(&a->next, on_next);
    a->service = s;
    a->exchange = x;
    a->verb = verb;
    a->name = xmemdup(name.data, name.len);
    a->until_ms = clock_mono_ms() + SERVER_TELL_MS;
    http_allow_ms(x, SERVER_TELL_MS + 30000);
    fleet_ask(service_fleet(s), &a->ask);
}

void server_quiet(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    begin(ctx, x, request, args->arg[0], SERVER_QUIET);
}

void server_resume(struct http_exchange *x, const struct http_request *request,
                   const struct route_args *args, void *ctx)
{
    begin(ctx, x, request, args->arg[0], SERVER_RESUME);
}

void server_stop(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    begin(ctx, x, request, args->arg[0], SERVER_STOP);
}
