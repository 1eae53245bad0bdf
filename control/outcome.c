#include "control/outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"

/* Each reads one value. `*why` says what was expected. */
typedef enum pinion_err key_fn(struct outcome_said *, const json_t *, struct error *why);

static struct span text_of(const json_t *v)
{
    return (struct span){json_string_value(v), json_string_length(v)};
}

static enum pinion_err read_token(struct outcome_said *o, const json_t *v, struct error *why)
{
    o->item.token = text_of(v);
    if (o->item.token.len && o->item.token.len < TOKEN_MAX) return PINION_OK;
    return error_set(why, PINION_INVALID, "token: expected that of the lease, a string");
}

static enum pinion_err take_result(struct outcome_said *o, char *text, size_t len,
                                   struct error *why)
{
    if (o->text) {
        free(text);
        return error_set(why, PINION_INVALID, "`result` and `result_base64`: expected one of them");
    }
    o->text = text;
    o->item.text = (struct span){text, len};
    if (len <= RESULT_BYTES_MAX) return PINION_OK;
    return error_set(why, PINION_TOO_LARGE, "result of %zu bytes: at most %d", len,
                     RESULT_BYTES_MAX);
}

static enum pinion_err read_result(struct outcome_said *o, const json_t *v, struct error *why)
{
    char *text;

    if (json_is_string(v))
        return take_result(o, xmemdup(json_string_value(v), json_string_length(v)),
                           json_string_length(v), why);
    text = json_is_null(v) ? xstrdup("") : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    return take_result(o, text, strlen(text), why);
}

static enum pinion_err read_result_bytes(struct outcome_said *o, const json_t *v,
                                         struct error *why)
{
    struct span text = text_of(v);
    char *bytes = xmalloc(text.len / 4 * 3 + 1);
    size_t len;

    if (!text.data || base64_decode(text, bytes, &len)) {
        free(bytes);
        return error_set(why, PINION_INVALID, "result_base64: expected base64 (RFC 4648)");
    }
    return take_result(o, bytes, len, why);
}

static bool is_inside_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static enum pinion_err read_error(struct outcome_said *o, const json_t *v, struct error *why)
{
    if (!json_is_string(v))
        return error_set(why, PINION_INVALID, "error: expected a string");
    o->item.text = text_of(v); /* cut to what is kept, between two characters */
    if (o->item.text.len <= ERROR_BYTES_MAX) return PINION_OK;
    o->item.text.len = ERROR_BYTES_MAX;
    while (is_inside_character(o->item.text.data[o->item.text.len])) o->item.text.len--;
    return PINION_OK;
}

static enum pinion_err read_retry(struct outcome_said *o, const json_t *v, struct error *why)
{
    if (!json_is_boolean(v))
        return error_set(why, PINION_INVALID, "retry: expected true or false");
    if (json_is_true(v)) return PINION_OK;
    if (o->item.delay_ms >= 0)
        return error_set(why, PINION_INVALID, "retry_in_ms, and retry false: expected one of them");
    o->item.delay_ms = -1;
    return PINION_OK;
}

/* A whole number of [min, max]. */
static enum pinion_err read_number(const json_t *v, const char *key, uint64_t min, uint64_t max,
                                   uint64_t *ret, struct error *why)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 0 || (uint64_t)n < min || (uint64_t)n > max)
        return error_set(why, PINION_INVALID,
                         "%s: expected a whole number of %" PRIu64 " to %" PRIu64, key, min, max);
    *ret = (uint64_t)n;
    return PINION_OK;
}

static enum pinion_err read_retry_in(struct outcome_said *o, const json_t *v, struct error *why)
{
    uint64_t ms = 0;
    enum pinion_err err = read_number(v, "retry_in_ms", 0, DURATION_MS_MAX, &ms, why);

    if (err) return err;
    if (o->item.delay_ms == -1)
        return error_set(why, PINION_INVALID, "retry_in_ms, and retry false: expected one of them");
    o->item.delay_ms = (int64_t)ms;
    return PINION_OK;
}

static enum pinion_err read_lease(struct outcome_said *o, const json_t *v, struct error *why)
{
    return read_number(v, "lease_ms", LEASE_MIN_MS, LEASE_MAX_MS, &o->item.lease_ms, why);
}

static enum pinion_err read_percent(struct outcome_said *o, const json_t *v, struct error *why)
{
    uint64_t percent = 0;
    enum pinion_err err = read_number(v, "percent", 0, PROGRESS_MAX, &percent, why);

    if (!err) o->item.percent = (unsigned)percent;
    return err;
}

static enum pinion_err read_note(struct outcome_said *o, const json_t *v, struct error *why)
{
    o->item.text = text_of(v);
    if (json_is_string(v) && o->item.text.len <= PROGRESS_NOTE_MAX) return PINION_OK;
    return error_set(why, PINION_INVALID, "note: expected a string of at most %d bytes",
                     PROGRESS_NOTE_MAX);
}

static const struct {
    const char *name;
    bool needed;
    key_fn *read;
} keys[SAY_VERBS][5] = {
    [SAY_ACK] = {{"token", true, read_token},
                 {"result", false, read_result},
                 {"result_base64", false, read_result_bytes}},
    [SAY_FAIL] = {{"token", true, read_token},
                  {"error", false, read_error},
                  {"retry", false, read_retry},
                  {"retry_in_ms", false, read_retry_in}},
    [SAY_EXTEND] = {{"token", true, read_token}, {"lease_ms", false, read_lease}},
    [SAY_PROGRESS] = {{"token", true, read_token},
                      {"percent", true, read_percent},
                      {"note", false, read_note}},
};

static enum pinion_err read_id(struct outcome_said *o, const json_t *v, struct span queue,
                               struct error *why)
{
    struct span of_queue, local;
    enum pinion_err err;

    if (!json_is_string(v))
        return error_set(why, PINION_INVALID, "id: expected QUEUE:ID, a string");
    err = id_split(text_of(v), NULL, &of_queue, &local, why);
    if (err) return err;
    o->item.id = local;
    if (span_equal(of_queue, queue)) return PINION_OK;
    return error_set(why, PINION_INVALID, "id '%.80s': expected one of queue '%.*s', as in the "
                     "path", json_string_value(v), (int)queue.len, queue.data);
}

static enum pinion_err refuse_key(enum outcome_verb verb, bool many, const char *key,
                                  struct error *why)
{
    struct buffer names = BUFFER_INIT;

    if (many) buffer_add_text(&names, "id, ");
    for (size_t i = 0; keys[verb][i].name; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", keys[verb][i].name);
    error_set(why, PINION_INVALID, "%.40s is unknown: expected %s", key, names.data);
    buffer_deinit(&names);
    return PINION_INVALID;
}

static enum pinion_err read_key(enum outcome_verb verb, const char *key, const json_t *value,
                                struct outcome_said *o, struct error *why)
{
    for (size_t i = 0; keys[verb][i].name; i++)
        if (strcmp(key, keys[verb][i].name) == 0) return keys[verb][i].read(o, value, why);
    return PINION_NOT_FOUND;
}

static enum pinion_err check_needed(enum outcome_verb verb, const json_t *object,
                                    struct error *why)
{
    for (size_t i = 0; keys[verb][i].name; i++)
        if (keys[verb][i].needed && !json_object_get(object, keys[verb][i].name))
            return error_set(why, PINION_INVALID, "%s is missing", keys[verb][i].name);
    return PINION_OK;
}

enum pinion_err outcome_read(enum outcome_verb verb, const json_t *object, struct span queue,
                             struct span local, struct outcome_said *ret, struct error *why)
{
    struct outcome_said o = {.item = {.id = local, .delay_ms = DELAY_BY_BACKOFF}};
    bool many = !local.data;
    enum pinion_err err = PINION_OK;
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return error_set(why, PINION_INVALID, "expected a JSON object with a token");
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        if (many && strcmp(key, "id") == 0) err = read_id(&o, value, queue, why);
        else err = read_key(verb, key, value, &o, why);
        if (err == PINION_NOT_FOUND) err = refuse_key(verb, many, key, why);
        if (err) break;
    }
    if (!err) err = check_needed(verb, object, why);
    if (!err && !o.item.id.data) err = error_set(why, PINION_INVALID, "id is missing");
    if (err) outcome_deinit(&o);
    else *ret = o;
    return err;
}

void outcome_deinit(struct outcome_said *o)
{
    free(o->text);
    o->text = NULL;
}
