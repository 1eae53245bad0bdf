/* audit_findings.c — suspects are looked at in small batches, for each may cost a walk along its
 * lane; and mended one by one. */
#include "queue/audit_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/reply.h"

#define CHECK_BATCH 16

/* ---- suspects -------------------------------------------------------------------------------- */

static char *copy_of(struct span s)
{
    return xmemdup(s.len ? s.data : "", s.len);
}

void suspects_add(struct suspects *s, const struct damage *damage, struct span queue,
                  struct span subject)
{
    if (s->count == SUSPECTS_MAX) return;
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->list = xrealloc(s->list, s->cap * sizeof *s->list);
    }
    struct suspect *one = &s->list[s->count++];
    *one = (struct suspect){.damage = damage, .subject = copy_of(subject)};
    snprintf(one->queue, sizeof one->queue, "%.*s", (int)queue.len, queue.len ? queue.data : "");
}

void suspects_clear(struct suspects *s)
{
    for (size_t i = 0; i < s->count; i++) free(s->list[i].subject);
    free(s->list);
    *s = (struct suspects){0};
}

/* ---- findings -------------------------------------------------------------------------------- */

/* Takes the subject. */
static void add_finding(struct audit *a, struct suspect *s, enum finding_end end, struct span did)
{
    *(end == FINDING_MENDED ? &a->mended : &a->left) += 1;
    if (a->count == AUDIT_FINDINGS_MAX) return;
    if (a->count == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 16;
        a->findings = xrealloc(a->findings, a->cap * sizeof *a->findings);
    }
    struct finding *f = &a->findings[a->count++];
    *f = (struct finding){.damage = s->damage, .end = end, .subject = s->subject};
    memcpy(f->queue, s->queue, sizeof f->queue);
    f->did = did.data ? copy_of(did) : NULL;
    s->subject = NULL;
}

static enum pinion_err repair(struct audit *a, struct suspect *s, struct error *why)
{
    struct queue_key base = audit_base(a, s->queue);
    struct request request = REQUEST_INIT;
    redisReply *reply = NULL;

    request_script(&request, SCRIPT_REPAIR, queue_key_span(&base));
    request_add_text(&request, s->damage->name);
    request_add_text(&request, s->subject);
    enum pinion_err err = audit_ask(a, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    struct span end = reply_span(reply_at(reply, 0)), did = reply_span(reply_at(reply, 1));
    if (span_is(end, "mended")) add_finding(a, s, FINDING_MENDED, did);
    else if (span_is(end, "left")) add_finding(a, s, FINDING_LEFT, did);
    freeReplyObject(reply);
    return PINION_OK;
}

static enum pinion_err settle_batch(struct audit *a, struct suspect *batch, size_t count,
                                    struct error *why)
{
    struct queue_key base = audit_base(a, batch->queue);
    struct request request = REQUEST_INIT;
    redisReply *reply = NULL;

    request_script(&request, SCRIPT_AUDIT_CHECK, queue_key_span(&base));
    for (size_t i = 0; i < count; i++) {
        request_add_text(&request, batch[i].damage->name);
        request_add_text(&request, batch[i].subject);
    }
    enum pinion_err err = audit_ask(a, &request, &reply, why);
    request_deinit(&request);
    for (size_t i = 0; !err && i < count; i++) {
        if (reply_i64(reply_at(reply, i), 0) != 1) continue;
        if (a->repair) err = repair(a, &batch[i], why);
        else add_finding(a, &batch[i], FINDING_FOUND, (struct span){0});
    }
    if (reply) freeReplyObject(reply);
    return err;
}

bool audit_is_unreadable(const struct audit *a, const char *queue)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct finding *f = &a->findings[i];
        if (f->end != FINDING_MENDED && strcmp(f->damage->name, "wrong_type") == 0 &&
            strcmp(f->queue, queue) == 0)
            return true;
    }
    return false;
}

/* What no script can read goes first: while it is there, all others fail. */
static int by_order(const void *a, const void *b)
{
    const struct suspect *x = a, *y = b;
    bool first = strcmp(x->damage->name, "wrong_type") == 0;
    bool second = strcmp(y->damage->name, "wrong_type") == 0;
    int order = (int)second - (int)first;

    return order ? order : strcmp(x->queue, y->queue);
}

enum pinion_err suspects_settle(struct audit *a, struct suspects *s, struct error *why)
{
    enum pinion_err err = PINION_OK;

    if (s->count) qsort(s->list, s->count, sizeof *s->list, by_order);
    for (size_t at = 0, n; !err && at < s->count; at += n) {
        struct suspect *batch = &s->list[at];
        bool first = strcmp(batch->damage->name, "wrong_type") == 0;
        for (n = 1; at + n < s->count && n < CHECK_BATCH; n++)
            if (strcmp(batch[n].queue, batch->queue) != 0 ||
                first != (strcmp(batch[n].damage->name, "wrong_type") == 0))
                break;
        if (first || !audit_is_unreadable(a, batch->queue)) err = settle_batch(a, batch, n, why);
    }
    suspects_clear(s);
    return err;
}
