/* workers/exec.h — a handler whose jobs say themselves what is to be run.
 *
 * Whoever enqueues for it chooses the program, so it is only made where a person asked for it. The
 * payload is a JSON object:
 *     "argv"    the program and its arguments; a name without / is looked for in PATH
 *     "stdin"   text; default: nothing
 *     "env"     {"NAME":"VALUE"}: beyond the handler's environment, and before it
 *     "folder"  working folder, from / on; default: the handler's, else HOME, else /
 * A payload that is none of this ends its job as dead. workers/program_run.h says what the end of
 * the program means.
 */
#ifndef PINION_WORKERS_EXEC_H
#define PINION_WORKERS_EXEC_H

#include "base/error.h"
#include "workers/program.h"
#include "workers/registry.h"

#define EXEC_KIND     "pinion.exec"
#define EXEC_ARGS_MAX 1024

struct process_host;

/* PINION_INVALID: the options cannot be met here. `host` is borrowed for good. */
enum pinion_err exec_new(const char *pattern, const struct program_options *,
                         const struct process_host *host, struct handler **ret_handler,
                         struct error *why) must_use;

#endif
