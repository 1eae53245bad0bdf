#include "tests/scripts/walk.h"

#include <string.h>

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

void expect(const struct model_job *j, const char *verb, const char *found,
                   const char *wanted)
{
    if (strcmp(found, wanted) != 0)
        fail_msg("%s %s, which is %s: '%s', expected '%s'", verb, j->id, model_state(j), found,
                 wanted);
}
