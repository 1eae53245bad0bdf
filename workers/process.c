/* Everything that a running program means to the loop:
 *
 *      in     -- payload -->  program  -- out, err -->  two buffers with a cap
 *                                |
 *      kill alarm -- TERM, KILL -+-- ended (pidfd) --> bury --> on_end
 *
 * The end of the program decides, not the end of its output: a grandchild may hold a pipe for ever.
 * While the leader is not reaped its number is not given away, so all killing by that number
 * is done before the reaping.
 */
#include "workers/process.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "workers/cgroup.h"
#include "workers/child_end.h"
#include "workers/process_record.h"
#include "workers/process_table.h"
#include "workers/strays.h"

#define READ_BYTES      32768             /* of a stream, in one turn of the loop */
#define DRAIN_BYTES_MAX (2 * 1024 * 1024) /* of a stream, after the end: twice the largest pipe */
#define NOT_STOPPING    UINT64_MAX        /* kill_at_ms of a process that nobody stops */

/* ---- pipes ----------------------------------------------------------------------------------- */

enum { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPES };

struct pipes {
    int ours[PIPES], its[PIPES];
};

static void close_all(int fds[PIPES])
{
    for (int i = 0; i < PIPES; i++)
        if (fds[i] >= 0) close(fds[i]);
}

/* Only our ends are non-blocking: a program expects its own to block. */
static enum pinion_err pipes_open(struct pipes *pipes, struct error *why)
{
    memset(pipes, -1, sizeof *pipes);
    for (int i = 0; i < PIPES; i++) {
        int ends[2], ours = i == PIPE_IN;

        if (pipe2(ends, O_CLOEXEC)) {
            close_all(pipes->ours);
            close_all(pipes->its);
            return error_set(why, PINION_BUSY, "cannot make a pipe for a program: %s",
                             strerror(errno));
        }
        pipes->ours[i] = ends[ours];
        pipes->its[i] = ends[!ours];
        fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK);
    }
    return PINION_OK;
}

static void io_close(struct ev_loop *loop, ev_io *io)
{
    if (io->fd < 0) return;
    ev_io_stop(loop, io);
    close(io->fd);
    io->fd = -1;
}

/* ---- payload --------------------------------------------------------------------------------- */

/* write(2) that leaves no SIGPIPE behind, whatever the process that we are part of does with it. */
static ssize_t write_quietly(int fd, const void *data, size_t len)
{
    static const struct timespec at_once;
    sigset_t pipe_signal, pending, before;
    ssize_t written;
    int error;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    written = write(fd, data, len);
    error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

/* True: nothing is left to do, all was taken or nobody reads it. */
static bool feed(struct process *p, int fd)
{
    while (p->input_left) {
        ssize_t written = write_quietly(fd, p->input, p->input_left);

        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno != EAGAIN;
        p->input += written;
        p->input_left -= (size_t)written;
    }
    return true;
}

static void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    struct process *p = container_of(w, struct process, in);

    (void)revents;
    if (feed(p, w->fd)) io_close(loop, w);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void drop_first(struct process_output *output, size_t len)
{
    buffer_consume(&output->bytes, len);
    output->dropped += len;
}

/* Moved once for each bytes_max that came, not for each piece. */
static void keep_last(struct process_pipe *pipe, const char *data, size_t len)
{
    struct process_output *output = &pipe->output;
    size_t skipped = len > pipe->bytes_max ? len - pipe->bytes_max : 0;

    if (skipped) drop_first(output, output->bytes.len);
    output->dropped += skipped;
    buffer_add(&output->bytes, data + skipped, len - skipped);
    if (output->bytes.len >= 2 * pipe->bytes_max)
        drop_first(output, output->bytes.len - pipe->bytes_max);
}

static struct process_output taken(struct process_pipe *pipe)
{
    struct process_output output = pipe->output;

    pipe->output = (struct process_output){0};
    if (output.bytes.len > pipe->bytes_max)
        drop_first(&output, output.bytes.len - pipe->bytes_max);
    return output;
}

static void keep(struct process_pipe *pipe, const char *data, size_t len)
{
    struct process_output *output = &pipe->output;
    size_t room = pipe->bytes_max - output->bytes.len, kept = len < room ? len : room;

    if (kept) buffer_add(&output->bytes, data, kept);
    output->dropped += len - kept;
}

/* Bytes read; 0: the end, and the pipe is closed; -1: nothing there for now. */
static ssize_t read_some(struct ev_loop *loop, struct process_pipe *pipe)
{
    char chunk[READ_BYTES];
    ssize_t len;

    do {
        len = read(pipe->io.fd, chunk, sizeof chunk);
    } while (len < 0 && errno == EINTR);
    if (len > 0 && pipe->process->on_output)
        pipe->process->on_output(pipe->process, chunk, (size_t)len);
    if (len > 0 && pipe->last) keep_last(pipe, chunk, (size_t)len);
    else if (len > 0) keep(pipe, chunk, (size_t)len);
    else if (len == 0 || errno != EAGAIN) {
        io_close(loop, &pipe->io);
        return 0;
    }
    return len;
}

static void on_output(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)revents;
    read_some(loop, container_of(w, struct process_pipe, io));
}

/* What is in the pipe now. False: somebody still holds its other end. */
static bool drain(struct ev_loop *loop, struct process_pipe *pipe)
{
    size_t drained = 0;

    while (pipe->io.fd >= 0 && drained < DRAIN_BYTES_MAX) {
        ssize_t len = read_some(loop, pipe);

        if (len < 0) break;
        drained += (size_t)len;
    }
    return pipe->io.fd < 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Makes `p` idle and hands the result over, in this order: the callback may free `p`. */
static void finish(struct process *p, struct process_result result)
{
    struct ev_loop *loop = p->host->loop;
    bool by_kill = result.end == PROCESS_KILLED && result.code == SIGKILL;

    if (process_spawned(p->spawn, &result.why)) result.end = PROCESS_NOT_RUN;
    ticker_cancel(p->host->ticker, &p->kill);
    io_close(loop, &p->ended);
    io_close(loop, &p->in);
    io_close(loop, &p->out.io);
    io_close(loop, &p->err.io);
    if (p->host->record) process_record_remove(p->host->record, p->slot);
    if (p->host->strays) strays_ended(p->host->strays, p);
    if (p->cgroup) cgroup_give(p->host->cgroups, p->cgroup, by_kill);
    result.out = taken(&p->out);
    result.err = taken(&p->err);
    p->pid = 0;
    p->on_end(p, &result);
    buffer_deinit(&result.out.bytes);
    buffer_deinit(&result.err.bytes);
}

/* The leader is a zombie: its number is still ours to kill by. Gives whether there may be others in
 * its session, who moved to another group (timeout(1) does): they are found by looking at all
 * processes, so only where there is a sign of them, or a promise; a cgroup has found all. */
static bool kill_group(struct process *p)
{
    bool out_ended, err_ended, all_killed;

    kill(-p->pid, SIGKILL);
    all_killed = p->cgroup && cgroup_kill(p->cgroup, p->pid);
    out_ended = drain(p->host->loop, &p->out);
    err_ended = drain(p->host->loop, &p->err);
    return !all_killed && (!out_ended || !err_ended || p->kill_at_ms != NOT_STOPPING);
}

static void reap(struct process *p)
{
    struct process_result result = {.end = PROCESS_LOST};
    siginfo_t info = {0};

    if (child_end_look(p->ended.fd, p->pid, 0, &info) == CHILD_ENDED) {
        result.end = info.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_KILLED;
        result.code = info.si_status;
    }
    finish(p, result);
}

void process_swept(struct swept *rest)
{
    struct process *p = container_of(rest, struct process, rest);

    /* What was killed has written its last. */
    drain(p->host->loop, &p->out);
    drain(p->host->loop, &p->err);
    reap(p);
}

static void on_ended(struct ev_loop *loop, ev_io *w, int revents)
{
    struct process *p = container_of(w, struct process, ended);
    siginfo_t info;
    enum child_seen seen = child_end_look(w->fd, p->pid, WNOWAIT, &info);

    (void)revents;
    if (seen == CHILD_RUNS) return; /* not yet: a debugger holds it, or we only look now and then */
    if (seen == CHILD_LOST) {
        log_warn("process_lost", LOG_INT("pid", p->pid), LOG_TEXT("why", strerror(errno)));
        drain(loop, &p->out);
        drain(loop, &p->err);
    } else if (kill_group(p)) {
        p->rest.leader = p->pid;
        ev_io_stop(loop, w); /* its descriptor is still needed */
        sweep_add(p->host->sweep, &p->rest);
        return;
    }
    reap(p);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void on_grace_over(struct alarm *alarm)
{
    process_kill_group(container_of(alarm, struct process, kill), SIGKILL);
}

/* A child that does not lead its group yet is alone; it gets the signal as soon as it leads. */
void process_kill_group(struct process *p, int signal)
{
    if (p->pid && kill(-p->pid, signal) && errno == ESRCH) kill(p->pid, signal);
}

void process_stop(struct process *p, uint64_t grace_ms)
{
    uint64_t now = clock_mono_ms();
    uint64_t kill_at_ms = grace_ms < NOT_STOPPING - now ? now + grace_ms : NOT_STOPPING - 1;
    bool first = p->kill_at_ms == NOT_STOPPING;

    if (!p->pid || kill_at_ms >= p->kill_at_ms) return;
    p->kill_at_ms = kill_at_ms;
    if (!grace_ms) {
        ticker_cancel(p->host->ticker, &p->kill);
        process_kill_group(p, SIGKILL);
        return;
    }
    if (first) {
        process_kill_group(p, SIGTERM);
        process_kill_group(p, SIGCONT); /* one that was halted would not hear the first */
    }
    ticker_set_at(p->host->ticker, &p->kill, kill_at_ms);
}

/* ---- the start ------------------------------------------------------------------------------- */

static void pipe_init(struct process_pipe *pipe, int fd, size_t bytes_max)
{
    ev_io_init(&pipe->io, on_output, fd, EV_READ);
    pipe->bytes_max = bytes_max ? bytes_max : PROCESS_OUTPUT_BYTES;
    pipe->output = (struct process_output){0};
}

static void watch(struct process *p, const struct process_spec *spec, const int fds[PIPES],
                  int pidfd)
{
    struct ev_loop *loop = p->host->loop;

    ev_io_init(&p->ended, on_ended, pidfd, EV_READ);
    ev_io_init(&p->in, on_in, fds[PIPE_IN], EV_WRITE);
    pipe_init(&p->out, fds[PIPE_OUT], spec->out_bytes_max);
    pipe_init(&p->err, fds[PIPE_ERR], spec->err_bytes_max);
    p->err.last = true;
    p->out.process = p->err.process = p;
    p->on_output = spec->on_output;
    ev_io_start(loop, &p->ended);
    ev_io_start(loop, &p->out.io);
    ev_io_start(loop, &p->err.io);
    if (p->input_left) ev_io_start(loop, &p->in);
    else io_close(loop, &p->in);
}

/* In the child. A server that is killed right now leaves a program that the next one knows. */
in_child static void on_born(void *ctx, pid_t pid, uint64_t start_ticks)
{
    const struct process *p = ctx;

    if (p->host->record) process_record_fill(p->host->record, p->slot, pid, start_ticks);
}

enum pinion_err process_start(struct process *p, const struct process_host *host,
                              const struct process_spec *spec, process_end_fn *on_end,
                              struct error *why)
{
    const struct process_birth birth = {on_born, p};
    struct process_program program = spec->program;
    struct process_child child;
    struct pipes pipes;
    enum pinion_err err;

    assert(!p->pid);
    err = pipes_open(&pipes, why);
    if (err) return err;
    p->input = spec->input;
    p->input_left = spec->input_len;
    feed(p, pipes.ours[PIPE_IN]); /* a small payload fits into the pipe, and that is all of it */
    p->host = host;
    p->slot = host->record ? process_record_reserve(host->record) : PROCESS_RECORD_NONE;
    p->cgroup = host->cgroups ? cgroup_take(host->cgroups) : NULL;
    program.cgroup = p->cgroup ? cgroup_fd(p->cgroup) : 0;
    err = process_spawn(&program, pipes.its, &birth, &child, why);
    close_all(pipes.its);
    if (err) {
        if (p->cgroup) cgroup_give(host->cgroups, p->cgroup, true);
        if (host->record) process_record_remove(host->record, p->slot);
        close_all(pipes.ours);
        return err;
    }
    p->pid = child.pid;
    p->spawn = child.spawn;
    p->on_end = on_end;
    p->kill_at_ms = NOT_STOPPING;
    alarm_init(&p->kill, on_grace_over);
    if (host->strays) strays_began(host->strays, p, spec->tag);
    watch(p, spec, pipes.ours, child.pidfd);
    return PINION_OK;
}
