/* Sends programs through a loop of its own. */
#include "tests/flow/process_run.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/macros.h"
#include "workers/process_table.h"

#define PATIENCE_S 30. /* a test that hangs fails, long before anybody gives up on it */

struct process_host run_host;

static ev_timer impatience;
static unsigned fds_before;

unsigned count_fds(void)
{
    unsigned count = 0;
    DIR *d = opendir("/proc/self/fd");

    assert_non_null(d);
    while (readdir(d)) count++;
    closedir(d);
    return count;
}

static void on_impatience(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
    fail_msg("waited %g s in vain", PATIENCE_S);
}

int process_run_setup(void **state)
{
    (void)state;
    fds_before = count_fds();
    run_host = (struct process_host){.loop = ev_loop_new(0)};
    run_host.ticker = ticker_new(run_host.loop);
    run_host.sweep = sweep_new(run_host.loop, process_swept);
    ev_timer_init(&impatience, on_impatience, PATIENCE_S, 0.);
    ev_timer_start(run_host.loop, &impatience);
    return 0;
}

int process_run_teardown(void **state)
{
    (void)state;
    ev_timer_stop(run_host.loop, &impatience);
    sweep_free(run_host.sweep);
    ticker_free(run_host.ticker);
    ev_loop_destroy(run_host.loop);
    errno = 0;
    if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD) {
        print_error("a child was left behind\n");
        return -1;
    }
    if (count_fds() != fds_before) {
        print_error("%u descriptors before, %u after\n", fds_before, count_fds());
        return -1;
    }
    return 0;
}

static void on_end(struct process *p, struct process_result *result)
{
    struct run *run = container_of(p, struct run, process);

    assert_int_equal(p->pid, 0);
    run->ended++;
    run->result = *result;
    result->out.bytes = result->err.bytes = BUFFER_INIT; /* taken */
}

void run_free(struct run *run)
{
    buffer_deinit(&run->result.out.bytes);
    buffer_deinit(&run->result.err.bytes);
}

enum pinion_err run_start(struct run *run, const struct process_spec *spec, struct error *why)
{
    enum pinion_err err;

    memset(run, 0, sizeof *run);
    err = process_start(&run->process, &run_host, spec, on_end, why);
    assert_int_equal(run->ended, 0);
    return err;
}

void run_program(struct run *run, const char *path, char *const *argv)
{
    struct process_spec spec = {.program = {.path = path, .argv = argv}};
    struct error why = {0};

    if (run_start(run, &spec, &why)) fail_msg("%s", why.text);
    assert_true(run->process.pid > 1);
}

void run_wait_end(struct run *run)
{
    while (!run->ended) ev_run(run_host.loop, EVRUN_ONCE);
    assert_int_equal(run->ended, 1);
}

void run_wait_output(struct run *run)
{
    while (!run->process.out.output.bytes.len) {
        assert_int_equal(run->ended, 0);
        ev_run(run_host.loop, EVRUN_ONCE);
    }
}

void assert_ended(const struct run *run, enum process_end end, int code)
{
    if (run->result.end != end || run->result.code != code)
        fail_msg("expected end %d code %d, got %d and %d, stderr: %s", end, code, run->result.end,
                 run->result.code, run->result.err.bytes.data ? run->result.err.bytes.data : "");
}

void assert_out(const struct run *run, const char *text)
{
    assert_string_equal(run->result.out.bytes.data ? run->result.out.bytes.data : "", text);
}

void run_script(struct run *run, const char *script)
{
    run_program(run, "/bin/sh", SH(script));
}

pid_t printed_pid(const struct run *run)
{
    const char *out = run->result.out.bytes.data;
    pid_t pid = out ? (pid_t)strtol(out, NULL, 10) : 0;

    assert_true(pid > 1);
    return pid;
}

char state_of(pid_t pid)
{
    struct process_stat now;

    return process_stat_read(pid, &now) ? now.state : 'X';
}

bool is_alive(pid_t pid)
{
    return !strchr("ZX", state_of(pid));
}

void assert_dies(pid_t pid)
{
    uint64_t deadline_ms = clock_mono_ms() + (uint64_t)PATIENCE_S * 1000;

    while (is_alive(pid)) {
        if (clock_mono_ms() > deadline_ms) fail_msg("process %d is still alive", pid);
        ev_run(run_host.loop, EVRUN_NOWAIT);
    }
}
