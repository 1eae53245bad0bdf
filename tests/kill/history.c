/* tests/kill/history.c — sorted by id, the facts about one job stand together:
 *
 *     default:a  ACCEPTED            accepted once,
 *     default:a  DONE                ended once,
 *     default:a  RUN  10 .. 14       no run begins before the one before it has ended
 *     default:a  RUN  20 ..          (no end: it ended when its server was killed)
 */
#include "tests/kill/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

const char *const fault_names[FAULTS] = {
    [FAULT_LOST] = "lost",
    [FAULT_LEFT] = "not ended",
    [FAULT_MADE_TWICE] = "made twice",
    [FAULT_ENDED_TWICE] = "ended twice",
    [FAULT_DEAD] = "dead or cancelled",
    [FAULT_NOT_RUN] = "done without a run that ended",
    [FAULT_OVERLAP] = "overlapping runs",
    [FAULT_CHARGED] = "a kill was charged as an attempt",
    [FAULT_TOTALS] = "totals that do not balance",
    [FAULT_LIMIT] = "more runs at once than the limit",
};

/* ---- the heap -------------------------------------------------------------------------------- */

void history_add(struct history *h, const char *id, struct fact fact)
{
    if (h->count == h->room) {
        h->room = h->room ? 2 * h->room : 1024;
        h->facts = xrealloc(h->facts, h->room * sizeof *h->facts);
    }
    snprintf(fact.id, sizeof fact.id, "%s", id);
    h->facts[h->count++] = fact;
}

void history_kill(struct history *h, struct kill kill)
{
    if (h->kills_count == h->kills_room) {
        h->kills_room = h->kills_room ? 2 * h->kills_room : 64;
        h->kills = xrealloc(h->kills, h->kills_room * sizeof *h->kills);
    }
    h->kills[h->kills_count++] = kill;
}

void history_free(struct history *h)
{
    free(h->facts);
    free(h->kills);
    *h = (struct history){0};
}

/* The run that this end belongs to: the last one begun by the process of that number. */
static bool end_run(struct history *h, const char *id, long process, int64_t at_us)
{
    for (size_t i = h->count; i-- > 0;) {
        struct fact *f = &h->facts[i];
        if (f->kind != FACT_RUN || f->to_us != -process || strcmp(f->id, id) != 0) continue;
        f->to_us = at_us;
        return true;
    }
    return false;
}

/* While a run has no end, to_us holds its process, negative. */
bool history_add_line(struct history *h, const char *line)
{
    char what[16], id[HISTORY_ID_MAX];
    unsigned attempt;
    long server, process;
    int64_t at_us;

    if (sscanf(line, "%15s %129s %u %ld %ld %" SCNd64, what, id, &attempt, &server, &process,
               &at_us) != 6)
        return false;
    if (strcmp(what, "end") == 0) return end_run(h, id, process, at_us);
    struct fact fact = {.attempt = attempt, .server = server, .from_us = at_us, .to_us = -process};
    fact.kind = strcmp(what, "collided") == 0 ? FACT_COLLIDED : FACT_RUN;
    if (fact.kind == FACT_RUN && strcmp(what, "start") != 0) return false;
    history_add(h, id, fact);
    return true;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static int by_id_kind_time(const void *a, const void *b)
{
    const struct fact *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    if (order) return order;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

static void blame(struct verdict *v, enum fault fault, const char *id)
{
    if (v->faults[fault]++ == 0) snprintf(v->example[fault], HISTORY_ID_MAX, "%s", id);
}

/* Without an end of its own it ended with its server; INT64_MAX: it may run still. */
static int64_t run_end(const struct history *h, const struct fact *run)
{
    int64_t end_us = INT64_MAX;

    if (run->to_us > 0) return run->to_us;
    for (size_t i = 0; i < h->kills_count; i++)
        if (h->kills[i].server == run->server && h->kills[i].at_us >= run->from_us &&
            h->kills[i].at_us < end_us)
            end_us = h->kills[i].at_us;
    return end_us;
}

static void check_runs(const struct history *h, struct verdict *v, const struct fact *runs,
                       size_t count)
{
    int64_t busy_until_us = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        int64_t end_us = run_end(h, &runs[i]);
        if (runs[i].from_us < busy_until_us) blame(v, FAULT_OVERLAP, runs[i].id);
        if (runs[i].attempt != 1) blame(v, FAULT_CHARGED, runs[i].id);
        if (end_us > busy_until_us) busy_until_us = end_us;
    }
    if (count) v->runs[count < RUNS_COUNTED ? count - 1 : RUNS_COUNTED - 1]++;
}

/* All facts about one job. */
static void check_job(const struct history *h, struct verdict *v, const struct fact *facts,
                      size_t count)
{
    size_t of[FACT_COLLIDED + 1] = {0}, ended, finished = 0;
    bool logs = false;

    for (size_t i = 0; i < count; i++) {
        of[facts[i].kind]++;
        logs |= facts[i].kind == FACT_ACCEPTED && facts[i].logs;
        if (facts[i].kind == FACT_RUN && facts[i].to_us > 0) finished++;
    }
    ended = of[FACT_DONE] + of[FACT_DEAD] + of[FACT_CANCELLED];
    v->accepted += of[FACT_ACCEPTED] > 0;
    if (of[FACT_ACCEPTED] != 1) blame(v, FAULT_MADE_TWICE, facts->id);
    if (ended + of[FACT_LEFT] == 0) blame(v, FAULT_LOST, facts->id);
    if (ended + of[FACT_LEFT] > 1) blame(v, FAULT_ENDED_TWICE, facts->id);
    if (of[FACT_LEFT]) blame(v, FAULT_LEFT, facts->id);
    if (of[FACT_DEAD] + of[FACT_CANCELLED]) blame(v, FAULT_DEAD, facts->id);
    if (logs && of[FACT_DONE] && !finished) blame(v, FAULT_NOT_RUN, facts->id);
    if (of[FACT_COLLIDED]) blame(v, FAULT_OVERLAP, facts->id);
    /* Sorted by kind, the runs stand together, before the collisions. */
    check_runs(h, v, facts + count - of[FACT_COLLIDED] - of[FACT_RUN], of[FACT_RUN]);
}

static void check_totals(const struct history *h, struct verdict *v)
{
    const struct totals *t = &h->totals;

    v->expected_enqueued = (int64_t)v->accepted;
    if (t->enqueued != v->expected_enqueued) blame(v, FAULT_TOTALS, "enqueued and accepted");
    if (t->enqueued != t->done + t->dead + t->cancelled + t->left)
        blame(v, FAULT_TOTALS, "enqueued and ended");
    if (t->failed < h->failed_min || t->failed > h->failed_max)
        blame(v, FAULT_CHARGED, "total of failed");
}

/* A run begins or ends. */
struct edge {
    int64_t at_us;
    int step; /* 1 or -1 */
    const char *id;
};

/* Of one moment, ends come first. */
static int by_time(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->at_us != y->at_us) return x->at_us < y->at_us ? -1 : 1;
    return x->step - y->step;
}

static void check_at_once(const struct history *h, struct verdict *v)
{
    struct edge *edges = xcalloc(h->count ? 2 * h->count : 1, sizeof *edges);
    size_t count = 0, now = 0;

    for (size_t i = 0; i < h->count; i++) {
        const struct fact *f = &h->facts[i];
        if (f->kind != FACT_RUN) continue;
        edges[count++] = (struct edge){f->from_us, 1, f->id};
        edges[count++] = (struct edge){run_end(h, f), -1, f->id};
    }
    qsort(edges, count, sizeof *edges, by_time);
    for (size_t i = 0; i < count; i++) {
        now += edges[i].step > 0 ? 1 : (size_t)-1;
        if (now > v->at_once) v->at_once = now;
        if (edges[i].step > 0 && h->at_once_max && now > h->at_once_max)
            blame(v, FAULT_LIMIT, edges[i].id);
    }
    free(edges);
}

void history_check(struct history *h, struct verdict *ret)
{
    size_t from = 0;

    *ret = (struct verdict){0};
    if (h->count) qsort(h->facts, h->count, sizeof *h->facts, by_id_kind_time);
    for (size_t i = 1; i <= h->count; i++) {
        if (i < h->count && strcmp(h->facts[i].id, h->facts[from].id) == 0) continue;
        check_job(h, ret, h->facts + from, i - from);
        from = i;
    }
    check_at_once(h, ret);
    check_totals(h, ret);
}

size_t verdict_faults(const struct verdict *v)
{
    size_t sum = 0;

    for (enum fault f = 0; f < FAULTS; f++) sum += v->faults[f];
    return sum;
}

void verdict_print(const struct verdict *v, const struct totals *t, FILE *out)
{
    fprintf(out,
            "%zu accepted, %zu lost, %zu made twice; the books: %" PRId64 " enqueued, %" PRId64
            " done, %" PRId64 " dead, %" PRId64 " cancelled, %" PRId64 " left, %" PRId64
            " taken back\n",
            v->accepted, v->faults[FAULT_LOST], v->faults[FAULT_MADE_TWICE], t->enqueued, t->done,
            t->dead, t->cancelled, t->left, t->reaped);
    fprintf(out, "commands that ran once %zu, twice %zu, three times %zu, more often %zu\n",
            v->runs[0], v->runs[1], v->runs[2], v->runs[3]);
    fprintf(out, "at most %zu of them ran at once\n", v->at_once);
    for (enum fault f = 0; f < FAULTS; f++)
        if (v->faults[f])
            fprintf(out, "FAULT %s: %zu, first %s\n", fault_names[f], v->faults[f], v->example[f]);
}
