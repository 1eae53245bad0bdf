#include "tests/sim/fires.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define WORDS        11      /* of one item of the request */
#define ARGS_BEFORE  4       /* EVALSHA, the hash, the count of keys, the key */
#define STEP_NEWS_US 8000000 /* until all servers have heard of a step of the clock */
#define CLOCK_OFF_MS 50      /* how wrong a server may be about Redis's clock */
#define COUNTS_MAX   20000   /* times that are counted one by one */

static struct {
    struct plan plans[PLANS_MAX];
    char *names[PLANS_MAX];
    size_t count;
    uint64_t stepped_us, paused_from_us, paused_until_us;
} fires;

/* One item of a call, as it was sent and answered. */
struct fire {
    struct plan *plan;
    const char *name;
    struct span mode, status;
    int64_t revision, watermark_ms, at_ms, missed, limit;
    int64_t watermark_after_ms;
};

/* ---- plans ----------------------------------------------------------------------------------- */

void fires_begin(void)
{
    fires_end();
}

void fires_end(void)
{
    for (size_t i = 0; i < fires.count; i++) {
        schedule_free(fires.plans[i].schedule);
        free(fires.plans[i].fired);
        free(fires.names[i]);
    }
    memset(&fires, 0, sizeof fires);
}

struct plan *fires_plan(const char *name)
{
    for (size_t i = 0; i < fires.count; i++)
        if (strcmp(fires.names[i], name) == 0) return &fires.plans[i];
    assert(fires.count < PLANS_MAX);
    fires.names[fires.count] = xstrdup(name);
    return &fires.plans[fires.count++];
}

static void forget(struct plan *p)
{
    p->fired_count = 0;
    p->made = p->buffered = 0;
}

void fires_set(struct plan *p, struct schedule *s, int64_t revision, bool from_now, bool same)
{
    bool is_new = !p->schedule;
    int64_t now_ms = store_now_us() / 1000;

    schedule_free(p->schedule);
    p->schedule = s;
    p->revision = revision;
    p->edited_us = world_now_us();
    p->due_after_ms = INT64_MIN;
    if (is_new || !same) p->fired_count = 0;
    if (is_new) p->made = p->buffered = 0;
    if (!is_new && (!from_now || (same && p->watermark_ms > now_ms))) return;
    p->watermark_ms = now_ms;
    p->run_from_ms = RULE_NEVER;
}

void fires_removed(struct plan *p)
{
    schedule_free(p->schedule);
    p->schedule = NULL;
    forget(p);
}

void fires_stepped(void)
{
    fires.stepped_us = world_now_us();
}

/* One after the other they count as one. */
void fires_pause(uint64_t until_us)
{
    if (world_now_us() > fires.paused_until_us + STEP_NEWS_US)
        fires.paused_from_us = world_now_us();
    if (until_us > fires.paused_until_us) fires.paused_until_us = until_us;
}

/* May a server not have heard of the last step? */
static bool is_news(void)
{
    bool slept = fires.stepped_us + STEP_NEWS_US >= fires.paused_from_us &&
                 world_now_us() < fires.paused_until_us + STEP_NEWS_US;

    return fires.stepped_us && (slept || fires_quiet_us() < STEP_NEWS_US);
}

uint64_t fires_quiet_us(void)
{
    return fires.stepped_us ? world_now_us() - fires.stepped_us : UINT64_MAX;
}

/* ---- what was fired -------------------------------------------------------------------------- */

static size_t place_of(const struct plan *p, int64_t at_ms)
{
    size_t i = p->fired_count;

    while (i > 0 && p->fired[i - 1].at_ms >= at_ms) i--;
    return i;
}

static const struct dealt *find(const struct plan *p, int64_t at_ms)
{
    size_t i = place_of(p, at_ms);

    return i < p->fired_count && p->fired[i].at_ms == at_ms ? &p->fired[i] : NULL;
}

static void add_fired(struct plan *p, int64_t at_ms)
{
    size_t i = place_of(p, at_ms);

    if (i < p->fired_count && p->fired[i].at_ms == at_ms) {
        p->fired[i].again = false;
        return;
    }
    if (p->fired_count == p->fired_room) {
        p->fired_room = p->fired_room ? 2 * p->fired_room : 64;
        p->fired = xrealloc(p->fired, p->fired_room * sizeof *p->fired);
    }
    memmove(p->fired + i + 1, p->fired + i, (p->fired_count - i) * sizeof *p->fired);
    p->fired[i] = (struct dealt){.at_ms = at_ms};
    p->fired_count++;
}

/* Times after `after` and before `at`; at most COUNTS_MAX. */
static int64_t times_between(const struct schedule *s, int64_t after_ms, int64_t at_ms)
{
    int64_t count = 0;

    while (count < COUNTS_MAX && (after_ms = schedule_next(s, after_ms)) < at_ms) count++;
    return count;
}

/* ---- was that allowed? ----------------------------------------------------------------------- */

static void broken(const struct fire *f, const char *what)
{
    world_broken("%s %.*s at %" PRId64 " of watermark %" PRId64 ", now %" PRId64 ": %.*s, %s",
                 f->name, (int)f->mode.len, f->mode.data, f->at_ms, f->watermark_ms,
                 store_now_us() / 1000, (int)f->status.len, f->status.data, what);
}

static void check_missed(const struct fire *f)
{
    const struct schedule *s = f->plan->schedule;
    int64_t count = times_between(s, f->plan->watermark_ms, f->at_ms);
    bool enough = s->rule.kind != RULE_EVERY && f->missed == MISSED_COUNT_MAX;

    if (count < COUNTS_MAX && f->missed != count && !(enough && count > f->missed))
        broken(f, "and counts other missed times");
}

/* Is a time so far back that it may be passed over? */
static bool may_pass(const struct schedule *s, int64_t at_ms, int64_t now_ms)
{
    if (s->catch_up == CATCH_UP_NONE) return now_ms - schedule_fire_ms(s, at_ms) > SCHEDULE_LATE_MS;
    if (at_ms <= now_ms - (int64_t)s->within_ms + CLOCK_OFF_MS) return true;
    return times_between(s, at_ms, now_ms + 1) >= CATCH_UP_MAX;
}

/* What the catch-up policy says; a server that has not heard of a step yet cannot know. */
static void check_policy(const struct fire *f)
{
    const struct schedule *s = f->plan->schedule;
    int64_t now_ms = store_now_us() / 1000;
    bool miss = span_is(f->mode, "miss");

    if (is_news()) return;
    if (miss && s->catch_up == CATCH_UP_ONE) broken(f, "but the last one is to be caught up");
    if (miss && !may_pass(s, f->at_ms, now_ms + CLOCK_OFF_MS)) broken(f, "too early to be missed");
    if (!miss && s->catch_up == CATCH_UP_ALL && f->missed) broken(f, "but all are to be caught up");
    if (!miss && s->catch_up == CATCH_UP_NONE &&
        now_ms - schedule_fire_ms(s, f->at_ms) > SCHEDULE_LATE_MS + 5 * WORLD_DELAY_MAX_US / 1000)
        broken(f, "too late to be caught up");
    if (schedule_fire_ms(s, f->at_ms) > now_ms + CLOCK_OFF_MS) broken(f, "before its jitter");
}

static void note_time(const struct fire *f)
{
    struct plan *p = f->plan;
    bool fired = span_is(f->status, "fired"), missed = span_is(f->status, "missed");

    if (schedule_next(p->schedule, f->at_ms - 1) != f->at_ms)
        broken(f, "which is none of its times");
    if (p->schedule->paused) broken(f, "though it is paused");
    if (f->at_ms <= p->watermark_ms) broken(f, "not after the watermark");
    if (f->at_ms * 1000 > store_now_us()) broken(f, "ahead of the clock");
    check_missed(f);
    check_policy(f);
    if (span_is(f->status, "ended")) {
        if (p->made + p->buffered < p->schedule->limit) broken(f, "before its limit");
        add_fired(p, f->at_ms); /* it was dealt with */
        return;
    }
    if (missed && span_is(f->mode, "tick") && !find(p, f->at_ms))
        broken(f, "but it was not fired before");
    if (missed) return;
    if (find(p, f->at_ms) && !find(p, f->at_ms)->again) broken(f, "a second time");
    add_fired(p, f->at_ms);
    p->made += fired;
    p->buffered += span_is(f->status, "buffered");
    if (p->schedule->limit && p->made > p->schedule->limit) broken(f, "beyond its limit");
}

/* Redis knows the last run of fires without a gap. One that began ahead of now was of a clock that
 * had jumped: it is not repeated. Of one that began before now several times come again, as the
 * clock does, for else the schedule would be silent; a single one does not. */
static void note_heal(const struct fire *f)
{
    struct plan *p = f->plan;
    int64_t now_ms = store_now_us() / 1000, kept_ms = p->run_from_ms;

    if (p->watermark_ms <= now_ms) broken(f, "without need");
    if (kept_ms <= now_ms) kept_ms = p->before_ms <= now_ms ? p->watermark_ms : RULE_NEVER;
    for (size_t i = place_of(p, now_ms + 1); i < p->fired_count; i++)
        if (p->fired[i].at_ms < kept_ms) p->fired[i].again = true;
    p->run_from_ms = RULE_NEVER;
}

static void note_run(const struct fire *f)
{
    struct plan *p = f->plan;
    bool miss = span_is(f->mode, "miss");

    if (f->missed || miss) p->run_from_ms = RULE_NEVER;
    if (p->run_from_ms == RULE_NEVER && !miss) p->run_from_ms = f->at_ms;
    p->before_ms = p->watermark_ms;
}

static void note_fire(struct fire *f)
{
    struct plan *p = f->plan;
    bool removed = span_is(f->status, "removed");

    if (removed != !p->schedule) broken(f, "which is not so");
    if (!p->schedule) return;
    if (span_is(f->status, "healed")) {
        note_heal(f);
    } else if (span_is(f->status, "behind") || span_is(f->status, "edited") ||
               span_is(f->status, "early")) {
        if (f->watermark_after_ms != p->watermark_ms) broken(f, "and moves the watermark");
    } else {
        if (f->revision != p->revision) broken(f, "by another revision");
        note_time(f);
        note_run(f);
    }
    p->watermark_ms = f->watermark_after_ms;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* The next argument of a request as it is on the wire: $LEN\r\nDATA\r\n */
static struct span cut_arg(struct span *rest)
{
    struct span head = span_cut(rest, '\n');
    size_t len = strtoul(head.data + 1, NULL, 10);
    struct span arg = {rest->data, len};

    assert(head.len > 1 && rest->len >= len + 2);
    *rest = (struct span){rest->data + len + 2, rest->len - len - 2};
    return arg;
}

static int64_t cut_number(struct span *rest)
{
    return strtoll(cut_arg(rest).data, NULL, 10);
}

void fires_note(struct span request, const struct redisReply *reply)
{
    struct span rest = request, head = span_cut(&rest, '\n');
    size_t count = (strtoul(head.data + 1, NULL, 10) - ARGS_BEFORE) / WORDS;

    for (size_t i = 0; i < ARGS_BEFORE; i++) cut_arg(&rest);
    for (size_t i = 0; i < count && !world_violation(); i++) {
        struct span name = cut_arg(&rest);
        char *text = xmemdup(name.data, name.len);
        struct fire f = {.plan = fires_plan(text), .name = text};
        f.mode = cut_arg(&rest);
        f.revision = cut_number(&rest);
        f.watermark_ms = cut_number(&rest);
        f.at_ms = cut_number(&rest);
        cut_arg(&rest); /* next */
        f.missed = cut_number(&rest);
        f.limit = cut_number(&rest);
        for (unsigned k = 0; k < 3; k++) cut_arg(&rest); /* overlap, expiry, id */
        f.status = span_of(reply->element[1 + 2 * i]->str);
        f.watermark_after_ms = strtoll(reply->element[2 + 2 * i]->str, NULL, 10);
        world_trace("  %s %.*s %" PRId64 ": %.*s", f.name, (int)f.mode.len, f.mode.data, f.at_ms,
                    (int)f.status.len, f.status.data);
        note_fire(&f);
        free(text);
    }
}

/* ---- silence --------------------------------------------------------------------------------- */

/* This is asked after every event. */
static int64_t due_of(struct plan *p)
{
    int64_t next_ms;

    if (p->due_after_ms != p->watermark_ms) {
        next_ms = schedule_next(p->schedule, p->watermark_ms);
        p->due_ms = next_ms == RULE_NEVER ? next_ms : schedule_fire_ms(p->schedule, next_ms);
        p->due_after_ms = p->watermark_ms;
    }
    return p->due_ms;
}

void fires_check(uint64_t bound_us)
{
    int64_t now_ms = store_now_us() / 1000, bound_ms = (int64_t)bound_us / 1000;

    if (fires_quiet_us() < bound_us) return;
    for (size_t i = 0; i < fires.count; i++) {
        struct plan *p = &fires.plans[i];
        const struct schedule *s = p->schedule;
        if (!s || s->paused || world_now_us() - p->edited_us < bound_us) continue;
        if (s->limit && p->made + p->buffered >= s->limit) continue;
        if (due_of(p) < now_ms - bound_ms)
            world_broken("%s is silent: due at %" PRId64 ", now %" PRId64, fires.names[i],
                         due_of(p), now_ms);
        if (p->watermark_ms > now_ms + SCHEDULE_AHEAD_MS + bound_ms)
            world_broken("%s is ahead and not healed: %" PRId64 " at %" PRId64, fires.names[i],
                         p->watermark_ms, now_ms);
    }
}
