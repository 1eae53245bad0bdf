/* test_state.c — the state folder: which one, who holds it, what stays in it. */
#include "tests/support/check.h"
#include "base/clock.h"
#include "control/state.h"
#include "scheduler/ticker.h"
#include "tests/flow/scratch.h"

#include <ev.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char root[SCRATCH_MAX], dir[128];
static struct error why;
static uint64_t skipped_us; /* what the clock is ahead */

/* In place of base/clock.c. */
uint64_t clock_mono_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + skipped_us;
}

int64_t clock_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int setup(void **state)
{
    (void)state;
    if (!scratch_make(root)) return -1;
    snprintf(dir, sizeof dir, "%s/a/b", root);
    why = (struct error){0};
    skipped_us = 0;
    unsetenv("PINION_STATE");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", root, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return scratch_remove(root);
}

static struct state *opened(void)
{
    struct state *s = NULL;

    if (state_open(dir, &s, &why)) fail_msg("%s", why.text);
    return s;
}

static struct state *locked(void)
{
    struct state *s = opened();

    if (state_lock(s, &why)) fail_msg("%s", why.text);
    return s;
}

static unsigned mode_of(const char *name)
{
    char path[256];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* ---- which folder ---------------------------------------------------------------------------- */

static void server_dir_is(const char *given, const char *want)
{
    char *got = NULL;

    if (state_dir_of_server(given, &got, &why)) fail_msg("%s", why.text);
    assert_string_equal(got, want);
    free(got);
}

TEST(finds_the_servers_folder)
{
    char home[128], here[512], *cwd = getcwd(NULL, 0);
    char *got = NULL;

    snprintf(home, sizeof home, "%s/.local/state/pinion", root);
    server_dir_is(NULL, home);
    setenv("XDG_STATE_HOME", "relative", 1);
    server_dir_is(NULL, home);
    setenv("XDG_STATE_HOME", "/xdg", 1);
    server_dir_is(NULL, "/xdg/pinion");
    setenv("PINION_STATE", "", 1);
    server_dir_is(NULL, "/xdg/pinion");
    setenv("PINION_STATE", "/env/", 1);
    server_dir_is(NULL, "/env");
    server_dir_is("/given//", "/given");
    snprintf(here, sizeof here, "%s/below", cwd);
    server_dir_is("below", here);
    free(cwd);
    assert_int_equal(state_dir_of_server("", &got, &why), PINION_INVALID);
    unsetenv("PINION_STATE");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_int_equal(state_dir_of_server(NULL, &got, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "--state DIR"));
    assert_null(got);
}

TEST(finds_the_clients_folder)
{
    char want[128], *got = NULL;
    bool system_serves = access("/var/lib/pinion/pinion.json", F_OK) == 0;

    snprintf(want, sizeof want, "%s/.local/state/pinion", root);
    assert_int_equal(state_dir_of_client(NULL, &got, &why), PINION_OK);
    assert_string_equal(got, system_serves ? "/var/lib/pinion" : want);
    free(got);
    strcpy(dir, want); /* with a pinion.json, the user's own comes first in any case */
    struct state *s = opened();
    write_file("pinion.json", "{}");
    assert_int_equal(state_dir_of_client(NULL, &got, &why), PINION_OK);
    assert_string_equal(got, want);
    free(got);
    setenv("PINION_STATE", "/env", 1);
    assert_int_equal(state_dir_of_client(NULL, &got, &why), PINION_OK);
    assert_string_equal(got, "/env");
    free(got);
    state_close(s);
}

/* ---- making it ------------------------------------------------------------------------------- */

TEST(makes_private_folders_and_files)
{
    mode_t old = umask(0);
    struct state *s = locked();

    umask(old);
    assert_int_equal(mode_of(""), 0700);
    assert_int_equal(mode_of(".."), 0700);
    assert_int_equal(mode_of("lock"), 0600);
    assert_int_equal(mode_of("token"), 0600);
    assert_int_equal(mode_of("server"), 0600);
    assert_int_equal(strspn(state_token(s), "0123456789abcdef"), STATE_TOKEN_LEN);
    assert_int_equal(strspn(state_server_id(s), "0123456789abcdef"), STATE_SERVER_LEN);
    assert_true(fcntl(state_lock_fd(s), F_GETFD) & FD_CLOEXEC);
    state_close(s);
}

static void refused(const char *path, const char *words)
{
    struct state *s = NULL;
    enum pinion_err err = state_open(path, &s, &why);

    if (!err) err = state_lock(s, &why);
    state_close(s);
    assert_int_equal(err, PINION_INVALID);
    if (!strstr(why.text, words)) fail_msg("expected '...%s...', not '%s'", words, why.text);
}

TEST(refuses_what_it_cannot_use)
{
    char path[256];

    refused("/dev/null", "not a folder");
    refused("/dev/null/below", "cannot make folder /dev/null/below");
    refused("/proc/pinion/below", "cannot make folder /proc/pinion"); /* also for root */
    snprintf(path, sizeof path, "%s/open", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    refused(path, "everybody may write");
    assert_int_equal(chmod(path, 0500), 0);
    if (geteuid() != 0) refused(path, "cannot write to state folder");
    refused("/proc", "cannot write to state folder /proc");
    snprintf(path, sizeof path, "%s/new\nline", root);
    refused(path, "control character");
}

TEST(refuses_a_path_too_long_for_a_socket)
{
    size_t max = STATE_SOCKET_MAX - strlen("/" STATE_SOCKET);
    char path[STATE_SOCKET_MAX + 1];
    struct state *s = NULL;

    snprintf(path, sizeof path, "%s/", root);
    memset(path + strlen(path), 'x', sizeof path - strlen(path));
    path[max] = '\0';
    if (state_open(path, &s, &why)) fail_msg("%s", why.text);
    state_close(s);
    path[max] = 'x';
    path[max + 1] = '\0';
    refused(path, "at most 96 bytes");
}

/* ---- the lock -------------------------------------------------------------------------------- */

TEST(a_second_one_is_refused)
{
    struct state *first = locked(), *second = opened();
    char want[256];

    snprintf(want, sizeof want, "another pinion serve (pid %d) uses %s", getpid(), dir);
    assert_int_equal(state_lock(second, &why), PINION_CONFLICT);
    assert_string_equal(why.text, want);
    state_close(first);
    if (state_lock(second, &why)) fail_msg("%s", why.text);
    state_close(second);
}

struct outcome {
    struct ev_loop *loop;
    enum pinion_err err;
    int calls;
};

static void on_locked(void *ctx, enum pinion_err err, const struct error *reason)
{
    struct outcome *o = ctx;

    assert_true(!err == !reason);
    o->err = err;
    o->calls++;
    ev_break(o->loop, EVBREAK_ALL);
}

/* A process that holds the lock as an inherited descriptor, as redis-server does after the death of
 * its parent: it ends when `hold` is closed. */
static pid_t heir_of_the_lock(int *ret_hold)
{
    int hold[2], ready[2];
    char byte;

    assert_int_equal(pipe(hold), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t service = fork();
    if (service == 0) {
        struct state *s = NULL;

        if (state_open(dir, &s, NULL) || state_lock(s, NULL)) _exit(1);
        close(hold[1]);
        if (fork() == 0) {
            while (read(hold[0], &byte, 1) > 0) continue;
            _exit(0);
        }
        if (write(ready[1], "x", 1) != 1) _exit(1);
        _exit(0);
    }
    close(ready[1]);
    close(hold[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *ret_hold = hold[1];
    return service;
}

TEST(waits_for_the_redis_of_a_dead_service)
{
    struct outcome o = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct ticker *ticker = ticker_new(o.loop);
    struct state *s = opened();
    int hold;
    pid_t service = heir_of_the_lock(&hold);
    siginfo_t info;
    char line[32];

    assert_int_equal(waitid(P_PID, (id_t)service, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(state_lock(s, &why), PINION_BUSY); /* also while it is a zombie */
    assert_int_equal(waitpid(service, NULL, 0), service);
    assert_int_equal(state_lock(s, &why), PINION_BUSY);
    snprintf(line, sizeof line, "%d 1\n", getpid()); /* alive, but born at another time */
    write_file("lock", line);
    assert_int_equal(state_lock(s, &why), PINION_BUSY);
    state_lock_wait(s, ticker, on_locked, &o);
    assert_int_equal(o.calls, 0);
    for (int turns = 0; turns < 3; turns++) ev_run(o.loop, EVRUN_ONCE);
    assert_int_equal(o.calls, 0); /* still held */
    close(hold);
    ev_run(o.loop, 0);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.err, PINION_OK);
    assert_true(state_lock_fd(s) >= 0);
    state_close(s);
    ticker_free(ticker);
    ev_loop_destroy(o.loop);
}

TEST(does_not_wait_for_ever)
{
    struct outcome o = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct ticker *ticker = ticker_new(NULL);
    struct state *s = opened();
    int hold;
    pid_t service = heir_of_the_lock(&hold);

    assert_int_equal(waitpid(service, NULL, 0), service);
    state_lock_wait(s, ticker, on_locked, &o);
    skipped_us = (STATE_LOCK_WAIT_MS - 1000) * UINT64_C(1000);
    ticker_turn(ticker);
    assert_int_equal(o.calls, 0);
    skipped_us += 1001 * UINT64_C(1000);
    ticker_turn(ticker);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.err, PINION_CONFLICT);
    close(hold);
    state_close(s);
    ticker_free(ticker);
    ev_loop_destroy(o.loop);
}

TEST(does_not_wait_for_a_living_service)
{
    struct outcome o = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct ticker *ticker = ticker_new(o.loop);
    struct state *first = locked(), *second = opened();

    state_lock_wait(second, ticker, on_locked, &o);
    ev_run(o.loop, 0);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.err, PINION_CONFLICT);
    state_lock_wait(second, ticker, on_locked, &o);
    state_close(second); /* closed while it waits: not called */
    ticker_turn(ticker);
    assert_int_equal(o.calls, 1);
    state_close(first);
    ticker_free(ticker);
    ev_loop_destroy(o.loop);
}

/* ---- identity -------------------------------------------------------------------------------- */

TEST(token_and_id_stay_until_the_next_boot)
{
    struct state *s = locked();
    char token[STATE_TOKEN_LEN + 1], id[STATE_SERVER_LEN + 1], read[STATE_TOKEN_LEN + 1];
    char line[128];

    strcpy(token, state_token(s));
    strcpy(id, state_server_id(s));
    assert_int_equal(state_read_token(dir, read, &why), PINION_OK);
    assert_string_equal(read, token);
    state_close(s);
    s = locked();
    assert_string_equal(state_token(s), token);
    assert_string_equal(state_server_id(s), id);
    state_close(s);
    snprintf(line, sizeof line, "%s 00000000-0000-0000-0000-000000000000\n", id);
    write_file("server", line);
    s = locked();
    assert_string_not_equal(state_server_id(s), id);
    assert_string_equal(state_token(s), token);
    strcpy(id, state_server_id(s));
    state_close(s);
    s = locked(); /* the new one is kept in its turn */
    assert_string_equal(state_server_id(s), id);
    state_close(s);
}

TEST(a_damaged_token_is_not_replaced)
{
    struct state *s = locked();

    state_close(s);
    write_file("token", "short\n");
    s = opened();
    assert_int_equal(state_lock(s, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "expected 64 hex digits"));
    assert_int_equal(state_lock_fd(s), -1);
    write_file("server", "?");
    assert_int_equal(unlink(strcat(strcpy((char[256]){""}, dir), "/token")), 0);
    if (state_lock(s, &why)) fail_msg("%s", why.text); /* the lock was given back */
    state_close(s);
}

/* ---- pinion.json ----------------------------------------------------------------------------- */

TEST(publishes_where_it_listens)
{
    struct state *s = locked();
    struct state_info got = {0}, info = {
                                     .http = (char[]){"127.0.0.1:7466"},
                                     .redis = (char[]){"unix:///x/redis.sock"},
                                     .server = (char[]){"0123456789ab"},
                                     .pid = 42,
                                 };

    assert_int_equal(state_read_info(dir, &got, &why), PINION_NOT_FOUND);
    if (state_publish(s, &info, &why)) fail_msg("%s", why.text);
    assert_int_equal(mode_of("pinion.json"), 0600);
    if (state_read_info(dir, &got, &why)) fail_msg("%s", why.text);
    assert_string_equal(got.http, info.http);
    assert_string_equal(got.redis, info.redis);
    assert_string_equal(got.server, info.server);
    assert_int_equal(got.pid, 42);
    state_info_deinit(&got);
    info.http = NULL;
    if (state_publish(s, &info, &why)) fail_msg("%s", why.text);
    if (state_read_info(dir, &got, &why)) fail_msg("%s", why.text);
    assert_null(got.http);
    state_info_deinit(&got);
    write_file("pinion.json", "{\"redis\":");
    assert_int_equal(state_read_info(dir, &got, &why), PINION_INVALID);
    state_unpublish(s);
    assert_int_equal(state_read_info(dir, &got, &why), PINION_NOT_FOUND);
    state_close(s);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(finds_the_servers_folder),
        CASE(finds_the_clients_folder),
        CASE(makes_private_folders_and_files),
        CASE(refuses_what_it_cannot_use),
        CASE(refuses_a_path_too_long_for_a_socket),
        CASE(a_second_one_is_refused),
        CASE(waits_for_the_redis_of_a_dead_service),
        CASE(does_not_wait_for_ever),
        CASE(does_not_wait_for_a_living_service),
        CASE(token_and_id_stay_until_the_next_boot),
        CASE(a_damaged_token_is_not_replaced),
        CASE(publishes_where_it_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
