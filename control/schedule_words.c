#include "control/schedule_words.h"

#include <inttypes.h>
#include <string.h>
#include "base/time_text.h"
#include "queue/limits.h"
#include "scheduler/schedule.h"

enum word_type { WORD_TEXT, WORD_TEXTS, WORD_DURATION, WORD_TIME, WORD_NUMBER, WORD_SWITCH };

/* Bounds are of a duration in milliseconds, or of a number; what is finer is judged with the whole.
 */
static const struct word {
    struct schedule_word flag;
    const char    *key;
    enum word_type type;
    uint64_t       min, max;
} words[] = {
    {{"cron", 0, "SPEC", "when, as a cron expression: '30 2 * * MON-FRI', @hourly"},
     "cron", WORD_TEXT, 0, 0},
    {{"every", 0, "DURATION", "or how often: 250ms 10s 5m 2h 3d"},
     "every_ms", WORD_DURATION, RULE_EVERY_MIN_MS, DURATION_MS_MAX},
    {{"at", 0, "TIME", "or once: 2026-11-23T10:00:00Z, '2026-11-23 10:00', 10:00"},
     "at", WORD_TIME, 0, 0},
    {{"phase", 0, "DURATION", "how far --every is moved from multiples since 1970"},
     "phase_ms", WORD_DURATION, 0, DURATION_MS_MAX},
    {{"tz", 0, "ZONE", "the zone of --cron, as Europe/Berlin; default: UTC"},
     "tz", WORD_TEXT, 0, 0},
    {{"dst", 0, "POLICY", "on nights on which clocks change: vixie (the default),\n"
                          "skip, once-late or both"},
     "dst", WORD_TEXT, 0, 0},
    {{"overlap", 0, "POLICY", "while the last job runs: skip (the default), allow,\n"
                              "queue (one waits) or replace (it is cancelled)"},
     "overlap", WORD_TEXT, 0, 0},
    {{"catch-up", 0, "POLICY", "of fires that were missed: one (the default), none or\n"
                               "all; all needs --overlap allow or queue"},
     "catch_up", WORD_TEXT, 0, 0},
    {{"within", 0, "DURATION", "how far back --catch-up all goes; default: 1h"},
     "within_ms", WORD_DURATION, 1, DURATION_MS_MAX},
    {{"jitter", 0, "DURATION", "each fire comes up to that much later, but always the\nsame"},
     "jitter_ms", WORD_DURATION, 0, SCHEDULE_JITTER_MAX_MS},
    {{"start", 0, "TIME", "no fire before"}, "start", WORD_TIME, 0, 0},
    {{"end", 0, "TIME", "no fire from then on"}, "end", WORD_TIME, 0, 0},
    {{"limit", 0, "N", "so many fires in all"}, "limit", WORD_NUMBER, 1, SCHEDULE_LIMIT_MAX},
    {{"queue", 'q', "QUEUE", "where its jobs go; default: default"}, "queue", WORD_TEXT, 0, 0},
    {{"priority", 'p', "N", "of its jobs: 0 (most urgent) to 9; default: 5"},
     "priority", WORD_NUMBER, 0, PRIORITY_MAX},
    {{"attempts", 0, "N", "how often each is tried; default: 25"},
     "attempts_max", WORD_NUMBER, 1, ATTEMPTS_MAX},
    {{"backoff", 0, "SPEC", "the time between attempts: exponential (the default),\n"
                            "fixed:10s, linear:5s or list:1s,10s,1m"},
     "backoff", WORD_TEXT, 0, 0},
    {{"timeout", 0, "DURATION", "of one attempt; default: 1h"},
     "timeout_ms", WORD_DURATION, TIMEOUT_MIN_MS, DURATION_MS_MAX},
    {{"expires", 0, "DURATION", "drop a job that has not started that long after its fire"},
     "expires_ms", WORD_DURATION, 1, DURATION_MS_MAX},
    {{"retain", 0, "DURATION", "keep each job, with its result, that long after it is\ndone"},
     "retain_ms", WORD_DURATION, 0, DURATION_MS_MAX},
    {{"lease", 0, "DURATION", "how soon a lost worker is noticed; default: the server's"},
     "lease_ms", WORD_DURATION, LEASE_MIN_MS, LEASE_MAX_MS},
    {{"group", 'g', "KEY", "of its jobs: groups of a queue take turns"}, "group", WORD_TEXT, 0, 0},
    {{"tags", 0, "A,B", "words to find its jobs by"}, "tags", WORD_TEXTS, 0, 0},
    {{"kind", 0, NULL, NULL}, "kind", WORD_TEXT, 0, 0},
    {{"payload", 0, NULL, NULL}, "payload", WORD_TEXT, 0, 0},
    {{"paused", 0, NULL, NULL}, "paused", WORD_SWITCH, 0, 0},
};

const struct schedule_word *schedule_word(size_t index)
{
    return index < countof(words) ? &words[index].flag : NULL;
}

const char *schedule_word_of(struct span key)
{
    for (size_t i = 0; i < countof(words); i++)
        if (span_is(key, words[i].key)) return words[i].flag.word;
    return NULL;
}

static enum pinion_err read_duration(const struct word *w, const char *value, uint64_t *ret_ms,
                                     struct error *why)
{
    char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];
    struct error bad;

    if (duration_parse(span_of(value), ret_ms, &bad))
        return error_set(why, bad.code, "%s: %s", w->flag.word, bad.text);
    if (*ret_ms >= w->min && *ret_ms <= w->max) return PINION_OK;
    return error_set(why, PINION_INVALID, "%s '%.60s': expected a duration from %s to %s",
                     w->flag.word, value, duration_format(w->min, min),
                     duration_format(w->max, max));
}

static enum pinion_err read_text(const struct word *w, const char *value, json_t **ret,
                                 struct error *why)
{
    *ret = json_string(value); /* NULL: not UTF-8 */
    return *ret ? PINION_OK
                : error_set(why, PINION_INVALID, "%s: expected UTF-8", w->flag.word);
}

/* "a,b" as ["a","b"]. */
static enum pinion_err read_texts(const struct word *w, const char *value, json_t **ret,
                                  struct error *why)
{
    struct span rest = span_of(value);
    json_t *array = json_array();
    bool more = true;

    if (!text_is_utf8(rest.data, rest.len)) {
        json_decref(array);
        return error_set(why, PINION_INVALID, "%s: expected UTF-8", w->flag.word);
    }
    while (more) {
        more = memchr(rest.data, ',', rest.len) != NULL;
        struct span text = span_cut(&rest, ',');
        json_array_append_new(array, json_stringn(text.data, text.len));
    }
    *ret = array;
    return PINION_OK;
}

static enum pinion_err read_time(const struct word *w, const char *value, int64_t now_ms,
                                 json_t **ret, struct error *why)
{
    char text[TIME_TEXT_MAX];
    struct error bad;
    int64_t ms;

    if (time_parse(span_of(value), now_ms, &ms, &bad))
        return error_set(why, bad.code, "%s: %s", w->flag.word, bad.text);
    *ret = json_string(time_format_utc(ms, text));
    return PINION_OK;
}

static enum pinion_err read_value(const struct word *w, const char *value, int64_t now_ms,
                                  json_t **ret, struct error *why)
{
    uint64_t number;
    enum pinion_err err;

    switch (w->type) {
    case WORD_TEXT: return read_text(w, value, ret, why);
    case WORD_TEXTS: return read_texts(w, value, ret, why);
    case WORD_TIME: return read_time(w, value, now_ms, ret, why);
    case WORD_DURATION:
        err = read_duration(w, value, &number, why);
        if (!err) *ret = json_integer((json_int_t)number);
        return err;
    case WORD_NUMBER:
        if (text_parse_u64(span_of(value), w->min, w->max, &number))
            return error_set(why, PINION_INVALID,
                             "%s '%.60s': expected a whole number from %" PRIu64 " to %" PRIu64,
                             w->flag.word, value, w->min, w->max);
        *ret = json_integer((json_int_t)number);
        return PINION_OK;
    case WORD_SWITCH: break;
    }
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return error_set(why, PINION_INVALID, "%s: expected yes or no, not '%.60s'", w->flag.word,
                         value);
    *ret = json_boolean(strcmp(value, "yes") == 0);
    return PINION_OK;
}

enum pinion_err schedule_word_add(json_t *shape, const char *word, const char *value,
                                  int64_t now_ms, struct error *why)
{
    json_t *json = NULL;
    enum pinion_err err;
    size_t i = 0;

    while (i < countof(words) && strcmp(words[i].flag.word, word) != 0) i++;
    if (i == countof(words))
        return error_set(why, PINION_NOT_FOUND, "unknown key '%.60s'", word);
    err = read_value(&words[i], value, now_ms, &json, why);
    if (!err) json_object_set_new(shape, words[i].key, json);
    return err;
}
