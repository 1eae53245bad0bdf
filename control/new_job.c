/* control/new_job.c — one table of keys; each knows where its value goes and what it may be. */
#include "control/new_job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "control/json_scan.h"
#include "queue/job.h"
#include "scheduler/backoff.h"

enum key_type {
    KEY_TEXT, KEY_TEXTS, KEY_BOOL, KEY_PAYLOAD, KEY_BASE64, KEY_MS, KEY_PRIORITY, KEY_ATTEMPTS,
    KEY_TIME, KEY_LATER
};

#define KEY(name) {name, sizeof(name) - 1}
#define AT(field) offsetof(struct pinion_job, field)

/* Each is a bit of a mask. KEY_LATER: it belongs to the shape, but not yet to us. */
static const struct key {
    struct span   name;
    enum key_type type;
    size_t        at;
    uint64_t      min, max;
} keys[] = {
    {KEY("kind"), KEY_TEXT, AT(kind), 0, 0},
    {KEY("payload"), KEY_PAYLOAD, 0, 0, 0},
    {KEY("payload_base64"), KEY_BASE64, 0, 0, 0},
    {KEY("queue"), KEY_TEXT, AT(queue), 0, 0},
    {KEY("id"), KEY_TEXT, AT(id), 0, 0},
    {KEY("in_ms"), KEY_MS, AT(in_ms), 0, DURATION_MS_MAX},
    {KEY("run_at"), KEY_TIME, 0, 0, 0},
    {KEY("priority"), KEY_PRIORITY, 0, 0, PRIORITY_MAX},
    {KEY("attempts_max"), KEY_ATTEMPTS, 0, 1, ATTEMPTS_MAX},
    {KEY("backoff"), KEY_TEXT, AT(backoff), 0, 0},
    {KEY("timeout_ms"), KEY_MS, AT(timeout_ms), TIMEOUT_MIN_MS, DURATION_MS_MAX},
    {KEY("lease_ms"), KEY_MS, AT(lease_ms), LEASE_MIN_MS, LEASE_MAX_MS},
    {KEY("expires_ms"), KEY_MS, AT(expires_ms), 1, DURATION_MS_MAX},
    {KEY("retain_ms"), KEY_MS, AT(retain_ms), 0, DURATION_MS_MAX},
    {KEY("tags"), KEY_TEXTS, AT(tags), 0, 0},
    {KEY("group"), KEY_TEXT, AT(group), 0, 0},
    {KEY("traceparent"), KEY_TEXT, AT(traceparent), 0, 0},
    {KEY("unique"), KEY_TEXT, AT(unique), 0, 0},
    {KEY("replace"), KEY_BOOL, AT(replace), 0, 0},
    {KEY("after"), KEY_TEXTS, AT(after), 0, 0},
    {KEY("after_any_outcome"), KEY_BOOL, AT(after_any_outcome), 0, 0},
    {KEY("batch"), KEY_TEXT, AT(batch), 0, 0},
};

enum { KEY_AT_PAYLOAD = 1, KEY_AT_BASE64 = 2, KEY_AT_IN = 5, KEY_AT_RUN_AT = 6,
       KEY_AT_PRIORITY = 7 }; /* in `keys` */
_Static_assert(countof(keys) <= 32, "one bit of `seen` each");

struct reading {
    struct json_scan  scan;
    struct pinion_job job;
    char             *room; /* for what the job points to; never more than the JSON text itself */
    uint32_t          seen;
    uint32_t          left_out; /* not named among those that it takes */
};

static bool saw(const struct reading *r, int key)
{
    return r->seen & UINT32_C(1) << key;
}

static enum pinion_err bad_json(const struct json_scan *s, struct error *why)
{
    return error_set(why, PINION_INVALID, "column %zu: expected %s", json_scan_column(s),
                     s->expected);
}

static enum pinion_err bad_key(struct span name, const char *what, struct error *why)
{
    return error_set(why, PINION_INVALID, "key %.*s%s", (int)(name.len > 60 ? 60 : name.len),
                     name.data, what);
}

/* A string's bytes in the room, with a NUL behind them. */
static struct span unquoted(struct reading *r, struct span raw)
{
    struct span text = {r->room, json_scan_unquote(raw, r->room)};

    r->room += text.len;
    *r->room++ = '\0';
    return text;
}

static enum pinion_err read_text(struct reading *r, const struct key *key, struct span raw,
                                 struct error *why)
{
    struct span text;

    if (raw.data[0] != '"') return bad_key(key->name, ": expected a string", why);
    text = unquoted(r, raw);
    if (memchr(text.data, '\0', text.len)) return bad_key(key->name, ": expected no NUL", why);
    *(const char **)(void *)((char *)&r->job + key->at) = text.data;
    return PINION_OK;
}

/* ["a","b"] becomes a,b: what is in the texts is for others to judge, but not their commas. */
static enum pinion_err read_texts(struct reading *r, const struct key *key, struct span raw,
                                  struct error *why)
{
    struct json_scan s;
    struct span item, text;
    const char **texts = (const char **)(void *)((char *)&r->job + key->at);
    char *joined = r->room;

    json_scan_init(&s, raw);
    *texts = NULL;
    if (!json_scan_take(&s, '[')) return bad_key(key->name, ": expected an array of strings", why);
    if (json_scan_take(&s, ']')) return PINION_OK;
    do {
        if (!json_scan_value(&s, &item) || item.data[0] != '"')
            return bad_key(key->name, ": expected an array of strings", why);
        text = unquoted(r, item);
        if (!text.len || memchr(text.data, '\0', text.len) || memchr(text.data, ',', text.len))
            return bad_key(key->name, ": expected texts without commas, none empty", why);
        r->room[-1] = ',';
    } while (json_scan_take(&s, ','));
    r->room[-1] = '\0';
    *texts = joined;
    return PINION_OK;
}

static enum pinion_err read_bool(struct reading *r, const struct key *key, struct span raw,
                                 struct error *why)
{
    bool yes = span_is(raw, "true");

    if (!yes && !span_is(raw, "false")) return bad_key(key->name, ": expected true or false", why);
    *(int *)(void *)((char *)&r->job + key->at) = yes;
    return PINION_OK;
}

static enum pinion_err read_payload(struct reading *r, struct span raw)
{
    struct span text = {r->room, 0};

    if (raw.data[0] == '"') {
        text = unquoted(r, raw);
    } else {
        text.len = json_scan_compact(raw, r->room);
        r->room += text.len;
    }
    r->job.payload = text.data;
    r->job.payload_len = text.len;
    return PINION_OK;
}

static enum pinion_err read_base64(struct reading *r, const struct key *key, struct span raw,
                                   struct error *why)
{
    struct span text;

    if (raw.data[0] != '"') return bad_key(key->name, ": expected a string", why);
    text = unquoted(r, raw);
    r->job.payload = text.data;
    if (base64_decode(text, r->room - text.len - 1, &r->job.payload_len))
        return bad_key(key->name, ": expected base64 with padding (RFC 4648)", why);
    return PINION_OK;
}

/* Whose 10:00 is it? A time from afar must say its zone. */
static bool has_zone(struct span s)
{
    if (s.len < 20) return false;
    char last = s.data[s.len - 1], sign = s.data[s.len - 6];
    return last == 'Z' || last == 'z' || sign == '+' || sign == '-';
}

static enum pinion_err read_time(struct reading *r, const struct key *key, struct span raw,
                                 struct error *why)
{
    struct span text;

    if (raw.data[0] != '"') return bad_key(key->name, ": expected a string (RFC 3339)", why);
    text = unquoted(r, raw);
    if (!has_zone(text) || time_parse(text, 0, &r->job.run_at_ms, NULL) || r->job.run_at_ms <= 0)
        return bad_key(key->name, ": expected a time with its zone, as 2026-11-23T10:00:00Z", why);
    return PINION_OK;
}

static enum pinion_err read_number(struct reading *r, const struct key *key, struct span raw,
                                   struct error *why)
{
    uint64_t value;

    if (text_parse_u64(raw, key->min, key->max, &value))
        return error_set(why, PINION_INVALID,
                         "key %s: expected a whole number from %" PRIu64 " to %" PRIu64,
                         key->name.data, key->min, key->max);
    if (key->type == KEY_PRIORITY) r->job.priority = PINION_PRIORITY((unsigned)value);
    else if (key->type == KEY_ATTEMPTS) r->job.attempts_max = (unsigned)value;
    else *(uint64_t *)(void *)((char *)&r->job + key->at) = value;
    return PINION_OK;
}

static enum pinion_err read_key(struct reading *r, const struct key *key, struct span raw,
                                struct error *why)
{
    switch (key->type) {
    case KEY_TEXT: return read_text(r, key, raw, why);
    case KEY_TEXTS: return read_texts(r, key, raw, why);
    case KEY_BOOL: return read_bool(r, key, raw, why);
    case KEY_PAYLOAD: return read_payload(r, raw);
    case KEY_BASE64: return read_base64(r, key, raw, why);
    case KEY_TIME: return read_time(r, key, raw, why);
    case KEY_MS: case KEY_PRIORITY: case KEY_ATTEMPTS: return read_number(r, key, raw, why);
    case KEY_LATER: break;
    }
    return bad_key(key->name, " is not supported by this version", why);
}

/* As it is spelled in the text: a key with escapes is none of ours. */
static const struct key *find_key(struct span name)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (span_equal(keys[i].name, name)) return &keys[i];
    return NULL;
}

/* Says which ones it takes. */
static enum pinion_err unknown_key(const struct reading *r, struct span name, struct error *why)
{
    struct buffer text = BUFFER_INIT;
    enum pinion_err err;

    buffer_add_text(&text, " is unknown: expected ");
    for (size_t i = 0, listed = 0; i < countof(keys); i++)
        if (!(r->left_out & UINT32_C(1) << i))
            buffer_printf(&text, "%s%s", listed++ ? ", " : "", keys[i].name.data);
    err = bad_key(name, text.data, why);
    buffer_deinit(&text);
    return err;
}

static enum pinion_err read_member(struct reading *r, struct error *why)
{
    struct span name, raw;
    const struct key *key;
    uint32_t bit;

    if (json_scan_peek(&r->scan) != '"') {
        r->scan.expected = "a key in quotes";
        return bad_json(&r->scan, why);
    }
    if (!json_scan_value(&r->scan, &name)) return bad_json(&r->scan, why);
    name = (struct span){name.data + 1, name.len - 2};
    if (!(key = find_key(name))) return unknown_key(r, name, why);
    bit = UINT32_C(1) << (key - keys);
    if (r->seen & bit) return bad_key(name, " stands there twice: expected once", why);
    r->seen |= bit;
    if (!json_scan_take(&r->scan, ':')) {
        r->scan.expected = "a : behind the key";
        return bad_json(&r->scan, why);
    }
    if (!json_scan_value(&r->scan, &raw)) return bad_json(&r->scan, why);
    return read_key(r, key, raw, why);
}

static enum pinion_err read_object(struct reading *r, struct error *why)
{
    enum pinion_err err = PINION_OK;

    if (!json_scan_take(&r->scan, '{')) {
        r->scan.expected = "a JSON object, as {\"kind\":\"wc\",\"payload\":\"some text\"}";
        return bad_json(&r->scan, why);
    }
    if (!json_scan_take(&r->scan, '}')) {
        do err = read_member(r, why);
        while (!err && json_scan_take(&r->scan, ','));
        if (err) return err;
        if (!json_scan_take(&r->scan, '}')) {
            r->scan.expected = "a , or }";
            return bad_json(&r->scan, why);
        }
    }
    return json_scan_end(&r->scan) ? PINION_OK : bad_json(&r->scan, why);
}

/* A delay and a time exclude each other: the line's own word beats the default's other one. */
static enum pinion_err settle_pairs(struct reading *r, struct error *why)
{
    if (saw(r, KEY_AT_PAYLOAD) && saw(r, KEY_AT_BASE64))
        return error_set(why, PINION_INVALID,
                         "`payload` and `payload_base64`: expected one of them");
    if (saw(r, KEY_AT_IN) && saw(r, KEY_AT_RUN_AT))
        return error_set(why, PINION_INVALID, "`in_ms` and `run_at`: expected one of them");
    if (saw(r, KEY_AT_IN)) r->job.run_at_ms = 0;
    if (saw(r, KEY_AT_RUN_AT)) r->job.in_ms = 0;
    return PINION_OK;
}

enum pinion_err new_job_read(struct span json, const struct pinion_job *defaults,
                             struct new_job *ret_job, struct error *why)
{
    struct reading r = {.job = defaults ? *defaults : (struct pinion_job){0}};
    enum pinion_err err;
    char *text;

    if (json.len > NEW_JOB_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "a job of %zu bytes of JSON: at most %d", json.len,
                         NEW_JOB_BYTES_MAX);
    text = r.room = xmalloc(json.len + 1);
    json_scan_init(&r.scan, json);
    err = read_object(&r, why);
    if (!err) err = settle_pairs(&r, why);
    if (!err) err = new_job_check(&r.job, why);
    if (err) {
        free(text);
        return err;
    }
    *ret_job = (struct new_job){r.job, text};
    return PINION_OK;
}

#define BIT(key) (UINT32_C(1) << (key))

enum pinion_err job_edit_read(struct span json, struct job_edit *ret_edit, char **ret_text,
                              struct error *why)
{
    const uint32_t known = BIT(KEY_AT_PAYLOAD) | BIT(KEY_AT_BASE64) | BIT(KEY_AT_IN) |
                           BIT(KEY_AT_RUN_AT) | BIT(KEY_AT_PRIORITY);
    struct reading r = {.left_out = ~known};
    enum pinion_err err;
    char *text = r.room = xmalloc(json.len + 1);

    json_scan_init(&r.scan, json);
    err = read_object(&r, why);
    for (size_t i = 0; !err && i < countof(keys); i++)
        if (r.seen & BIT(i) & ~known)
            err = bad_key(keys[i].name,
                          " cannot be edited: expected payload, payload_base64, in_ms, run_at, "
                          "priority", why);
    if (!err) err = settle_pairs(&r, why);
    struct job_edit edit = {
        .has_payload = saw(&r, KEY_AT_PAYLOAD) || saw(&r, KEY_AT_BASE64),
        .payload = r.job.payload,
        .payload_len = r.job.payload_len,
        .priority = r.job.priority,
        .when = saw(&r, KEY_AT_IN)       ? EDIT_WHEN_IN
                : saw(&r, KEY_AT_RUN_AT) ? EDIT_WHEN_AT
                                         : EDIT_WHEN_AS_IT_WAS,
        .in_ms = r.job.in_ms,
        .run_at_ms = r.job.run_at_ms,
    };
    if (!err) err = edit_check(&edit, why);
    if (err) {
        free(text);
        return err;
    }
    *ret_edit = edit;
    *ret_text = text;
    return PINION_OK;
}

void new_job_deinit(struct new_job *j)
{
    free(j->text);
    *j = (struct new_job){0};
}

enum pinion_err new_job_check(const struct pinion_job *j, struct error *why)
{
    enum pinion_err err;

    if (!j->kind)
        return error_set(why, PINION_INVALID, "no kind: expected one, as \"kind\":\"wc\"");
    err = backoff_check(span_of(j->backoff), why);
    return err ? err : job_check(j, why);
}

bool new_job_is_array(struct span json)
{
    struct json_scan s;

    json_scan_init(&s, json);
    return json_scan_peek(&s) == '[';
}

enum pinion_err new_job_split(struct span json, struct span *items, size_t count_max,
                              size_t *ret_count, struct error *why)
{
    struct json_scan s;
    size_t count = 0;

    json_scan_init(&s, json);
    if (!json_scan_take(&s, '[')) s.expected = "an array";
    else if (!json_scan_take(&s, ']')) {
        do {
            if (count == count_max)
                return error_set(why, PINION_TOO_LARGE, "an array of jobs: at most %zu", count_max);
            if (!json_scan_value(&s, &items[count++])) return bad_json(&s, why);
        } while (json_scan_take(&s, ','));
        if (!json_scan_take(&s, ']')) s.expected = "a , or ]";
    }
    if (s.expected || !json_scan_end(&s)) return bad_json(&s, why);
    *ret_count = count;
    return PINION_OK;
}
