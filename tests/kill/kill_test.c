/* tests/kill/kill_test.c — the built program is killed again and again, and nothing may be lost.
 *
 *     kill_test server|redis|pair|features|busy|busy-peer
 *
 *     PINION_BINARY       the built pinion
 *     PINION_KILL_JOB     the built tests/kill/job.c
 *     PINION_KILL_ROUNDS  how often to kill, in the first four modes
 *     PINION_KILL_SEED    the seed that a failing run printed
 *
 * Clients enqueue all the time; after the last kill everything drains, and history_check() compares
 * what clients were told with what ran and with what the books say.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "tests/flow/scratch.h"
#include "tests/kill/modes.h"

#define ROUNDS_DEFAULT 6
#define ROUNDS_MAX     1000

static const struct {
    const char *name;
    mode_fn *run;
} modes[] = {
    {"server",    kill_server    },
    {"redis",     kill_redis     },
    {"pair",      kill_one_of_two},
    {"features",  kill_features  },
    {"busy",      kill_busy      },
    {"busy-peer", kill_busy_peer },
};

static unsigned rounds_wanted(void)
{
    const char *text = getenv("PINION_KILL_ROUNDS");
    unsigned long rounds = text ? strtoul(text, NULL, 10) : ROUNDS_DEFAULT;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        give_up("PINION_KILL_ROUNDS: expected 1 to %d", ROUNDS_MAX);
    return (unsigned)rounds;
}

static int run(mode_fn *mode)
{
    char folder[SCRATCH_MAX], words[512], heirs[520];
    const char *job = getenv("PINION_KILL_JOB");
    struct mode_options options = {
        .folder = folder, .job_words = words, .heir_words = heirs, .rounds = rounds_wanted()};
    bool sound, left_none;

    if (!job) give_up("PINION_KILL_JOB: expected the path of the built kill_job");
    if (!scratch_make(folder)) give_up("no folder in /tmp");
    snprintf(words, sizeof words, "log=%s %s", job, folder);
    snprintf(heirs, sizeof heirs, "%s heir", words);
    options.seed = property_seed("PINION_KILL_SEED");
    server_adopt_orphans();
    sound = mode(&options);
    left_none = server_clean_up(SERVER_WAIT_MS);
    if (!left_none) fprintf(stderr, "FAILED: processes were left behind\n");
    if (sound && left_none)
        scratch_remove(folder);
    else
        fprintf(stderr, "everything is left in %s\n", folder);
    return sound && left_none ? 0 : 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc == 2 && i < countof(modes); i++)
        if (strcmp(argv[1], modes[i].name) == 0) return run(modes[i].run);
    fprintf(stderr, "usage: kill_test server|redis|pair|features|busy|busy-peer\n");
    return 2;
}
