#include "workers/recent.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "workers/tally.h"
#include "workers/workers.h"

enum { CLAIMED, DONE, FAILED, RELEASED, COUNTERS };
enum { WAIT, RUN, LATE, SCHEDULE_LATE, STALL, HISTOGRAMS };

static const char *const counter_names[COUNTERS] = {"claimed", "done", "failed", "released"};
static const char *const histogram_names[HISTOGRAMS] = {"wait", "run", "lateness",
                                                        "schedule_lateness", "stall"};

/* What a row of the tally had; rows are never removed, so their numbers stay. */
struct row_copy {
    uint64_t count[TALLY_ENDS];
    struct sketch run_us;
};

struct copy {
    uint64_t at_ms;
    uint64_t counters[COUNTERS];
    struct histogram histograms[HISTOGRAMS];
    struct row_copy *rows;
    size_t rows_count;
};

struct recent {
    const struct workers_totals *totals;
    const struct histogram *stall_us;
    struct copy copies[RECENT_COPIES]; /* a ring; */
    size_t oldest, count;
};

struct recent *recent_new(const struct workers_totals *totals, const struct histogram *stall_us,
                          uint64_t now_ms)
{
    struct recent *r = xcalloc(1, sizeof *r);

    r->totals = totals;
    r->stall_us = stall_us;
    r->copies[0].at_ms = now_ms; /* all was zero then */
    r->count = 1;
    return r;
}

void recent_free(struct recent *r)
{
    if (!r) return;
    for (size_t i = 0; i < RECENT_COPIES; i++) free(r->copies[i].rows);
    free(r);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void read_counters(const struct workers_totals *t, uint64_t ret[COUNTERS])
{
    ret[CLAIMED] = t->claimed.value;
    ret[DONE] = t->done.value;
    ret[FAILED] = t->failed.value;
    ret[RELEASED] = t->released.value;
}

static const struct histogram *histogram_at(const struct recent *r, size_t i)
{
    static const struct histogram none;

    switch (i) {
    case WAIT: return &r->totals->wait_us;
    case RUN: return &r->totals->run_us;
    case LATE: return &r->totals->late_us;
    case SCHEDULE_LATE: return &r->totals->schedules.lateness_us;
    default: return r->stall_us ? r->stall_us : &none;
    }
}

static void copy_rows(struct copy *c, const struct tally *ends)
{
    free(c->rows);
    c->rows_count = tally_count(ends);
    c->rows = xmalloc((c->rows_count + 1) * sizeof *c->rows);
    for (size_t i = 0; i < c->rows_count; i++) {
        const struct tally_row *row = tally_row(ends, i);
        memcpy(c->rows[i].count, row->count, sizeof row->count);
        c->rows[i].run_us = row->run_us;
    }
}

void recent_note(struct recent *r, uint64_t now_ms)
{
    struct copy *newest = &r->copies[(r->oldest + r->count - 1) % RECENT_COPIES], *c;

    if (now_ms - newest->at_ms < RECENT_STEP_MS) return;
    if (r->count < RECENT_COPIES) r->count++;
    else r->oldest = (r->oldest + 1) % RECENT_COPIES;
    c = &r->copies[(r->oldest + r->count - 1) % RECENT_COPIES];
    c->at_ms = now_ms;
    read_counters(r->totals, c->counters);
    for (size_t i = 0; i < HISTOGRAMS; i++) c->histograms[i] = *histogram_at(r, i);
    copy_rows(c, r->totals->ends);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* A row, and what it did in the window. */
struct kind {
    const struct tally_row *row;
    const struct row_copy *before; /* NULL: it was not there yet */
    uint64_t done, failed, p99_us;
};

static uint64_t ended(const struct kind *k, enum tally_end end)
{
    return k->row->count[end] - (k->before ? k->before->count[end] : 0);
}

/* false: nothing of it ran or ended in the window. */
static bool read_kind(const struct copy *c, const struct tally *ends, size_t i, struct kind *ret)
{
    uint64_t others;

    *ret = (struct kind){tally_row(ends, i), i < c->rows_count ? &c->rows[i] : NULL, 0, 0, 0};
    ret->done = ended(ret, TALLY_DONE);
    ret->failed = ended(ret, TALLY_RETRY) + ended(ret, TALLY_DEAD);
    others = ended(ret, TALLY_CANCELLED) + ended(ret, TALLY_RELEASED);
    ret->p99_us =
        sketch_percentile(&ret->row->run_us, ret->before ? &ret->before->run_us : NULL, 0.99);
    return ret->row->running || ret->done || ret->failed || others;
}

static int more(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int by_failures(const void *a, const void *b)
{
    const struct kind *left = a, *right = b;
    int order = more(left->failed, right->failed);

    return order ? order : more(left->p99_us, right->p99_us);
}

static int by_slowness(const void *a, const void *b)
{
    const struct kind *left = a, *right = b;

    return more(left->p99_us, right->p99_us);
}

/* To the microsecond: no digits that mean nothing. */
static json_t *shape_ms(uint64_t us)
{
    return json_real((double)us / 1000);
}

static json_t *shape_kind(const struct kind *k)
{
    const struct sketch *before = k->before ? &k->before->run_us : NULL;
    bool measured = k->done + k->failed > 0;
    json_t *p50 = measured ? shape_ms(sketch_percentile(&k->row->run_us, before, 0.5)) : NULL;
    json_t *p99 = measured ? shape_ms(k->p99_us) : NULL;

    return json_pack("{s:s, s:s, s:i, s:I, s:I, s:{s:o?, s:o?}}", "queue", k->row->queue, "kind",
                     k->row->kind, "running", (int)k->row->running, "done", (json_int_t)k->done,
                     "failed", (json_int_t)k->failed, "run", "p50_ms", p50, "p99_ms", p99);
}

static json_t *shape_kinds(const struct recent *r, size_t *ret_more)
{
    const struct tally *ends = r->totals->ends;
    const struct copy *c = &r->copies[r->oldest];
    struct kind *kinds = xmalloc((tally_count(ends) + 1) * sizeof *kinds);
    json_t *array = json_array();
    size_t count = 0, failing = 0;

    for (size_t i = 0; i < tally_count(ends); i++) count += read_kind(c, ends, i, &kinds[count]);
    qsort(kinds, count, sizeof *kinds, by_failures);
    while (failing < count && failing < RECENT_KINDS_MAX / 2 && kinds[failing].failed) failing++;
    qsort(kinds + failing, count - failing, sizeof *kinds, by_slowness);
    for (size_t i = 0; i < count && i < RECENT_KINDS_MAX; i++)
        json_array_append_new(array, shape_kind(&kinds[i]));
    free(kinds);
    *ret_more = count - json_array_size(array);
    return array;
}

/* ---- all ------------------------------------------------------------------------------------- */

static json_t *shape_percentiles(const struct histogram *h)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {
        {"p50_ms", 0.5 },
        {"p90_ms", 0.9 },
        {"p99_ms", 0.99},
    };
    json_t *o = json_object();

    json_object_set_new(o, "count", json_integer((json_int_t)h->count));
    for (size_t i = 0; i < countof(rows); i++)
        json_object_set_new(o, rows[i].name,
                            h->count ? shape_ms(histogram_percentile(h, rows[i].share))
                                     : json_null());
    return o;
}

static json_t *shape_rates(const struct recent *r, uint64_t window_ms)
{
    const struct copy *c = &r->copies[r->oldest];
    uint64_t now[COUNTERS];
    json_t *o = json_object();

    read_counters(r->totals, now);
    for (size_t i = 0; i < COUNTERS; i++)
        json_object_set_new(o, counter_names[i],
                            json_real((double)((now[i] - c->counters[i]) * 1000000 / window_ms) /
                                      1000));
    return o;
}

json_t *recent_shape(const struct recent *r, uint64_t now_ms)
{
    const struct copy *c = &r->copies[r->oldest];
    uint64_t window_ms = now_ms > c->at_ms ? now_ms - c->at_ms : 1;
    json_t *o = json_object();
    struct histogram h;
    size_t others;

    json_object_set_new(o, "window_ms", json_integer((json_int_t)window_ms));
    json_object_set_new(o, "rates", shape_rates(r, window_ms));
    for (size_t i = 0; i < HISTOGRAMS; i++) {
        histogram_since(histogram_at(r, i), &c->histograms[i], &h);
        json_object_set_new(o, histogram_names[i], shape_percentiles(&h));
    }
    json_object_set_new(o, "kinds", shape_kinds(r, &others));
    json_object_set_new(o, "kinds_more", json_integer((json_int_t)others));
    return o;
}
