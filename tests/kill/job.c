/* tests/kill/job.c — the command of the kill test: says when it begins and when it ends.
 *
 *     kill_job FOLDER [heir]     the payload on stdin is how long to work, in milliseconds
 *
 * An heir is a child that outlives it: whoever starts the job again must have killed that, too.
 * Each line of FOLDER/runs is one write(2), as history_add_line() reads it. A lock on a file of the
 * job's own, which the heir holds as well, tells by the kernel's word whether a run of it is alive.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define WORK_MS_MAX 60000
#define HEIR_S      5 /* longer than a killed server stays away */

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void say(int log, const char *what, long server)
{
    char line[256];
    int len =
        snprintf(line, sizeof line, "%s %s %s %ld %ld %" PRId64 "\n", what, getenv("PINION_JOB_ID"),
                 getenv("PINION_ATTEMPT"), server, (long)getpid(), now_us());

    if (write(log, line, (size_t)len) != len) _exit(3);
}

static unsigned long read_ms(void)
{
    char text[16] = "";
    ssize_t len = read(STDIN_FILENO, text, sizeof text - 1);

    return len > 0 ? strtoul(text, NULL, 10) % WORK_MS_MAX : 0;
}

int main(int argc, char **argv)
{
    long server = (long)getppid();
    unsigned long ms = read_ms();
    struct timespec rest = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    char path[512];
    int log, lock;

    if (argc < 2 || !getenv("PINION_JOB_ID") || !getenv("PINION_ATTEMPT")) return 65;
    snprintf(path, sizeof path, "%s/runs", argv[1]);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/lock.%s", argv[1], getenv("PINION_JOB_ID"));
    lock = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0 || lock < 0) return 4;
    say(log, "start", server);
    if (flock(lock, LOCK_EX | LOCK_NB)) say(log, "collided", server);
    if (argc > 2 && fork() == 0) {
        sleep(HEIR_S);
        return 0;
    }
    while (nanosleep(&rest, &rest) && errno == EINTR) {
    }
    say(log, "end", server);
    return 0;
}
