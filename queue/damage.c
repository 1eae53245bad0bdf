#include "queue/damage.h"

#include "base/macros.h"

const struct damage damages[] = {
    /* keys */
    {"unknown_key", "a key in the namespace that Pinion does not know", "moves it aside"},
    {"wrong_type", "a key of another type than Pinion's", "moves it aside"},
    {"unlisted_queue", "a queue that has keys, but is not listed", "lists it"},
    {"endless_call", "a remembered call that never ends", "lets it end in a minute"},
    /* lanes */
    {"empty_lane", "an empty lane on the ring", "takes it off"},
    {"lane_off_ring", "jobs in a lane that no claim looks at", "puts it on the ring"},
    {"stray_entry", "an entry of a lane that stands for no job", "takes it out"},
    {"double_entry", "a job that stands in its lane twice", "leaves the first"},
    {"live_ghost", "a job that is ready, and taken for gone", "forgets that"},
    {"lost_ghost", "a ghost that stands in no lane", "drops it"},
    /* jobs */
    {"bad_record", "a record, or a pack of them, that cannot be read", "moves it aside"},
    {"orphan", "a job in no state", "makes it ready, or scheduled for its time"},
    {"two_states", "a job in two states", "leaves the one that is shown"},
    {"double_body", "a job that stands by itself and in a pack", "takes it out of the pack"},
    {"no_record", "an id in a state, without a record", "takes it out"},
    {"wrong_count", "the count of jobs in packs is wrong", "counts them"},
    /* attempts */
    {"no_seat", "a job that runs for a server that is not known", "makes it ready again"},
    {"far_lease", "a lease that ends later than any may", "lets it end in an hour"},
    {"lost_token", "the token of a job that does not run", "drops it"},
    {"bad_token", "the token of a running job that cannot be read",
     "drops it; the job runs again when its lease is over"},
    {"lost_mark", "a cancel mark on a job that does not run", "drops it"},
    {"lost_pull", "who pulled a job that does not run", "drops it"},
    /* beside the jobs */
    {"lost_rare", "failures and the like of a job that is gone", "drops them"},
    {"bad_rare", "failures and the like that cannot be read", "drops them"},
    {"wrong_class", "a record that hides its failures and the like", "makes it say so"},
    {"lost_result", "the result of a job that is gone", "drops it"},
    {"lost_error", "errors of a job that is gone, or that has not failed", "drops them"},
    {"lost_progress", "progress of a job that is gone, or that has told none", "drops it"},
    {"lost_bits", "what left a pack that is gone", "drops it"},
    {"endless_given", "an id that stays taken for ever", "frees it in a day"},
    {"lost_until", "until when an id is taken that is free", "drops it"},
    {"lost_unique", "a unique key that no job holds", "frees it"},
    {"endless_unique", "a unique key held for a time, and never free", "frees it in time"},
    {"lost_unique_time", "until when a unique key is held that is free", "drops it"},
    {"lost_parents", "whom a job waits for that is gone", "drops it"},
    {"no_parents", "a job that waits for nobody", "makes it ready, or scheduled for its time"},
    {"bad_parents", "whom a job waits for, that cannot be read", "moves it aside"},
    {"bad_bond", "who is told of an end, that cannot be read", "drops it"},
    {"lost_bond", "a job that has ended, and whose child was not told", "tells it"},
    {"stray_bond", "a job that is told of an end, and does not wait for it", "drops it"},
    {"unbound", "a job that will not be told of a parent's end", "tells it, or lets it be told"},
    {"unheard", "a job that waits for one elsewhere, which will not tell it", "asks again"},
    /* what is told to other queues */
    {"bad_outbox", "something to tell that cannot be read", "moves it aside"},
    {"backward_outbox", "what is to be told does not stand in its order", "numbers it again"},
    {"untold", "something that another queue could not be told", "tells it again"},
    /* batches */
    {"bad_batch", "a batch that cannot be read", "moves it aside"},
    {"lost_member", "a batch waits for a job that has ended or is gone", "counts it as deleted"},
    {"stuck_batch", "a batch that is over, and not complete", "completes it"},
    {"lone_member", "a job that its batch does not wait for", "lets it wait"},
    {"no_batch_job", "a batch whose completion job is gone", NULL},
    {"endless_batch", "a complete batch that is kept for ever", "keeps it for a week"},
    {"lost_batch_time", "until when a batch is kept that is gone", "drops it"},
    {"lost_batch_job", "the completion job of a batch that is gone", "drops it"},
    /* limits */
    {"lost_hold", "a job that counts under limits, and does not run", "counts it no more"},
    {"stray_hold", "an id that counts under a limit, and is no job's", "counts it no more"},
    {"half_hold", "a running job that does not count under a limit of its", "counts it"},
    {"uncounted", "a running job that counts under no limit", "counts it"},
    {"stuck_lane", "a lane that waits for room that there is", "puts it on the ring"},
    {"half_parked", "a lane that waits for room, and nothing brings back", "puts it on the ring"},
    {"empty_parked", "a lane that waits for room, and is empty", "takes it off"},
    {"lost_parked", "a lane that is to be brought back, and is not away", "drops it"},
    {"wrong_limits", "the count of limits is wrong", "counts them"},
    /* schedules */
    {"no_tick", "a schedule that does not know how far it has fired", "begins now"},
    {"no_template", "a schedule without the job that it makes", NULL},
    {"unlisted_schedule", "a schedule that is not listed", "lists it"},
    {"lost_name", "the name of a schedule that is gone", "drops it"},
    {"lost_tick", "how far a schedule has fired that is gone", "drops it"},
    {"lost_template", "the job of a schedule that is gone", "drops it"},
    {"lost_buffered", "a waiting fire of a schedule that is gone", "drops it"},
    {"lost_history", "the fires of a schedule that is gone", "drops them"},
    /* servers */
    {"dead_idle", "a server that waits for work, and was silent for a minute", "forgets that"},
    {"dead_server", "a server that was silent for a day", "forgets it"},
    {"lost_seat", "the seat of a server that has left, and holds no lease", "frees it"},
};

_Static_assert(countof(damages) == DAMAGES, "every kind is counted");

const struct damage *damage_find(struct span name)
{
    for (size_t i = 0; i < DAMAGES; i++)
        if (span_is(name, damages[i].name)) return &damages[i];
    return NULL;
}
