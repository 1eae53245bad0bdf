/*      IDLE ──run──► one act ──ended──► the next ... ──► all done
 *       ▲              │ no answer
 *       └──────────────┘ until the next run
 */
#include "control/schedule_apply.h"

#include <jansson.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/schedule_act.h"
#include "control/service.h"
#include "queue/link.h"

struct schedule_apply {
    struct service *service;
    struct call call;
    struct schedule_act act;
    struct new_schedule new;
    char *name; /* of the one under way; owned: the config may go */
    size_t at;  /* of the config's schedules */
    bool busy;  /* an act is under way */
    bool again; /* from the first one, then */
};

struct schedule_apply *schedule_apply_new(struct service *s)
{
    struct schedule_apply *a = xcalloc(1, sizeof *a);

    a->service = s;
    a->call.request = REQUEST_INIT;
    return a;
}

void schedule_apply_free(struct schedule_apply *a)
{
    if (!a) return;
    request_deinit(&a->call.request);
    free(a->name);
    free(a);
}

static const struct config_schedule *current(const struct schedule_apply *a)
{
    const struct config *c = service_config(a->service);

    return a->at < c->schedule_count ? &c->schedules[a->at] : NULL;
}

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply);

static void send_step(struct schedule_apply *a)
{
    act_build(&a->act, &a->call.request, service_now_ms(a->service));
    link_send(service_link(a->service), &a->call, on_step);
}

static void log_failed(const char *name, const struct error *why)
{
    log_error("schedule", LOG_TEXT("name", name), LOG_TEXT("error", why->text));
}

/* false: what the file says cannot be read any more (a zone has gone since the start). */
static bool begin(struct schedule_apply *a, const struct config_schedule *c)
{
    free(a->name);
    a->name = xstrdup(c->name);
    struct act_options options = {
        .verb = ACT_PUT,
        .name_space = service_config(a->service)->name_space,
        .name = span_of(a->name),
        .zones = service_zones(a->service),
        .put = &a->new,
        .keep_paused = json_object_get(c->shape, "paused") == NULL,
    };
    struct error why = {0};
    char *text = json_dumps(c->shape, JSON_COMPACT);
    enum pinion_err err =
        new_schedule_read(span_of(a->name), span_of(text), service_zones(a->service), &a->new,
                          &why);

    free(text);
    if (err) {
        log_failed(c->name, &why);
        return false;
    }
    act_init(&a->act, &options);
    a->busy = true;
    send_step(a);
    return true;
}

void schedule_apply_run(struct schedule_apply *a)
{
    const struct config_schedule *c;

    if (a->busy) return;
    if (a->again) a->at = 0;
    a->again = false;
    if (!service_redis_up(a->service)) return;
    while ((c = current(a)) && !begin(a, c)) a->at++;
}

void schedule_apply_again(struct schedule_apply *a)
{
    a->again = true;
    schedule_apply_run(a);
}

static void end(struct schedule_apply *a, enum pinion_err err, const struct error *why)
{
    static const char *const words[] = {
        [ACT_UNCHANGED] = "unchanged", [ACT_MADE] = "added", [ACT_CHANGED] = "replaced"};
    if (err) log_failed(a->name, why);
    else if (a->act.result != ACT_UNCHANGED)
        log_info("schedule", LOG_TEXT("name", a->name), LOG_TEXT("result", words[a->act.result]));
    a->at++;
}

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct schedule_apply *a = container_of(call, struct schedule_apply, call);
    struct error why = {0};
    bool lost = err == PINION_UNAVAILABLE;

    if (err) {
        error_set(&why, err, "Redis refused it: %s", error_name(err));
    } else if (act_read(&a->act, reply, service_now_ms(a->service), &err, &why)) {
        send_step(a);
        return;
    }
    if (!lost) end(a, err, &why);
    act_deinit(&a->act);
    new_schedule_deinit(&a->new);
    a->busy = false;
    if (!lost) schedule_apply_run(a);
}
