/* control/schedule_page.h — a page of all schedules, by name, whatever their queues. Pure.
 *
 *      names of all ──► the page's window of them ──► its part of each queue ──► items, by name
 *
 * A step is built, sent and read, as in control/schedule_act.h. A name without a schedule (somebody
 * is making or removing it) is passed over.
 */
#ifndef PINION_CONTROL_SCHEDULE_PAGE_H
#define PINION_CONTROL_SCHEDULE_PAGE_H

#include "control/new_schedule.h"
#include "queue/key.h"

#define SCHEDULE_ITEMS_MAX     256 /* of one page */
#define SCHEDULE_ITEMS_DEFAULT 100

struct schedule_page_options {
    const char *name_space;
    struct span queue; /* absent: all */
    const char *scope; /* how the names of the queues begin that are shown; NULL: any */
    struct span after; /* a name; absent: from the start */
    uint64_t    limit;
    bool        with_content;
};

struct schedule_page {
    struct schedule_page_options o;
    struct schedule_place { char name[QUEUE_NAME_MAX + 1], queue[QUEUE_NAME_MAX + 1]; } *places;
    size_t  count;       /* of the window */
    bool    more;        /* there are names behind it */
    bool    named;       /* the first step is done */
    size_t  at;          /* a place whose queue is asked now */
    bool   *asked;       /* of each place: its queue was */
    char    go_on[QUEUE_NAME_MAX + 1]; /* a queue's part may come in pieces: behind that name */
    struct queue_key key;
    json_t *found;       /* name -> shape */
};

void page_init(struct schedule_page *, const struct schedule_page_options *);
void page_deinit(struct schedule_page *);

void page_build(struct schedule_page *, struct request *);
/* true: there is a next step. false: it is complete, or *ret_err says why not. */
bool page_read(struct schedule_page *, const struct redisReply *,
               enum pinion_err *ret_err) must_use;

json_t     *page_items(const struct schedule_page *) must_use; /* an array: the caller's */
const char *page_next(const struct schedule_page *);           /* NULL: it was the last one */

#endif
