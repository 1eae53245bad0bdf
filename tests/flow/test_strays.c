/* What programs leave behind in sessions of their own: whose job has ended is killed, and nobody
 * else. Orphans fall to this process while a test runs. */
#include "workers/strays.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/macros.h"
#include "tests/flow/process_run.h"

static pid_t spared;

static pid_t spared_pid(void *ctx)
{
    (void)ctx;
    return spared;
}

static int setup(void **state)
{
    int failed = process_run_setup(state);

    spared = 0;
    if (failed) return failed;
    return strays_new(run_host.ticker, spared_pid, NULL, &run_host.strays, NULL) ? 1 : 0;
}

static int teardown(void **state)
{
    strays_free(run_host.strays);
    run_host.strays = NULL;
    return process_run_teardown(state);
}

/* Runs `script` for the job `id`. */
static void begin(struct run *run, const char *id, const char *script)
{
    char variable[64];
    struct process_spec spec = {
        .program = {.path = "/bin/sh",
                    .argv = SH(script),
                    .env = ARGV(WORD("PATH=/usr/bin:/bin"), variable)},
        .tag = id,
    };

    snprintf(variable, sizeof variable, "PINION_JOB_ID=%s", id);
    assert_int_equal(run_start(run, &spec, NULL), PINION_OK);
    run_wait_output(run);
}

static void end(struct run *run)
{
    process_stop(&run->process, 0);
    run_wait_end(run);
}

static void is_reaped(pid_t pid)
{
    while (state_of(pid) != 'X') ev_run(run_host.loop, EVRUN_ONCE);
}

/* Its number, once it has a session of its own, is what the script says. */
#define DAEMON "setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1' & "

TEST(of_a_job_that_has_ended_it_is_killed_and_reaped)
{
    struct run run;
    pid_t daemon;

    begin(&run, "q:1", DAEMON "exec sleep 1000");
    end(&run);
    daemon = printed_pid(&run);
    is_reaped(daemon);
    run_free(&run);
}

TEST(of_a_job_that_runs_it_stays)
{
    struct run first, second;
    pid_t daemon;

    begin(&first, "q:1", DAEMON "exec sleep 1000");
    daemon = (pid_t)strtol(first.process.out.output.bytes.data, NULL, 10);
    assert_true(daemon > 1);
    begin(&second, "q:2", DAEMON "exec sleep 1000");
    end(&second); /* which makes us look */
    is_reaped(printed_pid(&second));
    assert_true(is_alive(daemon));
    end(&first);
    is_reaped(daemon);
    run_free(&first);
    run_free(&second);
}

/* As one that is looked at just while it becomes another program: it names its job only later. */
TEST(one_without_environment_is_looked_at_again)
{
    char fifo[] = "/tmp/pinion-strays-XXXXXX", script[256];
    struct run run;
    pid_t daemon;
    int go;

    close(mkstemp(fifo));
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    snprintf(script, sizeof script,
             "setsid env -i sh -c 'echo $$; read go <%s; PINION_JOB_ID=q:1 exec sleep 1000 "
             ">/dev/null 2>&1' & exec sleep 1000", fifo);
    begin(&run, "q:1", script);
    end(&run);
    daemon = printed_pid(&run);
    for (int looks = 0; looks < 3; looks++) ev_run(run_host.loop, EVRUN_ONCE);
    assert_true(is_alive(daemon));
    go = open(fifo, O_WRONLY | O_CLOEXEC); /* waits until it reads */
    assert_true(go >= 0);
    close(go);
    is_reaped(daemon);
    unlink(fifo);
    run_free(&run);
}

/* One that plays somebody else's child: with a session of its own or not, alive or ended. */
static pid_t fork_other(bool session, bool ends)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (session) setsid();
        if (write(ready[1], "x", 1) != 1) _exit(1);
        if (ends) _exit(7);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    while (ends && state_of(pid) != 'Z') continue;
    return pid;
}

TEST(children_of_others_are_left_alone)
{
    pid_t alive = fork_other(true, false), ended = fork_other(false, true);
    struct run run;
    int status;

    spared = fork_other(true, true);
    begin(&run, "q:1", DAEMON "exec sleep 1000");
    end(&run);
    is_reaped(printed_pid(&run));
    run_free(&run);
    assert_true(is_alive(alive));
    assert_int_equal(waitpid(ended, &status, 0), ended);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(waitpid(spared, &status, 0), spared);
    kill(alive, SIGKILL);
    assert_int_equal(waitpid(alive, &status, 0), alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_a_job_that_has_ended_it_is_killed_and_reaped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_without_environment_is_looked_at_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(of_a_job_that_runs_it_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(children_of_others_are_left_alone, setup, teardown),
    };

    return cmocka_run_group_tests_name("strays", tests, NULL, NULL);
}
