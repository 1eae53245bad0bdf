#include "control/pulse.h"

#include "base/clock.h"
#include "base/macros.h"

static void on_check(struct ev_loop *loop, ev_check *check, int events)
{
    (void)loop, (void)events;
    container_of(check, struct pulse, check)->woke_us = clock_mono_us();
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    struct pulse *p = container_of(prepare, struct pulse, prepare);

    (void)loop, (void)events;
    if (p->woke_us) histogram_add(&p->stall_us, clock_mono_us() - p->woke_us);
    p->woke_us = 0;
}

/* The check comes before all other callbacks of a turn, the prepare after all others. */
void pulse_start(struct pulse *p, struct ev_loop *loop)
{
    ev_check_init(&p->check, on_check);
    ev_set_priority(&p->check, EV_MAXPRI);
    ev_check_start(loop, &p->check);
    ev_unref(loop);
    ev_prepare_init(&p->prepare, on_prepare);
    ev_set_priority(&p->prepare, EV_MINPRI);
    ev_prepare_start(loop, &p->prepare);
    ev_unref(loop);
}

void pulse_stop(struct pulse *p, struct ev_loop *loop)
{
    ev_ref(loop);
    ev_check_stop(loop, &p->check);
    ev_ref(loop);
    ev_prepare_stop(loop, &p->prepare);
}
