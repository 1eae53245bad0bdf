/* Commands in cgroups of their own: whatever they leave ends with them, and the folders are used
 * again. Needs a folder of cgroup2 that this process may divide; where there is none, it says so
 * and skips. Whatever happens to the test, a process of its own removes its folder. */
#include "workers/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/memory.h"
#include "tests/flow/process_run.h"
#include "tests/support/no_pidfd.h"
#include "workers/cgroup_find.h"
#include "workers/cgroup_folder.h"

#define WAIT_MS 20000 /* for what was killed to be gone */

static char *above, *parent; /* our own folder, and the one that the tests use */
static const char *name;     /* of `parent` in `above`; NULL: there is none */
static unsigned emptied;

/* ---- the folders ----------------------------------------------------------------------------- */

static void on_emptied(void *ctx)
{
    (void)ctx;
    emptied++;
}

static enum pinion_err open_in(const char *path, struct cgroups **ret, struct error *why)
{
    struct cgroups_options o = {.ticker = run_host.ticker,
                                .parent = path,
                                .name = "own",
                                .wait_ms = WAIT_MS,
                                .emptied = on_emptied};

    return cgroups_open(&o, ret, why);
}

static int open_folder(const char *below)
{
    char *path = xasprintf("%s/%s", parent, below);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(path);
    return fd;
}

/* Of the commands; 0 where ours is gone, too. */
static unsigned count_folders(void)
{
    int fd = open_folder("own");
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    unsigned count = 0;

    for (struct dirent *e; d && (e = readdir(d));)
        count += e->d_type == DT_DIR && e->d_name[0] != '.';
    if (d) closedir(d);
    return count;
}

static void write_to(const char *below, const char *text)
{
    char *path = xasprintf("%s/%s", parent, below);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    free(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int setup(void **state)
{
    struct error why = {0};

    if (process_run_setup(state)) return 1;
    emptied = 0;
    if (!name || !open_in(parent, &run_host.cgroups, &why)) return 0;
    print_error("%s\n", why.text);
    return 1;
}

static int teardown(void **state)
{
    int left;

    cgroups_close(run_host.cgroups);
    run_host.cgroups = NULL;
    left = name ? open_folder("own") : -1;
    if (left >= 0) {
        print_error("the folder was left\n");
        close(left);
        return -1;
    }
    return process_run_teardown(state);
}

#define NEEDS_CGROUP() \
    do { \
        if (!name) skip(); \
    } while (0)

/* ---- commands -------------------------------------------------------------------------------- */

/* Without environment, in a session of its own, an orphan; so is its child. Prints its number. */
#define DAEMON \
    "env -i setsid -f /bin/sh -c 'setsid -f sleep 1000 >/dev/null 2>&1 </dev/null; echo $$;" \
    " exec sleep 1000 >/dev/null 2>&1 </dev/null' | { read pid; echo $pid; }; "

static void begin(struct run *run, const char *script)
{
    run_script(run, script);
    run_wait_output(run);
}

static void end(struct run *run)
{
    process_stop(&run->process, 0);
    run_wait_end(run);
}

static void wait_emptied(void)
{
    unsigned before = emptied;

    while (emptied == before) ev_run(run_host.loop, EVRUN_ONCE);
}

static bool is_empty(const char *below)
{
    int folder = open_folder(below), events = cgroup_folder_events(folder);
    enum cgroup_seen seen = cgroup_folder_look(events);

    close(events);
    close(folder);
    return seen == CGROUP_EMPTY;
}

static void run_true(void)
{
    struct run run;

    run_program(&run, "/bin/true", ARGV(WORD("true")));
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    run_free(&run);
}

TEST(what_it_leaves_ends_with_it)
{
    struct run run;

    NEEDS_CGROUP();
    run_script(&run, DAEMON);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    wait_emptied();
    assert_false(is_alive(printed_pid(&run)));
    assert_true(is_empty("own"));
    run_free(&run);
}

TEST(what_it_leaves_ends_with_it_when_it_is_stopped)
{
    struct run run;

    NEEDS_CGROUP();
    begin(&run, DAEMON "exec sleep 1000");
    end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGKILL);
    wait_emptied();
    assert_false(is_alive(printed_pid(&run)));
    run_free(&run);
}

TEST(of_one_that_runs_nothing_ends)
{
    struct run first, second;
    pid_t daemon;

    NEEDS_CGROUP();
    begin(&first, DAEMON "exec sleep 1000");
    daemon = (pid_t)strtol(first.process.out.output.bytes.data, NULL, 10);
    begin(&second, DAEMON "exec sleep 1000");
    end(&second);
    wait_emptied();
    assert_false(is_alive(printed_pid(&second)));
    assert_true(is_alive(daemon));
    end(&first);
    wait_emptied();
    assert_false(is_alive(daemon));
    run_free(&first);
    run_free(&second);
}

TEST(its_folder_is_used_again)
{
    struct run run;

    NEEDS_CGROUP();
    assert_int_equal(count_folders(), 1);
    for (int i = 0; i < 5; i++) run_true();
    assert_int_equal(count_folders(), 1);
    begin(&run, "echo; exec sleep 1000");
    run_true();
    run_true();
    assert_int_equal(count_folders(), 2);
    end(&run);
    run_free(&run);
}

TEST(but_not_where_somebody_was_killed)
{
    struct run first, second;

    NEEDS_CGROUP();
    run_script(&first, DAEMON);
    run_wait_end(&first); /* the loop has not turned since, so nobody knows if it is empty */
    run_script(&second, "exec sleep 1000");
    assert_int_equal(count_folders(), 2);
    wait_emptied();
    assert_int_equal(count_folders(), 1);
    run_true();
    assert_int_equal(count_folders(), 2);
    end(&second);
    run_free(&first);
    run_free(&second);
}

TEST(nor_where_somebody_else_killed)
{
    struct run run;

    NEEDS_CGROUP();
    begin(&run, "echo; exec sleep 1000");
    write_to("own/0/cgroup.kill", "1");
    run_wait_end(&run);
    assert_ended(&run, PROCESS_KILLED, SIGKILL);
    run_true();
    run_free(&run);
}

/* As one may that runs containers. */
TEST(what_is_in_folders_of_its_own_ends_too)
{
    struct run run;
    char *script;

    NEEDS_CGROUP();
    script = xasprintf("d=%s/own/0/a; mkdir -p $d/b; sleep 1000 >/dev/null 2>&1 &"
                       " echo $! >$d/b/cgroup.procs; echo $!", parent);
    run_script(&run, script);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    wait_emptied();
    assert_false(is_alive(printed_pid(&run)));
    run_free(&run);
    free(script);
}

/* ---- what may go wrong ----------------------------------------------------------------------- */

TEST(without_a_folder_it_runs_all_the_same)
{
    struct run run;

    NEEDS_CGROUP();
    write_to("cgroup.max.descendants", "2"); /* ours, and that of one command */
    begin(&run, "echo; exec sleep 1000");
    run_true();
    assert_int_equal(count_folders(), 1);
    write_to("cgroup.max.descendants", "max");
    run_true();
    assert_int_equal(count_folders(), 2);
    end(&run);
    run_free(&run);
}

TEST(a_folder_that_somebody_removed_is_made_anew)
{
    int own;

    NEEDS_CGROUP();
    own = open_folder("own");
    assert_int_equal(cgroup_folder_remove(own, "0"), 0);
    close(own);
    run_true();
    assert_int_equal(count_folders(), 0);
    run_true();
    assert_int_equal(count_folders(), 1);
}

static void mkdir_below(const char *below)
{
    char *path = xasprintf("%s/%s", parent, below);

    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
}

TEST(what_a_former_service_left_is_gone_before_it_begins)
{
    struct error why = {0};
    char *script;
    struct run run;

    NEEDS_CGROUP();
    cgroups_close(run_host.cgroups);
    run_host.cgroups = NULL;
    mkdir_below("own");
    mkdir_below("own/7");
    script = xasprintf("env -i setsid -f /bin/sh -c 'echo $$ >%s/own/7/cgroup.procs; echo $$;"
                       " exec sleep 1000 >/dev/null 2>&1' | { read pid; echo $pid; }", parent);
    run_script(&run, script);
    run_wait_end(&run);
    assert_true(is_alive(printed_pid(&run)));
    if (open_in(parent, &run_host.cgroups, &why)) fail_msg("%s", why.text);
    assert_false(is_alive(printed_pid(&run)));
    assert_int_equal(count_folders(), 1);
    assert_true(is_empty("own"));
    run_free(&run);
    free(script);
}

TEST(only_folders_of_cgroup2_are_divided)
{
    struct cgroups *cgroups = NULL;
    struct error why = {0};

    assert_int_equal(open_in("/no/such", &cgroups, &why), PINION_INVALID);
    assert_string_equal(why.text,
                        "cgroup: expected a folder, but /no/such: No such file or directory");
    assert_int_equal(open_in("/tmp", &cgroups, &why), PINION_INVALID);
    assert_string_equal(why.text,
                        "cgroup: expected a folder of a mounted cgroup2, but /tmp is none");
    assert_null(cgroups);
}

/* Then some kernels kill whatever begins in another one. The last test: how commands are put into
 * their folders is decided once. */
TEST(in_a_cgroup_that_was_killed_once)
{
    struct error why = {0};
    struct run run;

    NEEDS_CGROUP();
    cgroups_close(run_host.cgroups);
    run_host.cgroups = NULL;
    mkdir_below("spent");
    write_to("spent/cgroup.kill", "1");
    write_to("spent/cgroup.procs", "0");
    if (open_in(parent, &run_host.cgroups, &why)) fail_msg("%s", why.text);
    run_true();
    run_script(&run, DAEMON);
    run_wait_end(&run);
    assert_ended(&run, PROCESS_EXITED, 0);
    wait_emptied();
    assert_false(is_alive(printed_pid(&run)));
    write_to("../cgroup.procs", "0");
    run_free(&run);
}

TEST(a_folder_says_that_it_is_delegated)
{
    NEEDS_CGROUP();
    assert_false(cgroup_delegated(parent));
    if (setxattr(parent, "user.delegate", "1", 1, 0)) skip(); /* a kernel before 5.7 */
    assert_true(cgroup_delegated(parent));
    assert_int_equal(setxattr(parent, "user.delegate", "0", 1, 0), 0);
    assert_false(cgroup_delegated(parent));
}

/* ---- the test's own folder ------------------------------------------------------------------- */

static int open_above(void)
{
    return open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_parent(void)
{
    int fd = open_above(), folder = cgroup_folder_open(fd, name);

    if (folder < 0) return;
    cgroup_folder_clear(folder, WAIT_MS);
    close(folder);
    cgroup_folder_remove(fd, name);
    close(fd);
}

/* An orphan that waits for our end, so that it is nobody's child. */
static void watch_over_parent(void)
{
    int ends[2];
    char nothing;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    if (fork() == 0) {
        if (setsid() < 0 || fork() != 0) _exit(0);
        close(ends[1]);
        while (read(ends[0], &nothing, 1) < 0 && errno == EINTR) continue;
        remove_parent();
        _exit(0);
    }
    wait(NULL);
    close(ends[0]); /* the other end is open until this process has ended */
}

static bool may_divide(const char *path)
{
    struct cgroups *cgroups;
    struct error why = {0};
    enum pinion_err err;

    run_host.ticker = ticker_new(NULL);
    err = open_in(path, &cgroups, &why);
    if (err) print_message("skipped, no cgroup: %s\n", why.text);
    else cgroups_close(cgroups);
    ticker_free(run_host.ticker);
    return !err;
}

static int make_parent(void **state)
{
    static char own_name[32];

    (void)state;
    above = cgroup_find();
    snprintf(own_name, sizeof own_name, "pinion-test-%d", getpid());
    parent = above ? xasprintf("%s/%s", above, own_name) : NULL;
    if (!parent || mkdir(parent, 0755)) {
        print_message("skipped: no folder of cgroup2 can be made in %s\n", above ? above : "any");
        return 0;
    }
    name = own_name;
    watch_over_parent();
    if (!may_divide(parent)) {
        remove_parent();
        name = NULL;
    }
    return 0;
}

static int drop_parent(void **state)
{
    (void)state;
    if (name) write_to("../cgroup.procs", "0"); /* a test that failed may have left us in it */
    if (name) remove_parent();
    free(above);
    free(parent);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_leaves_ends_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_it_leaves_ends_with_it_when_it_is_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(of_one_that_runs_nothing_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(its_folder_is_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(but_not_where_somebody_was_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(nor_where_somebody_else_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_in_folders_of_its_own_ends_too, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_folder_it_runs_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_somebody_removed_is_made_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_former_service_left_is_gone_before_it_begins, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_folders_of_cgroup2_are_divided, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_says_that_it_is_delegated, setup, teardown),
        cmocka_unit_test_setup_teardown(in_a_cgroup_that_was_killed_once, setup, teardown),
    };

    no_pidfd_if_asked();
    no_clone3_if_asked();
    return cmocka_run_group_tests_name("cgroup", tests, make_parent, drop_parent);
}
