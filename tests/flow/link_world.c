/* tests/flow/link_world.c — everything that is awaited has an end, so that no test hangs. */
#include "tests/flow/link_world.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/hiredis_shim.h"

#define PATIENCE_S      20.
#define FDS_PATIENCE_MS 20000

int world_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

static void on_up(void *ctx, const struct redis_info *info)
{
    struct world *w = ctx;

    assert_true(link_is_up(w->link));
    w->info = *info;
    w->ups++;
    if (w->on_up) w->on_up(w);
}

static void on_down(void *ctx)
{
    struct world *w = ctx;

    assert_false(link_is_up(w->link));
    w->downs++;
    assert_int_equal(w->ups, w->downs);
}

static void on_refused(void *ctx, const struct error *why)
{
    struct world *w = ctx;

    w->refusal = *why;
    w->refusals++;
}

static void on_subscribed(void *ctx)
{
    struct world *w = ctx;

    w->subscriptions++;
    assert_int_equal(w->subscriptions, w->losses + 1);
}

static void on_unsubscribed(void *ctx)
{
    struct world *w = ctx;

    w->losses++;
    assert_int_equal(w->subscriptions, w->losses);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    struct world *w = ctx;

    snprintf(w->last_message, sizeof w->last_message, "%.*s=%.*s", (int)channel.len, channel.data,
             (int)text.len, text.data);
    w->messages++;
}

void world_open(struct world *w, const char *url)
{
    struct error why = {0};

    *w = (struct world){.fds_before = world_count_fds()};
    w->loop = ev_loop_new(EVFLAG_AUTO);
    if (redis_url_parse(span_of(url), &w->url, &why)) fail_msg("%s", why.text);
    w->options = (struct link_options){
        .url = w->url,
        .name_space = "pinion",
        .on_up = on_up,
        .on_down = on_down,
        .on_refused = on_refused,
        .on_subscribed = on_subscribed,
        .on_unsubscribed = on_unsubscribed,
        .on_message = on_message,
        .ctx = w,
    };
}

void world_start(struct world *w)
{
    if (!w->link) w->link = link_new(w->loop, &w->options);
    link_start(w->link);
}

void world_turn(struct world *w)
{
    ev_run(w->loop, EVRUN_NOWAIT);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    *(bool *)timer->data = true;
}

static void run_until(struct world *w, const unsigned *counter, unsigned least, bool idle)
{
    bool is_over = false;
    ev_timer patience;

    ev_timer_init(&patience, on_patience, PATIENCE_S, 0.);
    patience.data = &is_over;
    ev_now_update(w->loop);
    ev_timer_start(w->loop, &patience);
    while (!is_over && (idle ? !link_is_idle(w->link) : *counter < least))
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &patience);
    if (is_over)
        fail_msg("waited in vain; ups %u downs %u refusals %u (%s) subscriptions %u ended %u",
                 w->ups, w->downs, w->refusals, w->refusal.text, w->subscriptions, w->ended);
}

void world_await(struct world *w, const unsigned *counter, unsigned least)
{
    run_until(w, counter, least, false);
}

/* The lookup of a name, left under way, closes its pipe on a thread of its own. */
static void await_fds(int expected)
{
    for (unsigned i = 0; i < FDS_PATIENCE_MS && world_count_fds() != expected; i++)
        (void)poll(NULL, 0, 1);
    assert_int_equal(world_count_fds(), expected);
}

void world_close(struct world *w)
{
    if (w->link) {
        link_stop(w->link);
        run_until(w, NULL, 0, true);
        world_turn(w);
        link_free(w->link);
    }
    assert_int_equal(ev_pending_count(w->loop), 0);
    ev_loop_destroy(w->loop);
    redis_url_deinit(&w->url);
    await_fds(w->fds_before);
}

static void on_done(struct call *call, enum pinion_err err, const redisReply *reply)
{
    struct probe *p = container_of(call, struct probe, call);

    assert_false(p->world->sending);
    assert_int_equal(err == PINION_OK, reply != NULL);
    p->ends++;
    p->err = err;
    p->world->ended++;
    if (reply && HIREDIS_IS_TEXT(reply->type))
        snprintf(p->text, sizeof p->text, "%.*s", (int)reply->len, reply->str);
    if (reply) p->integer = reply->integer;
    if (p->then) p->then(p);
}

void probe_init(struct probe *p, struct world *w, const char *words)
{
    *p = (struct probe){.call.request = REQUEST_INIT, .world = w};
    request_command(&p->call.request, words);
}

void probe_send(struct probe *p)
{
    bool before = p->world->sending;

    p->world->sending = true;
    link_send(p->world->link, &p->call, on_done);
    p->world->sending = before;
}

void probe_deinit(struct probe *p)
{
    request_deinit(&p->call.request);
}

void probe_expect(struct world *w, const char *words, enum pinion_err expected)
{
    struct probe p;

    probe_init(&p, w, words);
    probe_send(&p);
    world_await(w, &p.ends, 1);
    if (p.err != expected) fail_msg("%s: %s", words, error_name(p.err));
    probe_deinit(&p);
}

struct probe *probes_new(struct world *w, size_t count, const char *words)
{
    struct probe *p = xcalloc(count, sizeof *p);

    for (size_t i = 0; i < count; i++) probe_init(&p[i], w, words);
    return p;
}

void probes_send(struct probe *p, size_t count)
{
    for (size_t i = 0; i < count; i++) probe_send(&p[i]);
}

size_t probes_await(struct world *w, struct probe *p, size_t count)
{
    size_t fine = 0;

    for (size_t i = 0; i < count; i++) {
        world_await(w, &p[i].ends, 1);
        assert_int_equal(p[i].ends, 1);
        fine += p[i].err == PINION_OK;
    }
    return fine;
}

void probes_free(struct probe *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(p[i].ends, 1);
        probe_deinit(&p[i]);
    }
    free(p);
}
