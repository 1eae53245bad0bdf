/* The timing of a schedule from JSON and back: one table of keys; what they mean together is
 * checked after each of them was read. */
#include "scheduler/schedule.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"

enum key_type { KEY_TEXT, KEY_NUMBER, KEY_TIME, KEY_FLAG };

/* Absent: NULL, 0 or false. Texts are borrowed from the JSON. */
struct reading {
    const char *cron, *tz, *dst, *overlap, *catch_up;
    uint64_t every_ms, phase_ms, within_ms, jitter_ms, limit;
    int64_t at_ms, start_ms, end_ms;
    bool paused;
};

#define AT(field) offsetof(struct reading, field)

static const struct key {
    const char *name;
    enum key_type type;
    size_t at;
    uint64_t min, max;
} keys[] = {
    {"cron",      KEY_TEXT,   AT(cron),      0,                 0                     },
    {"every_ms",  KEY_NUMBER, AT(every_ms),  RULE_EVERY_MIN_MS, DURATION_MS_MAX       },
    {"at",        KEY_TIME,   AT(at_ms),     0,                 0                     },
    {"tz",        KEY_TEXT,   AT(tz),        0,                 0                     },
    {"dst",       KEY_TEXT,   AT(dst),       0,                 0                     },
    {"phase_ms",  KEY_NUMBER, AT(phase_ms),  0,                 DURATION_MS_MAX       },
    {"overlap",   KEY_TEXT,   AT(overlap),   0,                 0                     },
    {"catch_up",  KEY_TEXT,   AT(catch_up),  0,                 0                     },
    {"within_ms", KEY_NUMBER, AT(within_ms), 1,                 DURATION_MS_MAX       },
    {"jitter_ms", KEY_NUMBER, AT(jitter_ms), 0,                 SCHEDULE_JITTER_MAX_MS},
    {"start",     KEY_TIME,   AT(start_ms),  0,                 0                     },
    {"end",       KEY_TIME,   AT(end_ms),    0,                 0                     },
    {"limit",     KEY_NUMBER, AT(limit),     1,                 SCHEDULE_LIMIT_MAX    },
    {"paused",    KEY_FLAG,   AT(paused),    0,                 0                     },
};

const char *const catch_up_names[] = {"one", "none", "all"};

/* ---- one key --------------------------------------------------------------------------------- */

static void *place(struct reading *r, const struct key *key)
{
    return (char *)r + key->at;
}

static enum pinion_err read_text(struct reading *r, const struct key *key, const json_t *value,
                                 struct error *why)
{
    const char *text = json_string_value(value);

    if (!text) return error_set(why, PINION_INVALID, "key %s: expected a string", key->name);
    if (strlen(text) != json_string_length(value))
        return error_set(why, PINION_INVALID, "key %s: expected no NUL", key->name);
    *(const char **)place(r, key) = text;
    return PINION_OK;
}

static enum pinion_err read_number(struct reading *r, const struct key *key, const json_t *value,
                                   struct error *why)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < (json_int_t)key->min || number > (json_int_t)key->max)
        return error_set(why, PINION_INVALID,
                         "key %s: expected a whole number from %" PRIu64 " to %" PRIu64, key->name,
                         key->min, key->max);
    *(uint64_t *)place(r, key) = (uint64_t)number;
    return PINION_OK;
}

/* Whose 10:00 is it? A time must say its zone. */
static bool has_zone(struct span s)
{
    if (s.len < sizeof "2026-11-23T10:00:00Z" - 1) return false;
    char last = s.data[s.len - 1], sign = s.data[s.len - 6];
    return last == 'Z' || last == 'z' || sign == '+' || sign == '-';
}

static enum pinion_err read_time(struct reading *r, const struct key *key, const json_t *value,
                                 struct error *why)
{
    struct span text = {json_string_value(value), json_string_length(value)};
    int64_t ms;

    if (!text.data || !has_zone(text) || time_parse(text, 0, &ms, NULL) || ms <= 0)
        return error_set(why, PINION_INVALID,
                         "key %s: expected a time with its zone, as 2026-11-23T10:00:00Z",
                         key->name);
    *(int64_t *)place(r, key) = ms;
    return PINION_OK;
}

static enum pinion_err read_key(struct reading *r, const char *name, const json_t *value,
                                struct error *why)
{
    const struct key *key = keys, *end = keys + countof(keys);

    while (key < end && strcmp(key->name, name) != 0) key++;
    if (key == end)
        return error_set(why, PINION_INVALID,
                         "key %.60s is unknown: expected cron, every_ms, at, tz, dst, phase_ms, "
                         "overlap, catch_up, within_ms, jitter_ms, start, end, limit, paused",
                         name);
    switch (key->type) {
    case KEY_TEXT: return read_text(r, key, value, why);
    case KEY_NUMBER: return read_number(r, key, value, why);
    case KEY_TIME: return read_time(r, key, value, why);
    case KEY_FLAG: break;
    }
    if (!json_is_boolean(value))
        return error_set(why, PINION_INVALID, "key %s: expected true or false", key->name);
    *(bool *)place(r, key) = json_is_true(value);
    return PINION_OK;
}

/* ---- what they mean together ----------------------------------------------------------------- */

static enum pinion_err read_overlap(struct schedule *s, const struct reading *r, struct error *why)
{
    if (!r->overlap) return PINION_OK;
    for (s->overlap = OVERLAP_SKIP; s->overlap <= OVERLAP_REPLACE; s->overlap++)
        if (strcmp(overlap_names[s->overlap], r->overlap) == 0) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "key overlap: expected skip, allow, queue or replace, found '%.40s'",
                     r->overlap);
}

static enum pinion_err read_catch_up(struct schedule *s, const struct reading *r, struct error *why)
{
    if (r->catch_up) {
        while (s->catch_up <= CATCH_UP_ALL && strcmp(catch_up_names[s->catch_up], r->catch_up) != 0)
            s->catch_up++;
        if (s->catch_up > CATCH_UP_ALL)
            return error_set(why, PINION_INVALID,
                             "key catch_up: expected one, none or all, found '%.40s'", r->catch_up);
    }
    if (s->catch_up == CATCH_UP_ALL && s->overlap != OVERLAP_ALLOW && s->overlap != OVERLAP_QUEUE)
        return error_set(why, PINION_INVALID,
                         "catch_up: all expects `overlap` allow or queue with it, for %s would "
                         "drop what is caught up",
                         overlap_names[s->overlap]);
    if (s->catch_up != CATCH_UP_ALL && r->within_ms)
        return error_set(why, PINION_INVALID, "key within_ms: expected `catch_up` all with it");
    s->within_ms = r->within_ms ? r->within_ms : WITHIN_DEFAULT_MS;
    return PINION_OK;
}

static enum pinion_err read_cron(struct schedule *s, const struct reading *r, struct error *why)
{
    struct error cause = {0};

    if (cron_parse(span_of(r->cron), s->name, &s->rule.cron, &cause))
        return error_set(why, PINION_INVALID, "key cron: %s", cause.text);
    s->reboot = s->rule.cron.kind == CRON_REBOOT;
    s->rule.kind = RULE_CRON;
    if (s->rule.cron.kind == CRON_EVERY) {
        s->rule.kind = RULE_EVERY;
        s->rule.every_ms = (int64_t)s->rule.cron.every_ms;
    } else {
        s->spec = xstrdup(r->cron);
    }
    return PINION_OK;
}

static enum pinion_err read_rule(struct schedule *s, const struct reading *r, struct error *why)
{
    enum pinion_err err;

    if (!!r->cron + !!r->every_ms + !!r->at_ms != 1)
        return error_set(why, PINION_INVALID, "`cron`, `every_ms` and `at`: expected one of them");
    s->rule.kind = RULE_AT;
    s->rule.at_ms = r->at_ms;
    if (r->cron && (err = read_cron(s, r, why))) return err;
    if (r->every_ms) {
        s->rule.kind = RULE_EVERY;
        s->rule.every_ms = (int64_t)r->every_ms;
    }
    if (r->phase_ms && (s->rule.kind != RULE_EVERY || r->phase_ms >= (uint64_t)s->rule.every_ms))
        return error_set(why, PINION_INVALID,
                         "key phase_ms: expected `every_ms` with it, and less than that");
    s->rule.phase_ms = (int64_t)r->phase_ms;
    return PINION_OK;
}

static enum pinion_err read_zone(struct schedule *s, const struct reading *r,
                                 struct zone_cache *zones, struct error *why)
{
    struct error cause = {0};

    if (r->dst && rule_dst_parse(span_of(r->dst), &s->rule.dst, &cause))
        return error_set(why, PINION_INVALID, "key dst: %s", cause.text);
    if (zone_cache_get(zones, r->tz ? r->tz : "UTC", &s->rule.zone, &cause))
        return error_set(why, PINION_INVALID, "key tz: %s", cause.text);
    if (r->tz && strcmp(r->tz, "UTC") != 0) s->tz = xstrdup(r->tz);
    return PINION_OK;
}

static enum pinion_err read_bounds(struct schedule *s, const struct reading *r, struct error *why)
{
    s->start_ms = r->start_ms;
    s->end_ms = r->end_ms;
    s->limit = r->limit;
    s->jitter_ms = r->jitter_ms;
    s->paused = r->paused;
    if (s->end_ms && s->end_ms <= s->start_ms)
        return error_set(why, PINION_INVALID, "key end: expected a time after `start`");
    return PINION_OK;
}

static enum pinion_err read_schedule(struct schedule *s, const struct reading *r,
                                     struct zone_cache *zones, struct error *why)
{
    enum pinion_err err = read_rule(s, r, why);

    if (!err) err = read_zone(s, r, zones, why);
    if (!err) err = read_overlap(s, r, why);
    if (!err) err = read_catch_up(s, r, why);
    return err ? err : read_bounds(s, r, why);
}

enum pinion_err schedule_parse(struct span name, const json_t *timing, struct zone_cache *zones,
                               struct schedule **ret_schedule, struct error *why)
{
    struct reading r = {0};
    struct schedule *s;
    enum pinion_err err;
    const char *key;
    json_t *value;

    if (!queue_name_ok(name)) /* one alphabet for all names */
        return error_set(
            why, PINION_INVALID, "schedule name '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ -",
            (int)(name.len > 80 ? 80 : name.len), name.data ? name.data : "", QUEUE_NAME_MAX);
    if (!json_is_object(timing))
        return error_set(why, PINION_INVALID,
                         "a timing: expected a JSON object, as {\"every_ms\":1000}");
    json_object_foreach((json_t *)(uintptr_t)timing, key,
                        value) if ((err = read_key(&r, key, value, why))) return err;
    s = xcalloc(1, sizeof *s);
    s->name = xmemdup(name.data, name.len);
    if ((err = read_schedule(s, &r, zones, why))) {
        schedule_free(s);
        return err;
    }
    *ret_schedule = s;
    return PINION_OK;
}

enum pinion_err schedule_parse_text(struct span name, struct span json, struct zone_cache *zones,
                                    struct schedule **ret_schedule, struct error *why)
{
    json_error_t cause;
    enum pinion_err err;
    json_t *timing;

    if (json.len > SCHEDULE_TIMING_MAX)
        return error_set(why, PINION_TOO_LARGE, "a timing of %zu bytes of JSON: at most %d",
                         json.len, SCHEDULE_TIMING_MAX);
    timing = json_loadb(json.data ? json.data : "", json.len, JSON_REJECT_DUPLICATES, &cause);
    if (!timing)
        return error_set(why, PINION_INVALID, "a timing: column %d: %s", cause.column, cause.text);
    err = schedule_parse(name, timing, zones, ret_schedule, why);
    json_decref(timing);
    return err;
}

void schedule_free(struct schedule *s)
{
    if (!s) return;
    free(s->name);
    free(s->spec);
    free(s->tz);
    free(s);
}

/* ---- and back -------------------------------------------------------------------------------- */

static void put_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

static void put_number(json_t *object, const char *key, uint64_t number, uint64_t otherwise)
{
    if (number != otherwise) json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void put_time(json_t *object, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    if (ms) put_text(object, key, time_format_utc(ms, text));
}

char *schedule_timing(const struct schedule *s)
{
    json_t *o = json_object();
    char *text;

    if (s->spec) put_text(o, "cron", s->spec);
    if (s->rule.kind == RULE_EVERY) put_number(o, "every_ms", (uint64_t)s->rule.every_ms, 0);
    if (s->rule.kind == RULE_AT) put_time(o, "at", s->rule.at_ms);
    if (s->tz) put_text(o, "tz", s->tz);
    if (s->rule.dst != DST_VIXIE) put_text(o, "dst", rule_dst_names[s->rule.dst]);
    put_number(o, "phase_ms", (uint64_t)s->rule.phase_ms, 0);
    if (s->overlap != OVERLAP_SKIP) put_text(o, "overlap", overlap_names[s->overlap]);
    if (s->catch_up != CATCH_UP_ONE) put_text(o, "catch_up", catch_up_names[s->catch_up]);
    put_number(o, "within_ms", s->within_ms, WITHIN_DEFAULT_MS);
    put_number(o, "jitter_ms", s->jitter_ms, 0);
    put_time(o, "start", s->start_ms);
    put_time(o, "end", s->end_ms);
    put_number(o, "limit", s->limit, 0);
    if (s->paused) json_object_set_new(o, "paused", json_true());
    text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return text ? text : xstrdup("{}");
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool schedule_same_times(const struct schedule *a, const struct schedule *b)
{
    const struct rule *x = &a->rule, *y = &b->rule;

    if (x->kind != y->kind || a->start_ms != b->start_ms || a->end_ms != b->end_ms) return false;
    switch (x->kind) {
    case RULE_EVERY: return x->every_ms == y->every_ms && x->phase_ms == y->phase_ms;
    case RULE_AT: return x->at_ms == y->at_ms;
    case RULE_CRON: break;
    }
    return same_text(a->spec, b->spec) && same_text(a->tz, b->tz) && x->dst == y->dst &&
           same_text(a->name, b->name); /* H hashes it */
}
