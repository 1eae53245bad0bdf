/* cli/doctor_settings.h — what Redis and the servers are set to, and what that means. Pure. */
#ifndef PINION_CLI_DOCTOR_SETTINGS_H
#define PINION_CLI_DOCTOR_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include "queue/redis_info.h"

#define SETTINGS_MAX 10

enum setting_verdict { SETTING_OK, SETTING_NOTE, SETTING_BAD };

extern const char *const setting_verdicts[]; /* "ok", "note", "bad" */

struct setting {
    const char          *name;
    char                 value[64];
    enum setting_verdict verdict;
    const char          *advice; /* NULL: none is needed; static */
};

/* `servers`: name -> shape. Gives how many. */
size_t settings_judge(const struct redis_info *, json_t *servers,
                      struct setting ret[SETTINGS_MAX]);

#endif
