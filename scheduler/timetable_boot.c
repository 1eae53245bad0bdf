/* @reboot: once for each boot of a machine, whichever of its servers asks first.
 *
 *      first load:  ASK ──not yet──► FIRE, by an id of its own ──► NOTE ──► TRIM ──► end
 *                    └── fired before: end
 *      later ones, and what was set since we began:  NOTE: it is for the next boot
 *
 * What is cut off with the link is done again by the next load; it fires twice by no means: until
 * it is noted, its job's id is remembered.
 */
#include "scheduler/timetable_parts.h"

#include <stdlib.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/boot.h"

enum boot_at { BOOT_ASK, BOOT_FIRE, BOOT_NOTE, BOOT_TRIM };

struct boot {
    struct call call;
    struct timetable *t;
    char *name;
    enum boot_at at;
    struct fire_item item;
};

static void boot_step(struct call *, enum pinion_err, const struct redisReply *);

static struct boot_mark mark_of(const struct boot *b)
{
    return (struct boot_mark){span_of(b->name), b->t->o.boot};
}

/* Not all were looked after: again in a second, or when the link is back. */
static void begin_again(struct timetable *t)
{
    t->boot_failed = false;
    for (size_t i = 0; i < t->entries.count; i++) t->entries.at[i]->booted = false;
    if (t->edits >= 0) ticker_set_in(t->o.ticker, &t->load_at, TIMETABLE_RETRY_MS);
}

static void boot_end(struct boot *b, bool failed)
{
    struct timetable *t = b->t;

    t->boot_failed |= failed;
    request_deinit(&b->call.request);
    free(b->name);
    free(b);
    if (--t->booting > 0) return;
    if (t->boot_failed)
        begin_again(t);
    else
        t->boot_over = true;
}

static void send_step(struct boot *b, enum boot_at at)
{
    struct timetable *t = b->t;
    struct request *r = &b->call.request;
    int64_t now_ms = redis_clock_now_us(t->o.clock) / 1000;

    b->at = at;
    switch (at) {
    case BOOT_ASK: boot_ask_build(r, t->o.key, mark_of(b)); break;
    case BOOT_NOTE: boot_note_build(r, t->o.key, mark_of(b), now_ms); break;
    case BOOT_TRIM: boot_trim_build(r, t->o.key); break;
    case BOOT_FIRE:
        b->item = (struct fire_item){
            .name = span_of(b->name), .mode = FIRE_RUN, .at_ms = now_ms, .next_ms = SCHEDULE_NEVER};
        boot_job_id(t->o.key, mark_of(b), b->item.local);
        fire_build(r, t->o.key, &b->item, 1, now_ms);
        break;
    }
    link_send(t->o.link, &b->call, boot_step);
    if (at == BOOT_FIRE) t->o.fired(t->o.ctx);
}

static void boot_step(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct boot *b = container_of(call, struct boot, call);
    int64_t now_us;

    if (!err && b->at == BOOT_FIRE) err = fire_read(reply, &b->item, 1, &now_us);
    if (err) {
        boot_end(b, true);
        return;
    }
    switch (b->at) {
    case BOOT_ASK:
        if (boot_ask_read(reply))
            boot_end(b, false);
        else
            send_step(b, BOOT_FIRE);
        return;
    case BOOT_FIRE:
        if (b->item.fired == FIRED_JOB) counter_add(&b->t->o.totals->fired, 1);
        send_step(b, BOOT_NOTE);
        return;
    case BOOT_NOTE: send_step(b, BOOT_TRIM); return;
    case BOOT_TRIM: boot_end(b, false); return;
    }
}

/* One that comes while we begin is not for this boot either. A time ahead of now tells nothing: the
 * clock of a machine may be behind when it has just started. */
static bool set_since_we_began(const struct entry *e)
{
    const struct timetable *t = e->t;
    int64_t now_ms = redis_clock_now_us(t->o.clock) / 1000;
    int64_t began_ms = now_ms - (int64_t)(clock_mono_us() - t->began_us) / 1000;

    return e->watermark_ms > began_ms && e->watermark_ms <= now_ms;
}

static void boot_begin(struct entry *e)
{
    struct timetable *t = e->t;
    struct boot *b = xcalloc(1, sizeof *b);
    bool is_new = t->boot_over || e->schedule->paused || set_since_we_began(e);

    e->booted = true;
    b->call.request = REQUEST_INIT;
    b->t = t;
    b->name = xstrdup(e->name);
    t->booting++;
    send_step(b, is_new ? BOOT_NOTE : BOOT_ASK);
}

void timetable_boot(struct timetable *t)
{
    if (!t->o.boot) return;
    for (size_t i = 0; i < t->entries.count; i++) {
        struct entry *e = t->entries.at[i];
        if (e->schedule && e->schedule->reboot && !e->booted) boot_begin(e);
    }
    if (t->booting == 0) t->boot_over = true;
}
