#include "workers/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/time_text.h"
#include "queue/pull.h"
#include "queue/settle.h"
#include "scheduler/backoff.h"
#include "workers/shared.h"

/* An ask that does not wait is answered by then, also when the queue is not served yet. */
#define ONCE_MAX_MS 5000

struct pull_line {
    struct call call;
    struct list node, asks; /* asks: oldest first */
    struct pull *pull;
    struct consumer *consumer;
    char *name;       /* among the idle: SERVER#NUMBER */
    unsigned number;  /* among the lines of its queue */
    uint64_t lease_ms;
    size_t kinds_count;
    char kinds[PULL_KINDS_MAX][KIND_MAX + 1]; /* the most telling first */
    unsigned free;    /* slots of the claim on its way */
    bool hungry;      /* something may be claimable */
    bool calling;     /* the call is on its way */
    bool idle, owes;  /* Redis has its name; it was told, and has not claimed since */
};

struct pull {
    struct workers *w;
    struct list lines;
    unsigned waiting, calls; /* calls: on their way */
    bool quiet, stopping;
};

struct pull *pull_new(struct workers *w)
{
    struct pull *p = xcalloc(1, sizeof *p);

    p->w = w;
    list_init(&p->lines);
    return p;
}

static void free_line(struct pull_line *line)
{
    list_remove(&line->node);
    request_deinit(&line->call.request);
    free(line->name);
    free(line);
}

void pull_free(struct pull *p)
{
    if (!p) return;
    while (!list_empty(&p->lines)) free_line(container_of(p->lines.next, struct pull_line, node));
    free(p);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct pull_line *line_with(const struct pull *p, const struct consumer *c, uint64_t number)
{
    list_for_each (node, &p->lines) {
        struct pull_line *line = container_of(node, struct pull_line, node);
        if (line->consumer == c && line->number == number) return line;
    }
    return NULL;
}

static struct pull_line *new_line(struct pull *p, struct consumer *c, unsigned number)
{
    struct pull_line *line = xcalloc(1, sizeof *line);

    line->call.request = REQUEST_INIT;
    line->pull = p;
    line->consumer = c;
    line->number = number;
    line->name = xasprintf("%s#%u", p->w->o.server, number);
    list_init(&line->asks);
    list_push(&p->lines, &line->node);
    return line;
}

/* Exact kinds, then prefixes from the longest on, "*" last. */
static int by_telling(const void *a, const void *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    bool a_open = ((const char *)a)[a_len - 1] == '*', b_open = ((const char *)b)[b_len - 1] == '*';

    if (a_open != b_open) return a_open ? 1 : -1;
    if (a_open && a_len != b_len) return a_len < b_len ? 1 : -1;
    return strcmp(a, b);
}

/* In one order and none twice, so that the same wishes look the same. */
static void tidy_kinds(struct pull_ask *ask)
{
    size_t kept = 0;

    if (!ask->kinds_count) strcpy(ask->kinds[ask->kinds_count++], "*");
    qsort(ask->kinds, ask->kinds_count, sizeof ask->kinds[0], by_telling);
    for (size_t i = 0; i < ask->kinds_count; i++)
        if (i == 0 || strcmp(ask->kinds[i], ask->kinds[kept - 1]) != 0)
            memmove(ask->kinds[kept++], ask->kinds[i], sizeof ask->kinds[0]);
    ask->kinds_count = kept;
}

static bool is_line_for(const struct pull_line *line, const struct pull_ask *ask)
{
    if (line->lease_ms != ask->lease_ms || line->kinds_count != ask->kinds_count) return false;
    for (size_t i = 0; i < ask->kinds_count; i++)
        if (strcmp(line->kinds[i], ask->kinds[i]) != 0) return false;
    return true;
}

/* NULL: there are too many. */
static struct pull_line *line_for(struct pull *p, struct consumer *c, const struct pull_ask *ask)
{
    struct pull_line *line;
    unsigned number = 0;

    list_for_each (node, &p->lines) {
        line = container_of(node, struct pull_line, node);
        if (line->consumer == c && is_line_for(line, ask)) return line;
    }
    while (number < PULL_LINES_MAX && line_with(p, c, number)) number++;
    if (number == PULL_LINES_MAX) return NULL;
    line = new_line(p, c, number);
    line->lease_ms = ask->lease_ms;
    line->kinds_count = ask->kinds_count;
    memcpy(line->kinds, ask->kinds, sizeof line->kinds);
    return line;
}

/* ---- asks ------------------------------------------------------------------------------------ */

static void tend(struct pull_line *);

static void finish(struct pull_ask *ask, enum pinion_err err, const struct pulled *jobs,
                   size_t count)
{
    struct pull *p = ask->line->pull;

    list_remove(&ask->node);
    ticker_cancel(p->w->o.ticker, &ask->over);
    p->waiting--;
    ask->done(ask, err, jobs, count);
}

/* Waits no longer; if a claim is on its way for it, that is answered first. */
static void end_wait(struct pull_ask *ask)
{
    struct pull_line *line = ask->line;

    ask->is_over = true;
    if (ask->share) return;
    finish(ask, PINION_OK, NULL, 0);
    tend(line);
}

static void on_over(struct alarm *alarm)
{
    end_wait(container_of(alarm, struct pull_ask, over));
}

static struct consumer *consumer_for(const struct pull *p, struct span queue)
{
    for (size_t i = 0; i < p->w->consumers_count; i++)
        if (span_is(queue, p->w->consumers[i]->queue)) return p->w->consumers[i];
    return NULL;
}

static enum pinion_err refuse_queue(const struct pull *p, struct span queue, struct error *why)
{
    struct buffer names = BUFFER_INIT;
    size_t count = p->w->consumers_count;

    for (size_t i = 0; i < count && i < 8; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", p->w->consumers[i]->queue);
    error_set(why, PINION_CONFLICT,
              "this server does not serve queue '%.*s', so nobody may pull from it here: "
              "expected %s%s, or serve -q %.*s",
              (int)queue.len, queue.data, names.len ? names.data : "none", count > 8 ? " ..." : "",
              (int)queue.len, queue.data);
    buffer_deinit(&names);
    return PINION_CONFLICT;
}

enum pinion_err pull_start(struct pull *p, struct span queue, struct pull_ask *ask,
                           struct error *why)
{
    struct consumer *c = consumer_for(p, queue);
    unsigned seat;

    if (!c) return refuse_queue(p, queue, why);
    if (p->stopping)
        return error_set(why, PINION_UNAVAILABLE, "this server is stopping: ask another one");
    if (p->quiet)
        return error_set(why, PINION_UNAVAILABLE, "this server is quiet, and leases no more jobs: "
                         "ask another one, or come again when it is to resume");
    if (p->waiting == PULL_WAITS_MAX)
        return error_set(why, PINION_BUSY, "%d wait for jobs at this server already: come again, "
                         "or ask another one", PULL_WAITS_MAX);
    tidy_kinds(ask);
    ask->lease_ms = pull_lease_ms(ask->lease_ms ? ask->lease_ms : p->w->o.lease_ms, &seat);
    if (!(ask->line = line_for(p, c, ask)))
        return error_set(why, PINION_BUSY, "queue '%s' is asked for %d different lists of kinds "
                         "already", c->queue, PULL_LINES_MAX);
    ask->is_over = ask->wait_ms == 0;
    ask->share = 0;
    alarm_init(&ask->over, on_over);
    ticker_set_in(p->w->o.ticker, &ask->over, ask->wait_ms ? ask->wait_ms : ONCE_MAX_MS);
    list_push(&ask->line->asks, &ask->node);
    ask->line->hungry = true;
    p->waiting++;
    return PINION_OK;
}

void pull_leave(struct pull_ask *ask)
{
    ask->left = true;
    end_wait(ask);
}

/* ---- what was claimed ------------------------------------------------------------------------ */

struct release_call {
    struct call call;
    struct pull *pull;
};

static void on_released(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct release_call *r = container_of(call, struct release_call, call);
    struct workers *w = r->pull->w;

    (void)err, (void)reply; /* unheard, the leases lapse */
    r->pull->calls--;
    request_deinit(&r->call.request);
    free(r);
    workers_progress(w);
}

/* Nobody is there to do them: to the front again, and uncharged. */
static void give_back(struct pull_line *line, const struct claimed *claimed, size_t count)
{
    struct release_call *r;
    struct settle_item items[PULL_ITEMS_MAX];

    if (!count) return;
    r = xcalloc(1, sizeof *r);
    r->pull = line->pull;
    r->call.request = REQUEST_INIT;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct settle_item){.id = claimed[i].id, .token = claimed[i].token};
    release_build(&r->call.request, consumer_key(line->consumer), items, count);
    line->pull->calls++;
    counter_add(&line->pull->w->totals.released, count);
    link_send(line->pull->w->link, &r->call, on_released);
}

/* What keep_pulled (pulled.lua) does with its lease. */
static bool read_pulled(const struct pull_line *line, const struct claimed *c, struct pulled *ret)
{
    struct workers *w = line->pull->w;
    uint64_t token, lease_ms;
    int64_t waited_us, last_ms;

    *ret = (struct pulled){.token = c->token, .failures = c->failures};
    if (job_decode(c->id, c->record, &ret->job) ||
        text_parse_u64(c->token, 1, INT64_MAX, &token)) {
        log_error("bad_record", LOG_TEXT("queue", line->consumer->queue));
        return false; /* its lease lapses, until it is dead */
    }
    lease_ms = ret->job.lease_ms ? ret->job.lease_ms : line->lease_ms;
    ret->started_ms = pull_began_ms(token, ret->job.lease_ms);
    ret->until_ms = ret->started_ms + (int64_t)lease_ms;
    last_ms = ret->started_ms + (int64_t)ret->job.timeout_ms;
    if (last_ms < ret->until_ms) ret->until_ms = last_ms;
    pull_until(line->pull, span_of(line->consumer->queue), ret->until_ms);
    waited_us = redis_clock_now_us(&w->clock) - ret->job.run_at_ms * 1000;
    if (!c->failures) histogram_add(&w->totals.wait_us, waited_us > 0 ? (uint64_t)waited_us : 0);
    return true;
}

static void hand_out(struct pull_ask *ask, enum pinion_err err, const struct claimed *claimed,
                     size_t count)
{
    struct pulled *jobs;
    size_t good = 0;

    if (ask->left) {
        give_back(ask->line, claimed, count);
        finish(ask, PINION_OK, NULL, 0);
        return;
    }
    if (err || (!count && ask->is_over)) finish(ask, err, NULL, 0);
    if (!count || err) return;
    jobs = xmalloc(count * sizeof *jobs);
    for (size_t i = 0; i < count; i++) good += read_pulled(ask->line, &claimed[i], &jobs[good]);
    counter_add(&ask->line->pull->w->totals.claimed, good);
    counter_add(&ask->line->pull->w->totals.pulled, good);
    finish(ask, PINION_OK, jobs, good);
    free(jobs);
}

/* By the same rule as the script: the first ones to the oldest. */
static void share_out(struct pull_line *line, enum pinion_err err, struct claim *claim)
{
    struct claimed claimed[PULL_ITEMS_MAX];
    size_t count = 0, at = 0;

    while (!err && count < PULL_ITEMS_MAX && claim_next(claim, &claimed[count])) count++;
    list_for_each_safe (node, &line->asks) {
        struct pull_ask *ask = container_of(node, struct pull_ask, node);
        size_t share = ask->share, left = count - at;
        if (!share) continue;
        if (share > left) share = left;
        ask->share = 0;
        hand_out(ask, err, &claimed[at], share);
        at += share;
    }
}

/* Nothing was left for those who do not wait and stand too far behind to have had a share. */
static void end_rest(struct pull_line *line, enum pinion_err err)
{
    list_for_each_safe (node, &line->asks) {
        struct pull_ask *ask = container_of(node, struct pull_ask, node);
        if (ask->is_over) finish(ask, err, NULL, 0);
    }
}

/* ---- claims ---------------------------------------------------------------------------------- */

static void on_claimed(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct pull_line *line = container_of(call, struct pull_line, call);
    struct workers *w = line->pull->w;
    struct claim claim = {0};

    line->calling = false;
    line->pull->calls--;
    if (!err) err = claim_read(reply, &claim);
    if (!err && (claim.more || claim.count >= line->free)) line->hungry = true;
    line->idle = !err && claim.idle && !line->owes;
    share_out(line, err, &claim);
    if (!line->hungry) end_rest(line, err);
    tend(line);
    workers_progress(w);
}

static void send_claim(struct pull_line *line, unsigned slots, const char *pullers, bool wait)
{
    struct workers *w = line->pull->w;
    struct claim_slots wanted[PULL_KINDS_MAX] = {{"*", 0}};
    unsigned seat;
    struct claim_args args = {
        .server = line->name,
        .lease_ms = pull_lease_ms(line->lease_ms, &seat),
        .free = slots,
        .subscribed = wait && w->subscribed,
        .asked_us = clock_mono_us(),
        .pullers = pullers,
        .slots = wanted,
        .slots_count = line->kinds_count ? line->kinds_count : 1,
    };

    args.seat = seat;
    for (size_t i = 0; i < line->kinds_count; i++)
        wanted[i] = (struct claim_slots){line->kinds[i], slots};
    line->hungry = line->idle = line->owes = false;
    line->calling = true;
    line->free = slots;
    line->pull->calls++;
    claim_build(&line->call.request, consumer_key(line->consumer), &args);
    link_send(w->link, &line->call, on_claimed);
}

/* For all of its asks, as many as one claim can have. */
static void claim_for_all(struct pull_line *line)
{
    struct buffer pullers = BUFFER_INIT;
    unsigned slots = 0;
    bool wait = false;

    list_for_each (node, &line->asks) {
        struct pull_ask *ask = container_of(node, struct pull_ask, node);
        ask->share = ask->max < PULL_ITEMS_MAX - slots ? ask->max : PULL_ITEMS_MAX - slots;
        if (!ask->share) break;
        slots += ask->share;
        wait = wait || !ask->is_over;
        buffer_printf(&pullers, "%s %u ", ask->worker[0] ? ask->worker : "-", ask->share);
    }
    send_claim(line, slots, pullers.data, wait);
    buffer_deinit(&pullers);
}

/* Nobody is in it any more: what it is told from here on, or was told, is for others. */
static void tend(struct pull_line *line)
{
    if (!list_empty(&line->asks) || line->calling) return;
    if ((line->idle || line->owes) && link_is_up(line->pull->w->link))
        send_claim(line, 0, NULL, false);
    else
        free_line(line);
}

void pull_flush(struct pull *p)
{
    list_for_each (node, &p->lines) {
        struct pull_line *line = container_of(node, struct pull_line, node);
        if (line->hungry && !line->calling && line->consumer->at == CONSUMER_SERVE &&
            !list_empty(&line->asks))
            claim_for_all(line);
    }
}

/* ---- what it is told ------------------------------------------------------------------------- */

void pull_wake(struct pull *p, const struct consumer *c)
{
    list_for_each (node, &p->lines) {
        struct pull_line *line = container_of(node, struct pull_line, node);
        if (!c || line->consumer == c) line->hungry = true;
    }
}

/* A line that is not there was one of our former life. */
void pull_told(struct pull *p, struct consumer *c, uint64_t number)
{
    struct pull_line *line = line_with(p, c, number);

    if (number >= PULL_LINES_MAX) return;
    if (!line) line = new_line(p, c, (unsigned)number);
    line->idle = false;
    line->owes = line->hungry = true;
    tend(line);
}

size_t pull_patterns(const struct pull *p, const struct consumer *c, const char *patterns[],
                     size_t max)
{
    size_t count = 0;

    list_for_each (node, &p->lines) {
        struct pull_line *line = container_of(node, struct pull_line, node);
        if (line->consumer != c || list_empty(&line->asks)) continue;
        for (size_t i = 0; i < line->kinds_count && count < max; i++)
            patterns[count++] = line->kinds[i];
    }
    return count;
}

/* ---- for whoever passes on what was pulled --------------------------------------------------- */

void pull_count(struct pull *p, const char *queue, struct span kind, enum tally_end end,
                int64_t started_ms)
{
    struct workers_totals *t = &p->w->totals;
    int64_t run_us = redis_clock_now_us(&p->w->clock) - started_ms * 1000;
    struct tally_row *row = tally_at(t->ends, queue, kind);

    if (run_us < 0) run_us = 0;
    if (row) row->count[end]++;
    counter_add(end == TALLY_DONE ? &t->done : &t->failed, 1);
    if (!started_ms) return;
    histogram_add(&t->run_us, (uint64_t)run_us);
    if (row) sketch_add(&row->run_us, (uint64_t)run_us);
}

void pull_stale(struct pull *p)
{
    counter_add(&p->w->totals.stale, 1);
}

void pull_until(struct pull *p, struct span queue, int64_t until_ms)
{
    struct consumer *c = consumer_for(p, queue);

    if (c) keeper_lease_ends(c, until_ms * 1000);
}

uint64_t pull_backoff_ms(const struct job *job, unsigned failures)
{
    return backoff_ms(job->backoff, failures, random_unit());
}

enum tally_end pull_end(enum settled settled)
{
    if (settled == SETTLED_DEAD) return TALLY_DEAD;
    return settled == SETTLED_CANCELLED ? TALLY_CANCELLED : TALLY_RETRY;
}

void pull_late_text(const struct job *job, char out[LATE_TEXT_MAX])
{
    char timeout[DURATION_TEXT_MAX];

    snprintf(out, LATE_TEXT_MAX, "timed out after %s", duration_format(job->timeout_ms, timeout));
}

struct workers *pull_workers(struct pull *p)
{
    return p->w;
}

unsigned pull_waiting(const struct pull *p)
{
    return p->waiting;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Who has a claim on its way is answered with what it brings. */
static void end_all(struct pull *p)
{
    list_for_each_safe (node, &p->lines) {
        struct pull_line *line = container_of(node, struct pull_line, node);
        list_for_each_safe (ask, &line->asks) {
            struct pull_ask *one = container_of(ask, struct pull_ask, node);
            one->is_over = true;
            if (!one->share) finish(one, PINION_OK, NULL, 0);
        }
        tend(line);
    }
}

void pull_quiet(struct pull *p, bool quiet)
{
    p->quiet = quiet;
    if (quiet) end_all(p);
}

void pull_stop(struct pull *p)
{
    if (p->stopping) return;
    p->stopping = true;
    end_all(p);
}

bool pull_is_empty(const struct pull *p)
{
    return p->calls == 0;
}
