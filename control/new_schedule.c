/* control/new_schedule.c — one object in, two out: what its keys say is for others to judge.
 *
 *      {"cron":"0 3 * * *","kind":"report","tz":null,"fires":7}
 *         timing ◄──┘        │               │          └──► dropped: what we say about a schedule
 *                            └──► job        └──► dropped: as if it were not there
 *
 * So whoever got the shape may send it back, changed.
 */
#include "control/new_schedule.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/json_scan.h"
#include "queue/key.h"

enum key_of { KEY_OF_NOBODY, KEY_OF_TIMING, KEY_OF_JOB, KEY_OF_ANSWER };

static const struct key {
    const char *name;
    enum key_of of;
} keys[] = {
    {"name", KEY_OF_ANSWER},        {"cron", KEY_OF_TIMING},     {"every_ms", KEY_OF_TIMING},
    {"at", KEY_OF_TIMING},          {"tz", KEY_OF_TIMING},       {"dst", KEY_OF_TIMING},
    {"phase_ms", KEY_OF_TIMING},    {"overlap", KEY_OF_TIMING},  {"catch_up", KEY_OF_TIMING},
    {"within_ms", KEY_OF_TIMING},   {"jitter_ms", KEY_OF_TIMING}, {"start", KEY_OF_TIMING},
    {"end", KEY_OF_TIMING},         {"limit", KEY_OF_TIMING},    {"paused", KEY_OF_TIMING},
    {"kind", KEY_OF_JOB},           {"payload", KEY_OF_JOB},     {"payload_base64", KEY_OF_JOB},
    {"queue", KEY_OF_JOB},          {"priority", KEY_OF_JOB},    {"attempts_max", KEY_OF_JOB},
    {"backoff", KEY_OF_JOB},        {"timeout_ms", KEY_OF_JOB},  {"lease_ms", KEY_OF_JOB},
    {"expires_ms", KEY_OF_JOB},     {"retain_ms", KEY_OF_JOB},   {"tags", KEY_OF_JOB},
    {"group", KEY_OF_JOB},          {"traceparent", KEY_OF_JOB},
    {"last_fire", KEY_OF_ANSWER},
    {"next_fire", KEY_OF_ANSWER},   {"fires", KEY_OF_ANSWER},    {"revision", KEY_OF_ANSWER},
    {"last_job", KEY_OF_ANSWER},    {"buffered", KEY_OF_ANSWER}, {"history", KEY_OF_ANSWER},
};

struct splitting {
    struct json_scan scan;
    struct span      name; /* of the schedule */
    struct buffer    timing, job;
};

bool schedule_name_ok(struct span name)
{
    return queue_name_ok(name);
}

enum pinion_err schedule_name_check(struct span name, struct error *why)
{
    if (schedule_name_ok(name)) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "schedule '%.*s': expected a name of 1 to %d of A-Z a-z 0-9 . _ -",
                     (int)(name.len > 40 ? 40 : name.len), name.data ? name.data : "",
                     QUEUE_NAME_MAX);
}

static enum pinion_err bad_json(const struct json_scan *s, struct error *why)
{
    return error_set(why, PINION_INVALID, "column %zu: expected %s", json_scan_column(s),
                     s->expected);
}

static enum key_of owner_of(struct span name)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (span_is(name, keys[i].name)) return keys[i].of;
    return KEY_OF_NOBODY;
}

static enum pinion_err refuse_key(struct span name, struct error *why)
{
    int len = (int)(name.len > 40 ? 40 : name.len);

    if (span_is(name, "id") || span_is(name, "in_ms") || span_is(name, "run_at"))
        return error_set(why, PINION_INVALID,
                         "key %.*s: not in a schedule, whose jobs get their ids and times from it",
                         len, name.data);
    if (span_is(name, "unique") || span_is(name, "replace"))
        return error_set(why, PINION_INVALID,
                         "key %.*s: not in a schedule: expected overlap, which says what becomes "
                         "of a fire while the last job waits or runs",
                         len, name.data);
    return error_set(why, PINION_INVALID,
                     "key %.*s is unknown: expected cron, every_ms or at, tz, dst, phase_ms, "
                     "overlap, catch_up, within_ms, jitter_ms, start, end, limit, paused, kind, "
                     "payload, queue, or an option of its jobs",
                     len, name.data);
}

static void append(struct buffer *object, struct span name, struct span raw)
{
    buffer_add_text(object, object->len ? ",\"" : "{\"");
    buffer_add(object, name.data, name.len);
    buffer_add_text(object, "\":");
    buffer_add(object, raw.data, raw.len);
}

/* A payload may well be null, as JSON; of everything else it says that there is none. */
static enum pinion_err put_member(struct splitting *s, struct span name, struct span raw,
                                  struct error *why)
{
    switch (owner_of(name)) {
    case KEY_OF_NOBODY: return refuse_key(name, why);
    case KEY_OF_TIMING:
        if (!span_is(raw, "null")) append(&s->timing, name, raw);
        return PINION_OK;
    case KEY_OF_JOB:
        if (!span_is(raw, "null") || span_is(name, "payload")) append(&s->job, name, raw);
        return PINION_OK;
    case KEY_OF_ANSWER: break;
    }
    if (!span_is(name, "name") || span_is(raw, "null")) return PINION_OK;
    if (raw.len == s->name.len + 2 && memcmp(raw.data + 1, s->name.data, s->name.len) == 0)
        return PINION_OK;
    return error_set(why, PINION_INVALID, "name %.*s: expected \"%.*s\", as it was asked for",
                     (int)(raw.len > 80 ? 80 : raw.len), raw.data, (int)s->name.len, s->name.data);
}

static enum pinion_err read_member(struct splitting *s, struct error *why)
{
    struct span name, raw;

    if (json_scan_peek(&s->scan) != '"') s->scan.expected = "a key in quotes";
    if (s->scan.expected || !json_scan_value(&s->scan, &name)) return bad_json(&s->scan, why);
    if (!json_scan_take(&s->scan, ':')) s->scan.expected = "a : behind the key";
    if (s->scan.expected || !json_scan_value(&s->scan, &raw)) return bad_json(&s->scan, why);
    return put_member(s, (struct span){name.data + 1, name.len - 2}, raw, why);
}

static enum pinion_err split(struct splitting *s, struct error *why)
{
    enum pinion_err err = PINION_OK;

    if (!json_scan_take(&s->scan, '{')) {
        s->scan.expected = "a JSON object, as {\"cron\":\"0 3 * * *\",\"kind\":\"report\"}";
        return bad_json(&s->scan, why);
    }
    if (!json_scan_take(&s->scan, '}')) {
        do err = read_member(s, why);
        while (!err && json_scan_take(&s->scan, ','));
        if (err) return err;
        if (!json_scan_take(&s->scan, '}')) {
            s->scan.expected = "a , or }";
            return bad_json(&s->scan, why);
        }
    }
    if (!json_scan_end(&s->scan)) return bad_json(&s->scan, why);
    buffer_add_text(&s->timing, s->timing.len ? "}" : "{}");
    buffer_add_text(&s->job, s->job.len ? "}" : "{}");
    return PINION_OK;
}

static struct span span_of_buffer(const struct buffer *b)
{
    return (struct span){b->data, b->len};
}

/* What is left out and what says the same are one schedule, to whoever sends it twice. */
static void forget_defaults(struct pinion_job *j)
{
    if (j->priority == PINION_PRIORITY(PRIORITY_DEFAULT)) j->priority = 0;
    if (j->attempts_max == ATTEMPTS_DEFAULT) j->attempts_max = 0;
    if (j->timeout_ms == TIMEOUT_DEFAULT_MS) j->timeout_ms = 0;
    if (j->backoff && strcmp(j->backoff, "exponential") == 0) j->backoff = NULL;
}

/* Each half by whoever knows it. */
static enum pinion_err read_halves(const struct splitting *s, struct zone_cache *zones,
                                   struct new_schedule *n, struct error *why)
{
    enum pinion_err err = new_job_read(span_of_buffer(&s->job), NULL, &n->job, why);

    if (!err && n->job.job.after)
        err = error_set(why, PINION_INVALID, "key after: not for the jobs of a schedule");
    if (!err && n->job.job.batch)
        err = error_set(why, PINION_INVALID, "key batch: not for the jobs of a schedule");
    if (err) {
        new_job_deinit(&n->job);
        return err;
    }
    err = schedule_parse_text(s->name, span_of_buffer(&s->timing), zones, &n->schedule, why);
    if (err) {
        new_job_deinit(&n->job);
        return err;
    }
    forget_defaults(&n->job.job);
    n->timing = schedule_timing(n->schedule);
    if (strlen(n->timing) <= SCHEDULE_TIMING_MAX) return PINION_OK;
    new_schedule_deinit(n);
    return error_set(why, PINION_TOO_LARGE, "a timing of more than %d bytes", SCHEDULE_TIMING_MAX);
}

enum pinion_err new_schedule_read(struct span name, struct span json, struct zone_cache *zones,
                                  struct new_schedule *ret, struct error *why)
{
    struct splitting s = {.name = name};
    struct new_schedule n = {0};
    enum pinion_err err;

    err = schedule_name_check(name, why);
    if (err) return err;
    if (json.len > NEW_JOB_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "a schedule of %zu bytes of JSON: at most %d",
                         json.len, NEW_JOB_BYTES_MAX);
    json_scan_init(&s.scan, json);
    err = split(&s, why);
    if (!err) err = read_halves(&s, zones, &n, why);
    buffer_deinit(&s.timing);
    buffer_deinit(&s.job);
    if (!err) *ret = n;
    return err;
}

void new_schedule_deinit(struct new_schedule *n)
{
    schedule_free(n->schedule);
    new_job_deinit(&n->job);
    free(n->timing);
    *n = (struct new_schedule){0};
}

struct schedule_set new_schedule_set(const struct new_schedule *n, int64_t now_ms)
{
    return (struct schedule_set){
        .name = span_of(n->schedule->name),
        .timing = span_of(n->timing),
        .job = &n->job.job,
        .revision = SCHEDULE_ANY_REVISION,
        .next_ms = n->schedule->paused ? SCHEDULE_NEVER : schedule_next(n->schedule, now_ms),
    };
}
