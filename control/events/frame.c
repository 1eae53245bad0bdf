#include "control/events/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* ---- ids ------------------------------------------------------------------------------------- */

void frame_id(char out[FRAME_ID_MAX], uint32_t epoch, uint64_t seq)
{
    snprintf(out, FRAME_ID_MAX, "%08" PRIx32 "-%" PRIu64, epoch, seq);
}

enum pinion_err frame_id_read(struct span id, uint32_t epoch, uint64_t *ret_seq)
{
    char expected[FRAME_ID_MAX];
    struct span seq = id;

    frame_id(expected, epoch, 0);
    if (id.len <= 9 || memcmp(id.data, expected, 9) != 0) return PINION_INVALID;
    seq.data += 9;
    seq.len -= 9;
    return text_parse_u64(seq, 0, UINT64_MAX / 2, ret_seq);
}

/* ---- making one ------------------------------------------------------------------------------ */

struct making {
    const struct event_filter *filter;
    struct buffer json;
    uint64_t jobs, more; /* changes of jobs that pass: as events, and only counted */
    uint64_t room;       /* for jobs one by one */
    uint64_t listed, told;
    struct event_counts counts;
};

/* Names of queues come from moments, which are of the right length: there is always one. */
static struct event_count *count_of(struct making *m, struct span queue)
{
    return event_counts_of(&m->counts, queue, SIZE_MAX);
}

static bool passes(const struct making *m, const struct event *e)
{
    return event_filter_passes(m->filter, e->type, e->queue, e->kind);
}

static void on_look(void *ctx, const struct event *e)
{
    struct making *m = ctx;

    if (e->type == EVENT_JOB && passes(m, e)) m->jobs++;
}

static void on_look_count(void *ctx, const struct event_count *c)
{
    struct making *m = ctx;

    if (m->filter->types && !(m->filter->types & 1u << EVENT_JOB)) return;
    if (!event_filter_sees(m->filter, span_of(c->queue))) return;
    for (size_t i = 0; i < EVENT_STATES; i++) {
        if (!c->jobs[i]) continue;
        count_of(m, span_of(c->queue))->jobs[i] += c->jobs[i];
        m->more += c->jobs[i];
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct making *m = ctx;

    if (!passes(m, e)) return;
    m->told++;
    if (e->type == EVENT_JOB && (m->room == 0 || m->json.len >= FRAME_BYTES_SOME)) {
        count_of(m, e->queue)->jobs[e->state]++;
        return;
    }
    if (e->type == EVENT_JOB) m->room--;
    if (m->listed++) buffer_add_char(&m->json, ',');
    buffer_add(&m->json, e->json.data, e->json.len);
}

static void add_more(struct making *m)
{
    buffer_add_text(&m->json, ",\"more\":{");
    for (size_t i = 0; i < m->counts.count; i++) {
        const struct event_count *c = &m->counts.items[i];
        const char *comma = "";
        buffer_printf(&m->json, "%s\"%s\":{", i ? "," : "", c->queue);
        for (size_t state = 0; state < EVENT_STATES; state++) {
            if (!c->jobs[state]) continue;
            buffer_printf(&m->json, "%s\"%s\":%" PRIu32, comma, event_states[state],
                          c->jobs[state]);
            comma = ",";
        }
        buffer_add_char(&m->json, '}');
    }
    buffer_add_char(&m->json, '}');
}

static struct frame *finished(uint32_t epoch, uint64_t seq, struct buffer json, uint64_t told)
{
    struct frame *f = xcalloc(1, sizeof *f);

    frame_id(f->id, epoch, seq);
    f->json = json;
    f->told = told;
    return f;
}

static void begin(struct buffer *json, uint32_t epoch, uint64_t seq)
{
    char id[FRAME_ID_MAX];

    frame_id(id, epoch, seq);
    buffer_printf(json, "{\"id\":\"%s\",\"events\":[", id);
}

/* Twice through the stretch: how many jobs there are decides how many of them are named. */
struct frame_maker {
    struct making making;
    const struct history *history;
    uint32_t epoch;
    uint64_t from, to;
    struct history_at at;
    size_t look; /* what one event costs */
    bool writes; /* it goes through it for the second time */
};

struct frame_maker *frame_begin(const struct history *h, const struct event_filter *filter,
                                uint32_t epoch, uint64_t from, uint64_t to)
{
    struct frame_maker *k = xcalloc(1, sizeof *k);

    k->making.filter = filter;
    k->history = h;
    k->epoch = epoch;
    k->from = from;
    k->to = history_stretch(h, from, to, FRAME_OTHERS_BYTES);
    k->at.seq = from + 1;
    k->look = 1 + (filter->queues.count + filter->kinds.count) / FRAME_NAMES_LOOK;
    return k;
}

static void begin_to_write(struct frame_maker *k)
{
    struct making *m = &k->making;

    m->room = m->jobs + m->more > FRAME_JOBS_MAX ? FRAME_JOBS_NAMED : FRAME_JOBS_MAX;
    m->told = m->more;
    begin(&m->json, k->epoch, k->to);
    k->writes = true;
    k->at = (struct history_at){.seq = k->from + 1};
}

bool frame_step(struct frame_maker *k, size_t *looks)
{
    while (k->at.seq <= k->to || !k->writes) {
        size_t max = *looks / k->look;
        if (!max) return false;
        *looks -= k->look * history_walk(k->history, &k->at, k->to, max,
                                         k->writes ? on_event : on_look,
                                         k->writes ? NULL : on_look_count, &k->making);
        if (k->at.seq > k->to && !k->writes) begin_to_write(k);
    }
    return true;
}

void frame_drop(struct frame_maker *k)
{
    if (!k) return;
    buffer_deinit(&k->making.json);
    event_counts_deinit(&k->making.counts);
    free(k);
}

struct frame *frame_end(struct frame_maker *k, uint64_t *ret_to)
{
    struct making *m = &k->making;
    struct frame *f = NULL;

    *ret_to = k->to;
    buffer_add_char(&m->json, ']');
    if (m->counts.count) add_more(m);
    buffer_add_char(&m->json, '}');
    if (m->told) {
        f = finished(k->epoch, k->to, m->json, m->told);
        m->json = BUFFER_INIT;
    }
    frame_drop(k);
    return f;
}

struct frame *frame_new(const struct history *h, const struct event_filter *filter, uint32_t epoch,
                        uint64_t from, uint64_t *ret_to)
{
    struct frame_maker *k = frame_begin(h, filter, epoch, from, *ret_to);
    size_t looks = SIZE_MAX;

    while (!frame_step(k, &looks)) looks = SIZE_MAX;
    return frame_end(k, ret_to);
}

struct frame *frame_of(uint32_t epoch, uint64_t seq, struct span events, uint64_t told)
{
    struct buffer json = BUFFER_INIT;

    begin(&json, epoch, seq);
    buffer_add(&json, events.data, events.len);
    buffer_add_text(&json, "]}");
    return finished(epoch, seq, json, told);
}

void frame_free(struct frame *f)
{
    if (!f) return;
    for (size_t i = 0; i < FRAME_FORMS; i++)
        if (f->forms[i]) f->drop_form(f->forms[i]);
    buffer_deinit(&f->json);
    free(f);
}
