/* A child that is still in our memory, before its program: we go on meanwhile. It is held there by
 * the function that is told of its birth. */
#include "workers/process_spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/support/check.h"
#include "workers/child_end.h"
#include "workers/process_child.h"

#define PATIENCE_MS 30000
#define HELD_MAX    100

struct hold {
    int held[2]; /* the child says that it is there, */
    int free[2]; /* and waits here for its way on to be closed */
};

in_child static void stay(void *ctx, pid_t pid, uint64_t start_ticks)
{
    const struct hold *h = ctx;
    char byte = 'h';

    (void)pid, (void)start_ticks;
    bare_call(SYS_close, h->free[1], 0, 0, 0, 0);
    bare_call(SYS_write, h->held[1], (long)&byte, 1, 0, 0);
    bare_call(SYS_read, h->free[0], (long)&byte, 1, 0, 0);
}

static void hold_init(struct hold *h)
{
    assert_int_equal(pipe2(h->held, O_CLOEXEC), 0);
    assert_int_equal(pipe2(h->free, O_CLOEXEC), 0);
}

static void wait_held(const struct hold *h, unsigned count)
{
    char byte;

    for (unsigned i = 0; i < count; i++) assert_int_equal(read(h->held[0], &byte, 1), 1);
}

static void let_go(struct hold *h)
{
    close(h->free[1]);
}

static void hold_deinit(struct hold *h)
{
    close(h->held[0]);
    close(h->held[1]);
    close(h->free[0]);
}

static struct process_child spawn_held(struct hold *h, const struct process_program *program,
                                       int out)
{
    const struct process_birth birth = {stay, h};
    const int fds[3] = {0, out, 2};
    struct process_child child;
    struct error why = {0};

    if (process_spawn(program, fds, &birth, &child, &why)) fail_msg("%s", why.text);
    return child;
}

static siginfo_t wait_end(const struct process_child *child)
{
    struct pollfd ended = {child->pidfd, POLLIN, 0};
    siginfo_t info = {0};

    assert_int_equal(poll(&ended, 1, PATIENCE_MS), 1);
    assert_int_equal(child_end_look(child->pidfd, child->pid, 0, &info), CHILD_ENDED);
    close(child->pidfd);
    return info;
}

static const struct process_program sleeper = {
    .path = "/bin/sleep",
    .argv = (char *const[]){(char[]){"sleep"}, (char[]){"1000"}, NULL},
};

static const struct process_program nothing = {
    .path = "/bin/true",
    .argv = (char *const[]){(char[]){"true"}, NULL},
};

TEST(many_are_on_their_way_at_once)
{
    struct process_child children[HELD_MAX];
    struct hold hold;

    hold_init(&hold);
    for (unsigned i = 0; i < HELD_MAX; i++) children[i] = spawn_held(&hold, &nothing, 1);
    wait_held(&hold, HELD_MAX);
    let_go(&hold);
    for (unsigned i = 0; i < HELD_MAX; i++) {
        siginfo_t info = wait_end(&children[i]);
        assert_int_equal(info.si_code, CLD_EXITED);
        assert_int_equal(info.si_status, 0);
        assert_int_equal(process_spawned(children[i].spawn, NULL), PINION_OK);
    }
    hold_deinit(&hold);
}

/* It has all signals blocked: what it is sent waits, and ends it before its program begins. */
TEST(a_signal_before_the_program_is_heard)
{
    struct process_child child;
    struct hold hold;
    siginfo_t info;

    hold_init(&hold);
    child = spawn_held(&hold, &sleeper, 1);
    wait_held(&hold, 1);
    assert_int_equal(kill(-child.pid, SIGTERM), 0);
    let_go(&hold);
    info = wait_end(&child);
    assert_int_equal(info.si_code, CLD_KILLED);
    assert_int_equal(info.si_status, SIGTERM);
    assert_int_equal(process_spawned(child.spawn, NULL), PINION_OK);
    hold_deinit(&hold);
}

TEST(all_that_is_given_is_borrowed_for_the_call)
{
    char path[] = "/usr/bin/env", zero[] = "env", one[] = "-u", two[] = "NONE";
    char first[] = "A=1", second[] = "B=two words", dir[] = "/";
    char *argv[] = {zero, one, two, NULL}, *env[] = {first, second, NULL};
    struct process_limits limits = {.files = 32};
    const struct process_program program = {
        .path = path, .argv = argv, .env = env, .dir = dir, .limits = &limits};
    struct process_child child;
    struct hold hold;
    char said[64] = "";
    int out[2];
    ssize_t len;

    hold_init(&hold);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    child = spawn_held(&hold, &program, out[1]);
    wait_held(&hold, 1);
    memset(path, '#', sizeof path);
    memset(zero, '#', sizeof zero);
    memset(one, '#', sizeof one);
    memset(two, '#', sizeof two);
    memset(first, '#', sizeof first);
    memset(second, '#', sizeof second);
    memset(dir, '#', sizeof dir);
    memset(argv, 0, sizeof argv);
    memset(env, 0, sizeof env);
    limits.files = 1;
    let_go(&hold);
    assert_int_equal(wait_end(&child).si_status, 0);
    assert_int_equal(process_spawned(child.spawn, NULL), PINION_OK);
    len = read(out[0], said, sizeof said - 1);
    assert_true(len > 0);
    assert_string_equal(said, "A=1\nB=two words\n");
    close(out[0]);
    close(out[1]);
    hold_deinit(&hold);
}

/* It shares our thread's errno, which some call of ours may just have set. */
TEST(a_failure_in_the_child_leaves_our_errno_alone)
{
    const struct process_program program = {
        .path = "/no/such/program",
        .argv = (char *const[]){(char[]){"x"}, NULL},
    };
    struct process_child child;
    struct hold hold;
    struct error why = {0};

    hold_init(&hold);
    child = spawn_held(&hold, &program, 1);
    wait_held(&hold, 1);
    errno = 0;
    let_go(&hold);
    wait_end(&child);
    assert_int_equal(errno, 0);
    assert_int_equal(process_spawned(child.spawn, &why), PINION_INVALID);
    assert_string_equal(why.text, "cannot run /no/such/program: No such file or directory");
    hold_deinit(&hold);
}

/* A server that is killed while children are on their way: none of them becomes a program. */
TEST(a_child_on_its_way_dies_with_us)
{
    struct process_child child;
    struct hold hold;
    struct pollfd gone;
    pid_t server, orphan;
    int told[2];

    hold_init(&hold);
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    server = fork();
    assert_true(server >= 0);
    if (!server) {
        close(hold.free[1]); /* only the test's own end holds them */
        child = spawn_held(&hold, &nothing, 1);
        if (write(told[1], &child.pid, sizeof child.pid) != sizeof child.pid) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(told[0], &orphan, sizeof orphan), sizeof orphan);
    gone = (struct pollfd){child_end_open(orphan), POLLIN, 0};
    assert_true(gone.fd >= 0);
    wait_held(&hold, 1);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
    assert_int_equal(poll(&gone, 1, PATIENCE_MS), 1);
    close(gone.fd);
    let_go(&hold);
    hold_deinit(&hold);
    close(told[0]);
    close(told[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_on_their_way_at_once),
        cmocka_unit_test(a_signal_before_the_program_is_heard),
        cmocka_unit_test(all_that_is_given_is_borrowed_for_the_call),
        cmocka_unit_test(a_failure_in_the_child_leaves_our_errno_alone),
        cmocka_unit_test(a_child_on_its_way_dies_with_us),
    };

    if (SPAWN_WAITS) return 0; /* who waits for the program can not hold it up */
    return cmocka_run_group_tests_name("process_spawn", tests, NULL, NULL);
}
