/* cli/top/source.h — asks Redis for what `pinion top` shows, on the loop, without blocking it.
 *
 *      look ──► fleet (queues and servers) ──┐
 *         └───► schedules, page by page ─────┴──► seen, or failed
 */
#ifndef PINION_CLI_TOP_SOURCE_H
#define PINION_CLI_TOP_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include "base/error.h"

/* Of all schedules by name; what is beyond is not looked at. */
#define SOURCE_SCHEDULES_MAX 1024

struct ev_loop;
struct fleet_view;
struct redis_url;
struct source;

struct source_options {
    struct ev_loop *loop;
    const struct redis_url *url; /* borrowed, as all */
    const char *name_space;
    bool allow_eviction;
    /* The end of a look; both are borrowed until it returns. */
    void (*seen)(void *ctx, const struct fleet_view *, const json_t *schedules);
    void (*failed)(void *ctx, enum pinion_err);
    void *ctx;
};

/* The first look begins by itself, and another whenever Redis was lost and is found again. */
struct source *source_new(const struct source_options *);
void source_free(struct source *); /* runs the loop until what is under way has ended */
/* While a look is under way, another is not begun. Without Redis it fails at once. */
void source_look(struct source *);

#endif
