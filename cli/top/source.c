#include "cli/top/source.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "control/fleet.h"
#include "control/schedule_page.h"
#include "queue/link.h"

#define CALL_TIMEOUT_MS 5000

struct source {
    struct source_options o;
    struct link *link;
    struct fleet *fleet;
    struct fleet_ask ask;
    struct call call; /* of the schedules */
    struct schedule_page page;
    json_t *schedules;
    char after[QUEUE_NAME_MAX + 1];
    bool looking, ended;
};

static void end_page(struct source *s)
{
    page_deinit(&s->page);
    s->page = (struct schedule_page){0};
}

/* ---- queues and servers, when the schedules are there ---------------------------------------- */

static void on_fleet(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct source *s = container_of(ask, struct source, ask);

    s->looking = false;
    if (s->ended) return;
    if (err) s->o.failed(s->o.ctx, err);
    else s->o.seen(s->o.ctx, view, s->schedules);
}

static void fail(struct source *s, enum pinion_err err)
{
    s->looking = false;
    if (!s->ended) s->o.failed(s->o.ctx, err);
}

/* ---- schedules ------------------------------------------------------------------------------- */

static void on_step(struct call *, enum pinion_err, const struct redisReply *);

static void send_step(struct source *s)
{
    page_build(&s->page, &s->call.request);
    link_send(s->link, &s->call, on_step);
}

static void begin_page(struct source *s)
{
    struct schedule_page_options o = {.name_space = s->o.name_space,
                                      .after = span_of(s->after[0] ? s->after : NULL),
                                      .limit = SCHEDULE_ITEMS_MAX};

    page_init(&s->page, &o);
    send_step(s);
}

/* true: there is another page, and it is wanted. */
static bool keep_page(struct source *s)
{
    json_t *items = page_items(&s->page);
    const char *next = page_next(&s->page);

    json_array_extend(s->schedules, items);
    json_decref(items);
    if (!next || json_array_size(s->schedules) >= SOURCE_SCHEDULES_MAX) return false;
    snprintf(s->after, sizeof s->after, "%s", next);
    return true;
}

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct source *s = container_of(call, struct source, call);
    bool again;

    if (!err && page_read(&s->page, reply, &err)) {
        send_step(s);
        return;
    }
    again = !err && keep_page(s);
    end_page(s);
    if (err) fail(s, err);
    else if (again) begin_page(s);
    else fleet_ask(s->fleet, &s->ask);
}

static void on_up(void *ctx, const struct redis_info *info)
{
    (void)info;
    source_look(ctx);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct source *source_new(const struct source_options *o)
{
    struct source *s = xcalloc(1, sizeof *s);
    struct link_options options = {.url = *o->url,
                                   .name_space = o->name_space,
                                   .call_timeout_ms = CALL_TIMEOUT_MS,
                                   .allow_eviction = o->allow_eviction,
                                   .on_up = on_up,
                                   .ctx = s};

    s->o = *o;
    s->call.request = REQUEST_INIT;
    s->ask.done = on_fleet;
    s->link = link_new(o->loop, &options);
    s->fleet = fleet_new(s->link, o->name_space);
    link_start(s->link);
    return s;
}

void source_look(struct source *s)
{
    if (s->looking) return;
    if (!link_is_up(s->link)) {
        s->o.failed(s->o.ctx, PINION_UNAVAILABLE);
        return;
    }
    s->looking = true;
    s->after[0] = '\0';
    json_decref(s->schedules);
    s->schedules = json_array();
    begin_page(s);
}

void source_free(struct source *s)
{
    if (!s) return;
    s->ended = true;
    link_stop(s->link);
    while (s->looking || !link_is_idle(s->link)) ev_run(s->o.loop, EVRUN_ONCE);
    fleet_free(s->fleet);
    link_free(s->link);
    request_deinit(&s->call.request);
    json_decref(s->schedules);
    free(s);
}
