/* workers/cgroup.h — a cgroup for each command that runs: what is in it is found whatever it does.
 *
 *      PARENT/NAME/0  PARENT/NAME/1 ...     one folder for each command at once, used again if
 *                                           nobody had to be killed in it, and it is as it was
 *
 * A daemon leaves its session, its ancestors and its environment, but not the folder that its
 * first ancestor began in. So when the command has ended, all in it are killed. NAME is the
 * service's own: what is there at the start was left by one that was killed. Needs a PARENT that is
 * delegated to us. Loop thread only.
 */
#ifndef PINION_WORKERS_CGROUP_H
#define PINION_WORKERS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

#define CGROUP_LOOK_MS     20   /* until the first look whether the killed are gone; then twice */
#define CGROUP_LOOK_MS_MAX 1000
#define CGROUP_CLOSE_MS    2000 /* that the end waits for them */

struct ticker;
struct cgroup;
struct cgroups;

struct cgroups_options {
    struct ticker *ticker;
    const char    *parent;  /* a folder of cgroup2 */
    const char    *name;    /* of the folder to make in it */
    uint64_t       wait_ms; /* for what a former service left to be gone */
    void (*emptied)(void *ctx); /* what was killed has ended, and is to be reaped; may be NULL */
    void          *ctx;
};

/* It blocks. PINION_INVALID: `parent` is no folder of cgroup2, or processes may not be put into
 * folders below it; PINION_BUSY: what is left there cannot be killed. */
enum pinion_err cgroups_open(const struct cgroups_options *, struct cgroups **ret_cgroups,
                             struct error *why) must_use;
/* Kills what is left and removes the folders; blocks for CGROUP_CLOSE_MS at most. NULL: no-op. */
void cgroups_close(struct cgroups *);

/* For one command, until it is given back. NULL: none can be made (logged); go on without. */
struct cgroup *cgroup_take(struct cgroups *);
int            cgroup_fd(const struct cgroup *); /* of its folder, for struct process_program */
/* Kills all that are in it; once, later calls are no-ops. `leader`: the command's own number, whose
 * session needs no word in the log. false: somebody removed the folder, so it tells nothing. */
bool cgroup_kill(struct cgroup *, pid_t leader);
/* After its end. Kills if that was not done. `killed`: it ended by SIGKILL, whoever sent it; so the
 * folder may have been killed by somebody else, and is not used again. */
void cgroup_give(struct cgroups *, struct cgroup *, bool killed);

#endif
