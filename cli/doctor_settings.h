/* cli/doctor_settings.h — what Redis, the servers and the tokens are set to, and what that means.
 * Pure. */
#ifndef PINION_CLI_DOCTOR_SETTINGS_H
#define PINION_CLI_DOCTOR_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include "control/access/token_set.h"
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

/* The tokens for HTTP. `unread`: why their file cannot be read; NULL: `set` is what it has, at the
 * time now_ms, beside the queues that there are (count 0: not known). */
struct setting tokens_judge(const struct token_set *, const char *unread, int64_t now_ms,
                            const struct span queues[], size_t count);

#endif
