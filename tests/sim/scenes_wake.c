/* The smallest runs in which a wake-up can be lost. */
#include "tests/sim/scenes.h"

#include "tests/sim/books.h"
#include "tests/sim/client.h"
#include "tests/sim/node.h"
#include "tests/sim/pullers.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"

#define MS UINT64_C(1000)

static const struct pinion_job now_job = {.kind = "now.a"}, stuck_job = {.kind = "stuck"},
                               due_job = {.kind = "now.a", .in_ms = 100};

static const struct node_options any_a = {.name = "a", .concurrency = 1, .handlers = {{"*", 0}}},
                                 any_b = {.name = "b", .concurrency = 1, .handlers = {{"*", 0}}};

static void enqueue_one(void *job)
{
    client_enqueue(job, 1);
}

static void enqueue_three(void *job)
{
    client_enqueue(job, 3);
}

static void enqueue_soon(const struct pinion_job *job)
{
    client_soon(enqueue_one, (void *)(uintptr_t)job);
}

static void ask(void *node)
{
    pullers_ask(node);
}

static void leave(void *unused)
{
    (void)unused;
    pullers_leave_one();
}

static void stop(void *node)
{
    node_stop(node);
}

static void hurry(void *node)
{
    node_stop(node);
    node_stop(node);
}

static void deafen(void *node)
{
    link_deafen(node_link(node), false);
}

static void cut(void *node)
{
    link_cut(node_link(node));
}

/* Two servers that have found nothing and wait to be woken. */
static void two_idle(struct node **ret_a, struct node **ret_b)
{
    *ret_a = node_start(&any_a);
    *ret_b = node_start(&any_b);
    watch_run_for(500 * MS);
    world_branch(true);
}

static void all_end_before_a_heartbeat(void)
{
    watch_run_until_quiet();
    if (!books_all_ended()) world_broken("nothing is on its way, and not all jobs have ended");
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void first_subscription(bool never_asks)
{
    struct node_options o = any_a;

    o.never_asks_at_start = never_asks;
    world_branch(true);
    node_start(&o);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

void scene_first_subscription(void)
{
    first_subscription(false);
}

void scene_never_asks(void)
{
    first_subscription(true);
}

void scene_renewed_subscription(void)
{
    struct node *a = node_start(&any_a);

    watch_run_for(500 * MS);
    world_branch(true);
    client_soon(deafen, a);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

void scene_more_than_slots(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(enqueue_three, (void *)(uintptr_t)&now_job);
    all_end_before_a_heartbeat();
}

static void enqueue_two(void *job)
{
    client_enqueue(job, 2);
}

void scene_shared_out(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(enqueue_two, (void *)(uintptr_t)&stuck_job);
    watch_run_until_quiet();
}

/* Each of two fills one server for good; who was woken for both has room for one. */
void scene_just_full(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    enqueue_soon(&stuck_job);
    enqueue_soon(&stuck_job);
    watch_run_until_quiet();
}

void scene_just_quiet(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(stop, a);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

void scene_woken_quiet(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(stop, a);
    client_soon(enqueue_three, (void *)(uintptr_t)&now_job);
    all_end_before_a_heartbeat();
}

/* Whoever waits is told, while others hang up, come late, or ask a server that leaves. */
void scene_pulled(void)
{
    static const struct node_options none_a = {.name = "a", .handlers = {{"none", 0}}},
                                     none_b = {.name = "b", .handlers = {{"none", 0}}};
    static const struct pinion_job job = {.kind = "pull"};
    struct node *a = node_start(&none_a), *b = node_start(&none_b);

    watch_run_for(500 * MS);
    pullers_ask(a);
    world_branch(true);
    client_soon(ask, b);
    client_soon(leave, NULL);
    enqueue_soon(&job);
    client_soon(stop, a);
    watch_run_until_quiet();
}

/* The one with the work is told to let go of it, while the other one becomes idle. */
void scene_released(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 1);
    watch_run_for(400 * MS);
    world_branch(true);
    node_start(&any_b);
    client_soon(hurry, a);
    watch_run_for(500 * MS);
    watch_run_until_quiet();
    if (!node_stopped(a)) world_broken("a has not stopped");
}

void scene_promoted(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    enqueue_soon(&due_job);
    enqueue_soon(&due_job);
    watch_run_for(200 * MS);
    all_end_before_a_heartbeat();
}

static void paused(void *yes)
{
    client_pause(yes != NULL);
}

void scene_resumed(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_pause(true);
    client_soon(enqueue_three, (void *)(uintptr_t)&now_job);
    client_soon(paused, NULL);
    all_end_before_a_heartbeat();
}

void scene_one_by_one(void)
{
    node_start(&any_a);
    watch_run_for(500 * MS);
    world_branch(true);
    for (int i = 0; i < 3; i++) enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

static void late_push(bool trusting)
{
    struct node_options o = any_a;

    o.concurrency = 8;
    o.trusts_old_pushes = trusting;
    struct node *a = node_start(&o);
    watch_run_for(500 * MS);
    link_deafen(node_link(a), false);
    for (int i = 0; i < 8; i++) {
        watch_run_for(world_below(30 * MS));
        client_enqueue(&stuck_job, 1);
    }
    watch_run_until_quiet();
}

void scene_late_push(void)
{
    late_push(false);
}

void scene_trusting(void)
{
    late_push(true);
}

void scene_enqueued_paused(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(paused, &a); /* yes */
    enqueue_soon(&now_job);
    watch_run_until_quiet();
    client_pause(false);
    all_end_before_a_heartbeat();
}

/* What was pushed to one that is cut off ends when it is back, or another one reaps it. */
void scene_lost_message(void)
{
    bool cut_off = world_chance(50);
    struct node *a, *b;

    two_idle(&a, &b);
    link_lose_message(node_link(a));
    link_lose_message(node_link(b));
    enqueue_soon(&now_job);
    client_soon(enqueue_three, (void *)(uintptr_t)&due_job);
    if (cut_off) client_soon(cut, a);
    watch_run_for(1500 * MS); /* watch.c knows the bound: a heartbeat */
    if (cut_off) watch_run_for((NODE_LEASE_MS + 3000) * MS);
    if (!world_violation() && node_serves(b) && !books_all_ended())
        world_broken("a job did not end");
}
