#include "control/events/filter.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "queue/key.h"

const char *const event_type_names[EVENT_TYPES] = {
    [EVENT_JOB] = "job",           [EVENT_PROGRESS] = "progress", [EVENT_QUEUE] = "queue",
    [EVENT_SCHEDULE] = "schedule", [EVENT_SERVER] = "server",     [EVENT_MISSED] = "missed",
};

static int shown(struct span s)
{
    return (int)(s.len > 80 ? 80 : s.len);
}

/* ---- making one ------------------------------------------------------------------------------ */

static enum pinion_err add_name(struct event_names *names, struct span name, const char *noun,
                                struct error *why)
{
    char *old = names->text;

    if (names->count == EVENT_FILTER_NAMES_MAX)
        return error_set(why, PINION_INVALID, "more than %d %ss: expected at most that many",
                         EVENT_FILTER_NAMES_MAX, noun);
    names->text = xasprintf("%s%s%.*s", old ? old : "", old ? "," : "", (int)name.len, name.data);
    names->count++;
    free(old);
    return PINION_OK;
}

enum pinion_err event_filter_queues(struct event_filter *f, struct span list, struct error *why)
{
    enum pinion_err err;

    do {
        struct span name = span_cut(&list, ',');
        err = queue_name_check(name, why);
        if (!err) err = add_name(&f->queues, name, "queue", why);
    } while (!err && list.len);
    return err;
}

enum pinion_err event_filter_kinds(struct event_filter *f, struct span list, struct error *why)
{
    enum pinion_err err = PINION_OK;

    do {
        struct span name = span_cut(&list, ',');
        if (!pattern_ok(name))
            return error_set(why, PINION_INVALID,
                             "kind '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ : / -, or such "
                             "with a star behind the last dot, colon or slash",
                             shown(name), name.data ? name.data : "", KIND_MAX);
        err = add_name(&f->kinds, name, "kind", why);
    } while (!err && list.len);
    return err;
}

enum pinion_err event_filter_types(struct event_filter *f, struct span list, struct error *why)
{
    do {
        struct span name = span_cut(&list, ',');
        unsigned i = 0;
        while (i < EVENT_TYPES && !span_is(name, event_type_names[i])) i++;
        if (i == EVENT_TYPES)
            return error_set(why, PINION_INVALID,
                             "type '%.*s': expected job, progress, queue, schedule, server or "
                             "missed",
                             shown(name), name.data ? name.data : "");
        f->types |= 1u << i;
    } while (list.len);
    return PINION_OK;
}

void event_filter_deinit(struct event_filter *f)
{
    free(f->queues.text);
    free(f->kinds.text);
    free(f->prefix);
    *f = EVENT_FILTER_INIT;
}

/* ---- asking it ------------------------------------------------------------------------------- */

static bool is_named(const struct event_names *names, struct span name)
{
    struct span rest = span_of(names->text);

    while (rest.len)
        if (span_equal(span_cut(&rest, ','), name)) return true;
    return false;
}

static bool fits(const struct event_names *patterns, struct span kind)
{
    struct span rest = span_of(patterns->text);

    while (rest.len) {
        struct span pattern = span_cut(&rest, ',');
        bool is_prefix = pattern.data[pattern.len - 1] == '*';
        if (is_prefix) pattern.len--;
        if (is_prefix ? kind.len > pattern.len : kind.len == pattern.len)
            if (memcmp(kind.data, pattern.data, pattern.len) == 0) return true;
    }
    return false;
}

bool event_filter_sees(const struct event_filter *f, struct span queue)
{
    if (f->prefix && (!queue.data || !span_starts(queue, f->prefix))) return false;
    return !f->queues.text || (queue.data && is_named(&f->queues, queue));
}

bool event_filter_passes(const struct event_filter *f, enum event_type type, struct span queue,
                         struct span kind)
{
    if (type == EVENT_MISSED) return true;
    if (f->types && !(f->types & 1u << type)) return false;
    if (!event_filter_sees(f, queue)) return false;
    return !f->kinds.text || (kind.data && fits(&f->kinds, kind));
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool event_filter_equal(const struct event_filter *a, const struct event_filter *b)
{
    return a->types == b->types && a->with_kind == b->with_kind && same(a->prefix, b->prefix) &&
           same(a->queues.text, b->queues.text) && same(a->kinds.text, b->kinds.text);
}

bool event_filter_wants_kinds(const struct event_filter *f)
{
    return f->with_kind || f->kinds.text;
}
