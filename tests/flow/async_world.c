#include "tests/flow/async_world.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/support/check.h"

struct pinion_async *client;
bool calling;
unsigned closes;

/* ---- callbacks ------------------------------------------------------------------------------- */

static void note(struct probe *p, enum pinion_err err, const char *why)
{
    assert_false(calling);
    p->ends++;
    p->err = err;
    snprintf(p->why, sizeof p->why, "%s", why);
}

static void go_on(struct probe *p)
{
    if (p->then) p->then(p);
}

void on_enqueued(enum pinion_err err, const struct pinion_enqueued *made, size_t count,
                 const char *why, void *probe)
{
    struct probe *p = probe;

    note(p, err, why);
    p->made = made;
    p->count = count;
    p->wrong = 0;
    for (size_t i = 0; made && i < count; i++) p->wrong += made[i].err != PINION_OK;
    if (made && count) {
        p->made_err = made[0].err;
        p->existing = made[0].existing;
        snprintf(p->id, sizeof p->id, "%s", made[0].id);
    }
    go_on(p);
}

static void note_outcome(struct probe *p, const struct pinion_outcome *o)
{
    if (o->state) snprintf(p->state, sizeof p->state, "%s", o->state);
    if (o->result) {
        assert_int_equal(strlen(o->result), o->result_len); /* of ours, none has a NUL inside */
        snprintf(p->text, sizeof p->text, "%s", o->result);
    }
    if (o->error) snprintf(p->text, sizeof p->text, "%s", o->error);
}

void on_ended(enum pinion_err err, const struct pinion_outcome *o, const char *why, void *probe)
{
    note(probe, err, why);
    assert_int_equal(o != NULL, err == PINION_OK);
    if (o) note_outcome(probe, o);
    go_on(probe);
}

void on_shown(enum pinion_err err, const struct pinion_shown *shown, const char *why, void *probe)
{
    struct probe *p = probe;

    note(p, err, why);
    assert_int_equal(shown != NULL, err == PINION_OK);
    if (shown) {
        note_outcome(p, &shown->outcome);
        snprintf(p->state, sizeof p->state, "%s", shown->state);
        snprintf(p->kind, sizeof p->kind, "%s", shown->kind ? shown->kind : "");
        snprintf(p->id, sizeof p->id, "%s", shown->id);
        p->attempt = shown->attempt;
    }
    go_on(p);
}

void on_steered(enum pinion_err err, const char *why, void *probe)
{
    note(probe, err, why);
    go_on(probe);
}

static void on_closed(void *ctx)
{
    (void)ctx;
    assert_false(calling);
    client = NULL;
    closes++;
}

/* ---- steps ----------------------------------------------------------------------------------- */

struct pinion_job job_of(const char *kind, const char *payload)
{
    return (struct pinion_job){.kind = kind, .payload = payload, .payload_len = strlen(payload)};
}

void open_client(struct pinion_async_options options)
{
    char why[256];

    if (!options.redis_url && !options.state_dir) options.redis_url = redis_server_url(server);
    closes = 0;
    if (pinion_async_open(loop, &options, &client, why, sizeof why)) fail_msg("%s", why);
}

static void on_late(struct ev_loop *l, ev_timer *timer, int events)
{
    (void)l, (void)timer, (void)events;
    fail_msg("nothing came for 30 s");
}

void await_count(const unsigned *counter, unsigned least)
{
    ev_timer late;

    ev_timer_init(&late, on_late, 30., 0.);
    ev_timer_start(loop, &late);
    while (*counter < least) ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &late);
}

void await(const struct probe *p)
{
    await_count(&p->ends, 1);
    assert_int_equal(p->ends, 1);
}

void begin_close(void)
{
    calling = true;
    pinion_async_close(client, on_closed, NULL);
    calling = false;
    assert_int_equal(closes, 0);
}

void close_client(void)
{
    begin_close();
    await_count(&closes, 1);
}

void has_jobs(const char *queue, unsigned count)
{
    char *text = redis_server_do(server, "HGET pinion:{%s}:meta enqueued", queue);

    assert_int_equal(atoi(text), count);
    free(text);
}

unsigned long script_calls(void)
{
    char *text = redis_server_do(server, "INFO commandstats");
    const char *at = strstr(text, "cmdstat_evalsha:calls=");
    unsigned long calls = at ? strtoul(at + strlen("cmdstat_evalsha:calls="), NULL, 10) : 0;

    free(text);
    return calls;
}
