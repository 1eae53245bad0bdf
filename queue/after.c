#include "queue/after.h"

#include <inttypes.h>
#include <string.h>
#include "queue/job.h"
#include "queue/key.h"

bool after_next(const struct pinion_job *j, struct span *rest, struct after_id *ret)
{
    struct span id;

    if (!rest->len) return false;
    id = span_cut(rest, ',');
    return id_split(id, job_queue(j), &ret->queue, &ret->local, NULL) == PINION_OK;
}

struct after_id after_at(const struct pinion_job *j, size_t i)
{
    struct span rest = span_of(j->after);
    struct after_id id = {0};

    for (size_t n = 0; after_next(j, &rest, &id); n++)
        if (n == i) return id;
    return (struct after_id){0};
}

size_t after_count(const struct pinion_job *j)
{
    size_t n = 0;

    for (const char *at = j->after; at; at = strchr(at, ',')) {
        at += n > 0;
        n++;
    }
    return n;
}

static bool same_id(struct after_id a, struct after_id b)
{
    return span_equal(a.queue, b.queue) && span_equal(a.local, b.local);
}

static enum pinion_err check_id(const struct pinion_job *j, struct span text, size_t i,
                                struct error *why)
{
    struct error reason = {0};
    struct after_id id;

    if (!text.len || id_split(text, job_queue(j), &id.queue, &id.local, &reason))
        return error_set(why, PINION_INVALID, "after '%.*s': expected the id of a job, QUEUE:ID",
                         (int)(text.len > 60 ? 60 : text.len), text.len ? text.data : "");
    if (j->id && span_is(id.queue, job_queue(j)) && span_is(id.local, j->id))
        return error_set(why, PINION_INVALID, "after '%.*s': a job cannot wait for itself",
                         (int)text.len, text.data);
    for (size_t k = 0; k < i; k++)
        if (same_id(after_at(j, k), id))
            return error_set(why, PINION_INVALID, "after '%.*s' stands there twice: expected once",
                             (int)text.len, text.data);
    return PINION_OK;
}

enum pinion_err after_check(const struct pinion_job *j, struct error *why)
{
    struct span rest = span_of(j->after);
    enum pinion_err err = PINION_OK;
    size_t count = after_count(j);

    if (j->after_any_outcome && !j->after)
        return error_set(why, PINION_INVALID, "after_any_outcome: expected `after` with it");
    if (j->after && j->replace)
        return error_set(why, PINION_INVALID, "`after` and `replace`: expected one of them");
    if (count > PARENTS_MAX)
        return error_set(why, PINION_INVALID, "after: expected at most %d jobs, not %zu",
                         PARENTS_MAX, count);
    for (size_t i = 0; !err && i < count; i++) err = check_id(j, span_cut(&rest, ','), i, why);
    return err;
}

void after_add_wish(struct buffer *b, const struct pinion_job *j)
{
    struct span rest = span_of(j->after);
    struct after_id id;
    const char *mark = "[";

    buffer_add_text(b, ",\"after\":");
    for (; after_next(j, &rest, &id); mark = ",")
        buffer_printf(b, "%s\"%.*s:%.*s\"", mark, (int)id.queue.len, id.queue.data,
                      (int)id.local.len, id.local.data);
    buffer_add_char(b, ']');
    if (j->after_any_outcome) buffer_add_text(b, ",\"any\":true");
    if (j->expires_ms) buffer_printf(b, ",\"expires\":%" PRIu64, j->expires_ms);
}
