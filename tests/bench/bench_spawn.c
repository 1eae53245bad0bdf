/* How many programs a second this machine can begin and end, and what it costs to wait for each
 * exec: /bin/true, so many at once, by posix_spawn(3), which waits, and by process_spawn(), which
 * does not. Nothing is read, settled or recorded: no service can be faster. The two take turns.
 *
 *      bench_spawn [PROGRAMS [AT_ONCE]]
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "workers/process_spawn.h"

#define ROUNDS       3
#define PROGRAMS_MAX 1000000
#define AT_ONCE_MAX  1000

struct running {
    pid_t pid; /* 0: free */
    struct process_child child;
};

static char *const argv_true[] = {(char[]){"true"}, NULL};
static char *const no_env[] = {NULL};

static void start_waiting(struct running *r)
{
    if (posix_spawn(&r->pid, "/bin/true", NULL, NULL, argv_true, no_env)) abort();
}

static void start_going_on(struct running *r)
{
    const struct process_program program = {.path = "/bin/true", .argv = argv_true};
    const int fds[3] = {0, 1, 2};

    if (process_spawn(&program, fds, NULL, &r->child, NULL)) abort();
    r->pid = r->child.pid;
}

static void end_one(struct running all[], unsigned at_once)
{
    pid_t pid = waitpid(-1, NULL, 0);

    for (unsigned i = 0; i < at_once; i++) {
        if (all[i].pid != pid) continue;
        if (all[i].child.spawn) {
            close(all[i].child.pidfd);
            if (process_spawned(all[i].child.spawn, NULL)) abort();
        }
        all[i] = (struct running){0};
        return;
    }
}

static double cpu_us(int who)
{
    struct rusage u;

    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void measure(const char *how, void (*start)(struct running *), unsigned programs,
                    unsigned at_once)
{
    struct running *all = xcalloc(at_once, sizeof *all);
    double own = cpu_us(RUSAGE_SELF), children = cpu_us(RUSAGE_CHILDREN);
    uint64_t began_us = clock_mono_us(), starting_us = 0, took_us;

    for (unsigned started = 0; started < programs; started++) {
        uint64_t at_us;
        unsigned slot = 0;

        if (started >= at_once) end_one(all, at_once);
        while (all[slot].pid) slot++;
        at_us = clock_mono_us();
        start(&all[slot]);
        starting_us += clock_mono_us() - at_us;
    }
    for (unsigned i = 0; i < at_once && i < programs; i++) end_one(all, at_once);
    took_us = clock_mono_us() - began_us;
    printf("{\"start\":\"%s\",\"at_once\":%u,\"per_second\":%.0f,\"start_us\":%.0f,"
           "\"own_cpu_us\":%.0f,\"children_cpu_us\":%.0f}\n",
           how, at_once, programs / ((double)took_us / 1e6), (double)starting_us / programs,
           (cpu_us(RUSAGE_SELF) - own) / programs, (cpu_us(RUSAGE_CHILDREN) - children) / programs);
    free(all);
}

int main(int argc, char **argv)
{
    unsigned programs = argc > 1 ? (unsigned)atoi(argv[1]) : 3000;
    unsigned at_once = argc > 2 ? (unsigned)atoi(argv[2]) : 64;

    if (!programs || programs > PROGRAMS_MAX || !at_once || at_once > AT_ONCE_MAX) {
        fprintf(stderr, "expected: bench_spawn [PROGRAMS [AT_ONCE]], 1 to %d, 1 to %d\n",
                PROGRAMS_MAX, AT_ONCE_MAX);
        return 2;
    }
    for (int round = 0; round < ROUNDS; round++) {
        measure("posix_spawn", start_waiting, programs, at_once);
        measure("process_spawn", start_going_on, programs, at_once);
    }
    return 0;
}
