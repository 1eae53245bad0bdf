/* tests/support/redis_server.c — fork, exec, and knock until somebody answers. */
#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"

#define OPTIONS_MAX  64
#define KNOCK_MS     2     /* between two tries to connect */
#define START_MS_MAX 20000 /* under sanitizers on a busy machine it still takes no second */
#define TEXT_MAX     4096

struct redis_server {
    pid_t pid;
    char folder[64], path[96], url[112];
    char *options[OPTIONS_MAX];
    size_t options_count;
};

static void fail(const struct redis_server *s, const char *what)
{
    fprintf(stderr, "redis-server in %s: %s\n", s ? s->folder : "?", what);
    abort();
}

static void add_option(struct redis_server *s, const char *word)
{
    if (s->options_count + 1 >= OPTIONS_MAX) fail(s, "too many options");
    s->options[s->options_count++] = xstrdup(word);
}

static void add_options(struct redis_server *s, const char *const words[])
{
    const char *const own[] = {"redis-server", "--port",    "0",         "--unixsocket",
                               s->path,        "--save",    "",          "--appendonly",
                               "no",           "--logfile", "redis.log", "--enable-debug-command",
                               "yes",          "--dir",     s->folder};

    for (size_t i = 0; i < countof(own); i++) add_option(s, own[i]);
    for (size_t i = 0; words && words[i]; i++) add_option(s, words[i]);
}

void redis_server_begin(struct redis_server *s)
{
    pid_t parent = getpid();

    if (s->pid) fail(s, "runs already");
    (void)unlink(s->path);
    s->pid = fork();
    if (s->pid < 0) fail(s, "cannot fork");
    if (s->pid > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    signal(SIGPIPE, SIG_DFL);
    execvp(s->options[0], s->options);
    _exit(127);
}

static redisContext *connect_to(const struct redis_server *s)
{
    redisContext *c = redisConnectUnix(s->path);

    if (c && c->err) {
        redisFree(c);
        c = NULL;
    }
    return c;
}

/* Connects, sends PING; is it answered by something that begins with `start`? */
static bool says(const struct redis_server *s, const char *start)
{
    redisContext *c = connect_to(s);
    redisReply *reply = c ? redisCommand(c, "PING") : NULL;
    bool yes = reply && reply->str && strncmp(reply->str, start, strlen(start)) == 0;

    if (reply) freeReplyObject(reply);
    if (c) redisFree(c);
    return yes;
}

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void await_either(struct redis_server *s, const char *start, const char *other)
{
    long deadline = now_ms() + START_MS_MAX;

    while (!says(s, start) && !says(s, other)) {
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid) fail(s, "ended at once, see its redis.log");
        if (now_ms() > deadline) fail(s, "does not answer");
        (void)poll(NULL, 0, KNOCK_MS);
    }
}

void redis_server_await(struct redis_server *s)
{
    await_either(s, "PONG", "NOAUTH");
}

void redis_server_await_loading(struct redis_server *s)
{
    await_either(s, "LOADING", "LOADING");
}

struct redis_server *redis_server_start(const char *const options[])
{
    struct redis_server *s = xcalloc(1, sizeof *s);

    strcpy(s->folder, "/tmp/pinion-redis-XXXXXX");
    if (!mkdtemp(s->folder)) fail(s, "cannot make the folder");
    snprintf(s->path, sizeof s->path, "%s/redis.sock", s->folder);
    snprintf(s->url, sizeof s->url, "unix:%s", s->path);
    add_options(s, options);
    redis_server_begin(s);
    redis_server_await(s);
    return s;
}

static void end_by(struct redis_server *s, int number)
{
    if (!s->pid) return;
    kill(s->pid, number);
    kill(s->pid, SIGCONT);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) continue;
    s->pid = 0;
}

void redis_server_kill(struct redis_server *s)
{
    end_by(s, SIGKILL);
}

void redis_server_shut(struct redis_server *s)
{
    end_by(s, SIGTERM);
}

void redis_server_freeze(struct redis_server *s)
{
    int status = 0;

    kill(s->pid, SIGSTOP);
    while (waitpid(s->pid, &status, WUNTRACED) < 0 && errno == EINTR) continue;
    if (!WIFSTOPPED(status)) fail(s, "did not stop");
}

void redis_server_thaw(struct redis_server *s)
{
    kill(s->pid, SIGCONT);
}

void redis_server_restart(struct redis_server *s)
{
    redis_server_kill(s);
    redis_server_begin(s);
    redis_server_await(s);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void redis_server_free(struct redis_server *s)
{
    if (!s) return;
    redis_server_kill(s);
    (void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < s->options_count; i++) free(s->options[i]);
    free(s);
}

const char *redis_server_path(const struct redis_server *s)
{
    return s->path;
}

const char *redis_server_url(const struct redis_server *s)
{
    return s->url;
}

const char *redis_server_folder(const struct redis_server *s)
{
    return s->folder;
}

pid_t redis_server_pid(const struct redis_server *s)
{
    return s->pid;
}

static void add_text(struct buffer *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: buffer_printf(out, "%lld", reply->integer); return;
    case REDIS_REPLY_NIL: return;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            if (i) buffer_add_char(out, '\n');
            add_text(out, reply->element[i]);
        }
        return;
    default: buffer_add(out, reply->str, reply->len);
    }
}

char *redis_server_do(const struct redis_server *s, const char *format, ...)
{
    const char *words[OPTIONS_MAX];
    char line[TEXT_MAX], *rest = line, *word;
    struct buffer out = BUFFER_INIT;
    redisContext *c = connect_to(s);
    redisReply *reply;
    va_list args;
    int count = 0;

    if (!c) fail(s, "cannot connect");
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    while (count < OPTIONS_MAX && (word = strsep(&rest, " ")) != NULL) words[count++] = word;
    reply = redisCommandArgv(c, count, words, NULL);
    if (!reply) fail(s, c->errstr);
    add_text(&out, reply);
    freeReplyObject(reply);
    redisFree(c);
    return buffer_take(&out, NULL);
}

unsigned redis_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        fail(NULL, "no free port");
    close(fd);
    return ntohs(address.sin_port);
}
