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
    struct event_count *counts;
    size_t counted;
};

/* Of the queue that was told of last, mostly. */
static struct event_count *count_of(struct making *m, struct span queue)
{
    for (size_t i = m->counted; i > 0; i--)
        if (span_is(queue, m->counts[i - 1].queue)) return &m->counts[i - 1];
    m->counts = xrealloc(m->counts, (m->counted + 1) * sizeof *m->counts);
    m->counts[m->counted] = (struct event_count){0};
    memcpy(m->counts[m->counted].queue, queue.data, queue.len);
    return &m->counts[m->counted++];
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
    for (size_t i = 0; i < m->counted; i++) {
        const struct event_count *c = &m->counts[i];
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

struct frame *frame_new(const struct history *h, const struct event_filter *filter, uint32_t epoch,
                        uint64_t from, uint64_t *ret_to)
{
    uint64_t to = *ret_to = history_stretch(h, from, *ret_to, FRAME_OTHERS_BYTES);
    struct making m = {.filter = filter};

    history_each_event(h, from, to, on_look, &m);
    history_each_count(h, from, to, on_look_count, &m);
    m.room = m.jobs + m.more > FRAME_JOBS_MAX ? FRAME_JOBS_NAMED : FRAME_JOBS_MAX;
    m.told = m.more;
    begin(&m.json, epoch, to);
    history_each_event(h, from, to, on_event, &m);
    buffer_add_char(&m.json, ']');
    if (m.counted) add_more(&m);
    buffer_add_char(&m.json, '}');
    free(m.counts);
    if (m.told) return finished(epoch, to, m.json, m.told);
    buffer_deinit(&m.json);
    return NULL;
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
