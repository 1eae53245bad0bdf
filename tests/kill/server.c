/* tests/kill/server.c — fork, exec, kill, and reading what it said. */
#include "tests/kill/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/clock.h"

#define LOOK_MS 2 /* between two looks at something that will come */

void give_up(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("FAILED: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    server_clean_up(0);
    exit(1);
}

void rest_ms(uint64_t ms)
{
    nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

char *read_whole(const char *path, off_t from)
{
    struct buffer text = BUFFER_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    size_t len;

    if (fd >= 0 && lseek(fd, from, SEEK_SET) == from) {
        while (got > 0) {
            got = read(fd, buffer_reserve(&text, 65536), 65536);
            if (got > 0) text.len += (size_t)got;
        }
    }
    if (fd >= 0) close(fd);
    buffer_add_char(&text, '\0');
    return buffer_take(&text, &len);
}

/* ---- life ------------------------------------------------------------------------------------ */

void server_init(struct server *s, const char *folder, const char *const words[])
{
    size_t n = 0;

    *s = (struct server){0};
    snprintf(s->folder, sizeof s->folder, "%s", folder);
    snprintf(s->log, sizeof s->log, "%s.log", folder);
    snprintf(s->socket, sizeof s->socket, "%s/redis.sock", folder);
    s->words[n++] = getenv("PINION_BINARY");
    if (!s->words[0]) give_up("PINION_BINARY: expected the path of the built pinion");
    s->words[n++] = "serve";
    s->words[n++] = "--state";
    s->words[n++] = s->folder;
    while (*words && n + 1 < SERVER_WORDS_MAX) s->words[n++] = *words++;
}

void server_start(struct server *s)
{
    int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();

    if (log < 0) give_up("%s: %s", s->log, strerror(errno));
    s->log_from = lseek(log, 0, SEEK_END);
    s->pid = fork();
    if (s->pid < 0) give_up("cannot fork: %s", strerror(errno));
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        dup2(log, STDERR_FILENO);
        execv(s->words[0], (char **)(uintptr_t)s->words);
        dprintf(STDERR_FILENO, "exec %s: %s\n", s->words[0], strerror(errno));
        _exit(127);
    }
    close(log);
}

/* `out`: what becomes its standard output. */
static pid_t start_command(const char *const words[], int out)
{
    const char *argv[SERVER_COMMAND_MAX + 2] = {getenv("PINION_BINARY")};
    size_t n = 1;
    pid_t pid;

    while (*words && n <= SERVER_COMMAND_MAX) argv[n++] = *words++;
    fflush(NULL);
    pid = fork();
    if (pid < 0) give_up("cannot fork: %s", strerror(errno));
    if (pid == 0) {
        dup2(out, STDOUT_FILENO);
        execv(argv[0], (char **)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

static int await_command(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid) give_up("a command is lost");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int server_command(const char *const words[])
{
    return await_command(start_command(words, STDOUT_FILENO));
}

int server_ask(const char *const words[], char *text, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC)) give_up("no pipe: %s", strerror(errno));
    pid = start_command(words, ends[1]);
    close(ends[1]);
    while (got > 0 && len < size - 1) {
        got = read(ends[0], text + len, size - 1 - len);
        if (got > 0) len += (size_t)got;
    }
    text[len] = '\0';
    close(ends[0]);
    return await_command(pid);
}

static void print_log(const struct server *s)
{
    char *text = read_whole(s->log, s->log_from);
    size_t len = strlen(text);

    fprintf(stderr, "--- %s ends with\n%s\n", s->log, text + (len > 4000 ? len - 4000 : 0));
    free(text);
}

void server_check_alive(struct server *s)
{
    int status;

    if (!s->pid || waitpid(s->pid, &status, WNOHANG) != s->pid) return;
    print_log(s);
    s->pid = 0;
    give_up("the server in %s ended by itself, wait status 0x%x", s->folder, (unsigned)status);
}

bool server_said(const struct server *s, const char *text)
{
    char *log = read_whole(s->log, s->log_from);
    bool found = strstr(log, text) != NULL;

    free(log);
    return found;
}

void server_await(struct server *s, const char *text)
{
    uint64_t until_ms = clock_mono_ms() + SERVER_WAIT_MS;

    while (!server_said(s, text)) {
        server_check_alive(s);
        if (clock_mono_ms() > until_ms) {
            print_log(s);
            give_up("the server in %s did not say '%s' in time", s->folder, text);
        }
        rest_ms(LOOK_MS);
    }
}

void server_await_ready(struct server *s)
{
    server_await(s, "event=ready ");
}

long server_number(const struct server *s, const char *event, const char *key)
{
    char *log = read_whole(s->log, s->log_from), *at, *last = NULL;
    long number = 0;

    for (at = log; (at = strstr(at, event)); at++) last = at;
    if (last && (at = strstr(last, key))) number = strtol(at + strlen(key), NULL, 10);
    free(log);
    return number;
}

void server_id(const struct server *s, char id[32])
{
    char path[96], *text, *at;

    snprintf(path, sizeof path, "%s/pinion.json", s->folder);
    text = read_whole(path, 0);
    at = strstr(text, "\"server\":\"");
    if (!at || sscanf(at, "\"server\":\"%31[^\"]", id) != 1)
        give_up("%s: expected the server's id, found: %s", path, text);
    free(text);
}

/* ---- death ----------------------------------------------------------------------------------- */

void server_freeze(struct server *s)
{
    int status;

    kill(s->pid, SIGSTOP);
    if (waitpid(s->pid, &status, WUNTRACED) != s->pid || !WIFSTOPPED(status))
        give_up("the server in %s does not stand still", s->folder);
}

int64_t server_kill(struct server *s)
{
    int status;

    server_check_alive(s);
    kill(s->pid, SIGKILL);
    if (waitpid(s->pid, &status, 0) != s->pid) give_up("waitpid: %s", strerror(errno));
    s->pid = 0;
    return (int64_t)clock_mono_us();
}

int64_t server_kill_stopping(struct server *s, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms;
    pid_t gone = 0;
    int status = 0;

    server_check_alive(s);
    kill(s->pid, SIGTERM);
    while (!gone && clock_mono_ms() < until_ms) {
        gone = waitpid(s->pid, &status, WNOHANG);
        if (!gone) rest_ms(1);
    }
    if (!gone) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, &status, 0);
    }
    /* By the first signal, too, where it had only just begun. */
    if (status && !(WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || !gone)))
        give_up("the server in %s: wait status 0x%x", s->folder, (unsigned)status);
    s->pid = 0;
    return (int64_t)clock_mono_us();
}

void server_stop(struct server *s)
{
    uint64_t until_ms = clock_mono_ms() + SERVER_WAIT_MS;
    int status = 0;

    server_check_alive(s);
    kill(s->pid, SIGTERM);
    while (waitpid(s->pid, &status, WNOHANG) != s->pid) {
        if (clock_mono_ms() > until_ms) {
            print_log(s);
            give_up("the server in %s does not stop", s->folder);
        }
        rest_ms(LOOK_MS);
    }
    s->pid = 0;
    if (status == 0) return;
    print_log(s);
    give_up("the server in %s stopped with wait status 0x%x, expected 0", s->folder,
            (unsigned)status);
}

/* ---- what is left ---------------------------------------------------------------------------- */

void server_adopt_orphans(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
}

static size_t children_left(bool kill_them)
{
    char path[64], *text, *end;
    size_t count = 0;

    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    text = read_whole(path, 0);
    for (char *at = text;; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0) break;
        count++;
        if (kill_them) kill((pid_t)pid, SIGKILL);
    }
    free(text);
    return count;
}

bool server_clean_up(uint64_t wait_ms)
{
    uint64_t until_ms = clock_mono_ms() + wait_ms;

    while (children_left(false) > 0 && clock_mono_ms() < until_ms) rest_ms(LOOK_MS);
    if (children_left(false) == 0) return true;
    /* A child that is killed leaves its own to us, so once more until there is none. */
    until_ms = clock_mono_ms() + SERVER_WAIT_MS;
    while (children_left(true) > 0 && clock_mono_ms() < until_ms) rest_ms(LOOK_MS);
    return false;
}

bool doctor_finds_all_well(const char *redis_socket)
{
    char url[128];
    const char *const words[] = {"doctor", "--redis", url, NULL};

    snprintf(url, sizeof url, "unix:%s", redis_socket);
    return server_command(words) == 0;
}
