/* control/shape.c — one function per noun; a field that a job lacks is null, not missing. */
#include "control/shape.h"

#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/unique.h"

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value);
}

static void set_number(json_t *object, const char *key, int64_t value)
{
    set(object, key, json_integer(value));
}

json_t *shape_time(int64_t ms)
{
    char text[TIME_TEXT_MAX];

    return ms ? json_string_nocheck(time_format_utc(ms, text)) : json_null();
}

json_t *shape_text(struct span s)
{
    struct buffer clean = BUFFER_INIT;
    json_t *text;

    if (!s.data) return json_null();
    if (text_is_utf8(s.data, s.len)) return json_stringn_nocheck(s.data, s.len);
    text_add_utf8(&clean, s.data, s.len);
    text = json_stringn_nocheck(clean.data, clean.len);
    buffer_deinit(&clean);
    return text;
}

void shape_bytes(json_t *object, const char *key, const char *key_base64, struct span bytes)
{
    struct buffer text = BUFFER_INIT;

    if (!bytes.data || text_is_utf8(bytes.data, bytes.len)) {
        set(object, key, shape_text(bytes));
        return;
    }
    base64_add(&text, bytes.data, bytes.len);
    set(object, key_base64, json_stringn_nocheck(text.data, text.len));
    buffer_deinit(&text);
}

unsigned shape_attempt(const struct job_view *v)
{
    bool ended_badly = span_is(v->state, "dead") || span_is(v->state, "cancelled");
    bool started =
        v->failures || v->reaps || span_is(v->state, "active") || span_is(v->state, "done");

    return ended_badly ? v->failures : started ? v->failures + 1 : 0;
}

json_t *shape_tags(struct span tags)
{
    json_t *array = json_array();

    while (tags.len) json_array_append_new(array, shape_text(span_cut(&tags, ',')));
    return array;
}

static void set_options(json_t *o, const struct job *j)
{
    char unique[UNIQUE_TEXT_MAX];

    set_number(o, "priority", j->priority);
    set_number(o, "attempts_max", j->attempts_max);
    set_number(o, "timeout_ms", (int64_t)j->timeout_ms);
    set(o, "lease_ms", j->lease_ms ? json_integer((int64_t)j->lease_ms) : json_null());
    set_number(o, "retain_ms", (int64_t)j->retain_ms);
    set(o, "backoff", shape_text(j->backoff));
    set(o, "expires_at", shape_time(j->expires_ms));
    set(o, "group", shape_text(j->group));
    set(o, "unique",
        j->unique.data ? json_string(unique_format(j->unique, unique)) : json_null());
    set(o, "batch", shape_text(j->batch));
    set(o, "traceparent", shape_text(j->traceparent));
}

static void set_course(json_t *o, const struct job_view *v)
{
    set_number(o, "attempt", shape_attempt(v));
    set(o, "created_at", shape_time(v->job.created_ms));
    set(o, "run_at", shape_time(v->due_ms ? v->due_ms : v->job.run_at_ms));
    set(o, "started_at", shape_time(v->started_ms));
    set(o, "finished_at", shape_time(v->finished_ms));
    set(o, "server", shape_text(v->server));
    set(o, "worker", shape_text(v->worker));
    set(o, "cancel_requested", json_boolean(v->mark.data != NULL));
    set(o, "reason", shape_text(span_of(v->why)));
}

/* What is kept, with times as people write them. */
static json_t *shape_errors(const struct job_view *v)
{
    json_t *errors = look_errors(v), *entry;
    size_t i;

    json_array_foreach (errors, i, entry)
        set(entry, "at", shape_time(json_integer_value(json_object_get(entry, "at"))));
    return errors;
}

/* [{"id","outcome"}], outcome null while it has not ended. */
static json_t *shape_parents(const struct job_view *v)
{
    json_t *array = json_array();

    for (size_t i = 0; i < job_view_parents(v); i++) {
        struct job_parent p = job_view_parent(v, i);
        json_t *o = json_object();
        set(o, "id", shape_text(span_of(p.id)));
        set(o, "outcome", shape_text(span_of(p.outcome)));
        json_array_append_new(array, o);
    }
    return array;
}

/* {"percent","note","at"}; a note may be content. */
static json_t *shape_progress(const struct job_progress *p, enum shape_content content)
{
    json_t *o;

    if (!p->at_ms) return json_null();
    o = json_object();
    set_number(o, "percent", p->percent);
    set(o, "note", content == SHAPE_WITH_CONTENT ? shape_text(p->note) : json_null());
    set(o, "at", shape_time(p->at_ms));
    return o;
}

json_t *shape_job(const struct job_view *v, struct span queue, enum shape_content content)
{
    json_t *o = json_object();

    set(o, "id",
        json_sprintf("%.*s:%.*s", (int)queue.len, queue.data, (int)v->job.id.len, v->job.id.data));
    set(o, "queue", shape_text(queue));
    set(o, "kind", shape_text(v->job.kind));
    set(o, "state", shape_text(v->state));
    set_course(o, v);
    if (v->known) set_options(o, &v->job);
    if (content == SHAPE_WITH_CONTENT) {
        shape_bytes(o, "payload", "payload_base64", v->job.payload);
        shape_bytes(o, "result", "result_base64", v->result);
        set(o, "error", shape_text(span_of(v->error)));
        set(o, "errors", shape_errors(v));
    }
    set(o, "after", shape_parents(v));
    set(o, "after_any_outcome", json_boolean(job_view_any_outcome(v)));
    set_number(o, "children_waiting", v->children);
    set(o, "progress", shape_progress(&v->progress, content));
    set(o, "tags", shape_tags(v->job.tags));
    set(o, "schedule", shape_text(v->job.schedule));
    set(o, "fire_time", shape_time(v->job.schedule.data ? v->job.run_at_ms : 0));
    return o;
}

json_t *shape_enqueued(const struct pinion_enqueued *e)
{
    json_t *o = e->err ? shape_error(e->err, pinion_err_name(e->err)) : json_object();

    if (e->id[0]) set(o, "id", json_string_nocheck(e->id));
    if (!e->err) set(o, "existing", json_boolean(e->existing));
    if (!e->err && e->replaced) set(o, "replaced", json_true());
    return o;
}

json_t *shape_bounds(struct bounds b)
{
    json_t *o = json_object();

    set(o, "max_jobs", b.max_jobs ? json_integer((int64_t)b.max_jobs) : json_null());
    set(o, "max_bytes", b.max_bytes ? json_integer((int64_t)b.max_bytes) : json_null());
    set_number(o, "keep_jobs", (int64_t)(b.keep_jobs ? b.keep_jobs : KEEP_JOBS_DEFAULT));
    set_number(o, "keep_ms", (int64_t)(b.keep_ms ? b.keep_ms : KEEP_DEFAULT_MS));
    return o;
}

static void set_rate(json_t *object, const char *key, double rate)
{
    set(object, key, json_real((double)(int64_t)(rate * 1000 + 0.5) / 1000));
}

json_t *shape_rates(const struct queue_rates *r)
{
    json_t *o;

    if (!r->window_ms) return json_null();
    o = json_object();
    set_number(o, "window_ms", r->window_ms);
    set_rate(o, "enqueued", r->enqueued);
    set_rate(o, "done", r->done);
    set_rate(o, "failed", r->failed);
    return o;
}

json_t *shape_queue(struct span name, const struct queue_view *v, json_t *limits)
{
    json_t *o = json_object(), *counts = json_object(), *totals = json_object();

    set(o, "queue", shape_text(name));
    set(o, "paused", json_boolean(v->paused));
    set(o, "draining", json_boolean(v->draining));
    for (size_t i = 0; i < STATES; i++) set_number(counts, job_states[i], v->counts[i]);
    set(o, "counts", counts);
    set_number(totals, "enqueued", v->enqueued);
    set_number(totals, "done", v->done);
    set_number(totals, "failed", v->failed);
    set_number(totals, "dead", v->dead);
    set_number(totals, "cancelled", v->cancelled);
    set_number(totals, "reaped", v->reaped);
    set_number(totals, "trimmed", v->trimmed);
    set_number(totals, "deleted", v->deleted);
    set(o, "totals", totals);
    set(o, "rates", shape_rates(&v->rates));
    set_number(o, "oldest_ready_ms", v->oldest_ready_ms);
    set(o, "bounds", shape_bounds(v->bounds));
    set(o, "limits", limits ? limits : json_object());
    return o;
}

bool queue_exists(const struct queue_view *v, bool served)
{
    int64_t jobs = v->enqueued;

    for (size_t i = 0; i < STATES; i++) jobs += v->counts[i];
    return jobs || served || v->paused || v->draining || v->limited || v->bounds.max_jobs ||
           v->bounds.max_bytes;
}

bool server_alive(const struct server_view *v, int64_t now_ms)
{
    return now_ms - v->seen_ms <= SERVER_ALIVE_MS;
}

json_t *shape_server(const struct server_view *v, json_t *queues, int64_t now_ms)
{
    json_t *about = v->about.data ? json_loadb(v->about.data, v->about.len, 0, NULL) : NULL;
    json_t *o = json_object();

    set(o, "name", shape_text(v->name));
    set(o, "alive", json_boolean(server_alive(v, now_ms)));
    set(o, "seen_at", shape_time(v->seen_ms));
    set(o, "queues", queues);
    if (json_is_object(about))
        json_object_update_missing(o, about); /* it cannot call itself alive */
    json_decref(about);
    return o;
}

void shape_join_server(json_t *servers, const struct server_view *v, struct span queue,
                       int64_t now_ms)
{
    json_t *fresh, *known, *queues, *recent;
    const char *name;

    if (!v->seen_ms) return;
    fresh = shape_server(v, json_array(), now_ms);
    name = json_string_value(json_object_get(fresh, "name"));
    known = json_object_get(servers, name ? name : "");
    if (known) {
        queues = json_object_get(known, "queues");
        json_array_append_new(queues, shape_text(queue));
        if (strcmp(json_string_value(json_object_get(known, "seen_at")),
                   json_string_value(json_object_get(fresh, "seen_at"))) < 0) {
            json_object_set(fresh, "queues", queues);
            json_object_update(known, fresh);
        }
        recent = json_object_get(fresh, "recent"); /* it says that in one queue only */
        if (recent && server_alive(v, now_ms)) json_object_set(known, "recent", recent);
    } else if (name) {
        json_array_append_new(json_object_get(fresh, "queues"), shape_text(queue));
        json_object_set(servers, name, fresh);
    }
    json_decref(fresh);
}

json_t *shape_list(json_t *items, const char *next)
{
    json_t *o = json_object();

    set(o, "items", items);
    set(o, "next", next ? json_string(next) : json_null());
    return o;
}

json_t *shape_error(enum pinion_err code, const char *message)
{
    json_t *o = json_object(), *error = json_object();

    set(error, "code", json_string_nocheck(pinion_err_name(code)));
    set(error, "message", shape_text(span_of(message)));
    set(o, "error", error);
    return o;
}

/* ---- cursors --------------------------------------------------------------------------------- */

/* A place begins with a number and a blank (see list.lua); a comma passes shells and URLs as it is.
 */
char *cursor_text(const char *state, struct span place)
{
    char *text = xasprintf("%s%s%.*s", state, place.len ? "," : "", (int)place.len,
                           place.len ? place.data : "");
    char *blank = strchr(text, ' ');

    if (blank) *blank = ',';
    return text;
}

enum pinion_err cursor_parse(struct span text, size_t *ret_state, struct buffer *place,
                             struct span *ret_place, struct error *why)
{
    struct span rest = text, state = span_cut(&rest, ',');
    size_t i = 0;
    char *comma;

    *ret_state = 0;
    *ret_place = (struct span){0};
    if (!text.data) return PINION_OK;
    while (i < STATES && !span_is(state, job_states[i])) i++;
    if (i == STATES)
        return error_set(why, PINION_INVALID, "cursor '%.*s': expected the `next` of a listing",
                         (int)(text.len > 80 ? 80 : text.len), text.data);
    *ret_state = i;
    if (!rest.len) return PINION_OK;
    buffer_clear(place);
    buffer_add(place, rest.data, rest.len);
    if ((comma = memchr(place->data, ',', place->len))) *comma = ' ';
    *ret_place = (struct span){place->data, place->len};
    return PINION_OK;
}
