/* test_redis_child.c — the embedded redis-server: up, killed, orphaned, refused, broken. */
#include "tests/support/check.h"
#include "tests/support/no_pidfd.h"
#include "base/clock.h"
#include "control/redis_child.h"
#include "control/state.h"
#include "scheduler/ticker.h"
#include "tests/flow/scratch.h"

#include <dirent.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_S 20. /* for what must happen; far more than it takes */

struct bench {
    char root[SCRATCH_MAX], dir[80];
    struct ev_loop *loop;
    struct ticker *ticker;
    struct state *state;
    struct redis_child *child;
    int ups, downs, stops, locks;
    enum pinion_err locked;
    char said[ERROR_TEXT_MAX]; /* of the last on_down */
    uint64_t down_ms[16];
    bool late;
    uint64_t stop_ms; /* 0: the default */
};

static struct bench b;
static struct error why;

/* ---- the loop, until something is true ------------------------------------------------------- */

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w, (void)revents;
    b.late = true;
    ev_break(loop, EVBREAK_ALL);
}

#define run_until(condition)                                                              \
    do {                                                                                  \
        ev_timer limit;                                                                   \
                                                                                          \
        ev_now_update(b.loop);                                                            \
        ev_timer_init(&limit, on_late, WAIT_S, 0.);                                       \
        ev_timer_start(b.loop, &limit);                                                   \
        while (!(condition) && !b.late) ev_run(b.loop, EVRUN_ONCE);                       \
        ev_timer_stop(b.loop, &limit);                                                    \
        if (b.late) fail_msg("did not come true: %s; last said: %s", #condition, b.said); \
    } while (0)

static void on_up(void *ctx)
{
    assert_ptr_equal(ctx, &b);
    b.ups++;
}

static void on_down(void *ctx, const struct error *reason)
{
    (void)ctx;
    assert_int_equal(reason->code, PINION_UNAVAILABLE);
    snprintf(b.said, sizeof b.said, "%s", reason->text);
    if (b.downs < 16) b.down_ms[b.downs] = clock_mono_ms();
    b.downs++;
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    b.stops++;
    redis_child_free(b.child); /* allowed here */
    b.child = NULL;
}

static void on_locked(void *ctx, enum pinion_err err, const struct error *reason)
{
    (void)ctx, (void)reason;
    b.locked = err;
    b.locks++;
}

/* ---- set up and tear down -------------------------------------------------------------------- */

static struct redis_child *child_of(struct state *state, const char *program,
                                    enum redis_fsync fsync)
{
    return redis_child_new(b.loop, b.ticker,
                           &(struct redis_child_options){.dir = b.dir,
                                                         .program = program,
                                                         .lock_fd = state_lock_fd(state),
                                                         .fsync = fsync,
                                                         .maxmemory_bytes = 64 << 20,
                                                         .stop_ms = b.stop_ms},
                           &(struct redis_child_events){on_up, on_down, on_stopped, &b});
}

static void open_state(void)
{
    if (state_open(b.dir, &b.state, &why)) fail_msg("%s", why.text);
}

static void start(const char *program, enum redis_fsync fsync)
{
    open_state();
    if (state_lock(b.state, &why)) fail_msg("%s", why.text);
    b.child = child_of(b.state, program, fsync);
    if (redis_child_start(b.child, &why)) fail_msg("%s", why.text);
    assert_int_equal(b.ups, 0);
}

static void stop(void)
{
    int before = b.stops;

    redis_child_stop(b.child);
    redis_child_stop(b.child);
    assert_int_equal(b.stops, before); /* never from inside */
    run_until(b.stops > before);
    assert_int_equal(b.stops, before + 1);
    state_close(b.state);
    b.state = NULL;
}

static int setup(void **state)
{
    (void)state;
    b = (struct bench){0};
    why = (struct error){0};
    if (!scratch_make(b.root)) return -1;
    snprintf(b.dir, sizeof b.dir, "%s/a \"b\" \\c", b.root); /* as awkward as a path may be */
    b.loop = ev_loop_new(EVFLAG_AUTO);                       /* not the default one: no SIGCHLD */
    b.ticker = ticker_new(b.loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_null(b.child);
    state_close(b.state);
    ticker_free(b.ticker);
    ev_loop_destroy(b.loop);
    return scratch_remove(b.root);
}

/* ---- talking to it --------------------------------------------------------------------------- */

/* One inline command; gives the first bytes of the answer. Blocking: the child is another process.
 */
static const char *ask(const char *command)
{
    static char answer[512];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t len;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", b.dir);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail_msg("cannot connect");
    assert_int_equal(write(fd, command, strlen(command)), strlen(command));
    assert_int_equal(write(fd, "\r\n", 2), 2);
    len = read(fd, answer, sizeof answer - 1);
    close(fd);
    answer[len < 0 ? 0 : len] = '\0';
    return answer;
}

static void setting_is(const char *name, const char *value)
{
    char command[128], want[256];

    snprintf(command, sizeof command, "CONFIG GET %s", name);
    snprintf(want, sizeof want, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(name), name,
             strlen(value), value);
    assert_string_equal(ask(command), want);
}

/* A program in the place of redis-server. */
static const char *fake(const char *script)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/fake", b.root);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    assert_int_equal(chmod(path, 0700), 0);
    return path;
}

/* ---- the real one ---------------------------------------------------------------------------- */

TEST(comes_up_as_configured)
{
    uint64_t begun = clock_mono_ms();
    char url[128];

    start(NULL, REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    print_message("up after %llu ms\n", (unsigned long long)(clock_mono_ms() - begun));
    assert_true(redis_child_up(b.child));
    snprintf(url, sizeof url, "unix://%s/redis.sock", b.dir);
    assert_string_equal(redis_child_url(b.child), url);
    setting_is("appendonly", "yes");
    setting_is("appendfsync", "always");
    setting_is("save", "");
    setting_is("port", "0");
    setting_is("maxmemory", "67108864");
    setting_is("maxmemory-policy", "noeviction");
    setting_is("protected-mode", "yes");
    stop();
    assert_int_equal(b.downs, 0);
}

/* Only 0, 1, 2 and the lock come with it; what else it has open, it opened itself. */
TEST(inherits_the_lock_and_nothing_else)
{
    char path[64], link[PATH_MAX];
    int locks = 0, leak = open("/dev/full", O_RDONLY); /* not close-on-exec, on purpose */

    start(NULL, REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    snprintf(path, sizeof path, "/proc/%ld/fd", redis_child_pid(b.child));
    DIR *entries = opendir(path);
    assert_non_null(entries);
    for (struct dirent *e; (e = readdir(entries));) {
        ssize_t len = readlinkat(dirfd(entries), e->d_name, link, sizeof link - 1);
        if (len < 0) continue;
        link[len] = '\0';
        assert_string_not_equal(link, "/dev/full");
        if (strstr(link, "/lock")) {
            locks++;
            assert_string_equal(e->d_name, "3");
        }
    }
    closedir(entries);
    close(leak);
    assert_int_equal(locks, 1);
    assert_int_equal(getsid((pid_t)redis_child_pid(b.child)), redis_child_pid(b.child));
    stop();
}

TEST(keeps_acknowledged_writes_when_killed)
{
    long first;

    start(NULL, REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    first = redis_child_pid(b.child);
    assert_string_equal(ask("SET job 42"), "+OK\r\n");
    assert_int_equal(kill((pid_t)first, SIGKILL), 0);
    run_until(b.downs == 1);
    assert_non_null(strstr(b.said, "was ended by signal 9"));
    assert_false(redis_child_up(b.child));
    run_until(b.ups == 2);
    assert_true(redis_child_pid(b.child) != first);
    assert_string_equal(ask("GET job"), "$2\r\n42\r\n");
    stop();
    b.ups = 0;
    start(NULL, REDIS_FSYNC_ALWAYS); /* and over a clean stop */
    run_until(b.ups == 1);
    assert_string_equal(ask("GET job"), "$2\r\n42\r\n");
    stop();
}

TEST(a_store_with_jobs_is_not_run_without_its_log)
{
    start(NULL, REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    stop();
    open_state();
    b.child = child_of(b.state, NULL, REDIS_FSYNC_NO);
    assert_int_equal(redis_child_start(b.child, &why), PINION_CONFLICT);
    assert_non_null(strstr(why.text, "--fsync no"));
    redis_child_free(b.child);
    b.child = NULL;
}

TEST(runs_without_persistence)
{
    start(NULL, REDIS_FSYNC_NO);
    run_until(b.ups == 1);
    setting_is("appendonly", "no");
    stop();
}

/* A service in a process of its own; returns once its Redis is up. */
static pid_t service_process(void)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t service = fork();
    if (service == 0) {
        b.loop = ev_loop_new(EVFLAG_AUTO);
        b.ticker = ticker_new(b.loop);
        start(NULL, REDIS_FSYNC_ALWAYS);
        while (!b.ups) ev_run(b.loop, EVRUN_ONCE);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        ev_run(b.loop, 0);
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return service;
}

TEST(ends_with_its_parent_and_frees_the_lock)
{
    pid_t service = service_process();

    assert_string_equal(ask("SET job 43"), "+OK\r\n");
    open_state();
    assert_int_equal(state_lock(b.state, &why), PINION_CONFLICT); /* a second instance */
    assert_non_null(strstr(why.text, "another pinion serve"));
    assert_int_equal(kill(service, SIGKILL), 0);
    assert_int_equal(waitpid(service, NULL, 0), service);
    state_lock_wait(b.state, b.ticker, on_locked, &b);
    run_until(b.locks == 1);
    assert_int_equal(b.locked, PINION_OK);
    b.child = child_of(b.state, NULL, REDIS_FSYNC_ALWAYS); /* and the next one has the data */
    if (redis_child_start(b.child, &why)) fail_msg("%s", why.text);
    run_until(b.ups == 1);
    assert_string_equal(ask("GET job"), "$2\r\n43\r\n");
    stop();
}

/* The writer is stopped in its tracks: the lock must outlive its parent until it is gone. */
TEST(a_slow_writer_keeps_the_lock)
{
    pid_t service = service_process();
    char *end, info[512];
    long redis;

    snprintf(info, sizeof info, "%s", ask("INFO server"));
    end = strstr(info, "process_id:");
    assert_non_null(end);
    redis = strtol(end + strlen("process_id:"), NULL, 10);
    assert_int_equal(kill((pid_t)redis, SIGSTOP), 0);
    assert_int_equal(kill(service, SIGKILL), 0);
    assert_int_equal(waitpid(service, NULL, 0), service);
    open_state();
    assert_int_equal(state_lock(b.state, &why), PINION_BUSY);
    state_lock_wait(b.state, b.ticker, on_locked, &b);
    for (int turns = 0; turns < 5; turns++) ev_run(b.loop, EVRUN_ONCE);
    assert_int_equal(b.locks, 0);
    assert_int_equal(kill((pid_t)redis, SIGCONT), 0);
    run_until(b.locks == 1);
    assert_int_equal(b.locked, PINION_OK);
}

/* As libev's default loop does, which reaps every child of the process. */
TEST(survives_that_somebody_else_reaps_it)
{
    pid_t first;

    start(NULL, REDIS_FSYNC_NO);
    run_until(b.ups == 1);
    first = (pid_t)redis_child_pid(b.child);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(waitpid(first, NULL, 0), first);
    run_until(b.ups == 2);
    assert_non_null(strstr(b.said, "redis-server ended; it said: "));
    stop();
}

/* ---- the broken ones ------------------------------------------------------------------------- */

TEST(a_missing_program_is_said_at_once)
{
    char *path = strdup(getenv("PATH"));

    open_state();
    b.child = child_of(b.state, NULL, REDIS_FSYNC_ALWAYS);
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(redis_child_start(b.child, &why), PINION_UNAVAILABLE);
    setenv("PATH", path, 1);
    free(path);
    assert_non_null(strstr(why.text, "redis-server is not in PATH: install Redis 7.0 or newer"));
    redis_child_free(b.child);
    b.child = NULL;
}

TEST(an_unusable_store_is_said_at_once)
{
    char path[128];
    FILE *f;

    open_state();
    snprintf(path, sizeof path, "%s/store", b.dir);
    assert_non_null(f = fopen(path, "w"));
    fclose(f);
    b.child = child_of(b.state, NULL, REDIS_FSYNC_ALWAYS);
    assert_int_equal(redis_child_start(b.child, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "/store is not a folder"));
    redis_child_stop(b.child); /* never started: still ends in on_stopped */
    run_until(b.stops == 1);
}

/* One that ends at once, found in PATH: each rest is longer than the last, and it never spins. */
TEST(rests_between_restarts)
{
    char path[PATH_MAX], *old = strdup(getenv("PATH")), count[128], name[96];
    int starts = 0;

    snprintf(name, sizeof name, "%s/redis-server", b.root);
    assert_int_equal(
        rename(fake("echo x >>../starts; echo one >&2; echo no space left >&2; exit 1"), name), 0);
    snprintf(path, sizeof path, "%s:%s", b.root, old);
    setenv("PATH", path, 1);
    start(NULL, REDIS_FSYNC_ALWAYS);
    setenv("PATH", old, 1);
    free(old);
    run_until(b.downs == 5);
    assert_string_equal(b.said, "redis-server ended with status 1 before it was ready; it said: "
                                "one no space left");
    for (int i = 1; i < 5; i++)
        if (b.down_ms[i] - b.down_ms[i - 1] < (uint64_t)REDIS_CHILD_REST_MS_MIN << (i - 1))
            fail_msg("rest %d took %d ms only", i, (int)(b.down_ms[i] - b.down_ms[i - 1]));
    assert_false(redis_child_was_up(b.child));
    assert_int_equal(b.ups, 0);
    stop(); /* while it rests */
    snprintf(count, sizeof count, "%s/starts", b.root);
    FILE *f = fopen(count, "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;) starts += c == 'x';
    fclose(f);
    assert_int_equal(starts, 5);
}

TEST(an_old_redis_is_called_by_its_name)
{
    start(fake("echo \"*** FATAL CONFIG FILE ERROR (Redis 6.0.16) ***\" >&2\n"
               "echo \"Bad directive or wrong number of arguments\" >&2; exit 1"),
          REDIS_FSYNC_ALWAYS);
    run_until(b.downs == 1);
    assert_non_null(strstr(b.said, "Redis 7.0 or newer is needed"));
    assert_non_null(strstr(b.said, "Redis 6.0.16"));
    stop();
}

/* The reason stands in the line before the last: both are quoted, without pid and time. */
TEST(the_reason_is_quoted)
{
    start(
        fake("for i in 1 2 3 4 5 6 7 8 9; do echo \"a line of no interest, number $i\"; done\n"
             "echo '71:M 23 Nov 2026 05:47:20.669 # Error writing to the AOF file: No space left'\n"
             "echo '71:M 23 Nov 2026 05:47:20.669 # Exiting...'; exit 1"),
        REDIS_FSYNC_ALWAYS);
    run_until(b.downs == 1);
    assert_non_null(strstr(b.said, "number 9 Error writing to the AOF file: No space left "
                                   "Exiting..."));
    assert_null(strstr(b.said, "number 2"));
    assert_true(strlen(b.said) < ERROR_TEXT_MAX - 1);
    stop();
}

TEST(one_that_says_nothing)
{
    start(fake("exit 3"), REDIS_FSYNC_ALWAYS);
    run_until(b.downs == 1);
    assert_string_equal(b.said,
                        "redis-server ended with status 3 before it was ready; it said: nothing");
    stop();
}

TEST(a_program_that_cannot_run)
{
    const char *path = fake("");

    assert_int_equal(truncate(path, 0), 0); /* an empty file: ENOEXEC */
    start(path, REDIS_FSYNC_ALWAYS);
    run_until(b.downs == 1);
    assert_non_null(strstr(b.said, "ended with status 127"));
    assert_non_null(strstr(b.said, "cannot start the program"));
    stop();
}

/* A build without libsystemd says nothing on the socket: its log is read instead. */
TEST(one_that_cannot_notify)
{
    start(fake("echo \"1:M * Ready to accept connections\"; exec sleep 1000"), REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    stop();
    assert_int_equal(b.downs, 0);
}

TEST(stops_one_that_is_starting)
{
    start(fake("exec sleep 1000"), REDIS_FSYNC_ALWAYS);
    stop();
    assert_int_equal(b.ups, 0);
    assert_int_equal(b.downs, 0);
}

/* SIGTERM is not heard: killed after stop_ms, not earlier. */
TEST(kills_one_that_does_not_stop)
{
    uint64_t begun;

    b.stop_ms = 300;
    start(fake("trap '' TERM; echo Ready to accept connections; while :; do sleep 1; done"),
          REDIS_FSYNC_ALWAYS);
    run_until(b.ups == 1);
    begun = clock_mono_ms();
    stop();
    assert_true(clock_mono_ms() - begun >= b.stop_ms);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(comes_up_as_configured),
        CASE(inherits_the_lock_and_nothing_else),
        CASE(keeps_acknowledged_writes_when_killed),
        CASE(a_store_with_jobs_is_not_run_without_its_log),
        CASE(runs_without_persistence),
        CASE(ends_with_its_parent_and_frees_the_lock),
        CASE(a_slow_writer_keeps_the_lock),
        CASE(survives_that_somebody_else_reaps_it),
        CASE(a_missing_program_is_said_at_once),
        CASE(an_unusable_store_is_said_at_once),
        CASE(rests_between_restarts),
        CASE(an_old_redis_is_called_by_its_name),
        CASE(the_reason_is_quoted),
        CASE(one_that_says_nothing),
        CASE(a_program_that_cannot_run),
        CASE(one_that_cannot_notify),
        CASE(stops_one_that_is_starting),
        CASE(kills_one_that_does_not_stop),
    };

    no_pidfd_if_asked();    return cmocka_run_group_tests(tests, NULL, NULL);
}
