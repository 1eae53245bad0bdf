/* The file is an array of 16-byte slots, the first few of which are the header:
 *
 *      [ magic, boot and pid namespace ][ start | pid | check ][ start | 0 | - ][ ... ]
 *                                          a process runs         a free slot
 *
 * The pid is stored last and alone, so a server that dies between two stores leaves either a whole
 * entry or none. `check` ties pid and start together: what else may be in the file kills nobody.
 * Numbers of processes mean nothing after a reboot or in another container: then all is ignored.
 */
#include "workers/process_record.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/process_spawn.h"
#include "workers/process_table.h"

#define MAGIC        "PINPROC1"
#define RETRY_MS     5    /* between looks at processes that cannot be waited for */
#define WAIT_MS_MAX  1000 /* for one process, until the next look */
#define HEADER_SLOTS (sizeof(struct header) / sizeof(struct slot))
#define SLOTS_MAX    (PROCESS_RECORD_BYTES_MAX / sizeof(struct slot))

struct header {
    char magic[8];
    char where[56]; /* "BOOT-ID pid:[NAMESPACE]", NUL-terminated */
};

struct slot {
    uint64_t start_ticks;
    uint32_t pid; /* 0: free */
    uint32_t check;
};

_Static_assert(sizeof(struct header) % sizeof(struct slot) == 0, "the header is whole slots");

/* What the former server had running. */
struct former {
    pid_t    leader;
    unsigned slot;
};

struct process_record {
    int            fd;
    size_t         bytes; /* of the file; slots beyond it must not be touched */
    struct slot   *slots; /* the mapping, header included; it never moves: children write to it */
    unsigned      *free;  /* numbers of the free slots, the next one last */
    size_t         free_count;
    struct former *former;
    size_t         former_count;
};

/* ---- slots ----------------------------------------------------------------------------------- */

in_child static uint32_t check_of(uint32_t pid, uint64_t start_ticks)
{
    uint64_t mixed = (start_ticks ^ ((uint64_t)pid << 32)) * UINT64_C(0x9E3779B97F4A7C15);

    return (uint32_t)(mixed >> 32) ^ UINT32_C(0x50494E49);
}

static void free_slot(struct process_record *r, unsigned slot)
{
    __atomic_store_n(&r->slots[slot].pid, 0, __ATOMIC_RELEASE);
    r->free[r->free_count++] = slot;
}

/* `bytes` in all, on blocks that the disk has granted: a store must not meet a full disk. */
static int lengthen(struct process_record *r, size_t bytes)
{
    int error = posix_fallocate(r->fd, 0, (off_t)bytes);

    if (!error) r->bytes = bytes;
    return error;
}

/* As long as the file may ever be. */
static int map(struct process_record *r)
{
    void *slots;

    slots = mmap(NULL, PROCESS_RECORD_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    if (slots == MAP_FAILED) return errno;
    r->slots = slots;
    return 0;
}

static int grow(struct process_record *r)
{
    size_t old = r->bytes / sizeof(struct slot), count;
    int error = r->bytes < PROCESS_RECORD_BYTES_MAX ? lengthen(r, r->bytes + PROCESS_RECORD_BLOCK)
                                                    : ENOSPC;

    if (error) return error;
    count = r->bytes / sizeof(struct slot);
    for (size_t slot = count; slot-- > old;) free_slot(r, (unsigned)slot);
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Where the numbers of processes mean what they mean now. Empty if that is not known. */
static void read_where(char where[56])
{
    char boot[37] = "", space[20] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, boot, 36);

    if (fd >= 0) close(fd);
    memset(where, 0, 56);
    if (len != 36 || readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0) return;
    snprintf(where, 56, "%s %.18s", boot, space);
}

static void load(struct process_record *r)
{
    size_t count = r->bytes / sizeof(struct slot);

    for (size_t i = count; i-- > HEADER_SLOTS;) {
        const struct slot s = r->slots[i];
        struct process_stat now;
        pid_t pid = (pid_t)s.pid;
        bool sane = pid > 1 && s.check == check_of(s.pid, s.start_ticks)
                    && pid != getsid(0) && pid != getpgrp(); /* a job of it may have started us */
        /* Its number went to another process: then its session has ended too, for while one process
         * is in it, the number is not given away. */
        bool recycled = sane && process_stat_read(pid, &now) && now.start_ticks != s.start_ticks;

        if (sane && !recycled) r->former[r->former_count++] = (struct former){pid, (unsigned)i};
        else free_slot(r, (unsigned)i);
    }
}

static int open_file(struct process_record *r, const char *path)
{
    struct stat st;
    struct header *header, ours = {MAGIC, ""};
    bool whole;
    int error;

    r->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->fd < 0 || fstat(r->fd, &st)) return errno;
    if (!S_ISREG(st.st_mode)) return EINVAL;
    whole = st.st_size > 0 && st.st_size <= PROCESS_RECORD_BYTES_MAX
            && st.st_size % PROCESS_RECORD_BLOCK == 0;
    if (!whole && ftruncate(r->fd, 0)) return errno;
    error = lengthen(r, whole ? (size_t)st.st_size : PROCESS_RECORD_BLOCK);
    if (!error) error = map(r);
    if (error) return error;

    read_where(ours.where);
    header = (struct header *)(void *)r->slots;
    if (!ours.where[0] || memcmp(header, &ours, sizeof ours)) {
        if (whole) log_info("processes_ignored", LOG_TEXT("file", path));
        memset(r->slots, 0, r->bytes);
        *header = ours;
    }
    return 0;
}

enum pinion_err process_record_open(const char *folder, struct process_record **ret_record,
                                    struct error *why)
{
    struct process_record *r = xcalloc(1, sizeof *r);
    char *path = xasprintf("%s/%s", folder, PROCESS_RECORD_FILE);
    int error = open_file(r, path);

    if (error) {
        error_set(why, PINION_UNAVAILABLE, "cannot record processes in %s: %s", path,
                  strerror(error));
        free(path);
        process_record_close(r);
        return PINION_UNAVAILABLE;
    }
    free(path);
    r->free = xcalloc(SLOTS_MAX, sizeof *r->free);
    r->former = xcalloc(r->bytes / sizeof(struct slot), sizeof *r->former);
    load(r);
    *ret_record = r;
    return PINION_OK;
}

void process_record_close(struct process_record *r)
{
    if (!r) return;
    if (r->slots) munmap(r->slots, PROCESS_RECORD_BYTES_MAX);
    if (r->fd >= 0) close(r->fd);
    free(r->free);
    free(r->former);
    free(r);
}

/* ---- use ------------------------------------------------------------------------------------- */

unsigned process_record_reserve(struct process_record *r)
{
    int error = r->free_count ? 0 : grow(r);

    if (!error) return r->free[--r->free_count];
    log_warn("process_not_recorded", LOG_TEXT("why", strerror(error)));
    return PROCESS_RECORD_NONE;
}

/* Volatile, so that the order stays: a kill comes between two stores, never into their middle. */
in_child void process_record_fill(struct process_record *r, unsigned slot, pid_t pid,
                                  uint64_t start_ticks)
{
    volatile struct slot *s = &r->slots[slot];

    if (slot == PROCESS_RECORD_NONE) return;
    s->start_ticks = start_ticks;
    s->check = check_of((uint32_t)pid, start_ticks);
    s->pid = (uint32_t)pid;
}

unsigned process_record_put(struct process_record *r, pid_t pid, uint64_t start_ticks)
{
    unsigned slot = process_record_reserve(r);

    assert(pid > 1);
    process_record_fill(r, slot, pid, start_ticks);
    return slot;
}

unsigned process_record_add(struct process_record *r, pid_t pid)
{
    struct process_stat now;

    if (!process_stat_read(pid, &now)) {
        log_warn("process_not_recorded", LOG_INT("pid", pid), LOG_TEXT("why", "not in /proc"));
        return PROCESS_RECORD_NONE;
    }
    return process_record_put(r, pid, now.start_ticks);
}

void process_record_remove(struct process_record *r, unsigned slot)
{
    if (slot == PROCESS_RECORD_NONE) return;
    assert(slot >= HEADER_SLOTS && slot < r->bytes / sizeof(struct slot));
    free_slot(r, slot);
}

/* ---- the sweep ------------------------------------------------------------------------------- */

static int by_leader(const void *a, const void *b)
{
    const struct former *x = a, *y = b;

    return (x->leader > y->leader) - (x->leader < y->leader);
}

static bool was_ours(const struct process_record *r, const struct process_stat *s)
{
    const struct former session = {s->session, 0}, group = {s->group, 0};

    return bsearch(&session, r->former, r->former_count, sizeof session, by_leader)
           || bsearch(&group, r->former, r->former_count, sizeof group, by_leader);
}

struct victims {
    struct pollfd *fds; /* readable once the process has ended */
    nfds_t         count;
    unsigned       alive; /* found alive, killed or not */
};

static struct victims kill_once(const struct process_record *r)
{
    size_t count;
    struct process_stat *all = process_table_read(&count);
    struct victims v = {xcalloc(count + 1, sizeof *v.fds), 0, 0};

    for (size_t i = 0; i < count; i++) {
        int pidfd;

        if (process_stat_ended(&all[i]) || !was_ours(r, &all[i])) continue;
        v.alive++;
        pidfd = process_kill_seen(&all[i], SIGKILL);
        if (pidfd >= 0) v.fds[v.count++] = (struct pollfd){pidfd, POLLIN, 0};
    }
    free(all);
    return v;
}

/* Waits for one after the other: all must end before the deadline, so the order does not matter. */
static void wait_for(const struct victims *v, uint64_t deadline_ms)
{
    if (v->alive && !v->count) poll(NULL, 0, RETRY_MS); /* none to be killed: they may end yet */
    for (nfds_t i = 0; i < v->count; i++) {
        uint64_t now = clock_mono_ms(), left_ms = now < deadline_ms ? deadline_ms - now : 0;

        poll(&v->fds[i], 1, left_ms < WAIT_MS_MAX ? (int)left_ms : WAIT_MS_MAX);
        close(v->fds[i].fd);
    }
    free(v->fds);
}

enum pinion_err process_record_sweep(struct process_record *r, uint64_t wait_ms,
                                     unsigned *ret_killed, struct error *why)
{
    uint64_t deadline_ms = clock_mono_ms() + wait_ms;
    unsigned killed = 0;

    qsort(r->former, r->former_count, sizeof *r->former, by_leader);
    /* A look that finds nobody is the end: what we kill may have forked while we looked. */
    while (r->former_count) {
        struct victims v = kill_once(r);

        killed += (unsigned)v.count;
        wait_for(&v, deadline_ms);
        if (!v.alive) {
            while (r->former_count) free_slot(r, r->former[--r->former_count].slot);
        } else if (clock_mono_ms() >= deadline_ms) {
            return error_set(why, PINION_BUSY,
                             "%u processes of the former server did not end within %llu ms",
                             v.alive, (unsigned long long)wait_ms);
        }
    }
    *ret_killed = killed;
    return PINION_OK;
}
