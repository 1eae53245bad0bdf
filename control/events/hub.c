#include "control/events/hub.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/time_text.h"
#include "control/events/hub_inside.h"
#include "queue/feed.h"
#include "queue/key.h"

/* ---- events, as JSON ------------------------------------------------------------------------- */

/* Thousands a second may come in the same few milliseconds. */
static void begin_event(struct hub *h, struct buffer *json, enum event_type type)
{
    int64_t now_ms = h->o.now_ms(h->o.ctx);

    if (now_ms != h->at_ms) time_format_utc(now_ms, h->at_text);
    h->at_ms = now_ms;
    buffer_add_text(json, "{\"type\":\"");
    buffer_add_text(json, event_type_names[type]);
    buffer_add_text(json, "\",\"at\":\"");
    buffer_add_text(json, h->at_text);
    buffer_add_char(json, '"');
}

/* Of a few plain characters, as all names and words are: nothing is to be escaped. */
static void add_member(struct buffer *json, const char *name, struct span value)
{
    buffer_add_text(json, ",\"");
    buffer_add_text(json, name);
    buffer_add_text(json, "\":\"");
    buffer_add(json, value.data, value.len);
    buffer_add_char(json, '"');
}

static void add_job_id(struct buffer *json, struct span queue, struct span local)
{
    buffer_add_text(json, ",\"job\":\"");
    buffer_add(json, queue.data, queue.len);
    buffer_add_char(json, ':');
    buffer_add(json, local.data, local.len);
    buffer_add_char(json, '"');
}

void hub_missed(struct hub *h, struct buffer *json, const char *why, uint64_t count)
{
    begin_event(h, json, EVENT_MISSED);
    buffer_printf(json, ",\"why\":\"%s\",\"count\":", why);
    if (count) buffer_printf(json, "%" PRIu64 "}", count);
    else buffer_add_text(json, "null}");
}

/* Its JSON is in h->json. */
static void add_event(struct hub *h, struct event e)
{
    bool was_open = history_is_open(h->history);

    e.json = (struct span){h->json.data, h->json.len};
    history_add(h->history, &e);
    buffer_clear(&h->json);
    if (history_is_large(h->history)) history_close(h->history, clock_mono_ms());
    if (!was_open) hub_send_soon(h);
}

static void add_job(struct hub *h, struct event e, struct span word, struct span local)
{
    begin_event(h, &h->json, e.type);
    add_member(&h->json, "queue", e.queue);
    add_job_id(&h->json, e.queue, local);
    if (e.type == EVENT_JOB) add_member(&h->json, "state", word);
    if (e.kind.data) add_member(&h->json, "kind", e.kind);
    buffer_add_char(&h->json, '}');
    add_event(h, e);
}

static void add_fire(struct hub *h, struct span queue, const struct feed_fire *f)
{
    struct event e = {.type = EVENT_SCHEDULE, .queue = queue};
    char due[TIME_TEXT_MAX];

    begin_event(h, &h->json, e.type);
    add_member(&h->json, "queue", queue);
    add_member(&h->json, "schedule", f->schedule);
    add_member(&h->json, "fire_time", span_of(time_format_utc(f->at_ms, due)));
    add_member(&h->json, "outcome", f->outcome);
    if (f->job.data) add_job_id(&h->json, queue, f->job);
    else buffer_add_text(&h->json, ",\"job\":null");
    buffer_add_char(&h->json, '}');
    add_event(h, e);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void on_changed(void *ctx, enum event_type type, struct span queue, struct span json)
{
    struct hub *h = ctx;

    buffer_add(&h->json, json.data, json.len);
    add_event(h, (struct event){.type = type, .queue = queue});
}

/* From here on everything is told. What the first look found is what listeners are greeted with, so
 * it lies behind them. */
static void go_live(struct hub *h)
{
    if (h->at != HUB_LOOKING || h->looking || h->refused || follow_is_asking(h->follow)) return;
    h->at = HUB_LIVE;
    h->lost = false;
    history_close(h->history, clock_mono_ms());
    hub_send_soon(h);
}

static void look_in(struct hub *h, uint64_t ms)
{
    if (!h->looking) ticker_set_in(h->o.ticker, &h->look, ms);
}

static void on_seen(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct hub *h = container_of(ask, struct hub, ask);

    h->looking = false;
    h->looked_ms = clock_mono_ms();
    look_in(h, HUB_LOOK_MS);
    if (err) return;
    for (size_t i = 0; i < view->count; i++) follow_add(h->follow, span_of(view->queues[i].name));
    present_look(h->present, view, h->o.now_ms(h->o.ctx), on_changed, h);
    if (h->at == HUB_LOOKING && (h->lost || h->refused)) follow_again(h->follow);
    go_live(h);
}

static void look(struct hub *h)
{
    if (h->looking) return;
    ticker_cancel(h->o.ticker, &h->look);
    h->looking = true;
    fleet_ask(h->o.fleet, &h->ask);
}

static void on_look(struct alarm *alarm)
{
    look(container_of(alarm, struct hub, look));
}

static void on_asked(void *ctx, enum pinion_err err)
{
    struct hub *h = ctx;

    h->refused = err != PINION_OK; /* then all are asked again, behind the next look */
    if (!err) go_live(h);
}

/* A queue was paused, resumed or bounded by a person, who wants to see it. */
static void look_soon(struct hub *h, struct span queue)
{
    uint64_t age_ms = clock_mono_ms() - h->looked_ms;

    present_touch(h->present, queue);
    look_in(h, age_ms < HUB_LOOK_SOON_MS ? HUB_LOOK_SOON_MS - age_ms : 0);
}

/* ---- what the link tells --------------------------------------------------------------------- */

static void on_note(struct hub *h, struct span queue, struct feed_note *n)
{
    int state = event_state(n->word);
    bool is_progress = span_is(n->word, "progress"), was_open;
    struct event e = {.type = is_progress ? EVENT_PROGRESS : EVENT_JOB, .state = state,
                      .queue = queue};
    struct span local;
    uint64_t left = n->count;

    if (state < 0 && !is_progress) return look_soon(h, queue);
    while ((is_progress || !history_is_full(h->history)) && feed_next(n, &local, &e.kind)) {
        add_job(h, e, n->word, local);
        if (left) left--;
    }
    if (!left || is_progress) return;
    was_open = history_is_open(h->history);
    history_count(h->history, queue, state, (uint32_t)left);
    if (!was_open) hub_send_soon(h);
}

void hub_message(struct hub *h, struct span channel, struct span text)
{
    struct span queue = h ? queue_of_feed(h->o.name_space, channel) : (struct span){0};
    struct feed_fire fire;
    struct feed_note note;

    if (!queue.data || h->at == HUB_IDLE || h->at == HUB_STOPPED || !queue_name_ok(queue)) return;
    if (feed_fire_read(text, &fire) == PINION_OK) add_fire(h, queue, &fire);
    else if (feed_note_read(text, &note) == PINION_OK) on_note(h, queue, &note);
}

void hub_lost(struct hub *h)
{
    if (!h || h->at == HUB_IDLE || h->at == HUB_STOPPED) return;
    if (!h->lost) {
        hub_missed(h, &h->json, "redis", 0);
        add_event(h, (struct event){.type = EVENT_MISSED});
    }
    h->lost = true;
    h->at = HUB_LOOKING;
    present_forget(h->present);
}

/* It may come for each of two connections: the last time counts. */
void hub_again(struct hub *h)
{
    if (!h || h->at == HUB_IDLE || h->at == HUB_STOPPED) return;
    if (h->lost) {
        h->at = HUB_LOOKING;
        follow_again(h->follow);
    }
    look(h);
}

/* ---- who listens ----------------------------------------------------------------------------- */

static void begin(struct hub *h)
{
    h->at = HUB_LOOKING;
    h->lost = h->refused = false;
    h->epoch = (uint32_t)random_u64();
    h->history = history_new();
    look(h);
}

static void end(struct hub *h)
{
    follow_stop(h->follow);
    present_forget(h->present);
    history_free(h->history);
    h->history = NULL;
    ticker_cancel(h->o.ticker, &h->look);
    hub_send_stop(h);
    ticker_cancel(h->o.ticker, &h->linger);
    if (h->looking) fleet_unask(&h->ask);
    h->looking = false;
    h->at = HUB_IDLE;
}

static void on_lonely(struct alarm *alarm)
{
    end(container_of(alarm, struct hub, linger));
}

static void tell_kinds(struct hub *h)
{
    bool wanted = false;

    list_for_each (node, &h->groups)
        wanted |= event_filter_wants_kinds(&container_of(node, struct hub_group, node)->filter);
    follow_kinds(h->follow, wanted);
}

void hub_listen(struct hub *h, struct listener *l, struct event_filter *filter, unsigned frames,
                struct span last_id)
{
    assert(frames >= 1 && frames <= HUB_FRAMES_MAX && h->at != HUB_STOPPED);
    ticker_cancel(h->o.ticker, &h->linger);
    if (h->at == HUB_IDLE) begin(h);
    l->seen = l->missed = 0;
    l->present = 0;
    l->fresh = true;
    h->greet_ms = 0;
    l->late = last_id.data && frame_id_read(last_id, h->epoch, &l->seen);
    l->back = last_id.data && !l->late;
    list_push(&h->fresh, &l->node);
    hub_group_join(h, l, filter, frames);
    h->listeners++;
    tell_kinds(h);
    hub_send_soon(h);
}

void hub_leave(struct hub *h, struct listener *l)
{
    if (!l->group) return;
    hub_group_leave(l);
    if (h->at == HUB_STOPPED) return;
    tell_kinds(h);
    if (--h->listeners == 0) ticker_set_in(h->o.ticker, &h->linger, HUB_LINGER_MS);
}

bool hub_stopped(const struct hub *h)
{
    return h->at == HUB_STOPPED;
}

size_t hub_listeners(const struct hub *h)
{
    return h->listeners;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct hub *hub_new(const struct hub_options *options)
{
    struct hub *h = xcalloc(1, sizeof *h);

    h->o = *options;
    list_init(&h->groups);
    list_init(&h->fresh);
    h->follow = follow_new(h->o.link, h->o.ticker, h->o.name_space, on_asked, h);
    h->present = present_new();
    h->ask.done = on_seen;
    alarm_init(&h->look, on_look);
    hub_send_init(h);
    alarm_init(&h->linger, on_lonely);
    return h;
}

void hub_stop(struct hub *h)
{
    if (!h || h->at == HUB_STOPPED) return;
    if (h->at != HUB_IDLE) end(h);
    h->at = HUB_STOPPED;
}

void hub_free(struct hub *h)
{
    if (!h) return;
    hub_stop(h);
    assert(list_empty(&h->groups));
    follow_free(h->follow);
    present_free(h->present);
    buffer_deinit(&h->json);
    free(h);
}
