/* workers/command.h — handlers that are programs: started from an argument vector, never by a
 * shell.
 *
 * The payload comes on stdin; exit status 0 is done, and stdout the result; any other end is a
 * failure, and the tail of stderr its error. The environment holds PATH, HOME, LANG, TZ and
 * PINION_*, nothing else. A program that must stop gets TERM, and KILL after STOP_GRACE_MS, with
 * everything that it started. Its environment is:
 *     PINION_JOB_ID PINION_KIND PINION_QUEUE PINION_ATTEMPT PINION_FIRE_TIME (when it was due)
 */
#ifndef PINION_WORKERS_COMMAND_H
#define PINION_WORKERS_COMMAND_H

#include "base/error.h"
#include "workers/registry.h"

struct process_host;

/* `argv` is copied, its program found now. PINION_INVALID: there is none that can be run. `host`
 * is borrowed for good. */
enum pinion_err command_new(const char *pattern, char *const argv[],
                            const struct process_host *host,
                            struct handler **ret_handler, struct error *why) must_use;

#endif
