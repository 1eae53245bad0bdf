/* control/events/frame.h — what one listener is sent at once: a stretch of the history, as it
 * passes a filter. Pure.
 *
 *     {"id":"1f0c77ab-43","events":[{"type":"job",...}, ...],"more":{"mail":{"done":300}}}
 *
 * Up to FRAME_JOBS_MAX changes of jobs stand in it one by one, while it is below FRAME_BYTES_SOME.
 * If there were more, FRAME_JOBS_NAMED do, and "more" says of each queue and state how many others
 * there were, of whatever kind.
 */
#ifndef PINION_CONTROL_EVENTS_FRAME_H
#define PINION_CONTROL_EVENTS_FRAME_H

#include "control/events/history.h"

#define FRAME_JOBS_MAX   MOMENT_JOBS_MAX
#define FRAME_JOBS_NAMED 16
#define FRAME_BYTES_SOME (128u << 10)
#define FRAME_OTHERS_BYTES (64u << 10) /* of what is not of jobs, about: more is another frame's */
#define FRAME_NAMES_LOOK 8   /* names of a filter that take as long as all else of an event */
#define FRAME_LOOK_MAX   (1 + 2 * EVENT_FILTER_NAMES_MAX / FRAME_NAMES_LOOK)
#define FRAME_ID_MAX     40
#define FRAME_FORMS      2

struct frame {
    char id[FRAME_ID_MAX]; /* after which one may go on */
    struct buffer json;    /* the whole object */
    uint64_t told;         /* events in it, and what "more" counts */
    /* What a listener made of it, for others that are sent the same; dropped with the frame. */
    void *forms[FRAME_FORMS];
    void (*drop_form)(void *form);
};

/* "EPOCH-SEQ": which history, and the last moment that was told. */
void frame_id(char out[FRAME_ID_MAX], uint32_t epoch, uint64_t seq);
/* PINION_INVALID: no id, or none of this epoch. */
enum pinion_err frame_id_read(struct span, uint32_t epoch, uint64_t *ret_seq) must_use;

/* The moments after `from` up to `*to`, or up to an earlier one where that is more than a frame
 * holds: `*to` says which. NULL when nothing in them passes. The caller's. */
struct frame *frame_new(const struct history *, const struct event_filter *, uint32_t epoch,
                        uint64_t from, uint64_t *to) must_use;
/* The same for a loop that has other work, too: a part at a time. History and filter are borrowed
 * until its end; what the history forgets meanwhile is not in the frame. */
struct frame_maker;
struct frame_maker *frame_begin(const struct history *, const struct event_filter *, uint32_t epoch,
                                uint64_t from, uint64_t to) must_use;
/* Takes what it uses off *looks: one for each event, and more by the names of the filter, up to
 * FRAME_LOOK_MAX. false: it needs more. */
bool          frame_step(struct frame_maker *, size_t *looks);
struct frame *frame_end(struct frame_maker *, uint64_t *ret_to) must_use; /* after the last step */
void          frame_drop(struct frame_maker *); /* instead; NULL: no-op */

/* Of events made by the caller: an array without its brackets. Copied. */
struct frame *frame_of(uint32_t epoch, uint64_t seq, struct span events, uint64_t told) must_use;
void          frame_free(struct frame *); /* NULL: no-op */

#endif
