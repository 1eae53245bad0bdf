/* control/find.c — from what a person gave, or from where a service says that it is. */
#include "control/find.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/state.h"

#define FIND_RETRY_MS 20

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = FIND_RETRY_MS * 1000000L}, NULL);
}

/* A folder that nobody named and that is not there: no service was ever started here. */
static bool worth_waiting(const struct find_options *o, const char *dir)
{
    if (o->at_once) return state_is_served(dir);
    return o->state_dir || getenv("PINION_STATE") || access(dir, F_OK) == 0;
}

static enum pinion_err find_in_folder(const struct find_options *o, char **ret_url,
                                      struct error *why)
{
    uint64_t give_up_ms = clock_mono_ms() + o->wait_ms;
    struct state_info info = {0};
    enum pinion_err err;
    char *dir = NULL;

    do {
        free(dir);
        dir = NULL;
        err = state_dir_of_client(o->state_dir, &dir, why); /* again: the user's may have come */
        if (!err) err = state_read_info(dir, &info, why);
        if (err != PINION_NOT_FOUND || !worth_waiting(o, dir) || clock_mono_ms() >= give_up_ms)
            break;
        rest();
    } while (true);
    if (err == PINION_NOT_FOUND && state_is_served(dir))
        error_set(why, PINION_UNAVAILABLE,
                  "pinion serve in %s is starting or stopping: wait, or give a longer time to "
                  "connect", dir);
    free(dir);
    if (err == PINION_NOT_FOUND && why) why->code = PINION_UNAVAILABLE;
    if (err) return err == PINION_NOT_FOUND ? PINION_UNAVAILABLE : err;
    *ret_url = xstrdup(info.redis);
    state_info_deinit(&info);
    return PINION_OK;
}

/* NULL: a folder tells. */
static const char *given_url(const struct find_options *o)
{
    const char *env = getenv("PINION_REDIS_URL");

    return o->redis_url ? o->redis_url : env && *env ? env : NULL;
}

enum pinion_err find_redis(const struct find_options *o, char **ret_url, struct error *why)
{
    if (!given_url(o)) return find_in_folder(o, ret_url, why);
    *ret_url = xstrdup(given_url(o));
    return PINION_OK;
}

enum pinion_err find_folder(const struct find_options *o, char **ret_dir, struct error *why)
{
    if (!given_url(o)) return state_dir_of_client(o->state_dir, ret_dir, why);
    return error_set(why, PINION_NOT_FOUND, "the URL of a Redis was given, and no state folder");
}

bool find_is_served(const struct find_options *o)
{
    char *dir = NULL;
    bool served;

    if (find_folder(o, &dir, NULL)) return false;
    served = state_is_served(dir);
    free(dir);
    return served;
}
