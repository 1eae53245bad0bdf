#include "control/listing.h"

#include "control/shape.h"
#include "queue/key.h"

/* The filter, and what the cursor says of it. */
static enum pinion_err choose_states(struct listing *l, struct error *why)
{
    struct span state = l->o.state;

    l->state_end = STATES;
    if (!state.data) return PINION_OK;
    if (!job_state_ok(state))
        return error_set(why, PINION_INVALID,
                         "state '%.*s': expected scheduled, waiting, ready, active, retry, done, "
                         "dead or cancelled",
                         (int)(state.len > 40 ? 40 : state.len), state.data);
    if (l->o.after.data && !span_is(state, job_states[l->state]))
        return error_set(why, PINION_INVALID, "cursor '%.*s' goes on in another state than %.*s",
                         (int)(l->o.after.len > 80 ? 80 : l->o.after.len), l->o.after.data,
                         (int)state.len, state.data);
    while (!span_is(state, job_states[l->state])) l->state++;
    l->state_end = l->state + 1;
    return PINION_OK;
}

enum pinion_err listing_init(struct listing *l, const struct listing_options *options,
                             struct error *why)
{
    enum pinion_err err;

    *l = (struct listing){.o = *options, .left = options->limit};
    err = queue_name_check(options->queue, why);
    if (!err) err = cursor_parse(options->after, &l->state, &l->place_room, &l->place, why);
    if (!err) err = filter_check(&options->filter, why);
    return err ? err : choose_states(l, why);
}

void listing_deinit(struct listing *l)
{
    buffer_deinit(&l->place_room);
}

bool listing_more(const struct listing *l)
{
    return l->left > 0 && l->bytes < l->o.bytes_max && l->state < l->state_end;
}

void listing_build(const struct listing *l, struct request *r, struct span key)
{
    list_build(r, key, job_states[l->state], &l->o.filter, l->place, l->left);
}

/* The place of the reply, kept beyond it; empty: the next state, from its start. */
static void move_on(struct listing *l, struct span next)
{
    if (next.len) {
        buffer_clear(&l->place_room);
        buffer_add(&l->place_room, next.data, next.len);
        l->place = (struct span){l->place_room.data, l->place_room.len};
    } else {
        l->place = (struct span){0};
        l->state++;
    }
}

void listing_read(struct listing *l, const struct redisReply *reply, listing_item_fn *item,
                  void *ctx)
{
    struct job_view view;

    for (size_t i = 0; i < list_count(reply) && l->left > 0; i++) {
        if (list_item(reply, i, job_states[l->state], &view)) continue; /* doctor's business */
        item(ctx, &view);
        l->bytes += view.job.payload.len;
        job_view_deinit(&view);
        l->left--;
    }
    move_on(l, list_next(reply));
}

char *listing_cursor(const struct listing *l)
{
    return l->state < l->state_end ? cursor_text(job_states[l->state], l->place) : NULL;
}
