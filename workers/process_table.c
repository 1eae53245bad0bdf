/* One line of /proc/PID/stat:  123 (a name) S 1 123 123 0 -1 ...
 *                       field  1   2        3 4 5   6            22 is the start time
 * The name may hold blanks and brackets, so the rest is counted from the last ')'. */
#include "workers/process_table.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "workers/child_end.h"

#define STAT_BYTES 1024 /* the line is some 350 bytes; what counts is in its first half */

static bool parse_stat(const char *line, struct process_stat *ret_stat)
{
    const char *rest = strrchr(line, ')');
    struct process_stat s = {0};

    if (!rest) return false;
    if (sscanf(line, "%d", &s.pid) != 1) return false;
    if (sscanf(rest + 1,
               " %c %*d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
               &s.state, &s.group, &s.session, &s.start_ticks) != 4)
        return false;
    *ret_stat = s;
    return true;
}

bool process_stat_ended(const struct process_stat *s)
{
    return s->state == 'Z' || s->state == 'X' || s->state == 'x';
}

bool process_stat_read(pid_t pid, struct process_stat *ret_stat)
{
    char path[32], line[STAT_BYTES];
    ssize_t len;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    len = read(fd, line, sizeof line - 1); /* ESRCH: it ended in between */
    close(fd);
    if (len <= 0) return false;
    line[len] = 0;
    return parse_stat(line, ret_stat);
}

struct process_stat *process_table_read(size_t *ret_count)
{
    struct process_stat *all = NULL;
    size_t count = 0, room = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;

    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (count == room) {
            room = room ? room * 2 : 256;
            all = xrealloc(all, room * sizeof *all);
        }
        if (process_stat_read((pid_t)strtol(entry->d_name, NULL, 10), &all[count])) count++;
    }
    if (proc) closedir(proc);
    *ret_count = count;
    return all;
}

int process_kill_seen(const struct process_stat *seen, int signal)
{
    struct process_stat now;
    int end = child_end_open(seen->pid);

    if (end < 0) return -1;
    /* A pidfd holds on to one process; only now is it worth comparing. */
    if (process_stat_read(seen->pid, &now) && now.start_ticks == seen->start_ticks
        && now.session == seen->session && !child_signal(end, seen->pid, signal))
        return end;
    close(end);
    return -1;
}

static int by_number(const void *a, const void *b)
{
    pid_t one = *(const pid_t *)a, other = *(const pid_t *)b;

    return (one > other) - (one < other);
}

static bool kill_strays_once(const pid_t leaders[], size_t leaders_count)
{
    size_t count;
    struct process_stat *all = process_table_read(&count);
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        const struct process_stat *s = &all[i];
        int pidfd;

        if (s->group == s->session || process_stat_ended(s)) continue;
        if (!bsearch(&s->session, leaders, leaders_count, sizeof *leaders, by_number)) continue;
        pidfd = process_kill_seen(s, SIGKILL);
        if (pidfd < 0) continue;
        /* It may have forked since we looked; no fork slips past the killing of a whole group. */
        kill(-s->group, SIGKILL);
        close(pidfd);
        found = true;
    }
    free(all);
    return found;
}

void process_kill_strays(pid_t leaders[], size_t count)
{
    qsort(leaders, count, sizeof *leaders, by_number);
    for (int pass = 0; pass < PROCESS_STRAY_PASSES; pass++)
        if (!kill_strays_once(leaders, count)) return;
}
