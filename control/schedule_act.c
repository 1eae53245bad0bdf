#include "control/schedule_act.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/shape.h"
#include "queue/upkeep.h"

#define SET_TRIES_MAX 5 /* others may edit it meanwhile */

static bool only_if_there(const struct act_options *o)
{
    return o->verb != ACT_PUT || o->condition == ACT_IF_THERE || o->condition == ACT_IF_REVISION;
}

static void use_queue(struct schedule_act *a, struct span queue)
{
    memcpy(a->queue, queue.data, queue.len);
    a->queue[queue.len] = '\0';
    a->key = queue_key(a->o.name_space, queue);
}

void act_init(struct schedule_act *a, const struct act_options *o)
{
    *a = (struct schedule_act){.o = *o};
    assert(schedule_name_ok(o->name) && (o->verb != ACT_PUT || o->put));
    a->step = only_if_there(o) ? STEP_FIND : STEP_CLAIM;
    if (o->put) use_queue(a, span_of(job_queue(&o->put->job.job)));
}

static void forget_look(struct schedule_act *a)
{
    json_decref(a->shape);
    schedule_free(a->schedule);
    free(a->record);
    a->shape = NULL;
    a->schedule = NULL;
    a->record = NULL;
    a->record_len = 0;
}

void act_deinit(struct schedule_act *a)
{
    forget_look(a);
    free(a->times_ms);
    free(a->jobs);
}

bool act_changes(const struct schedule_act *a)
{
    return a->o.verb != ACT_SHOW && a->step != STEP_FIND && a->step != STEP_LOOK;
}

/* ---- what is sent ---------------------------------------------------------------------------- */

/* What a job's record says, as it was asked for; the texts are cut out of `room`. */
static struct pinion_job job_of_record(struct span record, char kind[KIND_MAX + 1], char **ret_room)
{
    struct pinion_job job = {0};
    struct job j;

    if (job_decode((struct span){0}, record, &j)) return job;
    memcpy(kind, j.kind.data, j.kind.len);
    kind[j.kind.len] = '\0';
    *ret_room = j.backoff.data ? xmemdup(j.backoff.data, j.backoff.len) : NULL;
    job = (struct pinion_job){
        .kind = kind,
        .payload = j.payload.data,
        .payload_len = j.payload.len,
        .priority = j.priority == PRIORITY_DEFAULT ? 0 : PINION_PRIORITY(j.priority),
        .attempts_max = j.attempts_max == ATTEMPTS_DEFAULT ? 0 : j.attempts_max,
        .backoff = *ret_room,
        .timeout_ms = j.timeout_ms == TIMEOUT_DEFAULT_MS ? 0 : j.timeout_ms,
        .lease_ms = j.lease_ms,
        .expires_ms = j.expires_in_ms,
        .retain_ms = j.retain_ms,
    };
    return job;
}

/* Pause and resume: the same, but for one word of its timing. What was due while it was paused is
 * not made up for. */
static void build_pause(struct schedule_act *a, struct request *r, int64_t now_ms)
{
    char kind[KIND_MAX + 1], *backoff = NULL, *timing;
    bool pause = a->o.verb == ACT_PAUSE;
    struct pinion_job job =
        job_of_record((struct span){a->record, a->record_len}, kind, &backoff);

    a->schedule->paused = pause;
    timing = schedule_timing(a->schedule);
    struct schedule_set set = {
        .name = a->o.name,
        .timing = span_of(timing),
        .job = &job,
        .revision = a->revision,
        .from_now = !pause,
        .next_ms = pause ? SCHEDULE_NEVER : schedule_next(a->schedule, now_ms),
    };
    schedule_set_build(r, queue_key_span(&a->key), &set);
    free(timing);
    free(backoff);
}

/* Times that became other ones begin now: what the old ones missed is no reason to fire. */
static void build_put(struct schedule_act *a, struct request *r, int64_t now_ms)
{
    const struct schedule *old = a->schedule;
    struct schedule new = *a->o.put->schedule; /* its texts stay those of the put */
    struct schedule_set set = new_schedule_set(a->o.put, now_ms);
    char *timing = NULL;

    if (a->o.keep_paused && old && old->paused && !new.paused) {
        new.paused = true;
        set.timing = span_of(timing = schedule_timing(&new));
        set.next_ms = SCHEDULE_NEVER;
    }
    set.revision = a->o.condition == ACT_IF_NEW || !a->there ? SCHEDULE_NEW : a->revision;
    set.from_now = !old || !schedule_same_times(old, &new) || (old->paused && !new.paused);
    schedule_set_build(r, queue_key_span(&a->key), &set);
    free(timing);
}

static void build_fires(struct schedule_act *a, struct request *r, int64_t now_ms)
{
    size_t left = a->times_count - a->made;

    a->items_count = left < SCHEDULE_FIRES_MAX ? left : SCHEDULE_FIRES_MAX;
    for (size_t i = 0; i < a->items_count; i++)
        a->items[i] = (struct fire_item){
            .name = a->o.name,
            .mode = a->o.verb == ACT_RUN ? FIRE_RUN : FIRE_BACKFILL,
            .at_ms = a->times_ms[a->made + i],
            .next_ms = SCHEDULE_NEVER,
        };
    fire_build(r, queue_key_span(&a->key), a->items, a->items_count, now_ms);
}

void act_build(struct schedule_act *a, struct request *r, int64_t now_ms)
{
    struct span key = queue_key_span(&a->key), name = a->o.name;

    switch (a->step) {
    case STEP_FIND: schedule_find_build(r, a->o.name_space, name); return;
    case STEP_CLAIM:
    case STEP_KEEP:
    case STEP_AGAIN: schedule_claim_build(r, a->o.name_space, name, span_of(a->queue)); return;
    case STEP_REGISTER: queue_register_build(r, a->o.name_space, span_of(a->queue)); return;
    case STEP_LOOK:
    case STEP_CHECK:
    case STEP_LAST: schedule_show_build(r, key, name); return;
    case STEP_SET:
        if (a->o.verb == ACT_PUT) build_put(a, r, now_ms);
        else build_pause(a, r, now_ms);
        return;
    case STEP_FIRE: build_fires(a, r, now_ms); return;
    case STEP_REMOVE:
        schedule_remove_build(r, key, name,
                              a->o.condition == ACT_IF_REVISION ? a->o.revision
                                                                : SCHEDULE_ANY_REVISION);
        return;
    case STEP_FREE: schedule_free_build(r, a->o.name_space, name); return;
    }
}

/* ---- what is answered ------------------------------------------------------------------------ */

/* Each answer ends it, or names the next step. */
struct verdict {
    bool            more;
    enum act_step   next;
    enum pinion_err err;
};

static struct verdict go_on(enum act_step next)
{
    return (struct verdict){true, next, PINION_OK};
}

static struct verdict end(enum pinion_err err)
{
    return (struct verdict){.err = err};
}

static struct verdict not_found(const struct schedule_act *a, struct error *why)
{
    return end(error_set(why, PINION_NOT_FOUND, "schedule %.*s: not found", (int)a->o.name.len,
                         a->o.name.data));
}

static struct verdict strange(struct error *why)
{
    return end(error_set(why, PINION_INTERNAL,
                         "Redis gave an answer that this version does not understand"));
}

static struct verdict refuse(struct schedule_act *a, const char *what, struct error *why)
{
    a->result = ACT_REFUSED;
    return end(error_set(why, PINION_CONFLICT, "schedule %.*s %s", (int)a->o.name.len,
                         a->o.name.data, what));
}

static bool is_out_of_scope(const struct schedule_act *a, struct span queue)
{
    return a->o.scope && !span_starts(queue, a->o.scope);
}

static struct verdict out_of_scope(const struct schedule_act *a, struct error *why)
{
    return end(error_set(why, PINION_FORBIDDEN,
                         "schedule %.*s is of another queue: expected one whose queue's name "
                         "begins with %s",
                         (int)a->o.name.len, a->o.name.data, a->o.scope));
}

static struct verdict elsewhere(const struct schedule_act *a, struct span queue, struct error *why)
{
    return end(error_set(why, PINION_CONFLICT,
                         "schedule %.*s belongs to queue %.*s, not to %s: a schedule's queue is "
                         "fixed; remove it first",
                         (int)a->o.name.len, a->o.name.data, (int)queue.len, queue.data, a->queue));
}

static struct verdict found(struct schedule_act *a, struct span queue, struct error *why)
{
    if (!queue.data && a->o.verb == ACT_PUT) return refuse(a, "is not there", why);
    if (!queue.data) return not_found(a, why);
    if (!queue_name_ok(queue)) return strange(why);
    if (is_out_of_scope(a, queue)) return out_of_scope(a, why);
    if (a->o.verb == ACT_PUT && !span_is(queue, a->queue)) return elsewhere(a, queue, why);
    use_queue(a, queue);
    return go_on(a->o.verb == ACT_REMOVE ? STEP_REMOVE : STEP_LOOK);
}

static void add_history(struct schedule_act *a, const struct redisReply *reply)
{
    json_t *history = json_array();

    for (size_t i = 0; i < schedule_history_count(reply); i++)
        json_array_append_new(history,
                              shape_fire(schedule_history_item(reply, i), span_of(a->queue)));
    json_object_set_new(a->shape, "history", history);
}

/* false: it is not there, or cannot be read (then `err`). */
static bool look(struct schedule_act *a, const struct redisReply *reply, struct error *parse_why,
                 enum pinion_err *err)
{
    struct schedule_view view;

    forget_look(a);
    *err = schedule_show_read(reply, &view);
    a->there = !*err;
    if (*err) return false;
    a->revision = view.revision;
    a->shape = shape_schedule(&view, span_of(a->queue), a->o.with_content);
    if (a->o.with_history) add_history(a, reply);
    a->record = xmemdup(view.record.data ? view.record.data : "", view.record.len);
    a->record_len = view.record.len;
    if (schedule_parse_text(a->o.name, view.timing, a->o.zones, &a->schedule, parse_why))
        a->schedule = NULL;
    return true;
}

static struct verdict refuse_revision(struct schedule_act *a, int64_t now, struct error *why)
{
    char text[64];

    snprintf(text, sizeof text, "is at revision %" PRId64 " now", now);
    return refuse(a, text, why);
}

static struct verdict looked_for_put(struct schedule_act *a, struct error *why)
{
    if (a->o.condition == ACT_IF_THERE && !a->there) return refuse(a, "is not there", why);
    if (a->o.condition != ACT_IF_REVISION) return go_on(STEP_SET);
    if (!a->there) return refuse(a, "is not there", why);
    if (a->revision == a->o.revision) return go_on(STEP_SET);
    return refuse_revision(a, a->revision, why);
}

/* All times of the range, or why not. */
static struct verdict plan_backfill(struct schedule_act *a, int64_t now_ms, struct error *why)
{
    const struct act_options *o = &a->o;
    int64_t at_ms;

    if (o->from_ms >= o->to_ms)
        return end(error_set(why, PINION_INVALID, "backfill: expected `to` after `from`"));
    if (o->to_ms > now_ms + 1000) /* clocks differ a little */
        return end(error_set(why, PINION_INVALID,
                             "backfill: expected a time that has passed as `to`"));
    a->times_ms = xcalloc(BACKFILL_MAX, sizeof *a->times_ms);
    at_ms = schedule_next(a->schedule, o->from_ms - 1);
    for (; at_ms < o->to_ms; at_ms = schedule_next(a->schedule, at_ms)) {
        if (a->times_count == BACKFILL_MAX)
            return end(error_set(why, PINION_TOO_LARGE,
                                 "backfill: expected at most %d times in the range", BACKFILL_MAX));
        a->times_ms[a->times_count++] = at_ms;
    }
    if (!a->times_count || o->dry_run) return end(PINION_OK);
    a->jobs = xcalloc(a->times_count, sizeof *a->jobs);
    return go_on(STEP_FIRE);
}

static struct verdict plan_run(struct schedule_act *a, int64_t now_ms)
{
    a->times_count = 1;
    a->times_ms = xcalloc(1, sizeof *a->times_ms);
    a->times_ms[0] = now_ms;
    a->jobs = xcalloc(1, sizeof *a->jobs);
    return go_on(STEP_FIRE);
}

static struct verdict looked(struct schedule_act *a, const struct redisReply *reply,
                             int64_t now_ms, struct error *why)
{
    struct error unparsed = {0};
    enum pinion_err err;

    if (!look(a, reply, &unparsed, &err) && err != PINION_NOT_FOUND) return strange(why);
    if (a->o.verb == ACT_PUT) return looked_for_put(a, why);
    if (!a->there) return not_found(a, why);
    if (a->o.verb == ACT_SHOW) return end(PINION_OK);
    if (a->o.verb == ACT_RUN) return plan_run(a, now_ms);
    if (!a->schedule)
        return end(error_set(why, PINION_INTERNAL, "schedule %.*s: %s", (int)a->o.name.len,
                             a->o.name.data, unparsed.text));
    if (a->o.verb == ACT_BACKFILL) return plan_backfill(a, now_ms, why);
    if (!json_object_get(a->shape, "kind")) return strange(why); /* its record cannot be read */
    return a->schedule->paused == (a->o.verb == ACT_PAUSE) ? end(PINION_OK) : go_on(STEP_SET);
}

static struct verdict was_set(struct schedule_act *a, const struct redisReply *reply,
                              struct error *why)
{
    bool put = a->o.verb == ACT_PUT;
    enum schedule_changed changed;
    int64_t revision;

    if (schedule_set_read(reply, &changed, &revision)) return strange(why);
    switch (changed) {
    case SCHEDULE_SET:
        a->result = a->there ? ACT_CHANGED : ACT_MADE;
        return go_on(put ? STEP_KEEP : STEP_LAST);
    case SCHEDULE_SAME: return go_on(put ? STEP_KEEP : STEP_LAST);
    case SCHEDULE_CONFLICT:
    case SCHEDULE_NONE:
    case SCHEDULE_REMOVED: break;
    }
    if (put && a->o.condition == ACT_IF_NEW) return refuse(a, "is there already, another one", why);
    if (++a->tries < SET_TRIES_MAX) return go_on(STEP_LOOK); /* somebody was faster */
    return end(error_set(why, PINION_CONFLICT, "schedule %.*s: others edit it at this moment",
                         (int)a->o.name.len, a->o.name.data));
}

static struct verdict was_fired(struct schedule_act *a, const struct redisReply *reply,
                                struct error *why)
{
    int64_t now_us;

    if (fire_read(reply, a->items, a->items_count, &now_us)) return strange(why);
    for (size_t i = 0; i < a->items_count; i++) {
        if (a->items[i].fired == FIRED_REMOVED) return not_found(a, why);
        if (a->items[i].fired != FIRED_JOB) return strange(why);
        memcpy(a->jobs[a->made++], a->items[i].local, sizeof a->jobs[0]);
    }
    a->result = ACT_CHANGED;
    return a->made < a->times_count ? go_on(STEP_FIRE) : end(PINION_OK);
}

static struct verdict was_removed(struct schedule_act *a, const struct redisReply *reply,
                                  struct error *why)
{
    enum schedule_changed changed;
    int64_t revision;

    if (schedule_remove_read(reply, &changed, &revision)) return strange(why);
    if (changed == SCHEDULE_CONFLICT) return refuse_revision(a, revision, why);
    if (changed == SCHEDULE_REMOVED) a->removed = true;
    return go_on(STEP_FREE);
}

static struct verdict judge(struct schedule_act *a, const struct redisReply *reply, int64_t now_ms,
                            struct error *why)
{
    enum pinion_err err;
    struct span queue;

    switch (a->step) {
    case STEP_FIND: return found(a, schedule_find_read(reply), why);
    case STEP_CLAIM:
    case STEP_KEEP:
        queue = schedule_claim_read(reply);
        if (!queue.data) return strange(why);
        if (is_out_of_scope(a, queue)) return out_of_scope(a, why);
        if (!span_is(queue, a->queue)) return elsewhere(a, queue, why);
        return go_on(a->step == STEP_CLAIM ? STEP_REGISTER : STEP_LAST);
    case STEP_REGISTER: return go_on(STEP_LOOK);
    case STEP_LOOK: return looked(a, reply, now_ms, why);
    case STEP_SET: return was_set(a, reply, why);
    case STEP_FIRE: return was_fired(a, reply, why);
    case STEP_REMOVE: return was_removed(a, reply, why);
    case STEP_FREE: return go_on(STEP_CHECK);
    case STEP_CHECK:
        if (look(a, reply, NULL, &err)) return go_on(STEP_AGAIN);
        break;
    case STEP_AGAIN: break;
    case STEP_LAST: look(a, reply, NULL, &err); return end(PINION_OK);
    }
    if (!a->removed) return not_found(a, why); /* it was a mere name */
    a->result = ACT_CHANGED;
    return end(PINION_OK);
}

bool act_read(struct schedule_act *a, const struct redisReply *reply, int64_t now_ms,
              enum pinion_err *ret_err, struct error *why)
{
    struct verdict v = judge(a, reply, now_ms, why);

    a->now_ms = now_ms;
    *ret_err = v.err;
    if (v.more) a->step = v.next;
    return v.more;
}
