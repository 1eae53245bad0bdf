#include "queue/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/id.h"
#include "base/macros.h"
#include "base/time_text.h"
#include "queue/after.h"
#include "queue/batch.h"
#include "queue/key.h"
#include "queue/unique.h"

const char *job_queue(const struct pinion_job *j)
{
    return j->queue ? j->queue : "default";
}

static unsigned priority_of(const struct pinion_job *j)
{
    return j->priority ? j->priority - 1 : PRIORITY_DEFAULT;
}

static enum pinion_err check_names(const struct pinion_job *j, struct error *why)
{
    struct span kind = span_of(j->kind), id = span_of(j->id);
    enum pinion_err err = queue_name_check(span_of(job_queue(j)), why);

    if (err) return err;
    if (!kind_ok(kind))
        return error_set(why, PINION_INVALID,
                         "kind '%.40s': expected 1 to %d of A-Z a-z 0-9 . _ : / -",
                         j->kind ? j->kind : "", KIND_MAX);
    if (id.data && !queue_name_ok(id))
        return error_set(why, PINION_INVALID, "id '%.40s': expected 1 to %d of A-Z a-z 0-9 . _ -",
                         j->id, QUEUE_NAME_MAX);
    return PINION_OK;
}

static enum pinion_err check_times(const struct pinion_job *j, struct error *why)
{
    if (j->in_ms && j->run_at_ms)
        return error_set(why, PINION_INVALID, "`in_ms` and `run_at`: expected one of them");
    if (j->in_ms > DURATION_MS_MAX || j->expires_ms > DURATION_MS_MAX ||
        j->retain_ms > DURATION_MS_MAX || j->timeout_ms > DURATION_MS_MAX)
        return error_set(why, PINION_INVALID, "a duration of more than a hundred years");
    if (j->run_at_ms < 0 || j->run_at_ms > INT64_C(253402300799999))
        return error_set(why, PINION_INVALID, "run_at: expected a time from 1970 to 9999");
    if (j->lease_ms && (j->lease_ms < LEASE_MIN_MS || j->lease_ms > LEASE_MAX_MS))
        return error_set(why, PINION_INVALID, "lease of %" PRIu64 " ms: expected 1s to 1h",
                         j->lease_ms);
    return PINION_OK;
}

/* 00-TRACE(32)-PARENT(16)-FLAGS(2) in small hexadecimal digits: www.w3.org/TR/trace-context. */
static bool traceparent_ok(struct span s)
{
    static const char shape[TRACEPARENT_LEN + 1] =
        "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

    if (s.len != sizeof shape - 1) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.data[i] && strchr("0123456789abcdef", s.data[i]);
        if (shape[i] == 'h' ? !digit : s.data[i] != '-') return false;
    }
    return true;
}

static bool tags_ok(struct span tags)
{
    size_t count = 0;

    if (tags.len == 0 || tags.len > TAGS_BYTES_MAX || tags.data[tags.len - 1] == ',') return false;
    while (tags.len) {
        struct span tag = span_cut(&tags, ',');
        if (!label_ok(tag) || tag.len > TAG_MAX || ++count > TAGS_MAX) return false;
    }
    return true;
}

static enum pinion_err check_labels(const struct pinion_job *j, struct error *why)
{
    if (j->group && !label_ok(span_of(j->group)))
        return error_set(why, PINION_INVALID,
                         "group '%.40s': expected 1 to %d of A-Z a-z 0-9 . _ : / @ + -", j->group,
                         LABEL_MAX);
    if (j->tags && !tags_ok(span_of(j->tags)))
        return error_set(why, PINION_INVALID,
                         "tags '%.40s': expected up to %d, each 1 to %d of A-Z a-z 0-9 . _ : / @ + "
                         "-, and %d bytes with commas between them",
                         j->tags, TAGS_MAX, TAG_MAX, TAGS_BYTES_MAX);
    if (j->traceparent && !traceparent_ok(span_of(j->traceparent)))
        return error_set(why, PINION_INVALID,
                         "traceparent '%.60s': expected as "
                         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                         j->traceparent);
    if (j->unique) return unique_parse(span_of(j->unique), &(struct unique){0}, why);
    if (j->replace) return error_set(why, PINION_INVALID, "replace: expected `unique` with it");
    return PINION_OK;
}

/* The spec itself is the business of scheduler/backoff; here: what may stand in a header. */
static bool header_value_ok(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 128 && strcspn(text, " \n\r\t") == len;
}

enum pinion_err job_check(const struct pinion_job *j, struct error *why)
{
    enum pinion_err err = check_names(j, why);

    if (!err) err = check_times(j, why);
    if (!err) err = check_labels(j, why);
    if (!err) err = after_check(j, why);
    if (!err) err = batch_check(j, why);
    if (err) return err;
    if (j->payload_len > PAYLOAD_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "payload of %zu bytes: at most %d", j->payload_len,
                         PAYLOAD_BYTES_MAX);
    if (j->priority > PRIORITY_MAX + 1)
        return error_set(why, PINION_INVALID, "priority %u: expected 0 (most urgent) to %d",
                         j->priority - 1, PRIORITY_MAX);
    if (j->attempts_max > ATTEMPTS_MAX)
        return error_set(why, PINION_INVALID, "attempts %u: expected 1 to %d", j->attempts_max,
                         ATTEMPTS_MAX);
    if (j->backoff && !header_value_ok(j->backoff))
        return error_set(why, PINION_INVALID, "backoff '%.40s': expected no blank, e.g. fixed:10s",
                         j->backoff);
    return PINION_OK;
}

/* A script must look at it, and settles it one by one. */
static bool is_class_1(const struct pinion_job *j)
{
    return j->lease_ms || j->expires_ms || j->unique || j->after || j->batch;
}

bool job_is_plain(const struct pinion_job *j)
{
    return !j->id && !j->in_ms && !j->run_at_ms && !is_class_1(j);
}

bool job_is_rich(const struct job *j)
{
    return j->look || j->given || j->retain_ms;
}

void job_add_lane(struct buffer *b, const struct pinion_job *j)
{
    buffer_add_char(b, (char)('0' + priority_of(j)));
    buffer_add_char(b, ':');
    buffer_add_text(b, j->kind);
    if (!j->group) return;
    buffer_add_char(b, '#');
    buffer_add_text(b, j->group);
}

void job_add_head(struct buffer *b, const struct pinion_job *j)
{
    buffer_add_char(b, is_class_1(j) ? '1' : '0');
    job_add_lane(b, j);
    buffer_add_char(b, '\n');
}

static void add_field(struct buffer *b, char name, uint64_t value)
{
    if (value) buffer_printf(b, "%c=%" PRIu64 " ", name, value);
}

static void add_unique(struct buffer *b, const char *text)
{
    struct unique u;

    if (!text || unique_parse(span_of(text), &u, NULL)) return;
    buffer_printf(b, "u=%.*s=", (int)u.key.len, u.key.data);
    unique_add_span(b, &u);
    buffer_add_char(b, ' ');
}

void job_add_header(struct buffer *b, const struct pinion_job *j, int64_t now_ms)
{
    int64_t due_ms = j->run_at_ms > now_ms ? j->run_at_ms : now_ms + (int64_t)j->in_ms;

    if (j->id) {
        char digest[DIGEST_LEN + 1];
        job_digest(j, digest);
        add_field(b, 'c', (uint64_t)now_ms); /* a made id holds its time itself */
        buffer_printf(b, "g=%s ", digest);
    }
    add_field(b, 'a', j->attempts_max);
    add_field(b, 't', j->timeout_ms);
    add_field(b, 'l', j->lease_ms);
    add_field(b, 'k', j->retain_ms);
    if (!j->after) add_field(b, 'e', j->expires_ms ? (uint64_t)due_ms + j->expires_ms : 0);
    add_field(b, 'A', after_count(j)); /* its times are known when it need not wait any more */
    if (j->backoff) buffer_printf(b, "b=%s ", j->backoff);
    if (j->tags) buffer_printf(b, "T=%s ", j->tags);
    if (j->traceparent) buffer_printf(b, "p=%s ", j->traceparent);
    add_unique(b, j->unique);
    buffer_add_char(b, '\n');
}

void job_add_template(struct buffer *b, const struct pinion_job *j, struct span schedule)
{
    struct pinion_job timeless = *j;

    timeless.id = NULL;
    timeless.in_ms = timeless.expires_ms = 0;
    timeless.run_at_ms = 0;
    buffer_add_char(b, '1');
    job_add_lane(b, j);
    buffer_add_char(b, '\n');
    add_field(b, 'x', j->expires_ms); /* first: schedule_fire looks for it there */
    buffer_printf(b, "s=%.*s ", (int)schedule.len, schedule.data);
    job_add_header(b, &timeless, 0);
}

/* One field of a header. A value that is no number counts as absent: Redis's data is not trusted.
 */
static void read_field(struct job *j, char name, struct span value)
{
    uint64_t n = 0;

    if (name == 'b') j->backoff = value;
    if (name == 'g') j->given = true;
    if (name == 's') j->schedule = value;
    if (name == 'T') j->tags = value;
    if (name == 'p') j->traceparent = value;
    if (name == 'u') j->unique = value;
    if (name == 'B') j->batch = span_cut(&value, '=');
    if (text_parse_u64(value, 1, INT64_MAX, &n)) return;
    switch (name) {
    case 'a': j->attempts_max = (unsigned)(n > ATTEMPTS_MAX ? ATTEMPTS_MAX : n); break;
    case 'c': j->created_ms = (int64_t)n; break;
    case 'r': j->run_at_ms = (int64_t)n; break;
    case 'e': j->expires_ms = (int64_t)n; break;
    case 'x': j->expires_in_ms = n; break;
    case 't': j->timeout_ms = n; break;
    case 'l': j->lease_ms = n; break;
    case 'k': j->retain_ms = n; break;
    default: break;
    }
}

static bool read_lane(struct job *j, struct span lane)
{
    if (lane.len < 3 || lane.data[0] < '0' || lane.data[0] > '9' || lane.data[1] != ':')
        return false;
    j->priority = (unsigned)(lane.data[0] - '0');
    j->group = (struct span){lane.data + 2, lane.len - 2};
    j->kind = span_cut(&j->group, '#');
    if (!j->group.len) j->group = (struct span){0};
    return kind_ok(j->kind);
}

enum pinion_err job_decode(struct span id, struct span record, struct job *ret_job)
{
    struct job j = {.id = id, .attempts_max = ATTEMPTS_DEFAULT, .timeout_ms = TIMEOUT_DEFAULT_MS};
    struct span rest = record;

    if (record.len < 5 || (record.data[0] != '0' && record.data[0] != '1')) return PINION_INTERNAL;
    j.look = record.data[0] == '1';
    rest.data++;
    rest.len--;
    if (!read_lane(&j, span_cut(&rest, '\n'))) return PINION_INTERNAL;
    struct span header = span_cut(&rest, '\n');
    j.payload = rest;
    id_time_ms(id, &j.created_ms);
    while (header.len) {
        struct span value = span_cut(&header, ' '), name = span_cut(&value, '=');
        if (name.len == 1) read_field(&j, name.data[0], value);
    }
    if (!j.run_at_ms) j.run_at_ms = j.created_ms;
    *ret_job = j;
    return PINION_OK;
}

/* FNV-1a, 64 bits (www.isthe.com/chongo/tech/comp/fnv). */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void job_digest(const struct pinion_job *j, char out[DIGEST_LEN + 1])
{
    uint64_t options[] = {priority_of(j), j->attempts_max,        j->timeout_ms,
                          j->lease_ms,    j->retain_ms,           j->expires_ms,
                          j->in_ms,       (uint64_t)j->run_at_ms, j->payload_len};
    const char *const texts[] = {j->kind, j->backoff, j->group, j->tags, j->traceparent};
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), options, sizeof options);

    for (size_t i = 0; i < countof(texts); i++)
        hash = mix(hash, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1);
    hash = mix(hash, j->payload, j->payload_len);
    if (j->unique) hash = mix(hash, j->unique, strlen(j->unique));
    if (j->after) hash = mix(hash, j->after, strlen(j->after) + (j->after_any_outcome ? 1 : 0));
    if (j->batch) hash = mix(hash, j->batch, strlen(j->batch));
    snprintf(out, DIGEST_LEN + 1, "%016" PRIx64, hash);
}
