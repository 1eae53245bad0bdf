#include "tests/sim/pullers.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/pull.h"
#include "tests/sim/books.h"
#include "tests/sim/node.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"
#include "workers/pull.h"
#include "workers/shared.h"

#define SECOND_US   UINT64_C(1000000)
#define AWAY_US     (3600 * SECOND_US) /* who does not come back */
#define WAIT_MAX_MS 4000

struct waiter {
    struct list node;
    struct pull_ask ask;
    struct node *at;
};

/* An attempt that somebody was given. */
struct hold {
    struct list node;
    struct event next;
    char id[QUEUE_NAME_MAX + 1], token[24];
};

/* Both are empty when a run is over: nodes are dropped, and events forgotten. */
static struct list waiters = {&waiters, &waiters}, holds = {&holds, &holds};

/* ---- what became of it ----------------------------------------------------------------------- */

static void drop(struct hold *h)
{
    list_remove(&h->node);
    free(h);
}

static void on_forget(struct event *event)
{
    drop(container_of(event, struct hold, next));
}

static bool is_theirs(const struct hold *h)
{
    const struct book *b = books_find(span_of(h->id));

    return b && strcmp(b->state, "active") == 0 && strcmp(b->token, h->token) == 0;
}

/* As the API of any server does. */
static enum settled tell(const struct hold *h, enum script script)
{
    struct settle_item item = {.id = span_of(h->id),
                               .token = span_of(h->token),
                               .lease_ms = 1000 + world_below(3000),
                               .percent = 50,
                               .delay_ms = (int64_t)world_below(2000),
                               .text = span_of("so")};
    struct pull_answer answer = {.settled = SETTLED_INVALID};
    struct request r = REQUEST_INIT;
    redisReply *reply;

    if (script == SCRIPT_ACK_PULL) ack_pull_build(&r, store_key(), &item, 1);
    if (script == SCRIPT_EXTEND) extend_build(&r, store_key(), &item, 1);
    if (script == SCRIPT_FAIL) fail_build(&r, store_key(), &item, 1);
    if (script == SCRIPT_PROGRESS) progress_build(&r, store_key(), &item, 1);
    reply = store_run(request_bytes(&r), script);
    if (script == SCRIPT_ACK_PULL && ack_pull_read(reply, &answer, 1)) abort();
    if (script == SCRIPT_EXTEND && extend_read(reply, &answer, 1)) abort();
    if (script == SCRIPT_FAIL || script == SCRIPT_PROGRESS) {
        if (settle_read(reply, script, &item, 1)) abort();
        answer.settled = item.settled;
    }
    freeReplyObject(reply);
    request_deinit(&r);
    return answer.settled;
}

/* Gives whether the attempt goes on. */
static bool say(const struct hold *h, enum script script)
{
    bool theirs = is_theirs(h), ends = script == SCRIPT_ACK_PULL || script == SCRIPT_FAIL;
    /* A server has failed it for its time: to say so again is no error, and changes nothing. */
    bool again = script == SCRIPT_FAIL;
    enum settled settled = tell(h, script);

    world_trace("of %s a puller says %s: %d", h->id, script_sources[script].name, settled);
    if (theirs && settled == SETTLED_STALE)
        world_broken("%s: %s was refused, though it is theirs", h->id, script_sources[script].name);
    if (!theirs && !again && settled != SETTLED_STALE)
        world_broken("%s: %s was taken, though it is not theirs", h->id,
                     script_sources[script].name);
    if (settled == SETTLED_OK && script == SCRIPT_ACK_PULL && world_chance(30) &&
        tell(h, script) != SETTLED_AGAIN)
        world_broken("%s: it was acked, and that is not known", h->id);
    return !ends && settled != SETTLED_STALE && settled != SETTLED_LATE;
}

static void go_on(struct hold *h)
{
    uint64_t in_us = world_chance(8) ? AWAY_US : 1 + world_below(3 * SECOND_US);

    event_set_alarm(&h->next, world_now_us() + in_us);
}

static void on_next(struct event *event)
{
    struct hold *h = container_of(event, struct hold, next);
    unsigned what = (unsigned)world_below(100);
    enum script script = what < 20   ? SCRIPT_EXTEND
                         : what < 30 ? SCRIPT_PROGRESS
                         : what < 45 ? SCRIPT_FAIL
                                     : SCRIPT_ACK_PULL;

    if (say(h, script))
        go_on(h);
    else
        drop(h);
}

/* ---- leases ---------------------------------------------------------------------------------- */

static void on_leased(struct pull_ask *ask, enum pinion_err err, const struct pulled *jobs,
                      size_t count)
{
    struct waiter *w = container_of(ask, struct waiter, ask);

    (void)err; /* what was leased all the same lapses */
    for (size_t i = 0; i < count; i++) {
        struct hold *h = xcalloc(1, sizeof *h);
        snprintf(h->id, sizeof h->id, "%.*s", (int)jobs[i].job.id.len, jobs[i].job.id.data);
        snprintf(h->token, sizeof h->token, "%.*s", (int)jobs[i].token.len, jobs[i].token.data);
        world_trace("%s gives %s to a puller", node_name(w->at), h->id);
        event_init(&h->next, on_next);
        h->next.forget = on_forget;
        list_push(&holds, &h->node);
        go_on(h);
    }
    list_remove(&w->node);
    free(w);
}

void pullers_ask(struct node *n)
{
    static const char *const kinds[] = {"pull", "pull.*", "*"};
    struct waiter *w = xcalloc(1, sizeof *w);
    struct error why;

    w->at = n;
    w->ask.kinds_count = 1;
    snprintf(w->ask.kinds[0], sizeof w->ask.kinds[0], "%s", kinds[world_below(countof(kinds))]);
    w->ask.max = 1 + (unsigned)world_below(4);
    w->ask.lease_ms = 1000 * (1 + world_below(3));
    w->ask.wait_ms = world_chance(20) ? 0 : 1 + world_below(WAIT_MAX_MS);
    w->ask.done = on_leased;
    if (pull_start(node_pull(n), span_of("q"), &w->ask, &why)) {
        free(w);
        return;
    }
    world_trace("a puller waits at %s for %s", node_name(n), w->ask.kinds[0]);
    list_push(&waiters, &w->node);
    node_turned(n);
}

void pullers_leave_one(void)
{
    struct waiter *w;
    struct node *n;

    if (list_empty(&waiters)) return;
    w = container_of(waiters.next, struct waiter, node);
    n = w->at;
    world_trace("a puller leaves %s", node_name(n));
    if (!w->ask.left) pull_leave(&w->ask);
    node_turned(n);
}

void pullers_drop(struct node *n)
{
    list_for_each_safe (node, &waiters) {
        struct waiter *w = container_of(node, struct waiter, node);
        if (w->at != n) continue;
        ticker_cancel(pull_workers(node_pull(n))->o.ticker, &w->ask.over);
        list_remove(&w->ask.node);
        list_remove(&w->node);
        free(w);
    }
}

/* ---- to be asked ----------------------------------------------------------------------------- */

static bool fits(const char *pattern, struct span kind)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] != '*') return span_is(kind, pattern);
    return kind.len >= len - 1 && memcmp(kind.data, pattern, len - 1) == 0;
}

bool pullers_wait(const struct node *n, struct span kind)
{
    list_for_each (node, &waiters) {
        const struct waiter *w = container_of(node, struct waiter, node);
        if (w->at == n && !w->ask.is_over && fits(w->ask.kinds[0], kind)) return true;
    }
    return false;
}

bool pullers_hold(const char *local_id, const char *token)
{
    list_for_each (node, &holds) {
        const struct hold *h = container_of(node, struct hold, node);
        if (strcmp(h->id, local_id) == 0 && strcmp(h->token, token) == 0) return true;
    }
    return false;
}
