#include "control/bulk.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/shape.h"
#include "queue/key.h"
#include "queue/look.h"

static enum pinion_err refuse_state(enum bulk_verb verb, struct span state, struct error *why)
{
    struct buffer known = BUFFER_INIT;

    for (size_t i = 0; i < STATES; i++)
        if (bulk_changes(verb, span_of(job_states[i])))
            buffer_printf(&known, "%s%s", known.len ? ", " : "", job_states[i]);
    if (state.data)
        error_set(why, PINION_INVALID, "state '%.*s': to %s, expected one of %s",
                  (int)(state.len > 40 ? 40 : state.len), state.data, bulk_names[verb], known.data);
    else
        error_set(why, PINION_INVALID, "no state: to %s all, expected one of %s", bulk_names[verb],
                  known.data);
    buffer_deinit(&known);
    return PINION_INVALID;
}

static bool wanted(const struct bulk *b, size_t state)
{
    if (!bulk_changes(b->o.verb, span_of(job_states[state]))) return false;
    return !b->o.state.data || span_is(b->o.state, job_states[state]);
}

/* On to the next state that is wanted, from this one on. */
static void choose_state(struct bulk *b)
{
    while (b->state < b->state_end && !wanted(b, b->state)) b->state++;
}

static void keep_place(struct bulk *b, struct span place, char from, char to)
{
    buffer_clear(&b->place_room);
    buffer_add(&b->place_room, place.data, place.len);
    for (size_t i = 0; i < place.len; i++)
        if (b->place_room.data[i] == from) b->place_room.data[i] = to;
    b->place = (struct span){b->place_room.data, place.len};
}

/* `STATE`, or `STATE,PLACE` with commas for the blanks of the script's cursor. */
static enum pinion_err read_cursor(struct bulk *b, struct error *why)
{
    struct span rest = b->o.after, state = span_cut(&rest, ',');

    if (!b->o.after.data) return PINION_OK;
    while (b->state < STATES && !span_is(state, job_states[b->state])) b->state++;
    if (b->state == STATES || !wanted(b, b->state) ||
        (rest.len && (rest.data[0] < '0' || rest.data[0] > '9')))
        return error_set(why, PINION_INVALID, "cursor '%.*s': expected the `next` of such a change",
                         (int)(b->o.after.len > 80 ? 80 : b->o.after.len), b->o.after.data);
    if (rest.len) keep_place(b, rest, ',', ' ');
    return PINION_OK;
}

enum pinion_err bulk_init(struct bulk *b, const struct bulk_options *options, struct error *why)
{
    enum pinion_err err;

    *b = (struct bulk){.o = *options, .state_end = STATES};
    err = queue_name_check(b->o.queue, why);
    if (!err) err = filter_check(&b->o.filter, why);
    if (err) return err;
    if (b->o.state.data ? !job_state_ok(b->o.state) || !bulk_changes(b->o.verb, b->o.state)
                        : !b->o.all_states)
        return refuse_state(b->o.verb, b->o.state, why);
    err = read_cursor(b, why);
    choose_state(b);
    return err;
}

void bulk_deinit(struct bulk *b)
{
    buffer_deinit(&b->place_room);
}

bool bulk_more(const struct bulk *b)
{
    return b->state < b->state_end;
}

void bulk_step_build(const struct bulk *b, struct request *r, struct span key)
{
    bulk_build(r, key, b->o.verb, span_of(job_states[b->state]), &b->o.filter, b->place);
}

enum pinion_err bulk_step_read(struct bulk *b, const struct redisReply *reply)
{
    struct bulk_step step;
    enum pinion_err err = bulk_read(reply, &step);

    if (err) return err;
    b->looked += step.looked;
    b->changed += step.changed;
    if (step.next.len) {
        keep_place(b, step.next, ' ', ' ');
        return PINION_OK;
    }
    b->place = (struct span){0};
    b->state++;
    choose_state(b);
    return PINION_OK;
}

char *bulk_cursor(const struct bulk *b)
{
    char *text;

    if (!bulk_more(b)) return NULL;
    text = xasprintf("%s%s%.*s", job_states[b->state], b->place.len ? "," : "", (int)b->place.len,
                     b->place.len ? b->place.data : "");
    for (char *at = text; *at; at++)
        if (*at == ' ') *at = ',';
    return text;
}

json_t *shape_bulk(const struct bulk *b)
{
    char *next = bulk_cursor(b);
    json_t *o = json_pack("{s:o, s:s, s:I, s:I, s:s?}", "queue", shape_text(b->o.queue), "verb",
                          bulk_names[b->o.verb], "looked", (json_int_t)b->looked, "changed",
                          (json_int_t)b->changed, "next", next);

    free(next);
    return o;
}
