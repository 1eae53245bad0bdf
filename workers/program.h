/* workers/program.h — how a handler's programs are run: where, as whom, with what and how much.
 *
 * Options are what people write; a setting is what they come to on this machine, found out once, at
 * the start. Pure but for looking at the machine. Any thread, but one at a time.
 */
#ifndef PINION_WORKERS_PROGRAM_H
#define PINION_WORKERS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "workers/process_spawn.h"

#define PROGRAM_ENV_MAX          64 /* that one handler, or one payload, may name */
#define PROGRAM_ENV_ENTRIES_MAX  (4 + 5 + 2 * PROGRAM_ENV_MAX + 1) /* in all, and the NULL */

/* Zero: as the service itself. The text is the owner's. */
struct program_options {
    char    *folder;      /* working folder */
    char    *user;        /* name, or number; only root may */
    char    *group;       /* NULL: the user's */
    char   **env;         /* "NAME=VALUE", or "NAME": what the service has there */
    size_t   env_count;
    uint64_t memory_bytes, file_size_bytes, cpu_ms;
    unsigned files, processes, nice;
    uint64_t output_bytes; /* of stdout, at most RESULT_BYTES_MAX; 0: so many */
    uint64_t grace_ms;     /* TERM to KILL; 0: STOP_GRACE_MS */
};

struct program_setting {
    char                 *folder; /* absolute; NULL: ours */
    char                **env;    /* NAME=VALUE, ends with NULL; room for no more */
    size_t                env_count;
    struct process_limits limits;
    bool                  other_user; /* it runs as `user`; else as we */
    struct process_user   user;
    gid_t                *groups;
    unsigned              nice;
    size_t                output_bytes;
    uint64_t              grace_ms;
};

/* PINION_INVALID: "NAME=VALUE" or "NAME" was expected, and no PINION_ name. */
enum pinion_err program_env_check(const char *entry, struct error *why) must_use;

/* PINION_INVALID: no such folder or user, or we may not become that user; `why` says what was
 * expected, and `ret_setting` needs no deinit. */
enum pinion_err program_setting_init(struct program_setting *ret_setting,
                                     const struct program_options *, struct error *why) must_use;
void            program_setting_deinit(struct program_setting *);

/* The value of a variable of its environment; NULL: it has none. */
const char *program_env(const struct program_setting *, const char *name);

/* Puts "NAME=VALUE" into `env`, which has room. Gives the one whose place it took; NULL: none. */
char *program_env_put(char *env[], size_t *count, char *entry);

#endif
