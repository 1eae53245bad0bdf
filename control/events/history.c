#include "control/events/history.h"

#include <stdlib.h>
#include <string.h>
#include "base/buffer.h"
#include "base/memory.h"

/* Where an event's spans begin in the text of its moment: queue, then kind, then json. */
struct entry {
    enum event_type type;
    int state;
    uint32_t at, json_len;
    uint8_t queue_len, kind_len; /* 0: absent */
};

struct moment {
    struct list node;
    uint64_t seq, closed_ms;
    struct buffer text;
    struct entry *entries;
    size_t count, room, jobs; /* jobs: changes and progress, */
    size_t others;            /* and the bytes of all else */
    struct event_counts counts;
};

struct history {
    struct list moments; /* the last one is open */
    size_t bytes;        /* of those that are closed */
};

const char *const event_states[EVENT_STATES] = {"scheduled", "waiting", "ready",
                                                "active",    "retry",   "done",
                                                "dead",      "cancelled", "deleted"};

int event_state(struct span word)
{
    for (int i = 0; i < EVENT_STATES; i++)
        if (span_is(word, event_states[i])) return i;
    return -1;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct moment *moment_of(struct list *node)
{
    return container_of(node, struct moment, node);
}

static struct moment *open_moment(const struct history *h)
{
    return moment_of(h->moments.prev);
}

static void begin(struct history *h, uint64_t seq)
{
    struct moment *m = xcalloc(1, sizeof *m);

    m->seq = seq;
    list_push(&h->moments, &m->node);
}

static size_t bytes_of(const struct moment *m)
{
    return sizeof *m + m->text.cap + m->room * sizeof *m->entries +
           event_counts_bytes(&m->counts);
}

static void drop_first(struct history *h)
{
    struct moment *m = moment_of(list_pop(&h->moments));

    buffer_deinit(&m->text);
    free(m->entries);
    event_counts_deinit(&m->counts);
    free(m);
}

struct history *history_new(void)
{
    struct history *h = xcalloc(1, sizeof *h);

    list_init(&h->moments);
    begin(h, 1);
    return h;
}

void history_free(struct history *h)
{
    while (h && !list_empty(&h->moments)) drop_first(h);
    free(h);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void add(struct moment *m, const struct event *e)
{
    struct entry entry = {.type = e->type,
                          .state = e->state,
                          .at = (uint32_t)m->text.len,
                          .json_len = (uint32_t)e->json.len,
                          .queue_len = (uint8_t)e->queue.len,
                          .kind_len = (uint8_t)e->kind.len};

    if (m->count == m->room) {
        m->room = m->room ? 2 * m->room : 16;
        m->entries = xrealloc(m->entries, m->room * sizeof *m->entries);
    }
    m->entries[m->count++] = entry;
    if (e->queue.len) buffer_add(&m->text, e->queue.data, e->queue.len);
    if (e->kind.len) buffer_add(&m->text, e->kind.data, e->kind.len);
    buffer_add(&m->text, e->json.data, e->json.len);
}

static bool is_of_jobs(enum event_type type)
{
    return type == EVENT_JOB || type == EVENT_PROGRESS;
}

void history_add(struct history *h, const struct event *e)
{
    struct moment *m = open_moment(h);

    if (is_of_jobs(e->type) && history_is_full(h)) {
        if (e->type == EVENT_JOB) history_count(h, e->queue, e->state, 1);
        return;
    }
    add(m, e);
    if (is_of_jobs(e->type)) m->jobs++;
    else m->others += e->json.len;
}

void history_count(struct history *h, struct span queue, int state, uint32_t jobs)
{
    struct event_count *c =
        jobs ? event_counts_of(&open_moment(h)->counts, queue, MOMENT_COUNTS_MAX) : NULL;

    if (c) c->jobs[state] += jobs;
}

bool history_is_full(const struct history *h)
{
    const struct moment *m = open_moment(h);

    return m->jobs == MOMENT_JOBS_MAX || m->text.len - m->others >= MOMENT_BYTES_MAX;
}

bool history_is_large(const struct history *h)
{
    return open_moment(h)->others >= MOMENT_OTHERS_BYTES;
}

bool history_is_open(const struct history *h)
{
    return open_moment(h)->count || open_moment(h)->counts.count;
}

void history_close(struct history *h, uint64_t mono_ms)
{
    struct moment *m = open_moment(h), *first;

    if (history_is_open(h)) {
        m->closed_ms = mono_ms;
        h->bytes += bytes_of(m);
        begin(h, m->seq + 1);
    }
    while ((first = moment_of(h->moments.next)) != open_moment(h)) {
        if (h->bytes <= HISTORY_BYTES_MAX && mono_ms - first->closed_ms <= HISTORY_MS) break;
        h->bytes -= bytes_of(first);
        drop_first(h);
    }
}

/* ---- looking back ---------------------------------------------------------------------------- */

uint64_t history_last(const struct history *h)
{
    return open_moment(h)->seq - 1;
}

bool history_reaches(const struct history *h, uint64_t seq)
{
    return seq <= history_last(h) && moment_of(h->moments.next)->seq <= seq + 1;
}

static struct event event_of(const struct moment *m, const struct entry *n)
{
    const char *text = m->text.data + n->at;
    size_t head = (size_t)n->queue_len + n->kind_len;

    return (struct event){
        .type = n->type,
        .state = n->state,
        .queue = n->queue_len ? (struct span){text, n->queue_len} : (struct span){0},
        .kind = n->kind_len ? (struct span){text + n->queue_len, n->kind_len} : (struct span){0},
        .json = {text + head, n->json_len},
    };
}

/* Frames are made of the last moments, so they are sought from there. */
static struct list *first_after(const struct history *h, uint64_t from)
{
    struct list *node = h->moments.prev; /* the open one, of which nothing is told */

    while (node->prev != &h->moments && moment_of(node->prev)->seq > from) node = node->prev;
    return node;
}

uint64_t history_stretch(const struct history *h, uint64_t from, uint64_t to, size_t bytes_max)
{
    size_t bytes = 0;

    for (struct list *node = first_after(h, from); node != &h->moments; node = node->next) {
        const struct moment *m = moment_of(node);
        if (m->seq > to) break;
        bytes += m->others;
        if (bytes > bytes_max && m->seq > from + 1) return m->seq - 1;
    }
    return to;
}

size_t history_walk(const struct history *h, struct history_at *at, uint64_t to, size_t max,
                    history_event_fn *tell, history_count_fn *tell_count, void *ctx)
{
    size_t looked = 0;

    for (struct list *node = first_after(h, at->seq - 1); node != &h->moments; node = node->next) {
        const struct moment *m = moment_of(node);
        size_t all = m->count + (tell_count ? m->counts.count : 0);
        if (m->seq > to) break;
        if (m->seq != at->seq) *at = (struct history_at){.seq = m->seq};
        for (; at->place < all && looked < max; at->place++, looked++) {
            struct event e;
            if (at->place >= m->count) {
                tell_count(ctx, &m->counts.items[at->place - m->count]);
                continue;
            }
            e = event_of(m, &m->entries[at->place]);
            tell(ctx, &e);
        }
        if (at->place < all) return looked;
        *at = (struct history_at){.seq = m->seq + 1};
    }
    at->seq = to + 1;
    return looked;
}
