/* audit.c — which part is looked at after which: what stands in the lanes is gathered before the
 * jobs that must stand there are, so that one which moved meanwhile is seen where it is now. */
#include "queue/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/audit_parts.h"
#include "queue/reply.h"
#include "queue/seen.h"

#define STEP_MIN     16
#define STEP_LONG_MS 30 /* others wait for so long: take less at a time */
#define STEP_FAST_MS 5

/* The look at one queue. */
struct look {
    struct audit *audit;
    const char   *queue;
    struct suspects suspects;
    struct seen   entries;  /* of its lanes */
    struct elsewhere elsewhere;
    uint64_t      step;
    int64_t       packed;   /* of the part that is looked at */
    char          lane[KIND_MAX + LABEL_MAX + 8]; /* whose entries come */
};

typedef void name_fn(struct look *, struct span name);

struct queue_key audit_base(const struct audit *a, const char *queue)
{
    struct queue_key base;

    if (*queue) return queue_key(a->name_space, span_of(queue));
    base.len = (size_t)snprintf(base.text, sizeof base.text, "%s", a->name_space);
    return base;
}

enum pinion_err audit_ask(struct audit *a, struct request *request, redisReply **ret_reply,
                          struct error *why)
{
    return a->door->ask(a->door, request, ret_reply, why);
}

static void adapt(uint64_t *step, uint64_t took_ms)
{
    if (took_ms > STEP_LONG_MS && *step > STEP_MIN) *step /= 2;
    if (took_ms < STEP_FAST_MS && *step < AUDIT_STEP_MAX) *step *= 2;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void suspect(struct look *l, const char *kind, struct span subject)
{
    suspects_add(&l->suspects, damage_find(span_of(kind)), span_of(l->queue), subject);
}

static void on_entry(struct look *l, struct span name)
{
    char subject[sizeof l->lane + QUEUE_NAME_MAX + 32];

    if (span_starts(name, " ")) {
        snprintf(l->lane, sizeof l->lane, "%.*s", (int)name.len - 1, name.data + 1);
    } else if (!seen_add(&l->entries, name)) {
        snprintf(subject, sizeof subject, "%s %.*s", l->lane, (int)name.len, name.data);
        suspect(l, "double_entry", span_of(subject));
    }
}

static void on_ghost(struct look *l, struct span name)
{
    if (!seen_has(&l->entries, name)) suspect(l, "lost_ghost", name);
}

/* `ID` or `ID~GENERATION`: what must stand in its lane. */
static void on_ready(struct look *l, struct span name)
{
    struct span rest = name;

    if (!seen_has(&l->entries, name)) suspect(l, "orphan", span_cut(&rest, '~'));
}

static void on_wait(struct look *l, struct span subject)
{
    elsewhere_add(&l->elsewhere, subject);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static enum pinion_err ask_step(struct look *l, const char *part, struct span cursor,
                                redisReply **ret_reply, struct error *why)
{
    struct queue_key base = audit_base(l->audit, l->queue);
    struct request request = REQUEST_INIT;
    uint64_t began_ms = clock_mono_ms();

    request_script(&request, SCRIPT_AUDIT, queue_key_span(&base));
    request_add_text(&request, part);
    request_add_span(&request, cursor);
    request_add_u64(&request, l->step);
    enum pinion_err err = audit_ask(l->audit, &request, ret_reply, why);
    request_deinit(&request);
    if (!err) adapt(&l->step, clock_mono_ms() - began_ms);
    return err;
}

static void read_step(struct look *l, const redisReply *reply, name_fn *on_name)
{
    const redisReply *kinds = reply_at(reply, 2), *names = reply_at(reply, 3);

    l->packed += reply_i64(reply_at(reply, 1), 0);
    l->audit->looked += (uint64_t)reply_i64(reply_at(reply, 4), 0);
    for (size_t i = 0; i + 1 < reply_count(kinds); i += 2) {
        const struct damage *damage = damage_find(reply_span(reply_at(kinds, i)));
        if (damage)
            suspects_add(&l->suspects, damage, span_of(l->queue),
                         reply_span(reply_at(kinds, i + 1)));
    }
    for (size_t i = 0; on_name && i < reply_count(names); i++)
        on_name(l, reply_span(reply_at(names, i)));
}

static enum pinion_err look_at_part(struct look *l, const char *part, name_fn *on_name,
                                    struct error *why)
{
    enum pinion_err err = PINION_OK;
    char *cursor = xstrdup("");

    l->packed = 0;
    do {
        redisReply *reply = NULL;
        err = ask_step(l, part, span_of(cursor), &reply, why);
        if (err) break;
        read_step(l, reply, on_name);
        free(cursor);
        struct span next = reply_span(reply_at(reply, 0));
        cursor = xmemdup(next.len ? next.data : "", next.len);
        freeReplyObject(reply);
    } while (*cursor);
    free(cursor);
    return err;
}

/* What changes when packs do, for the caller to free. */
static enum pinion_err ask_moves(struct look *l, char **ret_moves, struct error *why)
{
    redisReply *reply = NULL;
    enum pinion_err err = ask_step(l, "moves", (struct span){0}, &reply, why);

    if (err) return err;
    struct span moves = reply_span(reply_at(reply_at(reply, 3), 0));
    *ret_moves = xmemdup(moves.len ? moves.data : "", moves.len);
    freeReplyObject(reply);
    return PINION_OK;
}

/* The script compares: it alone knows what is counted, and that nothing has moved. */
static void suspect_count(struct look *l, const char *state, int64_t packed, const char *moves)
{
    char *subject = xasprintf("%s %" PRId64 " %s", state, packed > 0 ? packed : 0, moves);

    suspect(l, "wrong_count", span_of(subject));
    free(subject);
}

static enum pinion_err look_at_packs(struct look *l, struct error *why)
{
    char *before = NULL, *after = NULL;
    int64_t ready = 0, active = 0;
    enum pinion_err err = ask_moves(l, &before, why);

    if (!err) err = look_at_part(l, "entries", on_entry, why);
    ready = l->packed;
    if (!err) err = look_at_part(l, "active", NULL, why);
    active = l->packed;
    if (!err) err = ask_moves(l, &after, why);
    if (!err && !ready && !active && strncmp(after, "0,0,", 4) == 0) {
        /* there are none */
    } else if (!err && strcmp(before, after) == 0) {
        suspect_count(l, "ready", ready, after);
        suspect_count(l, "active", active, after);
    } else if (!err) {
        l->audit->moved = true;
    }
    free(before);
    free(after);
    return err;
}

/* All sets and hashes, as the script names them. */
static enum pinion_err look_at_parts(struct look *l, struct error *why)
{
    redisReply *reply = NULL;
    enum pinion_err err = ask_step(l, "parts", (struct span){0}, &reply, why);
    const redisReply *names = err ? NULL : reply_at(reply, 3);

    for (size_t i = 0; !err && i < reply_count(names); i++) {
        const char *part = names->element[i]->str;
        name_fn *on_name = strcmp(part, "ghosts") == 0    ? on_ghost
                           : strcmp(part, "waiting") == 0 ? on_wait
                                                          : NULL;
        err = look_at_part(l, part, on_name, why);
    }
    if (reply) freeReplyObject(reply);
    return err;
}

/* Those of this queue that were found by their keys. */
static enum pinion_err look_at_sets(struct look *l, struct error *why)
{
    enum pinion_err err = PINION_OK;

    for (size_t i = 0; !err && i < l->audit->sets_count; i++)
        if (strcmp(l->audit->sets[i].queue, l->queue) == 0)
            err = look_at_part(l, l->audit->sets[i].name, NULL, why);
    return err;
}

static enum pinion_err look_at_queue(struct look *l, struct error *why)
{
    enum pinion_err err = look_at_packs(l, why);

    suspect(l, "wrong_limits", span_of("limits"));
    suspect(l, "backward_outbox", span_of("outbox"));
    if (!err) err = look_at_parts(l, why);
    if (!err) err = look_at_sets(l, why);
    if (!err) err = look_at_part(l, "jobs", on_ready, why);
    if (!err) err = elsewhere_settle(l->audit, l->queue, &l->elsewhere, &l->suspects, why);
    elsewhere_clear(&l->elsewhere);
    seen_clear(&l->entries);
    return err ? err : suspects_settle(l->audit, &l->suspects, why);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void add_queue(struct audit *a, struct span name)
{
    if (!queue_name_ok(name)) return;
    for (size_t i = 0; i < a->queues_count; i++)
        if (span_is(name, a->queues[i])) return;
    a->queues = xrealloc(a->queues, (a->queues_count + 1) * sizeof *a->queues);
    snprintf(a->queues[a->queues_count++], sizeof *a->queues, "%.*s", (int)name.len, name.data);
}

static void add_set(struct audit *a, struct span queue, struct span name)
{
    a->sets = xrealloc(a->sets, (a->sets_count + 1) * sizeof *a->sets);
    struct audit_set *set = &a->sets[a->sets_count++];
    snprintf(set->queue, sizeof set->queue, "%.*s", (int)queue.len, queue.len ? queue.data : "");
    set->name = xmemdup(name.len ? name.data : "", name.len);
}

static void forget_sets(struct audit *a)
{
    for (size_t i = 0; i < a->sets_count; i++) free(a->sets[i].name);
    free(a->sets);
    a->sets = NULL;
    a->sets_count = 0;
}

/* Which queues are looked at. */
struct choice {
    const struct span *only;
    size_t count; /* 0: all */
};

static bool is_chosen(struct choice c, struct span name)
{
    for (size_t i = 0; i < c.count; i++)
        if (span_equal(c.only[i], name)) return true;
    return c.count == 0;
}

static void read_keys(struct audit *a, const redisReply *reply, struct choice choice,
                      struct suspects *suspects)
{
    const redisReply *queues = reply_at(reply, 1), *kinds = reply_at(reply, 2);
    const redisReply *sets = reply_at(reply, 3);

    for (size_t i = 0; i < reply_count(queues); i++) {
        struct span name = reply_span(reply_at(queues, i));
        if (is_chosen(choice, name)) add_queue(a, name);
    }
    for (size_t i = 0; i + 1 < reply_count(sets); i += 2)
        add_set(a, reply_span(reply_at(sets, i)), reply_span(reply_at(sets, i + 1)));
    for (size_t i = 0; i + 2 < reply_count(kinds); i += 3) {
        struct span queue = reply_span(reply_at(kinds, i));
        struct span subject = reply_span(reply_at(kinds, i + 2));
        const struct damage *damage = damage_find(reply_span(reply_at(kinds, i + 1)));
        if (damage && (is_chosen(choice, queue) || is_chosen(choice, subject)))
            suspects_add(suspects, damage, queue, subject);
    }
}

static enum pinion_err look_at_keys(struct audit *a, struct choice choice, struct error *why)
{
    struct queue_key base = audit_base(a, "");
    struct request request = REQUEST_INIT;
    struct suspects suspects = {0};
    enum pinion_err err;
    char *cursor = xstrdup("");

    do {
        redisReply *reply = NULL;
        request_script(&request, SCRIPT_AUDIT_KEYS, queue_key_span(&base));
        request_add_text(&request, cursor);
        request_add_u64(&request, AUDIT_STEP_MAX);
        err = audit_ask(a, &request, &reply, why);
        if (err) break;
        read_keys(a, reply, choice, &suspects);
        free(cursor);
        struct span next = reply_span(reply_at(reply, 0));
        cursor = xmemdup(next.len ? next.data : "", next.len);
        freeReplyObject(reply);
    } while (*cursor);
    free(cursor);
    request_deinit(&request);
    if (!err) return suspects_settle(a, &suspects, why);
    suspects_clear(&suspects);
    return err;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void drop_finding(struct finding *f)
{
    free(f->subject);
    free(f->did);
}

/* What was not mended is found again. */
static void begin_pass(struct audit *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->count; i++) {
        if (a->findings[i].end == FINDING_MENDED) a->findings[kept++] = a->findings[i];
        else drop_finding(&a->findings[i]);
    }
    a->count = kept;
    a->left = 0;
    a->moved = false;
    forget_sets(a);
}

static enum pinion_err run_pass(struct audit *a, struct choice choice, struct error *why)
{
    begin_pass(a);
    enum pinion_err err = look_at_keys(a, choice, why);

    for (size_t i = 0; !err && i < a->queues_count; i++) {
        struct look look = {.audit = a, .queue = a->queues[i], .step = STEP_MIN};
        if (audit_is_unreadable(a, look.queue)) continue;
        err = look_at_queue(&look, why);
        suspects_clear(&look.suspects);
    }
    return err;
}

enum pinion_err audit_run(struct audit *a, const struct span only[], size_t count,
                          struct error *why)
{
    struct choice choice = {only, count};
    uint64_t mended;
    enum pinion_err err;
    int pass = 0;

    do {
        mended = a->mended;
        err = run_pass(a, choice, why);
    } while (!err && a->mended > mended && ++pass < AUDIT_PASSES_MAX);
    return err;
}

void audit_deinit(struct audit *a)
{
    for (size_t i = 0; i < a->count; i++) drop_finding(&a->findings[i]);
    forget_sets(a);
    free(a->findings);
    free(a->queues);
    a->findings = NULL;
    a->queues = NULL;
    a->count = a->cap = a->queues_count = 0;
}
