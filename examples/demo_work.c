/* examples/demo_work.c — one job of the demo: the payload on stdin is the path of a file.
 *
 *     demo_work LOG [fail-first]
 *
 * What it prints becomes the job's result: the checksum of cksum(1), the size, and the size that
 * gzip makes of it. Of Pinion it knows no more than the environment that every command is given.
 * Each attempt adds one line to LOG, in one write, so that lines of attempts that run at once do
 * not mix:
 *
 *     ID ATTEMPT OUTCOME CHECKSUM SIZE COMPRESSED PATH
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES    (64 * 1024)
#define LINE_MAX_BYTES (PATH_MAX + 512)

extern char **environ;

struct result {
    uint32_t checksum;
    uint64_t size, compressed;
};

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* ---- the checksum of cksum(1): the bytes, then their number, the lowest byte first ----------- */

static void make_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i << 24;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] << 1 ^ (table[i] >> 31 ? UINT32_C(0x04c11db7) : 0);
    }
}

static uint32_t add_byte(const uint32_t table[256], uint32_t crc, uint64_t byte)
{
    return crc << 8 ^ table[(crc >> 24 ^ byte) & 0xff];
}

static void check_sum(int fd, struct result *result)
{
    static unsigned char chunk[CHUNK_BYTES];
    uint32_t table[256], crc = 0;
    ssize_t got;

    make_table(table);
    while ((got = read(fd, chunk, sizeof chunk)) > 0) {
        for (ssize_t i = 0; i < got; i++) crc = add_byte(table, crc, chunk[i]);
        result->size += (uint64_t)got;
    }
    if (got < 0) die("read");
    for (uint64_t n = result->size; n; n >>= 8) crc = add_byte(table, crc, n & 0xff);
    result->checksum = ~crc;
}

/* ---- how much gzip leaves of it -------------------------------------------------------------- */

static pid_t start_gzip(int in, int out)
{
    static char name[] = "gzip", to_stdout[] = "-c";
    char *argv[] = {name, to_stdout, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    errno = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
    if (errno) die(name);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void compress(int fd, struct result *result)
{
    static char chunk[CHUNK_BYTES];
    int ends[2], status;
    ssize_t got;
    pid_t pid;

    if (lseek(fd, 0, SEEK_SET) < 0 || pipe2(ends, O_CLOEXEC)) die("pipe");
    pid = start_gzip(fd, ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], chunk, sizeof chunk)) > 0) result->compressed += (uint64_t)got;
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid || got < 0) die("gzip");
    if (status) {
        fprintf(stderr, "gzip: wait status %d\n", status);
        exit(EXIT_FAILURE);
    }
}

/* ---- the attempt ----------------------------------------------------------------------------- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    if (value) return value;
    fprintf(stderr, "%s is not set: this is run by pinion serve, see demo.sh\n", name);
    exit(EXIT_FAILURE);
}

static void note(const char *log, const char *outcome, const struct result *r, const char *path)
{
    char line[LINE_MAX_BYTES];
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int len = snprintf(line, sizeof line,
                       "%s %s %s %" PRIu32 " %" PRIu64 " %" PRIu64 " %s\n",
                       environment("PINION_JOB_ID"), environment("PINION_ATTEMPT"), outcome,
                       r->checksum, r->size, r->compressed, path);

    if (fd < 0 || write(fd, line, (size_t)len) != len) die(log);
    close(fd);
}

/* A payload need not end with a newline, and a file's name may hold one. */
static void read_payload(char path[PATH_MAX])
{
    size_t len = 0;
    ssize_t got;

    while ((got = read(STDIN_FILENO, path + len, PATH_MAX - 1 - len)) > 0) len += (size_t)got;
    if (got < 0) die("stdin");
    path[len] = '\0';
}

int main(int argc, char **argv)
{
    struct result result = {0};
    char path[PATH_MAX];
    int fd;

    if (argc < 2) {
        fprintf(stderr, "usage: demo_work LOG [fail-first] < PATH\n");
        return EXIT_FAILURE;
    }
    read_payload(path);
    if (argc > 2 && strcmp(environment("PINION_ATTEMPT"), "1") == 0) {
        note(argv[1], "failed", &result, path);
        fprintf(stderr, "this job always fails on its first attempt\n");
        return EXIT_FAILURE;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) die(path);
    check_sum(fd, &result);
    compress(fd, &result);
    note(argv[1], "done", &result, path);
    printf("cksum %" PRIu32 ", %" PRIu64 " bytes, %" PRIu64 " compressed\n", result.checksum,
           result.size, result.compressed);
    return EXIT_SUCCESS;
}
