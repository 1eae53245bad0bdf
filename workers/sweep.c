#include "workers/sweep.h"

#include <ev.h>
#include <stdlib.h>
#include "base/memory.h"
#include "workers/process_table.h"

struct sweep {
    struct ev_loop *loop;
    swept_fn *done;
    struct list waiting;
    ev_timer turn;
};

static void on_turn(struct ev_loop *loop, ev_timer *turn, int events)
{
    struct sweep *s = container_of(turn, struct sweep, turn);
    struct list ended;
    size_t count = 0;

    (void)events;
    ev_timer_stop(loop, turn);
    list_init(&ended);
    list_take(&ended, &s->waiting);
    list_for_each(node, &ended) count++;
    pid_t *leaders = xcalloc(count, sizeof *leaders);
    count = 0;
    list_for_each(node, &ended) leaders[count++] = container_of(node, struct swept, node)->leader;
    process_kill_strays(leaders, count);
    free(leaders);
    for (struct list *node; (node = list_pop(&ended));)
        s->done(container_of(node, struct swept, node));
}

struct sweep *sweep_new(struct ev_loop *loop, swept_fn *done)
{
    struct sweep *s = xcalloc(1, sizeof *s);

    s->loop = loop;
    s->done = done;
    list_init(&s->waiting);
    ev_timer_init(&s->turn, on_turn, 0., 0.);
    return s;
}

void sweep_free(struct sweep *s)
{
    if (!s) return;
    ev_timer_stop(s->loop, &s->turn);
    free(s);
}

void sweep_add(struct sweep *s, struct swept *one)
{
    list_push(&s->waiting, &one->node);
    ev_timer_start(s->loop, &s->turn); /* running: no-op */
}
