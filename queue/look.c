#include "queue/look.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "queue/key.h"
#include "queue/reply.h"

const char *const job_states[STATES] = {"scheduled", "waiting", "ready", "active",
                                        "retry",     "done",    "dead",  "cancelled"};

bool job_state_ok(struct span state)
{
    for (size_t i = 0; i < STATES; i++)
        if (span_is(state, job_states[i])) return true;
    return false;
}

/* ---- one job --------------------------------------------------------------------------------- */

static unsigned rare_count(const json_t *rare, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(rare, name));

    return n > 0 && n < 1000000 ? (unsigned)n : 0;
}

static void read_rare(struct job_view *v, struct span text)
{
    if (text.data) v->rare = json_loadb(text.data, text.len, 0, NULL);
    v->failures = rare_count(v->rare, "a");
    v->reaps = rare_count(v->rare, "r");
    v->error = json_string_value(json_object_get(v->rare, "x"));
    v->why = json_string_value(json_object_get(v->rare, "w"));
    v->started_ms = (int64_t)json_number_value(json_object_get(v->rare, "s"));
    v->finished_ms = (int64_t)json_number_value(json_object_get(v->rare, "f"));
}

/* The score of a job in its state: end of its lease, when it is due, or when it ended. */
static void read_score(struct job_view *v, const struct redisReply *score)
{
    if (span_is(v->state, "scheduled") || span_is(v->state, "retry"))
        v->due_ms = reply_i64(score, 0);
}

/* "SEEN {...}", as the server describes itself at each heartbeat. */
static uint64_t lease_of_owner(struct span description)
{
    struct span seen = span_cut(&description, ' ');
    json_t *about = seen.len ? json_loadb(description.data, description.len, 0, NULL) : NULL;
    json_int_t ms = json_integer_value(json_object_get(about, "lease_ms"));

    json_decref(about);
    return ms > 0 && ms <= LEASE_MAX_MS ? (uint64_t)ms : LEASE_DEFAULT_MS;
}

/* The token is the first lease deadline, so it tells when the attempt began; unless it had to be
 * later, behind an attempt with a longer lease. */
static void read_token(struct job_view *v, const struct redisReply *token,
                       const struct redisReply *owner)
{
    uint64_t lease_ms = v->job.lease_ms ? v->job.lease_ms : lease_of_owner(reply_span(owner));
    int64_t deadline_us = reply_i64(token, 0);

    if (span_is(v->state, "active") && deadline_us)
        v->started_ms = deadline_us / 1000 - (int64_t)lease_ms;
    if (v->started_ms * 1000 > v->now_us) v->started_ms = 0;
}

/* "PERCENT AT_MS" or "PERCENT AT_MS NOTE". */
static struct job_progress read_progress(struct span text)
{
    struct span note = text, percent = span_cut(&note, ' '), at = span_cut(&note, ' ');
    uint64_t n, at_ms;

    if (text_parse_u64(percent, 0, PROGRESS_MAX, &n) || text_parse_u64(at, 1, INT64_MAX, &at_ms))
        return (struct job_progress){0};
    return (struct job_progress){(unsigned)n, (int64_t)at_ms,
                                 note.len ? note : (struct span){0}};
}

static void read_bonds(struct job_view *v, struct span parents, int64_t children)
{
    if (parents.data) v->its_parents = json_loadb(parents.data, parents.len, 0, NULL);
    v->children = children > 0 ? (unsigned)children : 0;
}

/* "STARTED_MS" or "STARTED_MS WORKER". */
static void read_puller(struct job_view *v, struct span puller)
{
    struct span started = span_cut(&puller, ' ');
    uint64_t ms;

    if (text_parse_u64(started, 1, INT64_MAX, &ms)) return;
    v->pulled = true;
    v->started_ms = (int64_t)ms;
    if (puller.len) v->worker = puller;
}

void show_build(struct request *r, struct span key, struct span local_id)
{
    request_script(r, SCRIPT_SHOW, key);
    request_add_span(r, local_id);
}

enum pinion_err show_read(const struct redisReply *reply, struct span local_id,
                          struct job_view *ret)
{
    struct job_view v = {.state = reply_span(reply_at(reply, 0))};
    struct span record = reply_span(reply_at(reply, 2));

    if (span_is(v.state, "not_found")) return PINION_NOT_FOUND;
    if (reply_count(reply) != 15) return PINION_INTERNAL;
    v.job.id = local_id;
    v.known = record.data != NULL;
    if (v.known && job_decode(local_id, record, &v.job)) return PINION_INTERNAL;
    read_rare(&v, reply_span(reply_at(reply, 3)));
    read_score(&v, reply_at(reply, 1));
    v.result = reply_span(reply_at(reply, 4));
    v.mark = reply_span(reply_at(reply, 6));
    v.server = reply_span(reply_at(reply, 7));
    v.now_us = reply_i64(reply_at(reply, 8), 0);
    read_token(&v, reply_at(reply, 5), reply_at(reply, 9));
    v.errors = reply_span(reply_at(reply, 10));
    read_bonds(&v, reply_span(reply_at(reply, 11)), reply_i64(reply_at(reply, 12), 0));
    v.progress = read_progress(reply_span(reply_at(reply, 13)));
    read_puller(&v, reply_span(reply_at(reply, 14)));
    *ret = v;
    return PINION_OK;
}

void job_view_deinit(struct job_view *v)
{
    json_decref(v->rare);
    json_decref(v->its_parents);
    v->rare = v->its_parents = NULL;
}

size_t job_view_parents(const struct job_view *v)
{
    return json_array_size(json_object_get(v->its_parents, "of"));
}

struct job_parent job_view_parent(const struct job_view *v, size_t i)
{
    const char *id = json_string_value(json_array_get(json_object_get(v->its_parents, "of"), i));
    const char *end = json_string_value(json_array_get(json_object_get(v->its_parents, "ends"), i));

    return (struct job_parent){id ? id : "", end && *end ? end : NULL};
}

bool job_view_any_outcome(const struct job_view *v)
{
    return json_is_true(json_object_get(v->its_parents, "any"));
}

struct json_t *look_errors(const struct job_view *v)
{
    json_t *kept = v->errors.data ? json_loadb(v->errors.data, v->errors.len, 0, NULL) : NULL;
    json_t *errors = json_array(), *entry;
    size_t i;

    json_array_foreach (kept, i, entry)
        json_array_append_new(
            errors, json_pack("{s:O?, s:I, s:O?}", "attempt", json_array_get(entry, 0), "at",
                              (json_int_t)json_number_value(json_array_get(entry, 1)), "error",
                              json_array_get(entry, 2)));
    json_decref(kept);
    return errors;
}

/* ---- a page ---------------------------------------------------------------------------------- */

enum { LIST_FIELDS = 5 };

void list_build(struct request *r, struct span key, const char *state,
                const struct job_filter *filter, struct span cursor, size_t limit)
{
    request_script(r, SCRIPT_LIST, key);
    request_add_text(r, state);
    request_add_span(r, cursor);
    request_add_u64(r, limit < LIST_PAGE_MAX ? limit : LIST_PAGE_MAX);
    request_add_u64(r, BATCH_BYTES_MAX);
    filter_add(r, filter);
}

struct span list_next(const struct redisReply *reply)
{
    return reply_span(reply_at(reply, 0));
}

size_t list_count(const struct redisReply *reply)
{
    size_t n = reply_count(reply);

    return n ? (n - 1) / LIST_FIELDS : 0;
}

enum pinion_err list_item(const struct redisReply *reply, size_t i, const char *state,
                          struct job_view *ret)
{
    size_t at = 1 + i * LIST_FIELDS;
    struct job_view v = {.state = span_of(state), .known = true};
    struct span id = reply_span(reply_at(reply, at));

    if (job_decode(id, reply_span(reply_at(reply, at + 2)), &v.job)) return PINION_INTERNAL;
    read_rare(&v, reply_span(reply_at(reply, at + 3)));
    read_score(&v, reply_at(reply, at + 1));
    v.progress = read_progress(reply_span(reply_at(reply, at + 4)));
    *ret = v;
    return PINION_OK;
}

/* ---- a queue --------------------------------------------------------------------------------- */

void stats_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_STATS, key);
}

static int64_t total_of(const struct redisReply *totals, const char *name)
{
    for (size_t i = 0; i + 1 < reply_count(totals); i += 2)
        if (span_is(reply_span(reply_at(totals, i)), name))
            return reply_i64(reply_at(totals, i + 1), 0);
    return 0;
}

static int64_t oldest_age_ms(const struct redisReply *heads, int64_t now_ms)
{
    int64_t oldest = 0;

    for (size_t i = 0; i + 1 < reply_count(heads); i += 2) {
        struct job job;
        if (job_decode(reply_span(reply_at(heads, i)), reply_span(reply_at(heads, i + 1)), &job))
            continue;
        if (now_ms - job.run_at_ms > oldest) oldest = now_ms - job.run_at_ms;
    }
    return oldest;
}

/* MS ENQUEUED DONE FAILED. false: none of ours. */
static bool read_past(struct span text, int64_t ret[4])
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t n;
        if (text_parse_u64(span_cut(&text, ' '), 0, INT64_MAX, &n)) return false;
        ret[i] = (int64_t)n;
    }
    return !text.len;
}

/* Since the oldest of what is remembered that is not too old. */
static struct queue_rates rates_of(const struct redisReply *past, const struct queue_view *v)
{
    int64_t now_ms = v->now_us / 1000, then[4];

    for (size_t i = reply_count(past); i-- > 0;) {
        if (!read_past(reply_span(reply_at(past, i)), then)) continue;
        int64_t window_ms = now_ms - then[0], enqueued = v->enqueued - then[1],
                done = v->done - then[2], failed = v->failed - then[3];
        if (window_ms < RATES_WINDOW_MIN_MS || window_ms > RATES_WINDOW_MAX_MS) continue;
        if (enqueued < 0 || done < 0 || failed < 0) continue; /* of a Redis that was set back */
        double seconds = (double)window_ms / 1000;
        return (struct queue_rates){window_ms, (double)enqueued / seconds, (double)done / seconds,
                                    (double)failed / seconds};
    }
    return (struct queue_rates){0};
}

enum pinion_err stats_read(const struct redisReply *reply, struct queue_view *ret)
{
    const struct redisReply *totals = reply_at(reply, 3);

    if (reply_count(reply) != 9 || reply_count(reply_at(reply, 2)) != STATES)
        return PINION_INTERNAL;
    *ret = (struct queue_view){
        .now_us = reply_i64(reply_at(reply, 0), 0),
        .paused = reply_i64(reply_at(reply, 1), 0) == 1,
        .draining = total_of(totals, "draining") == 1,
        .bounds = {(uint64_t)total_of(totals, "max_jobs"),
                   (uint64_t)total_of(totals, "max_bytes"),
                   (uint64_t)total_of(totals, "keep_jobs"),
                   (uint64_t)total_of(totals, "keep_ms")},
        .limited = reply_count(reply_at(reply, 6)) > 0,
        .enqueued = total_of(totals, "enqueued"),
        .done = total_of(totals, "done"),
        .failed = total_of(totals, "failed"),
        .dead = total_of(totals, "dead"),
        .cancelled = total_of(totals, "cancelled"),
        .reaped = total_of(totals, "reaped"),
        .trimmed = total_of(totals, "trimmed"),
        .deleted = total_of(totals, "deleted"),
    };
    for (size_t i = 0; i < STATES; i++)
        ret->counts[i] = reply_i64(reply_at(reply_at(reply, 2), i), 0);
    ret->rates = rates_of(reply_at(reply, 8), ret);
    ret->oldest_ready_ms = oldest_age_ms(reply_at(reply, 4), ret->now_us / 1000);
    return PINION_OK;
}

size_t stats_servers(const struct redisReply *reply)
{
    return reply_count(reply_at(reply, 5)) / 2;
}

void server_read(struct span name, struct span text, struct server_view *ret)
{
    struct span about = text, seen = span_cut(&about, ' ');
    uint64_t ms = 0;

    if (text_parse_u64(seen, 0, INT64_MAX, &ms)) ms = 0;
    *ret = (struct server_view){name, about, (int64_t)ms};
}

void stats_server(const struct redisReply *reply, size_t i, struct server_view *ret)
{
    const struct redisReply *servers = reply_at(reply, 5);

    server_read(reply_span(reply_at(servers, 2 * i)), reply_span(reply_at(servers, 2 * i + 1)),
                ret);
}

/* ---- all queues ------------------------------------------------------------------------------ */

void queues_build(struct request *r, const char *name_space)
{
    char *key = key_of_queues(name_space);

    request_command(r, "SMEMBERS");
    request_add_text(r, key);
    free(key);
}

size_t queues_count(const struct redisReply *reply)
{
    return reply_count(reply);
}

struct span queues_name(const struct redisReply *reply, size_t i)
{
    return reply_span(reply_at(reply, i));
}
