#include "tests/scripts/walk.h"

#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"

const char *const walk_servers[WALK_SERVERS] = {"a", "b"};
struct model model;
struct prng prng;

bool one_in(uint64_t n)
{
    return prng_below(&prng, n) == 0;
}

struct model_job *any_job(void)
{
    struct model_job *j;

    do j = &model.job[prng_below(&prng, MODEL_JOBS)];
    while (!j->id[0]);
    return j;
}

int64_t next_ms(void)
{
    return (rig.now_us + 999) / 1000;
}

struct model_job *any_active(void)
{
    struct model_job *j = any_job();

    for (int i = 0; i < 20 && j->where != W_ACTIVE; i++) j = any_job();
    return j;
}

void expect(const struct model_job *j, const char *verb, const char *found, const char *wanted)
{
    if (strcmp(found, wanted) != 0)
        fail_msg("%s %s, which is %s: '%s', expected '%s'", verb, j->id, model_state(j), found,
                 wanted);
}

const char *state_or_memory(const struct model_job *j)
{
    if (j->where != W_NONE) return model_state(j);
    return strcmp(state_of(&rig, j->id), "remembered") == 0 ? "done" : "not_found";
}

bool make_places(size_t wanted)
{
    size_t have = 0;

    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS; i++) have += model_free(&model.job[i]);
    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS && have < wanted; i++) {
        struct model_job *j = &model.job[i];
        if (!model_ended(j)) continue;
        expect(j, "delete", delete_job(&rig, j->id), "deleted");
        model_delete(&model, j, rig_now_ms(&rig));
        have++;
    }
    return have >= wanted;
}

const char *try_enqueue(const struct pinion_job *job, size_t count)
{
    struct enqueue_item items[BATCH_ITEMS_MAX];
    struct error why = {0};

    if (job_check(job, &why)) fail_msg("%s", why.text);
    for (size_t i = 0; i < count; i++) items[i] = (struct enqueue_item){.job = job};
    enqueue_build(&rig.request, rig_key(&rig), items, count, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = enqueue_read(r, items, count);
    freeReplyObject(r);
    assert_true(err == PINION_OK || err == PINION_BUSY);
    if (err) return "busy";
    if (items[0].err == PINION_NOT_FOUND) return "not_found";
    return items[0].err        ? "conflict"
           : items[0].replaced ? "replaced"
           : items[0].existing ? "existing"
                               : "new";
}
