#include "cli/top/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/shape.h"

#define RATES 3

static const char *const rated[RATES] = {"enqueued", "done", "failed"};

void model_deinit(struct model *m)
{
    json_decref(m->now);
    json_decref(m->before);
    *m = (struct model){0};
}

static double number_at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* The time that stands there; 0: none. */
static int64_t time_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    int64_t ms;

    return text && time_parse(span_of(text), 0, &ms, NULL) == PINION_OK ? ms : 0;
}

/* ---- queues ---------------------------------------------------------------------------------- */

static json_t *totals_of(const struct queue_view *v)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "at_us", (json_int_t)v->now_us, "enqueued",
                     (json_int_t)v->enqueued, "done", (json_int_t)v->done, "failed",
                     (json_int_t)v->failed);
}

/* A total that went down is one of a queue that was emptied and made anew: nothing is known. */
static json_t *rates_between(const json_t *before, const json_t *after)
{
    double us = number_at(after, "at_us") - number_at(before, "at_us");
    json_t *rates = json_object();

    json_object_set_new(rates, "window_ms",
                        before && us > 0 ? json_integer((json_int_t)(us / 1000)) : json_null());
    for (size_t i = 0; i < RATES; i++) {
        double more = number_at(after, rated[i]) - number_at(before, rated[i]);
        bool known = before && us > 0 && more >= 0;
        json_object_set_new(rates, rated[i], known ? json_real(more * 1e6 / us) : json_null());
    }
    return rates;
}

static json_t *queues_of(const struct fleet_view *fleet, const json_t *before, json_t *after)
{
    json_t *queues = json_array();

    for (size_t i = 0; i < fleet->count; i++) {
        const struct fleet_queue *q = &fleet->queues[i];
        json_t *o = shape_queue(span_of(q->name), &q->view, json_incref(q->limits));
        json_t *totals = totals_of(&q->view);
        const char *state = q->view.paused ? "paused" : q->view.draining ? "draining" : "running";
        json_object_set_new(o, "state", json_string(state));
        json_object_set_new(o, "rates",
                            rates_between(json_object_get(before, q->name), totals));
        json_object_set_new(after, q->name, totals);
        json_array_append_new(queues, o);
    }
    return queues;
}

/* ---- servers, schedules ---------------------------------------------------------------------- */

static json_t *servers_of(const struct fleet_view *fleet, int64_t now_ms)
{
    json_t *servers = json_array(), *server;
    const char *name;

    json_object_foreach (fleet->servers, name, server) {
        json_t *o = json_copy(server);
        int64_t ago_ms = now_ms - time_at(server, "seen_at");
        if (!json_is_true(json_object_get(o, "alive")))
            json_object_set_new(o, "state", json_string("lost"));
        json_object_set_new(o, "seen_ago_ms", json_integer(ago_ms > 0 ? ago_ms : 0));
        json_array_append_new(servers, o);
    }
    return servers;
}

struct due {
    json_t *schedule;
    int64_t ms; /* INT64_MAX: never */
};

static int by_time(const void *a, const void *b)
{
    const struct due *x = a, *y = b;

    return x->ms < y->ms ? -1 : x->ms > y->ms;
}

static json_t *schedules_of(const json_t *schedules, int64_t now_ms)
{
    size_t count = json_array_size(schedules);
    struct due *dues = xcalloc(count + 1, sizeof *dues);
    json_t *sorted = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *o = json_copy(json_array_get(schedules, i));
        int64_t ms = time_at(o, "next_fire");
        bool paused = json_is_true(json_object_get(o, "paused"));
        json_object_set_new(o, "state", json_string(paused ? "paused" : "active"));
        json_object_set_new(o, "next_in_ms", ms ? json_integer(ms > now_ms ? ms - now_ms : 0)
                                                : json_null());
        dues[i] = (struct due){o, ms ? ms : INT64_MAX};
    }
    qsort(dues, count, sizeof *dues, by_time);
    for (size_t i = 0; i < count; i++) json_array_append_new(sorted, dues[i].schedule);
    free(dues);
    return sorted;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static void add_to(json_t *sum, const char *key, double more)
{
    json_object_set_new(sum, key, json_integer((json_int_t)(number_at(sum, key) + more)));
}

static void keep_largest(json_t *o, const char *key, const json_t *number)
{
    if (json_is_number(number) && json_number_value(number) >= number_at(o, key))
        json_object_set(o, key, (json_t *)(uintptr_t)number);
}

static void add_kind(json_t *found, json_t *kinds, const json_t *kind)
{
    static const char *const counts[] = {"running", "done", "failed"};
    const char *queue = json_string_value(json_object_get(kind, "queue"));
    const char *name = json_string_value(json_object_get(kind, "kind"));
    const json_t *run = json_object_get(kind, "run");
    char key[QUEUE_NAME_MAX + KIND_MAX + 2];
    json_t *o;

    if (!queue || !name) return; /* a server of another version */
    snprintf(key, sizeof key, "%s %s", queue, name);
    o = json_object_get(found, key);
    if (!o) {
        o = json_pack("{s:s, s:s}", "queue", queue, "kind", name);
        json_object_set(found, key, o);
        json_array_append_new(kinds, o);
    }
    for (size_t i = 0; i < countof(counts); i++)
        add_to(o, counts[i], number_at(kind, counts[i]));
    keep_largest(o, "p50_ms", json_object_get(run, "p50_ms"));
    keep_largest(o, "p99_ms", json_object_get(run, "p99_ms"));
}

/* In the order of the servers, each of which begins with what failed. */
static json_t *kinds_of(const json_t *servers)
{
    json_t *kinds = json_array(), *found = json_object();

    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        const json_t *own = json_object_get(json_object_get(server, "recent"), "kinds");
        for (size_t k = 0; json_is_true(json_object_get(server, "alive")) &&
                           k < json_array_size(own); k++)
            add_kind(found, kinds, json_array_get(own, k));
    }
    json_decref(found);
    return kinds;
}

/* ---- all together ---------------------------------------------------------------------------- */

/* null, unless one at least is known. */
static void add_rates(json_t *sum, const json_t *rates)
{
    for (size_t i = 0; i < RATES; i++) {
        const json_t *rate = json_object_get(rates, rated[i]);
        if (json_is_number(rate))
            json_object_set_new(sum, rated[i],
                                json_real(number_at(sum, rated[i]) + json_number_value(rate)));
        else if (!json_object_get(sum, rated[i]))
            json_object_set_new(sum, rated[i], json_null());
    }
}

static void sum_queues(const json_t *queues, json_t *sum)
{
    json_t *counts = json_object(), *rates = json_object();
    double oldest = 0;

    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *q = json_array_get(queues, i), *own = json_object_get(q, "counts");
        for (size_t k = 0; k < STATES; k++)
            add_to(counts, job_states[k], number_at(own, job_states[k]));
        add_rates(rates, json_object_get(q, "rates"));
        if (number_at(q, "oldest_ready_ms") > oldest) oldest = number_at(q, "oldest_ready_ms");
    }
    json_object_set_new(sum, "counts", counts);
    json_object_set_new(sum, "rates", rates);
    json_object_set_new(sum, "oldest_ready_ms", json_integer((json_int_t)oldest));
}

static void sum_servers(const json_t *servers, json_t *sum)
{
    add_to(sum, "running", 0);
    add_to(sum, "concurrency", 0);
    add_to(sum, "lost", 0);
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *s = json_array_get(servers, i);
        bool alive = json_is_true(json_object_get(s, "alive"));
        add_to(sum, "lost", !alive);
        add_to(sum, "running", alive ? number_at(s, "running") : 0);
        add_to(sum, "concurrency", alive ? number_at(s, "concurrency") : 0);
    }
}

void model_look(struct model *m, const struct fleet_view *fleet, const json_t *schedules,
                int64_t now_ms)
{
    json_t *now = json_object(), *after = json_object(), *sum = json_object();

    json_object_set_new(now, "at", shape_time(now_ms));
    json_object_set_new(now, "queues", queues_of(fleet, m->before, after));
    json_object_set_new(now, "servers", servers_of(fleet, now_ms));
    json_object_set_new(now, "kinds", kinds_of(json_object_get(now, "servers")));
    json_object_set_new(now, "schedules", schedules_of(schedules, now_ms));
    sum_queues(json_object_get(now, "queues"), sum);
    sum_servers(json_object_get(now, "servers"), sum);
    json_object_set_new(now, "sum", sum);
    json_decref(m->now);
    json_decref(m->before);
    m->now = now;
    m->before = after;
}
