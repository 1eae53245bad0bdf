/* A program as a child of the loop: what goes in, what comes out, how it ends, and what becomes of
 * what it left behind. */
#include "workers/process.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "tests/flow/process_run.h"
#include "tests/support/no_pidfd.h"
#include "workers/process_table.h"

#define LONG_MS 600000 /* a grace that no test waits for */

/* ---- in and out ------------------------------------------------------------------------------ */

TEST(echo)
{
    struct run run;
    char *argv[] = {WORD("echo"), WORD("two  words"), WORD("$HOME;*"), NULL};

    run_program(&run, "/bin/echo", argv);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    assert_out(&run, "two  words $HOME;*\n");
    assert_int_equal(run.result.err.bytes.len, 0);
    run_free(&run);
}

static void cat_bytes(size_t len)
{
    struct run run;
    char *payload = xmalloc(len + 1);
    struct process_spec spec = {
        .program = {.path = "/bin/cat", .argv = ARGV(WORD("cat"))},
        .input = payload,
        .input_len = len,
        .out_bytes_max = len,
    };

    for (size_t i = 0; i < len; i++) payload[i] = (char)(i * 31 + i / 251);
    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    assert_int_equal(run.result.out.bytes.len, len);
    assert_int_equal(run.result.out.dropped, 0);
    if (len) assert_memory_equal(run.result.out.bytes.data, payload, len);
    run_free(&run);
    free(payload);
}

TEST(payload_of_any_size_arrives)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 1024 * 1024};

    for (size_t i = 0; i < countof(sizes); i++) cat_bytes(sizes[i]);
}

TEST(payload_may_be_left_unread)
{
    static char payload[1024 * 1024];
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/bin/true", .argv = ARGV(WORD("true"))},
        .input = payload,
        .input_len = sizeof payload,
    };

    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    run_free(&run);

    /* Closes its end and lives on, so the feeding meets EPIPE (and SIGPIPE, which would end us). */
    spec.program.path = "/bin/sh";
    spec.program.argv = SH("exec <&-; exec sleep 1000");
    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    while (run.process.in.fd >= 0) ev_run(run_host.loop, EVRUN_ONCE);
    assert_int_equal(run.ended, 0);
    process_stop(&run.process, LONG_MS);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGTERM);
    run_free(&run);
}

TEST(output_over_the_cap_is_dropped_and_counted)
{
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/bin/sh",
                    .argv = SH("head -c 300000 /dev/zero; head -c 1001 /dev/zero >&2")},
        .out_bytes_max = 1000,
        .err_bytes_max = 1000,
    };

    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    assert_int_equal(run.result.out.bytes.len, 1000);
    assert_int_equal(run.result.out.dropped, 299000);
    assert_int_equal(run.result.err.bytes.len, 1000);
    assert_int_equal(run.result.err.dropped, 1);
    run_free(&run);

    spec.program.argv = SH("head -c 65536 /dev/zero; head -c 65537 /dev/zero >&2");
    spec.out_bytes_max = spec.err_bytes_max = 0;
    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_int_equal(run.result.out.bytes.len, PROCESS_OUTPUT_BYTES);
    assert_int_equal(run.result.out.dropped, 0);
    assert_int_equal(run.result.err.dropped, 1);
    run_free(&run);
}

TEST(of_stderr_the_last_bytes_are_kept)
{
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/bin/sh", .env = ARGV(WORD("PATH=/usr/bin:/bin"))},
        .err_bytes_max = 10,
    };
    static const struct {
        const char *script, *last;
        size_t      dropped;
    } cases[] = {
        {"printf 123456789 >&2", "123456789", 0},
        {"printf 1234567890 >&2", "1234567890", 0},
        {"printf 12345678901 >&2", "2345678901", 1},
        {"printf 12345 >&2; sleep 0.05; printf 678901 >&2", "2345678901", 1},
        {"for i in 1 2 3 4 5 6 7 8; do printf abcdef$i >&2; sleep 0.01; done", "ef7abcdef8", 46},
        {"head -c 100000 /dev/zero >&2; printf 1234567890 >&2", "1234567890", 100000},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        spec.program.argv = SH(cases[i].script);
        assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
        run_wait_end(&run);
        assert_ended(&run, PROCESS_EXITED, 0);
        assert_string_equal(run.result.err.bytes.data, cases[i].last);
        assert_int_equal(run.result.err.dropped, cases[i].dropped);
        run_free(&run);
    }
}

TEST(streams_are_kept_apart)
{
    struct run run;

    run_script(&run, "echo to-out; echo to-err >&2");
    run_wait_end(&run);
    assert_out(&run, "to-out\n");
    assert_string_equal(run.result.err.bytes.data, "to-err\n");
    run_free(&run);
}

/* ---- the end --------------------------------------------------------------------------------- */

TEST(exit_codes)
{
    static const int codes[] = {0, 1, 2, 77, 127, 255};

    for (size_t i = 0; i < countof(codes); i++) {
        struct run run;
        char script[32];

        snprintf(script, sizeof script, "exit %d", codes[i]);
        run_script(&run, script);
        run_wait_end(&run);
        assert_ended(&run, PROCESS_EXITED, codes[i]);
        run_free(&run);
    }
}

TEST(signals)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGUSR1};

    for (size_t i = 0; i < countof(signals); i++) {
        struct run run;

        run_script(&run, "echo ready; exec sleep 1000");
        run_wait_output(&run);
        process_kill_group(&run.process, signals[i]);
        run_wait_end(&run);
        assert_ended(&run, PROCESS_KILLED, signals[i]);
        assert_out(&run, "ready\n");
        process_kill_group(&run.process, SIGKILL); /* idle: no-op */
        process_stop(&run.process, 0);
        run_free(&run);
    }
}

TEST(stop_gives_a_grace_and_then_kills)
{
    struct run run;
    uint64_t stopped_ms;

    run_script(&run, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    run_wait_output(&run);
    process_stop(&run.process, LONG_MS);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 3);
    assert_out(&run, "ready\nbye\n");
    run_free(&run);

    run_script(&run, "trap '' TERM; echo ready; while :; do sleep 1000; done");
    run_wait_output(&run);
    stopped_ms = clock_mono_ms();
    process_stop(&run.process, 100);
    process_stop(&run.process, LONG_MS); /* a longer grace does not count */
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGKILL);
    assert_true(clock_mono_ms() - stopped_ms >= 100);
    run_free(&run);
}

TEST(stop_can_be_hurried)
{
    struct run run;

    run_script(&run, "trap '' TERM; echo ready; while :; do sleep 1000; done");
    run_wait_output(&run);
    process_stop(&run.process, LONG_MS);
    process_stop(&run.process, 50);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGKILL);
    run_free(&run);

    run_script(&run, "trap '' TERM; echo ready; while :; do sleep 1000; done");
    run_wait_output(&run);
    process_stop(&run.process, LONG_MS);
    process_stop(&run.process, 0);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGKILL);
    run_free(&run);
}

/* Whatever the child has come to: it may not lead a group yet, or not have called exec. */
TEST(stop_at_once)
{
    static const struct {
        uint64_t grace_ms;
        int      signal;
    } cases[] = {{0, SIGKILL}, {LONG_MS, SIGTERM}};

    for (size_t i = 0; i < 40; i++) {
        struct run run;

        run_program(&run, "/bin/sleep", ARGV(WORD("sleep"), WORD("1000")));
        process_stop(&run.process, cases[i % 2].grace_ms);
        run_wait_end(&run);
        assert_ended(&run, PROCESS_KILLED, cases[i % 2].signal);
        run_free(&run);
    }
}

TEST(a_halted_program_hears_the_stop)
{
    struct run run;

    run_script(&run, "kill -STOP $$; exit 5");
    while (state_of(run.process.pid) != 'T') ev_run(run_host.loop, EVRUN_NOWAIT);
    process_stop(&run.process, LONG_MS);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGTERM);
    run_free(&run);
}

/* ---- grandchildren --------------------------------------------------------------------------- */

TEST(grandchild_that_holds_the_pipe_neither_hangs_nor_survives)
{
    struct run run;

    run_script(&run, "(trap '' TERM HUP; while :; do sleep 1000; done) & echo $!; exit 6");
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 6);
    assert_dies(printed_pid(&run));
    run_free(&run);
}

/* timeout(1) moves to a group of its own; the test goes on when it has. Its pid. */
static pid_t wait_moved(struct run *run)
{
    pid_t pid;
    struct process_stat now;

    run_wait_output(run);
    pid = (pid_t)strtol(run->process.out.output.bytes.data, NULL, 10);
    do {
        ev_run(run_host.loop, EVRUN_NOWAIT);
        assert_true(process_stat_read(pid, &now));
    } while (now.group != pid);
    assert_int_equal(now.session, run->process.pid);
    return pid;
}

TEST(grandchild_in_a_group_of_its_own_does_not_survive)
{
    struct run run;
    pid_t moved;

    run_script(&run, "timeout 1000 sleep 1000 & echo $!; exec sleep 1000");
    moved = wait_moved(&run); /* it holds our pipes */
    process_kill_group(&run.process, SIGTERM);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGTERM);
    assert_dies(moved);
    run_free(&run);

    run_script(&run, "timeout 1000 sleep 1000 >/dev/null 2>&1 & echo $!; exec sleep 1000");
    moved = wait_moved(&run); /* it does not */
    process_stop(&run.process, LONG_MS);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGTERM);
    assert_dies(moved);
    run_free(&run);
}

/* One look at all processes does for all of them. */
TEST(what_many_leave_behind_is_found_together)
{
    struct run runs[20];
    pid_t moved[20];

    for (size_t i = 0; i < countof(runs); i++) {
        run_script(&runs[i], "timeout 1000 sleep 1000 >/dev/null 2>&1 & echo $!; exec sleep 1000");
        moved[i] = wait_moved(&runs[i]);
    }
    for (size_t i = 0; i < countof(runs); i++) process_stop(&runs[i].process, LONG_MS);
    for (size_t i = 0; i < countof(runs); i++) {
        run_wait_end(&runs[i]);
        assert_ended(&runs[i], PROCESS_KILLED, SIGTERM);
        assert_dies(moved[i]);
        run_free(&runs[i]);
    }
}

/* ---- many, and again ------------------------------------------------------------------------- */

static void on_end_again(struct process *p, struct process_result *result)
{
    struct run *run = container_of(p, struct run, process);
    const struct process_spec spec = {
        .program = {.path = "/bin/true", .argv = ARGV(WORD("true"))},
    };

    assert_int_equal(result->end, PROCESS_EXITED);
    if (++run->ended == 20) return;
    assert_int_equal(process_start(p, &run_host, &spec, on_end_again, NULL), PINION_OK);
}

TEST(can_be_started_again_from_its_end)
{
    struct run run = {0};
    const struct process_spec spec = {
        .program = {.path = "/bin/true", .argv = ARGV(WORD("true"))},
    };

    assert_int_equal(process_start(&run.process, &run_host, &spec, on_end_again, NULL), PINION_OK);
    while (run.ended < 20) ev_run(run_host.loop, EVRUN_ONCE);
    assert_int_equal(run.process.pid, 0);
}

#define MANY 500

TEST(many_at_once)
{
    struct run *runs = xcalloc(MANY, sizeof *runs);
    struct rlimit limit;
    char payload[16];

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 5 * MANY) skip();
    for (int i = 0; i < MANY; i++) {
        struct process_spec spec = {
            .program = {.path = "/bin/cat", .argv = ARGV(WORD("cat"))},
            .input = payload, /* this small, it is in the pipe when the start returns */
            .input_len = (size_t)snprintf(payload, sizeof payload, "job %d", i),
        };

        assert_int_equal(run_start(&runs[i], &spec, NULL), PINION_OK);
    }
    for (int i = 0; i < MANY; i++) {
        run_wait_end(&runs[i]);
        assert_ended(&runs[i], PROCESS_EXITED, 0);
        snprintf(payload, sizeof payload, "job %d", i);
        assert_out(&runs[i], payload);
        run_free(&runs[i]);
    }
    free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(echo, process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(payload_of_any_size_arrives,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(payload_may_be_left_unread,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(output_over_the_cap_is_dropped_and_counted,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(of_stderr_the_last_bytes_are_kept,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(streams_are_kept_apart,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(exit_codes, process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(signals, process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(stop_gives_a_grace_and_then_kills,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(stop_can_be_hurried,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(stop_at_once, process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(a_halted_program_hears_the_stop,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(grandchild_that_holds_the_pipe_neither_hangs_nor_survives,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(grandchild_in_a_group_of_its_own_does_not_survive,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(what_many_leave_behind_is_found_together,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(can_be_started_again_from_its_end,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(many_at_once, process_run_setup, process_run_teardown),
    };

    no_pidfd_if_asked();
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
