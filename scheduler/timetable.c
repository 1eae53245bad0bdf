/* A load merges page after page, both sides sorted by name, so that what did not change keeps its
 * alarm. It is begun again, not patched, when edits went on meanwhile.
 *
 *      IDLE ──load──► ON ──page, page, ... the last──► IDLE
 *                     │ error: what is here stays, again in a second
 *                     └── stop ──► ABANDONED ──answer──► IDLE
 */
#include "scheduler/timetable.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "scheduler/timetable_parts.h"

#define LOAD_PAUSE_MS 100 /* between two loads, while schedules are edited one after the other */

static void send_list(struct timetable *t);

/* ---- entries --------------------------------------------------------------------------------- */

static void entries_add(struct entries *all, struct entry *e)
{
    if (all->count == all->room) {
        all->room = all->room ? 2 * all->room : 16;
        all->at = xrealloc(all->at, all->room * sizeof *all->at);
    }
    all->at[all->count++] = e;
}

static void entries_drop(struct entries *all)
{
    for (size_t i = 0; i < all->count; i++) entry_drop(all->at[i]);
    free(all->at);
    *all = (struct entries){0};
}

/* As Redis sorts them. */
static int compare(const char *name, struct span with)
{
    size_t len = strlen(name);
    int order = memcmp(name, with.data, len < with.len ? len : with.len);

    if (order) return order;
    return (len > with.len) - (len < with.len);
}

static void read_timing(struct entry *e, const struct schedule_view *v)
{
    struct error why = {0};

    schedule_free(e->schedule);
    e->schedule = NULL;
    if (schedule_parse_text(v->name, v->timing, e->t->o.zones, &e->schedule, &why))
        log_error("bad_schedule", LOG_TEXT("queue", e->t->o.queue), LOG_TEXT("schedule", e->name),
                  LOG_TEXT("why", why.text));
}

static void update(struct entry *e, const struct schedule_view *v)
{
    if (e->revision != v->revision) {
        e->ended = false;
        read_timing(e, v);
    }
    e->revision = v->revision;
    e->watermark_ms = v->watermark_ms;
    entry_arm(e);
}

/* ---- loading --------------------------------------------------------------------------------- */

static void merge(struct timetable *t, const struct schedule_view *v)
{
    struct entries *old = &t->entries;
    struct entry *e = NULL;

    while (t->old < old->count && compare(old->at[t->old]->name, v->name) < 0)
        entry_drop(old->at[t->old++]);
    if (t->old < old->count && compare(old->at[t->old]->name, v->name) == 0) e = old->at[t->old++];
    if (!e) e = entry_new(t, v->name);
    entries_add(&t->fresh, e);
    update(e, v);
}

/* What was merged, and what it did not come to: dropped, or kept. */
static void end_merge(struct timetable *t, bool keep)
{
    for (; t->old < t->entries.count; t->old++) {
        if (keep)
            entries_add(&t->fresh, t->entries.at[t->old]);
        else
            entry_drop(t->entries.at[t->old]);
    }
    free(t->entries.at);
    t->entries = t->fresh;
    t->fresh = (struct entries){0};
    t->old = 0;
    t->load = LOAD_IDLE;
    t->loaded_ms = clock_mono_ms();
}

static void load_failed(struct timetable *t)
{
    end_merge(t, true);
    t->load_again = false;
    ticker_set_in(t->o.ticker, &t->load_at, TIMETABLE_RETRY_MS);
}

static void load_done(struct timetable *t)
{
    end_merge(t, false);
    t->edits = t->fresh_edits;
    timetable_boot(t);
    if (t->load_again) timetable_load(t);
}

/* False: the answer makes no sense. */
static bool merge_page(struct timetable *t, const struct redisReply *reply)
{
    size_t count = schedule_list_count(reply);
    struct schedule_view v = {0};

    if (t->after[0] && schedule_list_edits(reply) != t->fresh_edits) t->load_again = true;
    if (!t->after[0]) t->fresh_edits = schedule_list_edits(reply);
    for (size_t i = 0; i < count; i++)
        if (!schedule_list_item(reply, i, &v) && v.name.len < sizeof t->after) merge(t, &v);
    if (count < SCHEDULE_PAGE_MAX) {
        load_done(t);
        return true;
    }
    if (!v.name.data || v.name.len >= sizeof t->after) return false;
    memcpy(t->after, v.name.data, v.name.len);
    t->after[v.name.len] = '\0';
    send_list(t);
    return true;
}

static void on_list(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct timetable *t = container_of(call, struct timetable, list);
    int64_t now_us;

    if (t->load == LOAD_ABANDONED) {
        t->load = LOAD_IDLE;
        if (t->load_again) timetable_load(t);
        return;
    }
    now_us = err ? 0 : schedule_list_now_us(reply);
    if (now_us) redis_clock_note(t->o.clock, t->list_sent_us, clock_mono_us(), now_us);
    if (!now_us || !merge_page(t, reply)) load_failed(t);
}

static void send_list(struct timetable *t)
{
    t->list_sent_us = clock_mono_us();
    schedule_list_build(&t->list.request, t->o.key, span_of(t->after), SCHEDULE_PAGE_MAX, false);
    link_send(t->o.link, &t->list, on_list);
}

void timetable_load(struct timetable *t)
{
    uint64_t next_ms = t->loaded_ms + LOAD_PAUSE_MS;

    t->load_again = t->load != LOAD_IDLE;
    if (t->load_again || alarm_pending(&t->load_at)) return;
    if (t->edits >= 0 && clock_mono_ms() < next_ms) {
        ticker_set_at(t->o.ticker, &t->load_at, next_ms);
        return;
    }
    t->load = LOAD_ON;
    t->after[0] = '\0';
    send_list(t);
}

static void on_load_at(struct alarm *alarm)
{
    struct timetable *t = container_of(alarm, struct timetable, load_at);

    t->loaded_ms = 0;
    timetable_load(t);
}

static void on_more_due(struct alarm *alarm)
{
    (void)alarm; /* the flush at the end of this turn does it */
}

/* ---- life ------------------------------------------------------------------------------------ */

struct timetable *timetable_new(const struct timetable_options *options)
{
    struct timetable *t = xcalloc(1, sizeof *t);

    t->o = *options;
    t->edits = -1;
    t->began_us = clock_mono_us();
    t->list.request = REQUEST_INIT;
    list_init(&t->due);
    alarm_init(&t->load_at, on_load_at);
    alarm_init(&t->more_due, on_more_due);
    return t;
}

static void forget_all(struct timetable *t)
{
    ticker_cancel(t->o.ticker, &t->load_at);
    ticker_cancel(t->o.ticker, &t->more_due);
    if (t->load == LOAD_ON) {
        end_merge(t, true);
        t->load = LOAD_ABANDONED;
    }
    t->load_again = false;
    entries_drop(&t->entries);
    t->edits = -1;
}

void timetable_free(struct timetable *t)
{
    if (!t) return;
    forget_all(t);
    request_deinit(&t->list.request);
    free(t);
}

void timetable_hint(struct timetable *t, int64_t edits)
{
    bool known = t->load == LOAD_ON ? t->after[0] && edits == t->fresh_edits : edits == t->edits;

    if (known && !t->load_again) return;
    if (edits == 0 && t->entries.count == 0 && t->load == LOAD_IDLE) {
        t->edits = 0; /* nobody has ever set one: nothing to be asked */
        timetable_boot(t);
        return;
    }
    timetable_load(t);
}

void timetable_stop(struct timetable *t)
{
    forget_all(t);
}

void timetable_reload(struct timetable *t)
{
    bool loaded = t->edits >= 0 || t->load == LOAD_ON;

    forget_all(t);
    if (loaded) timetable_load(t);
}

void timetable_stepped(struct timetable *t)
{
    for (size_t i = t->load == LOAD_ON ? t->old : 0; i < t->entries.count; i++)
        entry_arm(t->entries.at[i]);
    for (size_t i = 0; i < t->fresh.count; i++) entry_arm(t->fresh.at[i]);
}
