/* Where a folder is:
 *
 *      mkdir ──► free ── take ──► running ── give ──┬──► free       nobody was in it
 *                                                   └──► killed     somebody was: KILL; or the
 *                                                          │        command made folders in it
 *      rmdir ◄── by an alarm, once it is empty ──────────┘
 *
 * So a command costs no mkdir, but one system call that asks whether anybody is left. A folder
 * whose processes were killed is never used again: newer kernels (6.18 does) kill also what begins
 * in it later by CLONE_INTO_CGROUP, for they compare how often it was killed with how often ours.
 */
#include "workers/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "scheduler/ticker.h"
#include "workers/cgroup_folder.h"
#include "workers/clone_into.h"
#include "workers/process_spawn.h"
#include "workers/process_table.h"

#define NAME_BYTES 16  /* of a number */
#define LOGGED_MAX 128 /* of those that are killed in one folder */
#define LOOK_MAX   64  /* folders that are looked at in one turn of the loop */
#define TRY_STACK  16384

struct cgroup {
    struct list node;
    int folder, events;
    unsigned number;     /* its name */
    bool looked, killed; /* looked: the command has ended, and who was left is killed */
    enum cgroup_seen seen; /* then */
};

struct cgroups {
    struct ticker *ticker;
    void (*emptied)(void *ctx);
    void *ctx;
    char *name;
    int parent, own; /* descriptors of the folders */
    unsigned made;
    bool failing; /* the last folder could not be made */
    struct list free, running, killed;
    struct alarm look;
    uint64_t look_ms;
};

/* ---- one folder ------------------------------------------------------------------------------ */

static void cgroup_free(struct cgroup *g)
{
    list_remove(&g->node);
    if (g->folder >= 0) close(g->folder);
    if (g->events >= 0) close(g->events);
    free(g);
}

/* NULL: errno. */
static struct cgroup *cgroup_new(struct cgroups *s)
{
    char name[NAME_BYTES];
    struct cgroup *g;
    int error;

    snprintf(name, sizeof name, "%u", s->made);
    if (mkdirat(s->own, name, 0755)) return NULL;
    g = xcalloc(1, sizeof *g);
    g->number = s->made++;
    list_init(&g->node);
    g->events = -1;
    g->folder = cgroup_folder_open(s->own, name);
    if (g->folder >= 0) g->events = cgroup_folder_events(g->folder);
    if (g->events >= 0) return g;
    error = errno;
    cgroup_free(g);
    unlinkat(s->own, name, AT_REMOVEDIR);
    errno = error;
    return NULL;
}

struct cgroup *cgroup_take(struct cgroups *s)
{
    struct list *node = list_pop(&s->free);
    struct cgroup *g = node ? container_of(node, struct cgroup, node) : cgroup_new(s);

    if (!g) {
        if (!s->failing) log_warn("cgroup_not_made", LOG_TEXT("why", strerror(errno)));
        s->failing = true;
        return NULL;
    }
    s->failing = false;
    g->looked = g->killed = false;
    list_push(&s->running, &g->node);
    return g;
}

int cgroup_fd(const struct cgroup *g)
{
    return g->folder;
}

/* The command made folders in its own, as one may that runs containers. */
static bool is_divided(const struct cgroup *g)
{
    struct stat folder;

    return fstat(g->folder, &folder) || folder.st_nlink > 2;
}

/* What is killed in its session is killed as that of any command; of those that left it we tell.
 * false: there is only the leader, whom a kernel may count for a moment after its end. */
static bool see_others(const struct cgroup *g, pid_t leader)
{
    pid_t pids[LOGGED_MAX];
    size_t count = cgroup_folder_list(g->folder, pids, LOGGED_MAX);
    struct process_stat now;
    bool others = is_divided(g);

    for (size_t i = 0; i < count; i++) {
        if (pids[i] == leader) continue;
        others = true;
        if (process_stat_read(pids[i], &now) && now.session != leader && !process_stat_ended(&now))
            log_info("stray_killed", LOG_INT("pid", pids[i]));
    }
    return others;
}

bool cgroup_kill(struct cgroup *g, pid_t leader)
{
    if (g->looked) return g->seen != CGROUP_REMOVED;
    g->looked = true;
    g->seen = cgroup_folder_look(g->events);
    if (g->seen != CGROUP_POPULATED) return g->seen != CGROUP_REMOVED;
    g->killed = see_others(g, leader);
    cgroup_folder_kill(g->folder);
    return true;
}

/* ---- what was killed ------------------------------------------------------------------------- */

static void look_in(struct cgroups *s, uint64_t ms)
{
    s->look_ms = ms < CGROUP_LOOK_MS_MAX ? ms : CGROUP_LOOK_MS_MAX;
    ticker_set_in(s->ticker, &s->look, s->look_ms);
}

/* true: nobody is in it any more, and it is gone. */
static bool settle(struct cgroups *s, struct cgroup *g)
{
    char name[NAME_BYTES];
    enum cgroup_seen seen = cgroup_folder_look(g->events);

    if (seen == CGROUP_POPULATED) {
        cgroup_folder_kill(g->folder); /* an older kernel may have missed somebody */
        list_push(&s->killed, &g->node);
        return false;
    }
    snprintf(name, sizeof name, "%u", g->number);
    if (seen == CGROUP_EMPTY) cgroup_folder_remove(s->own, name);
    cgroup_free(g);
    return true;
}

/* Those that do not end are looked at less and less often. */
static void on_look(struct alarm *alarm)
{
    struct cgroups *s = container_of(alarm, struct cgroups, look);
    struct list looked_at, *node;
    unsigned emptied = 0;

    list_init(&looked_at);
    for (int i = 0; i < LOOK_MAX && (node = list_pop(&s->killed)); i++) list_push(&looked_at, node);
    while ((node = list_pop(&looked_at)))
        emptied += settle(s, container_of(node, struct cgroup, node));
    if (!list_empty(&s->killed)) look_in(s, emptied ? 1 : 2 * s->look_ms);
    if (emptied && s->emptied) s->emptied(s->ctx);
}

void cgroup_give(struct cgroups *s, struct cgroup *g, bool killed)
{
    cgroup_kill(g, 0);
    list_remove(&g->node);
    if (g->killed || killed || is_divided(g)) {
        list_push(&s->killed, &g->node);
        if (!alarm_pending(&s->look)) look_in(s, CGROUP_LOOK_MS);
        return;
    }
    if (g->seen != CGROUP_REMOVED) {
        list_push_front(&s->free, &g->node);
        return;
    }
    log_warn("cgroup_lost", LOG_TEXT("why", "somebody removed the folder of a command"));
    cgroup_free(g);
}

/* ---- the service's folder -------------------------------------------------------------------- */

static enum pinion_err open_parent(struct cgroups *s, const char *path, struct error *why)
{
    struct statfs fs;

    s->parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->parent < 0 || fstatfs(s->parent, &fs))
        return error_set(why, PINION_INVALID, "cgroup: expected a folder, but %s: %s", path,
                         strerror(errno));
    if (fs.f_type != CGROUP2_SUPER_MAGIC)
        return error_set(why, PINION_INVALID,
                         "cgroup: expected a folder of a mounted cgroup2, but %s is none", path);
    return PINION_OK;
}

/* What a former service left, which had the same name. */
static enum pinion_err clear(struct cgroups *s, uint64_t wait_ms, struct error *why)
{
    int former = cgroup_folder_open(s->parent, s->name);

    if (former < 0) return PINION_OK;
    if (cgroup_folder_clear(former, wait_ms) == CGROUP_POPULATED) {
        close(former);
        return error_set(why, PINION_BUSY,
                         "cgroup: processes of the former server did not end within %llu ms: %s",
                         (unsigned long long)wait_ms, s->name);
    }
    close(former);
    cgroup_folder_remove(s->parent, s->name);
    return PINION_OK;
}

/* How a child of ours has ended: its exit status, or -1. Nobody else may have waited for it. */
static int end_of(pid_t pid)
{
    int status = 0;
    pid_t ended;

    do ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

in_child static int end_at_once(void *nothing)
{
    (void)nothing;
    return 0;
}

/* 0, or errno; ENOSYS: a child of ours can not begin there, but may enter. */
static int try_to_begin(int folder)
{
    _Alignas(16) char stack[TRY_STACK];
    const struct clone_into into = {.cgroup = folder,
                                    .flags = CLONE_VM | CLONE_VFORK,
                                    .stack = stack,
                                    .stack_bytes = sizeof stack,
                                    .run = end_at_once};
    pid_t pid = clone_into(&into);

    if (pid < 0) return errno;
    if (end_of(pid) == 0) return 0;
    clone_into_give_up(); /* it was killed: our own cgroup was, once. See the top */
    return ENOSYS;
}

static int try_to_enter(int folder)
{
    int procs = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC), error = errno;
    pid_t pid;

    if (procs < 0) return error;
    pid = fork();
    if (pid == 0) _exit(write(procs, "0", 1) == 1 ? 0 : errno);
    error = errno;
    close(procs);
    return pid < 0 ? error : end_of(pid);
}

static enum pinion_err make_own(struct cgroups *s, const char *path, struct error *why)
{
    struct cgroup *first;
    int error = 0;

    if (mkdirat(s->parent, s->name, 0755) || (s->own = cgroup_folder_open(s->parent, s->name)) < 0
        || !(first = cgroup_new(s)))
        return error_set(why, PINION_INVALID, "cgroup: cannot make a folder in %s: %s", path,
                         strerror(errno));
    list_push(&s->free, &first->node);
    error = try_to_begin(first->folder);
    if (error == ENOSYS) error = try_to_enter(first->folder);
    if (!error) return PINION_OK;
    return error_set(why, PINION_INVALID, "cgroup: cannot put a process into %s: %s", path,
                     strerror(error));
}

enum pinion_err cgroups_open(const struct cgroups_options *o, struct cgroups **ret_cgroups,
                             struct error *why)
{
    struct cgroups *s = xcalloc(1, sizeof *s);
    enum pinion_err err;

    s->ticker = o->ticker;
    s->emptied = o->emptied;
    s->ctx = o->ctx;
    s->name = xstrdup(o->name);
    s->own = -1;
    list_init(&s->free);
    list_init(&s->running);
    list_init(&s->killed);
    alarm_init(&s->look, on_look);
    err = open_parent(s, o->parent, why);
    if (!err) err = clear(s, o->wait_ms, why);
    if (!err) err = make_own(s, o->parent, why);
    if (err) cgroups_close(s);
    else *ret_cgroups = s;
    return err;
}

static void free_all(struct list *folders)
{
    for (struct list *node; (node = list_pop(folders));)
        cgroup_free(container_of(node, struct cgroup, node));
}

void cgroups_close(struct cgroups *s)
{
    if (!s) return;
    ticker_cancel(s->ticker, &s->look);
    free_all(&s->free);
    free_all(&s->running);
    free_all(&s->killed);
    if (s->own >= 0) {
        cgroup_folder_clear(s->own, CGROUP_CLOSE_MS);
        close(s->own);
        int error = cgroup_folder_remove(s->parent, s->name);
        if (error) log_warn("cgroup_left", LOG_TEXT("folder", s->name),
                            LOG_TEXT("why", strerror(error)));
    }
    if (s->parent >= 0) close(s->parent);
    free(s->name);
    free(s);
}
