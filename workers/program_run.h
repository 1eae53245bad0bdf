/* workers/program_run.h — one attempt whose work is a program: what `command` and `exec` share.
 *
 * Exit status 0 is done, and stdout the result; EXIT_DEAD fails for good; any other end fails, and
 * the last words of stderr are the error. Loop thread only.
 */
#ifndef PINION_WORKERS_PROGRAM_RUN_H
#define PINION_WORKERS_PROGRAM_RUN_H

#include "workers/attempt.h"
#include "workers/process.h"
#include "workers/program.h"

/* sysexits(3): data that no other attempt will make better. Their EX_TEMPFAIL, 75, says that
 * another one may, which holds for every other status, too. */
#define EXIT_DEAD 65

/* All of it is borrowed for the call, but for what is taken. */
struct program_call {
    const char  *path;
    char *const *argv;
    char *const *env;        /* beyond the setting's, ends with NULL; NULL: nothing */
    const char  *folder;     /* NULL: the setting's */
    const char  *input;      /* until the attempt has ended */
    size_t       input_len;
    void        *owned;      /* taken: freed when the attempt has ended; may be NULL */
    void       (*free_owned)(void *);
};

/* Finishes the attempt when the program has ended, or at once where it cannot be started. The
 * setting lives as long as the handler. */
void program_run(struct attempt *, const struct program_setting *, const struct process_host *,
                 const struct program_call *);
/* The runner's `stop`: TERM, then KILL after the grace. */
void program_stop(struct attempt *);

#endif
