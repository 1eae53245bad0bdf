/* workers/process.h — a program as a child of the loop: payload in, output and exit status out.
 *
 * The program leads a session of its own. When it has ended, what it left behind in that session is
 * killed; what made itself another session (a daemon) is a matter of workers/cgroup.h and strays.h.
 * One thread: the loop's.
 * Nobody else in the process may reap it; a default libev loop would (see PROCESS_LOST).
 */
#ifndef PINION_WORKERS_PROCESS_H
#define PINION_WORKERS_PROCESS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "scheduler/ticker.h"
#include "workers/process_spawn.h"
#include "workers/sweep.h"

#define PROCESS_OUTPUT_BYTES 65536                          /* kept of each stream unless told */
#define PROCESS_PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin" /* where process_find() looks */

struct cgroup;
struct cgroups;
struct process;
struct process_record;
struct strays;

/* What all processes of a service share; outlives them. */
struct process_host {
    struct ev_loop        *loop;
    struct ticker         *ticker;
    struct process_record *record;  /* NULL: processes are not recorded */
    struct strays         *strays;  /* NULL: what leaves its session gets away */
    struct sweep          *sweep;   /* made with process_swept */
    struct cgroups        *cgroups; /* NULL: programs are in our own */
};

struct process_spec {
    struct process_program program;           /* borrowed for the call */
    const void *input;                        /* stdin; borrowed until the process has ended */
    size_t      input_len;
    size_t      out_bytes_max, err_bytes_max; /* 0: PROCESS_OUTPUT_BYTES */
    void      (*on_output)(struct process *, const char *, size_t); /* as it comes; NULL: nobody */
    const char *tag; /* id of its job, as in its environment; borrowed as the input; NULL: none */
};

enum process_end {
    PROCESS_EXITED,  /* code: exit status, 0 .. 255 */
    PROCESS_KILLED,  /* code: the signal */
    PROCESS_LOST,    /* somebody else reaped it: how it ended is not known */
    PROCESS_NOT_RUN, /* there was a child, but its program could not be run; `why` says why */
};

struct process_output {
    struct buffer bytes;   /* the first ones of stdout, the last ones of stderr */
    size_t        dropped; /* bytes beyond the cap */
};

struct process_result {
    enum process_end      end;
    int                   code;
    struct error          why; /* as of process_spawned(), where it was not run */
    struct process_output out, err; /* freed after the callback, unless taken from there */
};

/* Called once, from the loop. The process is idle by then: start it again, or free its owner. */
typedef void process_end_fn(struct process *, struct process_result *);

struct process_pipe { /* private */
    struct process       *process;
    ev_io                 io; /* its fd is -1 once closed */
    size_t                bytes_max;
    bool                  last; /* the last bytes are kept */
    struct process_output output;
};

/* Embed it, zero-initialised; it stays where it is while it runs. */
struct process {
    pid_t pid; /* read-only; also the number of its group and session; 0: idle */

    const struct process_host *host; /* private from here on */
    struct spawn              *spawn;
    process_end_fn            *on_end;
    void                     (*on_output)(struct process *, const char *, size_t);
    ev_io                      ended, in;
    struct process_pipe        out, err;
    const char                *input;
    size_t                     input_left;
    struct alarm               kill;
    uint64_t                   kill_at_ms;
    unsigned                   slot;
    struct swept               rest;
    struct cgroup             *cgroup; /* NULL: it is in ours */
    struct list                among; /* of strays.c: those that run */
    const char                *tag;
};

/* The absolute path of a program, found as execvp does; caller frees. `path_env` NULL: the default
 * above. PINION_INVALID: not found, a folder, or not executable; `why` says which. */
enum pinion_err process_find(const char *name, const char *path_env, char **ret_path,
                             struct error *why) must_use;

/* PINION_OK: there is a child, and on_end will be called, even if its program cannot be run. Else
 * nothing was started and nothing is called; errors as process_spawn(). */
enum pinion_err process_start(struct process *, const struct process_host *,
                              const struct process_spec *, process_end_fn *on_end,
                              struct error *why) must_use;

/* For sweep_new() alone: the process that has this has ended. */
void process_swept(struct swept *);

/* To every process of its group; idle: no-op. */
void process_kill_group(struct process *, int signal);

/* TERM to its group, and KILL once the grace is over; 0: KILL now. Again: a shorter grace counts, a
 * longer one does not. It has stopped when on_end is called. Idle: no-op. */
void process_stop(struct process *, uint64_t grace_ms);

#endif
