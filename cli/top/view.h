/* cli/top/view.h — the picture of `pinion top`, and what its keys do to it. Pure.
 *
 *      row 0   what is looked at                                      who, when
 *          1   jobs by state
 *          2   rates                                        slots that are busy
 *          4   the parts: all of them, or one in the whole height
 *       last   the keys; or the filter while it is typed; or what is wrong
 */
#ifndef PINION_CLI_TOP_VIEW_H
#define PINION_CLI_TOP_VIEW_H

#include <jansson.h>
#include "cli/top/part.h"

/* All is shown from this size on; below the least of it nothing is. */
#define VIEW_WIDTH       80
#define VIEW_HEIGHT      24
#define VIEW_WIDTH_MIN   60
#define VIEW_HEIGHT_MIN  12
#define VIEW_FILTER_MAX  40

struct view {
    const char *where;   /* the Redis; borrowed */
    const char *problem; /* why nothing new is seen; NULL: all is well */
    char every[32];      /* how often it looks */

    enum part part;      /* the one that fills the height, or whose rows are sorted */
    bool alone, paused, help, filtering;
    struct order order[PARTS];
    size_t first[PARTS]; /* row that is on top of a part alone */
    char filter[VIEW_FILTER_MAX + 1];
};

enum view_wish { VIEW_NOTHING, VIEW_DRAW, VIEW_LOOK, VIEW_QUIT };

void view_init(struct view *, const char *where, uint64_t every_ms);
/* `model`: of struct model; NULL: nothing was seen yet. */
enum view_wish view_key(struct view *, int key, const json_t *model, unsigned width,
                        unsigned height);
void view_draw(const struct view *, const json_t *model, int64_t now_ms, struct screen *);
/* The same for paper: all rows, no line of keys. Of that height. */
void     view_draw_plain(const struct view *, const json_t *model, int64_t now_ms, struct screen *);
unsigned view_height(const json_t *model);

#endif
