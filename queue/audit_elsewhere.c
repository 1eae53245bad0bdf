/* audit_elsewhere.c — jobs that wait for jobs of other queues, which one script cannot look at:
 *
 *     this queue: it waits, and has nothing to ask ──► that one: it neither tells it, nor will
 *         ──► this queue again: it still waits
 *
 * Whatever is on its way between them is told before it is trimmed, so only what is lost is seen by
 * all three.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "queue/audit_parts.h"
#include "queue/reply.h"

#define ASK_BATCH 16

void elsewhere_add(struct elsewhere *e, struct span subject)
{
    if (e->count == SUSPECTS_MAX) return;
    if (e->count == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 64;
        e->subjects = xrealloc(e->subjects, e->cap * sizeof *e->subjects);
    }
    e->subjects[e->count++] = xmemdup(subject.len ? subject.data : "", subject.len);
}

void elsewhere_clear(struct elsewhere *e)
{
    for (size_t i = 0; i < e->count; i++) free(e->subjects[i]);
    free(e->subjects);
    *e = (struct elsewhere){0};
}

/* CHILD QUEUE:PARENT */
struct wait {
    struct span child, queue, parent;
};

static struct wait wait_of(const char *subject)
{
    struct wait w = {.parent = span_of(subject)};

    w.child = span_cut(&w.parent, ' ');
    w.queue = span_cut(&w.parent, ':');
    return w;
}

/* Some that wait for jobs of one queue: which of them does it not know? *ret_reply is untouched
 * when that queue cannot be read. */
static enum pinion_err ask_some(struct audit *a, const char *queue, char *const subjects[],
                                size_t count, redisReply **ret_reply, struct error *why)
{
    char other[QUEUE_NAME_MAX + 1], bond[4 * QUEUE_NAME_MAX];
    struct span name = wait_of(subjects[0]).queue;
    struct request request = REQUEST_INIT;

    snprintf(other, sizeof other, "%.*s", (int)name.len, name.data);
    if (audit_is_unreadable(a, other)) return PINION_OK;
    struct queue_key base = audit_base(a, other);
    request_script(&request, SCRIPT_AUDIT_CHECK, queue_key_span(&base));
    for (size_t i = 0; i < count; i++) {
        struct wait w = wait_of(subjects[i]);
        snprintf(bond, sizeof bond, "%.*s %s:%.*s", (int)w.parent.len, w.parent.data, queue,
                 (int)w.child.len, w.child.data);
        request_add_text(&request, "unknown_child");
        request_add_text(&request, bond);
    }
    enum pinion_err err = audit_ask(a, &request, ret_reply, why);
    request_deinit(&request);
    return err;
}

enum pinion_err elsewhere_settle(struct audit *a, const char *queue, struct elsewhere *e,
                                 struct suspects *s, struct error *why)
{
    const struct damage *unheard = damage_find(span_of("unheard"));
    enum pinion_err err = PINION_OK;

    for (size_t at = 0, n; !err && at < e->count; at += n) {
        struct span first = wait_of(e->subjects[at]).queue;
        redisReply *reply = NULL;
        for (n = 1; at + n < e->count && n < ASK_BATCH; n++)
            if (!span_equal(wait_of(e->subjects[at + n]).queue, first)) break;
        if (!queue_name_ok(first)) continue;
        err = ask_some(a, queue, &e->subjects[at], n, &reply, why);
        for (size_t i = 0; !err && reply && i < n; i++)
            if (reply_i64(reply_at(reply, i), 0) == 1)
                suspects_add(s, unheard, span_of(queue), span_of(e->subjects[at + i]));
        if (reply) freeReplyObject(reply);
    }
    elsewhere_clear(e);
    return err;
}
