/* control/shape_schedule.c — a schedule and its fires, as everybody sees them. */
#include "control/new_schedule.h"

#include "control/shape.h"

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value);
}

static void set_default(json_t *object, const char *key, json_t *value)
{
    if (json_object_get(object, key)) json_decref(value);
    else set(object, key, value);
}

/* Redis keeps a timing without its defaults; here all of it is said. */
static void set_timing(json_t *o, struct span timing)
{
    json_t *kept = timing.data ? json_loadb(timing.data, timing.len, 0, NULL) : NULL;
    bool is_cron = json_object_get(kept, "cron") != NULL;

    if (json_is_object(kept)) json_object_update(o, kept);
    set_default(o, "tz", is_cron ? json_string("UTC") : json_null());
    set_default(o, "dst", is_cron ? json_string(rule_dst_names[DST_VIXIE]) : json_null());
    set_default(o, "overlap", json_string(overlap_names[OVERLAP_SKIP]));
    set_default(o, "catch_up", json_string(catch_up_names[CATCH_UP_ONE]));
    set_default(o, "jitter_ms", json_integer(0));
    set_default(o, "paused", json_false());
    json_decref(kept);
}

static json_t *number_or_null(uint64_t number)
{
    return number ? json_integer((json_int_t)number) : json_null();
}

static void set_job(json_t *o, struct span record, bool with_content)
{
    struct job j;

    if (!record.data || job_decode((struct span){0}, record, &j)) return;
    set(o, "kind", shape_text(j.kind));
    if (with_content) shape_bytes(o, "payload", "payload_base64", j.payload);
    set(o, "priority", json_integer(j.priority));
    set(o, "attempts_max", json_integer(j.attempts_max));
    set(o, "backoff", shape_text(j.backoff));
    set(o, "timeout_ms", json_integer((json_int_t)j.timeout_ms));
    set(o, "lease_ms", number_or_null(j.lease_ms));
    set(o, "expires_ms", number_or_null(j.expires_in_ms));
    set(o, "retain_ms", json_integer((json_int_t)j.retain_ms));
    set(o, "tags", shape_tags(j.tags));
    set(o, "group", shape_text(j.group));
    set(o, "traceparent", shape_text(j.traceparent));
}

static json_t *job_id(struct span queue, struct span local)
{
    if (!local.data) return json_null();
    return json_sprintf("%.*s:%.*s", (int)queue.len, queue.data, (int)local.len, local.data);
}

json_t *shape_schedule(const struct schedule_view *v, struct span queue, bool with_content)
{
    json_t *o = json_object();
    bool paused;

    set(o, "name", shape_text(v->name));
    set_timing(o, v->timing);
    set(o, "queue", shape_text(queue));
    set_job(o, v->record, with_content);
    paused = json_is_true(json_object_get(o, "paused"));
    set(o, "last_fire", shape_time(v->last_fire_ms));
    set(o, "next_fire", shape_time(paused || v->next_ms == SCHEDULE_NEVER ? 0 : v->next_ms));
    set(o, "fires", json_integer(v->fires));
    set(o, "last_job", job_id(queue, v->last_job));
    set(o, "buffered", json_boolean(v->buffered));
    set(o, "revision", json_integer(v->revision));
    return o;
}

/* A fire by hand names the time that it stands for, which says nothing of how late it was. */
json_t *shape_fire(struct span history_item, struct span queue)
{
    json_t *o = json_loadb(history_item.data ? history_item.data : "", history_item.len, 0, NULL);
    int64_t fire_ms = json_integer_value(json_object_get(o, "fire_time"));
    int64_t fired_ms = json_integer_value(json_object_get(o, "fired_at"));
    const char *outcome = json_string_value(json_object_get(o, "outcome"));
    bool in_time = outcome && (span_is(span_of(outcome), "fired") ||
                               span_is(span_of(outcome), "replaced"));

    if (!json_is_object(o)) {
        json_decref(o);
        return json_null();
    }
    set(o, "fire_time", shape_time(fire_ms));
    set(o, "fired_at", shape_time(fired_ms));
    set(o, "lateness_ms", in_time ? json_integer(fired_ms - fire_ms) : json_null());
    set_default(o, "end", json_null());
    set(o, "job", job_id(queue, span_of(json_string_value(json_object_get(o, "job")))));
    return o;
}
