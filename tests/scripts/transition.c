#include "tests/scripts/transition.h"

#include <stdio.h>
#include "queue/enqueue.h"
#include "queue/limit.h"
#include "queue/outbox.h"
#include "queue/steer.h"
#include "tests/support/check.h"

const char *const at_names[ATS] = {"none", "scheduled", "ready", "active", "marked", "retry",
                                   "done", "dead", "cancelled", "remembered", "waiting"};

struct lease held;
struct pinion_job job;

/* ---- into each state ------------------------------------------------------------------------- */

static void set_limits(void)
{
    const struct limit limits[] = {
        {.scope = LIMIT_QUEUE, .concurrency = 1},
        {.scope = LIMIT_KIND, .name = span_of("wc"), .concurrency = 1},
        {.scope = LIMIT_EACH_GROUP, .concurrency = 1},
    };

    limit_build(&rig.request, rig_key(&rig), true, limits, countof(limits));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &(struct error){0}), PINION_OK);
    freeReplyObject(r);
}

static void set_bounds(void)
{
    struct bounds bounds = {.max_jobs = 10, .max_bytes = 1 << 20};

    bounds_build(&rig.request, rig_key(&rig), bounds);
    freeReplyObject(rig_ask(&rig));
}

static void run_into(enum at at)
{
    held = claim_one(&rig);
    if (at == MARKED) assert_string_equal(cancel(&rig, "x"), "marked");
    if (at == RETRY) assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    if (at == DEAD) assert_string_equal(fail_in(&rig, &held, -1), "dead");
    if (at == DONE || at == REMEMBERED) assert_string_equal(ack_rich(&rig, &held, "r"), "ok");
}

void arrange(enum at at, const struct option *option)
{
    rig_reset(&rig);
    if (option->limited) set_limits();
    if (option->guarded) set_bounds();
    held = (struct lease){.id = "x", .token = "1790000000000000"};
    job = option->job;
    job.kind = "wc";
    job.queue = "q";
    job.id = "x";
    job.payload = "p";
    job.payload_len = 1;
    job.after_any_outcome = 0;
    if (at == SCHEDULED) job.in_ms = 1000;
    if (at == DONE) job.retain_ms = 3600000;
    if (at == WAITING) {
        job.after = "elsewhere:p"; /* who asks there is not of this test */
        job.after_any_outcome = option->job.after_any_outcome;
    }
    if (at == NONE) return;
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    if (at == SCHEDULED || at == READY || at == WAITING) return;
    if (at == CANCELLED) assert_string_equal(cancel(&rig, "x"), "cancelled");
    else run_into(at);
}

/* ---- the verbs, each with its answer as a word ----------------------------------------------- */

static const char *number(int64_t n)
{
    static char text[24];

    snprintf(text, sizeof text, "%lld", (long long)n);
    return text;
}

const char *do_enqueue(void)
{
    return enqueue(&rig, &job, NULL);
}

const char *do_enqueue_other(void)
{
    struct pinion_job other = job;

    other.payload = "P";
    return enqueue(&rig, &other, NULL);
}

/* One of another id, that the unique key keeps out; it may take over what waits. */
static const char *rival(bool replace)
{
    struct pinion_job other = job;

    other.id = "rival";
    other.payload = "R";
    other.in_ms = 0;
    other.after = NULL;
    other.replace = replace;
    return enqueue(&rig, &other, NULL);
}

const char *do_enqueue_rival(void)
{
    return rival(false);
}

const char *do_enqueue_replacing(void)
{
    return rival(true);
}

const char *do_enqueue_paused(void)
{
    assert_true(pause_queue(&rig, true));
    return enqueue(&rig, &job, NULL);
}

static void drain(void)
{
    drain_build(&rig.request, rig_key(&rig), true);
    freeReplyObject(rig_ask(&rig));
}

const char *do_enqueue_draining(void)
{
    struct enqueue_item item = {.job = &job};

    drain();
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    const char *answer = error_name(enqueue_read(r, &item, 1));
    freeReplyObject(r);
    return answer;
}

const char *do_promote_early(void)
{
    rig_step(&rig, 999);
    return number(promote(&rig, NULL));
}

const char *do_promote(void)
{
    rig_step(&rig, 1000);
    return number(promote(&rig, NULL));
}

const char *do_claim(void)
{
    return number((int64_t)claim_count(&rig));
}

const char *do_claim_paused(void)
{
    assert_true(pause_queue(&rig, true));
    return number((int64_t)claim_count(&rig));
}

const char *do_claim_resumed(void)
{
    assert_true(pause_queue(&rig, true));
    assert_false(pause_queue(&rig, true));
    assert_true(pause_queue(&rig, false));
    assert_false(pause_queue(&rig, false));
    return number((int64_t)claim_count(&rig));
}

const char *do_claim_draining(void)
{
    drain();
    return number((int64_t)claim_count(&rig));
}

/* After what it was to start by, if it says so. */
const char *do_claim_late(void)
{
    rig_step(&rig, (int64_t)job.expires_ms + 1);
    return number((int64_t)claim_count(&rig));
}

const char *do_progress(void)
{
    return tell_progress(&rig, &held, 50, "half");
}

const char *do_renew(void)
{
    return renew(&rig, &held, 20000);
}

const char *do_ack(void)
{
    return ack(&rig, &held);
}

const char *do_ack_rich(void)
{
    return ack_rich(&rig, &held, "");
}

const char *do_fail(void)
{
    return fail_in(&rig, &held, 1000);
}

const char *do_fail_last(void)
{
    return fail_in(&rig, &held, -1);
}

const char *do_release(void)
{
    return release(&rig, &held);
}

const char *do_reap_early(void)
{
    rig_step_us(&rig, LEASE_DEFAULT_MS * 1000 - 1);
    return number(reap(&rig));
}

const char *do_reap(void)
{
    rig_step(&rig, LEASE_DEFAULT_MS);
    return number(reap(&rig));
}

const char *do_take_back(void)
{
    struct heartbeat beat;

    heartbeat(&rig, SERVER, NULL, &beat);
    assert_int_equal(beat.seat, 0);
    return number(take_back(&rig, SERVER));
}

const char *do_take_back_unheard(void)
{
    struct heartbeat beat;

    heartbeat(&rig, SERVER, NULL, &beat);
    return number(take_back_unheard(&rig, SERVER));
}

const char *do_cancel(void)
{
    return cancel(&rig, "x");
}

const char *do_edit(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.has_payload = true, .payload = "P",
                                                  .payload_len = 1});
}

const char *do_edit_later(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 60000});
}

const char *do_edit_now(void)
{
    return edit_job(&rig, "x", &(struct job_edit){.when = EDIT_WHEN_IN});
}

const char *do_delete(void)
{
    return delete_job(&rig, "x");
}

const char *do_retry(void)
{
    return requeue(&rig, "retry", "x");
}

const char *do_run(void)
{
    return requeue(&rig, "run", "x");
}

/* What it waits for, or waited for, ends elsewhere. */
static const char *end_of_parent(const char *what)
{
    tell_build(&rig.request, rig_key(&rig));
    tell_add(&rig.request, span_of(what));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(tell_answer(r, 0).len, 0);
    freeReplyObject(r);
    return "";
}

const char *do_parent_done(void)
{
    return end_of_parent("end x elsewhere:p done");
}

const char *do_parent_dead(void)
{
    return end_of_parent("end x elsewhere:p dead");
}

const char *do_sweep_early(void)
{
    rig_step(&rig, 3599999);
    return number(sweep(&rig));
}

const char *do_sweep(void)
{
    rig_step(&rig, INT64_C(30) * 86400000);
    return number(sweep(&rig));
}
