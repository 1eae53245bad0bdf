/* workers/process_table.h — what /proc knows of the processes of this machine.
 *
 * A process is told from a later one with the same number by its start time. Reading costs some
 * 10 us a process: fine for one, rare for all.
 */
#ifndef PINION_WORKERS_PROCESS_TABLE_H
#define PINION_WORKERS_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_STRAY_PASSES 3 /* what we kill may start others while we look */

struct process_stat {
    pid_t    pid, group, session;
    char     state;       /* 'R', 'S', ...; 'Z' and 'X' have ended and wait to be reaped */
    uint64_t start_ticks; /* since the machine's start; 10 ms each */
};

bool process_stat_ended(const struct process_stat *);

/* False: there is no such process. */
bool process_stat_read(pid_t pid, struct process_stat *ret_stat);

/* All processes, zombies included; caller frees. */
struct process_stat *process_table_read(size_t *ret_count);

/* Sends `signal`, if what has the number is still the process seen. A descriptor that is readable
 * once it has ended, yours to close; -1: it is gone already, or may not be signalled. */
int process_kill_seen(const struct process_stat *seen, int signal);

/* Kills what is in the session of one of the leaders, not in its group: at most
 * PROCESS_STRAY_PASSES over /proc for all of them. They are sorted by it, and not reaped yet; their
 * own groups are the caller's to kill. */
void process_kill_strays(pid_t leaders[], size_t count);

#endif
