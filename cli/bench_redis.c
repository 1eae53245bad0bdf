/* redis-benchmark on the same socket, in the same minute: what this Redis can do on this machine,
 * noise included. A ratio to it says more than a number alone. */
#include "cli/bench_measure.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"

#define COMMANDS   "200000" /* of each kind */
#define WAIT_MS    60000
#define OUTPUT_MAX (64 * 1024)
#define NOT_FOUND  127 /* exit status of a program that is not there */

static pid_t spawn_benchmark(const struct world *w, size_t payload_len, int *ret_out)
{
    char payload[24], socket[sizeof w->socket];
    const char *argv[] = {
        "redis-benchmark", "-s", socket,  "-c", "1",          "-P",    "64", "-n", COMMANDS, "-r",
        COMMANDS,          "-d", payload, "-t", "lpush,hset", "--csv", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    int out[2], failed;
    pid_t pid;

    snprintf(payload, sizeof payload, "%zu", payload_len ? payload_len : 1);
    memcpy(socket, w->socket, sizeof socket);
    if (pipe2(out, O_CLOEXEC)) return -1;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    failed = posix_spawnp(&pid, argv[0], &files, &how, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    close(out[1]);
    if (!failed) {
        *ret_out = out[0];
        return pid;
    }
    close(out[0]);
    return -1;
}

/* All that it prints, until it ends; false: a signal came, or it takes too long. */
static bool read_all(const struct world *w, int fd, struct buffer *out)
{
    uint64_t until_ms = clock_mono_ms() + WAIT_MS, now_ms;

    while ((now_ms = clock_mono_ms()) < until_ms && out->len < OUTPUT_MAX) {
        struct pollfd fds[] = {
            {fd,         POLLIN, 0},
            {w->signals, POLLIN, 0}
        };
        char bytes[1024];
        ssize_t len;
        if (poll(fds, 2, (int)(until_ms - now_ms)) < 0) continue;
        if (fds[1].revents) return false;
        if (!fds[0].revents) continue;
        len = read(fd, bytes, sizeof bytes);
        if (len <= 0) return len == 0;
        buffer_add(out, bytes, (size_t)len);
    }
    return false;
}

/* `"LPUSH","1234.5",...`: the second column of the line that begins so. */
static double column(const struct buffer *out, const char *name)
{
    const char *line = out->data ? strstr(out->data, name) : NULL;

    return line ? strtod(line + strlen(name), NULL) : 0;
}

/* What it has left in Redis. */
static enum pinion_err sweep(const struct world *w, struct error *why)
{
    struct sync_options options = {.name_space = "pinion"};
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct redis_url url = {0};
    struct sync *sync = NULL;
    enum pinion_err err = redis_url_parse(span_of(w->url), &url, why);

    request_command(&request, "DEL mylist myhash");
    if (!err) err = sync_open(&url, &options, &sync, why);
    if (!err) err = sync_call(sync, &request, &reply, why);
    sync_reply_free(reply);
    sync_close(sync);
    redis_url_deinit(&url);
    request_deinit(&request);
    return err;
}

enum pinion_err measure_redis(const struct world *w, size_t payload_len, double *ret_lpush,
                              double *ret_hset, struct error *why)
{
    struct buffer out = BUFFER_INIT;
    int fd = -1, status = 0;
    pid_t pid = spawn_benchmark(w, payload_len, &fd);
    bool read;

    *ret_lpush = *ret_hset = 0;
    if (pid < 0) return PINION_OK;
    read = read_all(w, fd, &out);
    if (!read) kill(pid, SIGKILL);
    close(fd);
    waitpid(pid, &status, 0);
    *ret_lpush = column(&out, "\"LPUSH\",\"");
    *ret_hset = column(&out, "\"HSET\",\"");
    buffer_deinit(&out);
    if (world_interrupted(w)) return error_set(why, PINION_UNAVAILABLE, "interrupted");
    if (!read) return error_set(why, PINION_UNAVAILABLE, "redis-benchmark: does not end");
    return sweep(w, why);
}
