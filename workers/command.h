/* workers/command.h — handlers that are programs: started from an argument vector, never by a
 * shell.
 *
 * The payload comes on stdin; program_run.h says what its end means. The environment holds
 * PATH, HOME, LANG, TZ, what the options name, and PINION_*, nothing else:
 *     PINION_JOB_ID PINION_KIND PINION_QUEUE PINION_ATTEMPT PINION_FIRE_TIME (when it was due)
 */
#ifndef PINION_WORKERS_COMMAND_H
#define PINION_WORKERS_COMMAND_H

#include "base/error.h"
#include "workers/program.h"
#include "workers/registry.h"

struct process_host;

/* `argv` is copied, its program found now. PINION_INVALID: there is none that can be run, or the
 * options cannot be met here. `host` is borrowed for good. */
enum pinion_err command_new(const char *pattern, char *const argv[],
                            const struct program_options *, const struct process_host *host,
                            struct handler **ret_handler, struct error *why) must_use;

#endif
