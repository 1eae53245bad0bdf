#include "tests/sim/books.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "queue/pack.h"
#include "queue/reply.h"
#include "tests/sim/node.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define ARGS_MAX   256
#define FIRST_ARG  4 /* EVALSHA, sha, 1, key */
#define ROW_FIELDS 6

struct change {
    enum script script;
    const char *from, *to;
};

/* Everything that may happen to a job; "" is nothing, before it was made or when it is forgotten.
 */
static const struct change allowed[] = {
    {SCRIPT_ENQUEUE,     "",          "ready"    },
    {SCRIPT_ENQUEUE,     "",          "active"   },
    {SCRIPT_ENQUEUE,     "",          "scheduled"},
    {SCRIPT_ENQUEUE_ONE, "",          "ready"    },
    {SCRIPT_ENQUEUE_ONE, "",          "active"   },
    {SCRIPT_CLAIM,       "ready",     "active"   },
    {SCRIPT_CLAIM,       "ready",     "cancelled"},
    {SCRIPT_PROMOTE,     "scheduled", "ready"    },
    {SCRIPT_PROMOTE,     "retry",     "ready"    },
    {SCRIPT_ACK,         "active",    ""         },
    {SCRIPT_ACK_RICH,    "active",    ""         },
    {SCRIPT_ACK_RICH,    "active",    "done"     },
    {SCRIPT_ACK_PULL,    "active",    ""         },
    {SCRIPT_ACK_PULL,    "active",    "done"     },
    {SCRIPT_FAIL,        "active",    "retry"    },
    {SCRIPT_FAIL,        "active",    "dead"     },
    {SCRIPT_FAIL,        "active",    "cancelled"},
    {SCRIPT_RELEASE,     "active",    "ready"    },
    {SCRIPT_RELEASE,     "active",    "cancelled"},
    {SCRIPT_REAP,        "active",    "ready"    },
    {SCRIPT_REAP,        "active",    "dead"     },
    {SCRIPT_REAP,        "active",    "cancelled"},
    {SCRIPT_TAKE_BACK,   "active",    "ready"    },
    {SCRIPT_TAKE_BACK,   "active",    "dead"     },
    {SCRIPT_TAKE_BACK,   "active",    "cancelled"},
    {SCRIPT_CANCEL,      "ready",     "cancelled"},
    {SCRIPT_CANCEL,      "scheduled", "cancelled"},
    {SCRIPT_CANCEL,      "retry",     "cancelled"},
    {SCRIPT_SWEEP,       "done",      ""         },
};

static struct books all;

struct books *books(void)
{
    return &all;
}

void books_begin(void)
{
    memset(&all, 0, sizeof all);
}

struct book *books_find(struct span id)
{
    for (size_t i = 0; i < all.count; i++)
        if (span_is(id, all.job[i].id)) return &all.job[i];
    return NULL;
}

/* ---- what the call was ----------------------------------------------------------------------- */

struct args {
    struct span arg[ARGS_MAX];
    size_t count;
};

static struct args args_of(struct span request)
{
    struct args a = {0};

    (void)span_cut(&request, '\n'); /* *COUNT */
    while (request.len && a.count < ARGS_MAX) {
        struct span head = span_cut(&request, '\n');
        size_t len = strtoul(head.data + 1, NULL, 10);
        a.arg[a.count++] = (struct span){request.data, len};
        request.data += len + 2;
        request.len -= len + 2;
    }
    return a;
}

/* Is the job among those of a pack that are done? */
static bool acks_of_pack(struct span name, struct span bits, struct span id)
{
    unsigned long long done = strtoull(bits.data, NULL, 16);

    return id.len == ID_LEN && name.len == PACK_NAME_LEN &&
           memcmp(name.data, id.data, PACK_NAME_LEN - 1) == 0 && done >> pack_place(id) & 1;
}

/* The number of packs, and for each NAME, TOKEN, size, bits, text; then TOKEN, n, text, ID ... for
 * each claim. */
static bool acks(const struct args *a, const struct book *b, struct span token)
{
    size_t packs = strtoul(a->arg[FIRST_ARG].data, NULL, 10), at = FIRST_ARG + 1;

    for (; packs-- > 0 && at + 4 < a->count; at += 5)
        if (span_equal(a->arg[at + 1], token) &&
            acks_of_pack(a->arg[at], a->arg[at + 3], span_of(b->id)))
            return true;
    while (at + 3 < a->count) {
        size_t n = strtoul(a->arg[at + 1].data, NULL, 10);
        for (size_t i = 0; i < n && at + 3 + i < a->count; i++)
            if (span_equal(a->arg[at], token) && span_is(a->arg[at + 3 + i], b->id)) return true;
        at += 3 + n;
    }
    return false;
}

/* Does the call name this attempt, by id and token? */
static bool settles(enum script script, const struct args *a, const struct book *b)
{
    struct span token = span_of(b->token);

    if (script == SCRIPT_ACK) return acks(a, b, token);
    for (size_t at = FIRST_ARG; at + 1 < a->count; at++)
        if (span_is(a->arg[at], b->id) && span_equal(a->arg[at + 1], token)) return true;
    return false;
}

/* ---- one change ------------------------------------------------------------------------------ */

static bool may_change(enum script script, const char *from, const char *to)
{
    for (size_t i = 0; i < countof(allowed); i++)
        if (allowed[i].script == script && strcmp(allowed[i].from, from) == 0 &&
            strcmp(allowed[i].to, to) == 0)
            return true;
    return false;
}

static void check_lost(enum script script, const struct book *b)
{
    struct node *node = node_that_runs(b->id, b->token);

    if (script == SCRIPT_REAP && b->score > store_now_us())
        world_broken("%s was reaped before its lease was over", b->id);
    if (!node) return;
    if (script == SCRIPT_TAKE_BACK)
        world_broken("%s was taken back while %s runs it", b->id, node_name(node));
    else if (!node_may_have_lost_leases(node))
        world_broken("%s was reaped while %s runs it, undisturbed", b->id, node_name(node));
}

/* From one state to another; `b` is as it was before. */
static void check_change(enum script script, const struct args *args, const struct book *b,
                         const struct book *now)
{
    const char *name = script < SCRIPTS ? script_sources[script].name : "a command";

    if (!may_change(script, b->state, now->state))
        world_broken("%s: %s made '%s' of '%s'", b->id, name, now->state, b->state);
    switch (script) {
    case SCRIPT_ACK:
    case SCRIPT_ACK_RICH:
    case SCRIPT_ACK_PULL:
    case SCRIPT_FAIL:
    case SCRIPT_RELEASE:
        if (!settles(script, args, b))
            world_broken("%s: %s without its token %s", b->id, name, b->token);
        break;
    case SCRIPT_REAP:
    case SCRIPT_TAKE_BACK: check_lost(script, b); break;
    case SCRIPT_ENQUEUE:
    case SCRIPT_ENQUEUE_ONE:
    case SCRIPT_CLAIM:
        if (all.paused && strcmp(now->state, "active") == 0)
            world_broken("%s: %s leased it though the queue is paused", b->id, name);
        break;
    case SCRIPT_PROMOTE:
        if (b->score > store_now_us() / 1000)
            world_broken("%s was promoted before it was due", b->id);
        break;
    default: break;
    }
    if (strcmp(now->state, "active") == 0 && strtoll(now->token, NULL, 10) <= b->token_last)
        world_broken("%s: token %s after %lld", b->id, now->token, (long long)b->token_last);
    if (now->state[0] && now->failures != b->failures + (script == SCRIPT_FAIL ? 1 : 0))
        world_broken("%s: %u failures, and after %s %u", b->id, b->failures, name, now->failures);
}

static bool is_end(const char *state)
{
    return !state[0] || strcmp(state, "done") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "cancelled") == 0;
}

/* Enters what the job is now. */
static void enter(enum script script, const struct args *args, struct book *b,
                  const struct book *now)
{
    bool changed = strcmp(b->state, now->state) != 0;

    if (changed) {
        world_trace("  %s %s: %s -> %s %s", now->kind, b->id, b->state, now->state, now->token);
        check_change(script, args, b, now);
        if (is_end(now->state) && !is_end(b->state) && ++b->ends > 1)
            world_broken("%s ended twice", b->id);
        memset(b->startable_us, 0, sizeof b->startable_us);
    } else if (strcmp(b->state, "active") == 0 && strcmp(b->token, now->token) != 0) {
        world_broken("%s: the token became %s while it is active", b->id, now->token);
    }
    memcpy(b->state, now->state, sizeof b->state);
    if (!now->state[0]) return;
    memcpy(b->token, now->token, sizeof b->token);
    memcpy(b->kind, now->kind, sizeof b->kind);
    b->failures = now->failures;
    b->score = now->score;
    if (strcmp(b->state, "active") == 0) b->token_last = strtoll(b->token, NULL, 10);
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, const struct redisReply *from)
{
    snprintf(to, size, "%.*s", (int)reply_span(from).len, log_text_or_empty(reply_span(from).data));
}

static struct book row_of(const struct redisReply *rows, size_t at)
{
    struct book b = {.score = reply_i64(reply_at(rows, at + 2), 0),
                     .failures = (unsigned)reply_i64(reply_at(rows, at + 4), 0)};

    copy(b.id, sizeof b.id, reply_at(rows, at));
    copy(b.state, sizeof b.state, reply_at(rows, at + 1));
    copy(b.token, sizeof b.token, reply_at(rows, at + 3));
    copy(b.kind, sizeof b.kind, reply_at(rows, at + 5));
    return b;
}

static unsigned active(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < all.count; i++) count += strcmp(all.job[i].state, "active") == 0;
    return count;
}

void books_note(enum script script, struct span request, const struct redisReply *look)
{
    const struct redisReply *rows = reply_at(look, 1), *faults = reply_at(look, 2);
    struct args args = args_of(request);
    bool there[BOOKS_MAX] = {false};

    world_trace("  idle: %s", reply_at(look, 4)->str);
    all.paused = reply_i64(reply_at(look, 3), 0) == 1;
    for (size_t at = 0; at + ROW_FIELDS <= reply_count(rows); at += ROW_FIELDS) {
        struct book now = row_of(rows, at), *b = books_find(span_of(now.id));
        if (!b) {
            assert(all.count < BOOKS_MAX);
            b = &all.job[all.count++];
            memcpy(b->id, now.id, sizeof b->id);
        }
        there[b - all.job] = true;
        enter(script, &args, b, &now);
    }
    for (size_t i = 0; i < all.count; i++) {
        struct book gone = all.job[i];
        gone.state[0] = '\0';
        if (!there[i]) enter(script, &args, &all.job[i], &gone);
    }
    if (all.most && active() > all.most)
        world_broken("%u are active where %u may be", active(), all.most);
    if (reply_count(faults))
        world_broken("after %s: %s", script < SCRIPTS ? script_sources[script].name : "a command",
                     reply_at(faults, 0)->str);
}

bool books_full(void)
{
    return all.most && active() >= all.most;
}

bool books_all_ended(void)
{
    for (size_t i = 0; i < all.count; i++)
        if (all.job[i].ends == 0) return false;
    return true;
}

void books_close(void)
{
    for (size_t i = 0; i < all.count; i++)
        if (all.job[i].ends != 1)
            world_broken("%s (%s) ended %u times, and is '%s'", all.job[i].id, all.job[i].kind,
                         all.job[i].ends, all.job[i].state);
}
