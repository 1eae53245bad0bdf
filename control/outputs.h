/* control/outputs.h — who follows the output of running jobs, by the channels on which it is told.
 *
 * See workers/tail.h for what is told. A message may be lost: who follows asks again. Loop thread
 * only.
 */
#ifndef PINION_CONTROL_OUTPUTS_H
#define PINION_CONTROL_OUTPUTS_H

#include <stdbool.h>
#include "base/error.h"
#include "base/list.h"
#include "base/text.h"

#define OUTPUT_WAITS_MAX 100 /* at once */

struct link;
struct outputs;

/* Embed it. `told`: something came, and it may leave; or (`stop`) the server stops, and it
 * must. */
struct output_wait {
    void (*told)(struct output_wait *, struct span message, bool stop);
    struct list node; /* private from here on */
    char *channel;    /* NULL: it does not wait */
};

struct outputs *outputs_new(struct link *, const char *name_space); /* both borrowed */
void            outputs_free(struct outputs *); /* nobody waits; NULL: no-op */

/* PINION_BUSY: OUTPUT_WAITS_MAX wait already. `told` is called from the loop only. */
enum pinion_err outputs_wait(struct outputs *, struct span queue, struct span local,
                             struct output_wait *) must_use;
void            outputs_leave(struct outputs *, struct output_wait *); /* not waiting: no-op */

/* From the link: a channel of output, or any other (no-op); outputs NULL: no-op. */
void outputs_message(struct outputs *, struct span channel, struct span text);
void outputs_stop(struct outputs *); /* ends all waits; NULL: no-op */

#endif
