/* What a program finds when it begins, and what is told when it cannot begin. */
#include "workers/process_spawn.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/macros.h"
#include "tests/flow/process_run.h"

/* ---- what cannot run ------------------------------------------------------------------------- */

static void assert_refused(const struct process_program *program, enum pinion_err expected,
                           const char *words)
{
    struct run run;
    struct process_spec spec = {.program = *program};
    struct error why = {0};
    enum pinion_err err = run_start(&run, &spec, &why);

    if (err) {
        assert_int_equal(run.process.pid, 0);
        ev_run(run_host.loop, EVRUN_NOWAIT);
        assert_int_equal(run.ended, 0);
    } else { /* the child found out */
        run_wait_end(&run);
        assert_int_equal(run.result.end, PROCESS_NOT_RUN);
        assert_out(&run, "");
        why = run.result.why;
        run_free(&run);
    }
    assert_int_equal(why.code, expected);
    if (!strstr(why.text, words)) fail_msg("expected \"%s\" in: %s", words, why.text);
}

TEST(failure_to_run_is_told)
{
    char *const *argv = ARGV(WORD("x"));
    char script[] = "/tmp/pinion-process-XXXXXX";
    int fd = mkstemp(script);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "echo no\n", 8), 8);
    assert_int_equal(fchmod(fd, 0755), 0);
    close(fd);
    assert_refused(&(struct process_program){.path = "/no/such", .argv = argv}, PINION_INVALID,
                   "/no/such: No such file");
    assert_refused(&(struct process_program){.path = "/tmp", .argv = argv}, PINION_INVALID,
                   "/tmp: Permission denied");
    assert_refused(&(struct process_program){.path = script, .argv = argv}, PINION_INVALID,
                   "first line is #!");
    assert_refused(&(struct process_program){.path = "/bin/true", .argv = argv, .dir = "/no/dir"},
                   PINION_INVALID, "working folder /no/dir");
    unlink(script);
}

TEST(no_descriptor_left_is_busy)
{
    struct rlimit before;
    char *const *argv = ARGV(WORD("true"));
    int next[7]; /* the numbers that will be given out: six for the pipes, one for the pidfd */

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < countof(next); i++) next[i] = fcntl(0, F_DUPFD_CLOEXEC, 0);
    for (size_t i = 0; i < countof(next); i++) close(next[i]);
    for (size_t i = 0; i < countof(next); i++) {
        struct rlimit few = {(rlim_t)next[i], before.rlim_max};

        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        assert_refused(&(struct process_program){.path = "/bin/true", .argv = argv}, PINION_BUSY,
                       "Too many open files");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
}

/* ---- what the program finds ------------------------------------------------------------------ */

TEST(no_descriptor_is_inherited)
{
    struct run run;
    int plain = dup(0), high = fcntl(0, F_DUPFD, 200);
    struct process_spec spec = {
        .program = {.path = "/bin/ls", .argv = ARGV(WORD("ls"), WORD("/proc/self/fd"))},
    };

    assert_true(plain > 2 && high >= 200); /* both without close-on-exec */
    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_out(&run, "0\n1\n2\n3\n"); /* 3 is how ls reads the folder */
    run_free(&run);
    close(plain);
    close(high);
}

TEST(works_where_our_own_streams_are_closed)
{
    int saved[3];
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/bin/sh", .argv = SH("read word; echo got $word; echo err >&2")},
        .input = "this\n",
        .input_len = 5,
    };
    enum pinion_err err;

    for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3; i++) close(i);
    err = run_start(&run, &spec, NULL);
    if (!err) run_wait_end(&run);
    for (int i = 0; i < 3; i++) {
        assert_true(saved[i] >= 10 && dup2(saved[i], i) == i);
        close(saved[i]);
    }
    assert_int_equal(err, PINION_OK);
    assert_ended(&run, PROCESS_EXITED, 0);
    assert_out(&run, "got this\n");
    assert_string_equal(run.result.err.bytes.data, "err\n");
    run_free(&run);
}

TEST(environment_is_exact)
{
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/usr/bin/env",
                    .argv = ARGV(WORD("env")),
                    .env = ARGV(WORD("B=two words"), WORD("A="))},
    };

    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_out(&run, "B=two words\nA=\n");
    run_free(&run);

    spec.program.env = NULL;
    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_out(&run, "");
    run_free(&run);
}

TEST(working_folder)
{
    struct run run;
    struct process_spec spec = {
        .program = {.path = "/bin/pwd", .argv = ARGV(WORD("pwd")), .dir = "/usr/bin"},
    };

    assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
    run_wait_end(&run);
    assert_out(&run, "/usr/bin\n");
    run_free(&run);
}

TEST(signals_are_reset_and_ours_are_not)
{
    struct sigaction before, after, ignore = {.sa_handler = SIG_IGN};
    sigset_t block, mask_before, mask_after;
    struct run run;

    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &block, &mask_before);
    sigaction(SIGPIPE, &ignore, &before);
    run_program(&run, "/bin/grep",
          ARGV(WORD("grep"), WORD("-E"), WORD("^Sig(Blk|Ign)"),
               WORD("/proc/self/status")));
    run_wait_end(&run);
    sigaction(SIGPIPE, &before, &after);
    pthread_sigmask(SIG_SETMASK, &mask_before, &mask_after);
    assert_out(&run, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    assert_true(after.sa_handler == SIG_IGN);
    assert_true(sigismember(&mask_after, SIGUSR1));
    assert_false(sigismember(&mask_after, SIGTERM));
    run_free(&run);
}

TEST(leads_its_own_session)
{
    struct run run;
    int pid, parent, group, session;
    pid_t started;

    run_program(&run, "/bin/cat", ARGV(WORD("cat"), WORD("/proc/self/stat")));
    started = run.process.pid;
    run_wait_end(&run);
    assert_int_equal(sscanf(run.result.out.bytes.data, "%d (cat) %*c %d %d %d", &pid, &parent,
                            &group, &session), 4);
    assert_int_equal(pid, started);
    assert_int_equal(parent, getpid());
    assert_int_equal(group, started);
    assert_int_equal(session, started);
    run_free(&run);
}

/* ---- limits and users ------------------------------------------------------------------------ */

static void shows(const struct process_program *program, const char *out)
{
    struct run run;
    struct process_spec spec = {.program = *program};
    struct error why = {0};

    if (run_start(&run, &spec, &why)) fail_msg("%s", why.text);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    assert_out(&run, out);
    run_free(&run);
}

TEST(limits_are_those_given)
{
    const struct process_limits limits = {.memory_bytes = 1 << 30,
                                          .cpu_s = 7,
                                          .files = 33,
                                          .processes = 1000,
                                          .file_size_bytes = 4096 * 1024};

    shows(&(struct process_program){.path = "/bin/bash",
                                    .argv = ARGV(WORD("bash"), WORD("-c"),
                                                 WORD("ulimit -v; ulimit -St; ulimit -Ht; ulimit "
                                                      "-n; ulimit -u; ulimit -f")),
                                    .limits = &limits},
          "1048576\n7\n8\n33\n1000\n4096\n");
}

/* What we may not have ourselves, it does not get either; and 0 leaves all as it is. */
TEST(limits_do_not_go_beyond_ours)
{
    const struct process_limits limits = {.files = 1u << 30}, none = {0};
    struct rlimit files;
    char expected[32];

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    snprintf(expected, sizeof expected, "%llu\n", (unsigned long long)files.rlim_max);
    if (files.rlim_max > 1u << 30) skip();
    shows(&(struct process_program){
              .path = "/bin/sh", .argv = SH("ulimit -Hn"), .limits = &limits},
          expected);
    shows(&(struct process_program){.path = "/bin/sh", .argv = SH("ulimit -Hn"), .limits = &none},
          expected);
}

TEST(too_much_cpu_and_too_large_a_file_end_it)
{
    const struct process_limits limits = {.cpu_s = 1, .file_size_bytes = 1000};
    const struct {
        const char *script;
        int         signal;
    } cases[] = {
        {"while :; do :; done", SIGXCPU},
        {"f=$(mktemp -u); exec >\"$f\"; rm \"$f\"; exec head -c 5000 /dev/zero", SIGXFSZ},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct run run;
        struct process_spec spec = {.program = {.path = "/bin/sh",
                                                .argv = SH(cases[i].script),
                                                .env = ARGV(WORD("PATH=/bin:/usr/bin")),
                                                .dir = "/tmp",
                                                .limits = &limits}};

        assert_int_equal(run_start(&run, &spec, NULL), PINION_OK);
        run_wait_end(&run);
        assert_ended(&run, PROCESS_KILLED, cases[i].signal);
        run_free(&run);
    }
}

TEST(nice_is_added_to_ours)
{
    char expected[16];
    int ours = getpriority(PRIO_PROCESS, 0);

    snprintf(expected, sizeof expected, "%d\n", ours + 5 < 19 ? ours + 5 : 19);
    shows(&(struct process_program){.path = "/usr/bin/nice", .argv = ARGV(WORD("nice")), .nice = 5},
          expected);
    shows(&(struct process_program){
              .path = "/usr/bin/nice", .argv = ARGV(WORD("nice")), .nice = 19},
          "19\n");
}

/* Its groups are those given and no others, and it dies with us all the same. */
TEST(another_user_for_root)
{
    static const gid_t groups[] = {7, 12345};
    const struct process_user user = {65534, 4321, groups, countof(groups)};
    const struct process_program program = {
        .path = "/bin/grep",
        .argv = ARGV(WORD("grep"), WORD("-E"), WORD("^(Uid|Gid|Groups)"),
                     WORD("/proc/self/status")),
        .user = &user,
    };

    if (geteuid() != 0) {
        assert_refused(&program, PINION_INVALID, "cannot run /bin/grep as user 65534, group 4321");
        return;
    }
    shows(&program, "Uid:\t65534\t65534\t65534\t65534\nGid:\t4321\t4321\t4321\t4321\n"
                    "Groups:\t7 12345 \n");
    assert_int_equal(geteuid(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failure_to_run_is_told,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(no_descriptor_left_is_busy,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(no_descriptor_is_inherited,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(works_where_our_own_streams_are_closed,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(environment_is_exact,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(working_folder, process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(signals_are_reset_and_ours_are_not,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(leads_its_own_session,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(limits_are_those_given,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(limits_do_not_go_beyond_ours,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(too_much_cpu_and_too_large_a_file_end_it,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(nice_is_added_to_ours,
                                        process_run_setup, process_run_teardown),
        cmocka_unit_test_setup_teardown(another_user_for_root,
                                        process_run_setup, process_run_teardown),
    };

    return cmocka_run_group_tests_name("process_setting", tests, NULL, NULL);
}
