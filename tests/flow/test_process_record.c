/* A server is killed while its programs run; the next one finds and ends what is left of them, and
 * nobody else. */
#include "workers/process_record.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "tests/support/check.h"
#include "tests/support/property.h"
#include "workers/process.h"
#include "workers/process_table.h"

#define WAIT_MS     20000
#define NO_SUCH_PID 4194305 /* one more than the kernel ever gives out */

static char folder[] = "/tmp/pinion-record-XXXXXX";
static char *file;

static int setup_group(void **state)
{
    (void)state;
    log_set(LOG_ERROR, LOG_AS_TEXT); /* what is ignored and refused here is meant to be */
    if (!mkdtemp(folder)) return -1;
    file = xasprintf("%s/%s", folder, PROCESS_RECORD_FILE);
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    free(file);
    return rmdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    if (unlink(file) && errno != ENOENT) return -1;
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static bool is_alive(pid_t pid)
{
    struct process_stat now;

    return process_stat_read(pid, &now) && !process_stat_ended(&now);
}

/* Asks /proc until it says so: what is not our child cannot be waited for otherwise. */
static void assert_dies(pid_t pid)
{
    uint64_t deadline_ms = clock_mono_ms() + WAIT_MS;

    while (is_alive(pid))
        if (clock_mono_ms() > deadline_ms) fail_msg("process %d is still alive", pid);
}

static struct process_record *open_record(void)
{
    struct process_record *record = NULL;
    struct error why = {0};

    if (process_record_open(folder, &record, &why)) fail_msg("%s", why.text);
    return record;
}

static unsigned sweep(struct process_record *record)
{
    unsigned killed = 0;
    struct error why = {0};

    if (process_record_sweep(record, WAIT_MS, &killed, &why)) fail_msg("%s", why.text);
    return killed;
}

/* A child that leads a session and does not die with us, as a recorded program may have chosen. */
static pid_t start_leader(void)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (setsid() < 0 || write(ready[1], "r", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void assert_killed(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void assert_untouched(pid_t pid)
{
    assert_true(is_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_killed(pid);
}

static uint64_t start_ticks(pid_t pid)
{
    struct process_stat now;

    assert_true(process_stat_read(pid, &now));
    assert_int_equal(now.pid, pid);
    return now.start_ticks;
}

/* ---- a server dies --------------------------------------------------------------------------- */

#define PROGRAMS 4

struct family {
    pid_t leader, grandchild, moved; /* moved: a grandchild in a group of its own */
};

static void never(struct process *p, struct process_result *result)
{
    (void)p;
    (void)result;
    _exit(3);
}

/* timeout(1) takes a group of its own, and starts its program after that. */
static void wait_moved(pid_t pid)
{
    struct process_stat now;

    do {
        if (!process_stat_read(pid, &now)) _exit(2);
    } while (now.group != pid);
}

/* Runs programs, tells who they are when all of them are up, and waits for its end. */
static void serve(int tell)
{
    static char script[] =
        "sleep 1000 & a=$!; timeout 1000 sleep 1000 & echo $a $!; exec sleep 1000";
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, script, NULL};
    const struct process_spec spec = {.program = {.path = "/bin/sh", .argv = argv}};
    static struct process programs[PROGRAMS];
    struct process_host host = {.loop = ev_loop_new(0), .record = open_record()};

    host.ticker = ticker_new(host.loop);
    host.sweep = sweep_new(host.loop, process_swept);
    for (int i = 0; i < PROGRAMS; i++)
        if (process_start(&programs[i], &host, &spec, never, NULL)) _exit(1);
    for (int i = 0; i < PROGRAMS; i++) {
        const struct buffer *said = &programs[i].out.output.bytes;
        struct family family = {.leader = programs[i].pid};

        while (!said->len || !memchr(said->data, '\n', said->len)) ev_run(host.loop, EVRUN_ONCE);
        if (sscanf(said->data, "%d %d", &family.grandchild, &family.moved) != 2) _exit(1);
        wait_moved(family.moved);
        if (write(tell, &family, sizeof family) != sizeof family) _exit(1);
    }
    for (;;) ev_run(host.loop, 0);
}

TEST(what_a_killed_server_left_is_killed)
{
    struct family families[PROGRAMS];
    struct process_record *record;
    int told[2];
    pid_t server;

    assert_int_equal(pipe(told), 0);
    server = fork();
    assert_true(server >= 0);
    if (!server) serve(told[1]);
    for (int i = 0; i < PROGRAMS; i++)
        assert_int_equal(read(told[0], &families[i], sizeof families[i]), sizeof families[i]);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_killed(server);
    for (int i = 0; i < PROGRAMS; i++) {
        assert_dies(families[i].leader); /* it dies with its server, and leaves the others */
        assert_true(is_alive(families[i].grandchild));
        assert_true(is_alive(families[i].moved));
    }

    record = open_record();
    /* timeout(1) has its child by now, or not yet. */
    assert_in_range(sweep(record), 2 * PROGRAMS, 3 * PROGRAMS);
    for (int i = 0; i < PROGRAMS; i++) {
        assert_false(is_alive(families[i].grandchild));
        assert_false(is_alive(families[i].moved));
    }
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
    close(told[0]);
    close(told[1]);
}

TEST(what_ended_in_order_is_not_recorded)
{
    struct process_record *record = open_record();
    pid_t pid = start_leader();
    unsigned slot = process_record_add(record, pid);

    assert_int_not_equal(slot, PROCESS_RECORD_NONE);
    process_record_remove(record, slot);
    process_record_remove(record, PROCESS_RECORD_NONE);
    process_record_close(record);
    record = open_record();
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
    assert_untouched(pid);
}

TEST(leader_that_outlived_its_server_is_killed)
{
    struct process_record *record = open_record();
    pid_t pid = start_leader(), own = start_leader();

    process_record_add(record, pid);
    process_record_close(record);
    record = open_record();
    process_record_add(record, own); /* not the former server's: no business of the sweep */
    assert_int_equal(sweep(record), 1);
    assert_killed(pid);
    process_record_close(record);
    assert_untouched(own);
}

TEST(recycled_pid_is_not_killed)
{
    struct process_record *record = open_record();
    pid_t pid = start_leader();

    process_record_put(record, pid, start_ticks(pid) - 1);
    process_record_put(record, pid, start_ticks(pid) + 1);
    process_record_close(record);
    record = open_record();
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
    assert_untouched(pid);
}

/* A server that a job of the former server started is in that job's session. */
TEST(we_ourselves_are_not_killed)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        struct process_record *record;

        if (setsid() < 0) _exit(1);
        record = open_record();
        process_record_add(record, getpid());
        process_record_close(record);
        record = open_record();
        if (sweep(record)) _exit(2);
        process_record_close(record);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Is it in the first block of the file? A slot is 16 bytes, and the pid the third word of it. */
static bool is_recorded(pid_t pid)
{
    pid_t words[PROCESS_RECORD_BLOCK / sizeof(pid_t)];
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    assert_int_equal(read(fd, words, sizeof words), sizeof words);
    close(fd);
    for (size_t i = 2; i < countof(words); i += 4)
        if (words[i] == pid) return true;
    return false;
}

static void on_end(struct process *p, struct process_result *result)
{
    (void)p;
    assert_int_equal(result->end, PROCESS_KILLED);
    assert_int_equal(result->code, SIGTERM);
}

TEST(a_program_is_recorded_while_it_runs)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"echo ready; exec sleep 1000"}, NULL};
    const struct process_spec spec = {.program = {.path = "/bin/sh", .argv = argv}};
    struct process program = {0};
    struct process_host host = {.loop = ev_loop_new(0), .record = open_record()};
    pid_t pid;

    host.ticker = ticker_new(host.loop);
    host.sweep = sweep_new(host.loop, process_swept);
    assert_int_equal(process_start(&program, &host, &spec, on_end, NULL), PINION_OK);
    pid = program.pid;
    while (!program.out.output.bytes.len) ev_run(host.loop, EVRUN_ONCE);
    assert_true(is_recorded(pid));
    process_stop(&program, WAIT_MS);
    while (program.pid) ev_run(host.loop, EVRUN_ONCE);
    assert_false(is_recorded(pid));
    process_record_close(host.record);
    sweep_free(host.sweep);
    ticker_free(host.ticker);
    ev_loop_destroy(host.loop);
}

/* The server may be killed as soon as the program runs, so it is recorded before: here it is even
 * though there is no such program. */
in_child static void keep_birth(void *ctx, pid_t pid, uint64_t start_ticks)
{
    *(struct process_stat *)ctx = (struct process_stat){.pid = pid, .start_ticks = start_ticks};
}

/* A child has our name until its program runs. */
static void wait_named(pid_t pid, const char *name)
{
    uint64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    char path[32], line[512] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    while (!strstr(line, name)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = read(fd, line, sizeof line - 1);

        close(fd);
        line[len > 0 ? len : 0] = '\0';
        if (clock_mono_ms() > deadline_ms) fail_msg("process %d never was %s", pid, name);
    }
}

TEST(a_program_is_known_before_it_begins)
{
    char *argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
    struct process_program program = {.path = "/no/such/program", .argv = argv};
    struct process_stat born = {0}, seen;
    const struct process_birth birth = {keep_birth, &born};
    const int fds[3] = {0, 1, 2};
    siginfo_t info;
    struct process_child child;

    assert_int_equal(process_spawn(&program, fds, &birth, &child, NULL), PINION_OK);
    assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(born.pid, child.pid);
    assert_true(process_stat_read(child.pid, &seen));
    assert_int_equal(born.start_ticks, seen.start_ticks);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    assert_int_equal(process_spawned(child.spawn, NULL), PINION_INVALID);
    close(child.pidfd);

    program.path = "/bin/sleep";
    born.pid = 0;
    assert_int_equal(process_spawn(&program, fds, &birth, &child, NULL), PINION_OK);
    wait_named(child.pid, "(sleep)");
    assert_int_equal(born.pid, child.pid);
    assert_true(process_stat_read(child.pid, &seen));
    assert_int_equal(born.start_ticks, seen.start_ticks);
    kill(child.pid, SIGKILL);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    assert_int_equal(process_spawned(child.spawn, NULL), PINION_OK);
    close(child.pidfd);
}

static size_t file_bytes(void)
{
    struct stat st;

    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size % PROCESS_RECORD_BLOCK, 0);
    return (size_t)st.st_size;
}

static void on_not_run(struct process *p, struct process_result *result)
{
    (void)p;
    assert_int_equal(result->end, PROCESS_NOT_RUN);
    assert_int_equal(result->why.code, PINION_INVALID);
}

TEST(a_program_that_cannot_run_is_not_recorded)
{
    char *argv[] = {(char[]){"x"}, NULL};
    const struct process_spec spec = {.program = {.path = "/no/such/program", .argv = argv}};
    struct process program = {0};
    struct process_host host = {.loop = ev_loop_new(0), .record = open_record()};
    size_t bytes = file_bytes();

    host.ticker = ticker_new(host.loop);
    host.sweep = sweep_new(host.loop, process_swept);
    for (unsigned i = 0; i < 1000; i++) { /* more than there are slots in its first block */
        assert_int_equal(process_start(&program, &host, &spec, on_not_run, NULL), PINION_OK);
        while (program.pid) ev_run(host.loop, EVRUN_ONCE);
    }
    assert_int_equal(file_bytes(), bytes);
    process_record_close(host.record);
    sweep_free(host.sweep);
    ticker_free(host.ticker);
    ev_loop_destroy(host.loop);
}

TEST(a_sweep_is_bounded_and_can_be_repeated)
{
    struct process_record *record = open_record();
    pid_t pid = start_leader();
    unsigned killed = 77;
    struct error why = {0};

    process_record_add(record, pid);
    process_record_close(record);
    record = open_record();
    assert_int_equal(process_record_sweep(record, 0, &killed, &why), PINION_BUSY);
    assert_int_equal(killed, 77);
    assert_non_null(strstr(why.text, "1 processes of the former server"));
    assert_killed(pid);
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
}

/* ---- the file -------------------------------------------------------------------------------- */

static unsigned put_many(struct process_record *record, unsigned slots[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        slots[i] = process_record_put(record, (pid_t)(NO_SUCH_PID + i), i);
        if (slots[i] == PROCESS_RECORD_NONE) return i;
    }
    return count;
}

TEST(grows_by_blocks_up_to_its_limit)
{
    static unsigned slots[PROCESS_RECORD_BYTES_MAX / 16];
    struct process_record *record = open_record();
    unsigned taken;

    assert_int_equal(file_bytes(), PROCESS_RECORD_BLOCK);
    assert_int_equal(put_many(record, slots, 300), 300);
    assert_int_equal(file_bytes(), 2 * PROCESS_RECORD_BLOCK);
    for (unsigned i = 0; i < 300; i++) process_record_remove(record, slots[i]);
    assert_int_equal(put_many(record, slots, 300), 300);
    assert_int_equal(file_bytes(), 2 * PROCESS_RECORD_BLOCK);
    process_record_close(record);

    record = open_record(); /* the 300 stand in it until the sweep */
    assert_int_equal(sweep(record), 0);
    taken = put_many(record, slots, countof(slots));
    assert_int_equal(taken, countof(slots) - 4); /* the header has four */
    assert_int_equal(file_bytes(), PROCESS_RECORD_BYTES_MAX);
    process_record_remove(record, slots[taken / 2]);
    assert_int_equal(process_record_put(record, NO_SUCH_PID, 1), slots[taken / 2]);
    process_record_close(record);
    record = open_record();
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
}

/* A session whose leader has ended: only `check` tells that a record of it is noise. Its member. */
static pid_t start_orphans(pid_t *ret_session)
{
    int told[2];
    pid_t member;

    assert_int_equal(pipe(told), 0);
    *ret_session = fork();
    assert_true(*ret_session >= 0);
    if (!*ret_session) {
        if (setsid() < 0 || (member = fork()) < 0) _exit(1);
        if (!member) for (;;) pause();
        _exit(write(told[1], &member, sizeof member) != sizeof member);
    }
    assert_int_equal(read(told[0], &member, sizeof member), sizeof member);
    assert_int_equal(waitpid(*ret_session, NULL, 0), *ret_session);
    close(told[0]);
    close(told[1]);
    return member;
}

/* Overwrites the file from `from` on: with noise, in which the pid of a slot is often `pid`. */
static void spoil(struct prng *prng, size_t from, pid_t pid)
{
    size_t len = prng_below(prng, 3) ? PROCESS_RECORD_BLOCK * (1 + prng_below(prng, 3)) - from
                                     : prng_below(prng, 3 * PROCESS_RECORD_BLOCK);
    char *noise = xmalloc(len + 1);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    prng_bytes(prng, noise, len);
    for (size_t at = 0; at + 16 <= len; at += 16)
        if (prng_below(prng, 2)) memcpy(noise + at + 8, &pid, sizeof pid);
    assert_int_equal(ftruncate(fd, (off_t)from), 0);
    assert_int_equal(pwrite(fd, noise, len, (off_t)from), len);
    close(fd);
    free(noise);
}

TEST(bad_content_is_ignored)
{
    struct prng prng = {property_seed("PINION_RECORD_SEED")};
    pid_t pid = start_leader(), session, member = start_orphans(&session);

    for (int round = 0; round < 200; round++) {
        struct process_record *record;
        unsigned slot;

        /* 64: the header stays. */
        spoil(&prng, prng_below(&prng, 2) ? 64 : 0, round % 2 ? pid : session);
        record = open_record();
        assert_int_equal(sweep(record), 0);
        slot = process_record_add(record, pid);
        assert_int_not_equal(slot, PROCESS_RECORD_NONE);
        process_record_remove(record, slot);
        process_record_close(record);
        file_bytes();
    }
    assert_untouched(pid);
    assert_true(is_alive(member));
    assert_int_equal(kill(member, SIGKILL), 0);
}

TEST(record_of_another_boot_is_ignored)
{
    struct process_record *record = open_record();
    pid_t pid = start_leader();
    int fd;

    process_record_add(record, pid);
    process_record_close(record);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "zzzz", 4, 8), 4); /* behind the magic: no boot has such an id */
    close(fd);
    record = open_record();
    assert_int_equal(sweep(record), 0);
    process_record_close(record);
    assert_untouched(pid);
}

TEST(what_cannot_be_opened_is_told)
{
    struct process_record *record = NULL;
    struct error why = {0};

    assert_int_equal(process_record_open("/no/such", &record, &why), PINION_UNAVAILABLE);
    assert_non_null(strstr(why.text, "/no/such/processes: No such file"));
    assert_int_equal(symlink("/tmp/elsewhere", file), 0);
    assert_int_equal(process_record_open(folder, &record, &why), PINION_UNAVAILABLE);
    assert_null(record);
    process_record_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_a_killed_server_left_is_killed, teardown),
        cmocka_unit_test_teardown(what_ended_in_order_is_not_recorded, teardown),
        cmocka_unit_test_teardown(leader_that_outlived_its_server_is_killed, teardown),
        cmocka_unit_test_teardown(recycled_pid_is_not_killed, teardown),
        cmocka_unit_test_teardown(we_ourselves_are_not_killed, teardown),
        cmocka_unit_test_teardown(a_program_is_recorded_while_it_runs, teardown),
        cmocka_unit_test_teardown(a_program_is_known_before_it_begins, teardown),
        cmocka_unit_test_teardown(a_program_that_cannot_run_is_not_recorded, teardown),
        cmocka_unit_test_teardown(a_sweep_is_bounded_and_can_be_repeated, teardown),
        cmocka_unit_test_teardown(grows_by_blocks_up_to_its_limit, teardown),
        cmocka_unit_test_teardown(bad_content_is_ignored, teardown),
        cmocka_unit_test_teardown(record_of_another_boot_is_ignored, teardown),
        cmocka_unit_test_teardown(what_cannot_be_opened_is_told, teardown),
    };

    return cmocka_run_group_tests_name("process_record", tests, setup_group, teardown_group);
}
