/* control/state.c — the lock of the state folder, and the identity that goes with it.
 *
 *     flock succeeds                                            -> ours
 *     held, and the process named in the file lives             -> PINION_CONFLICT
 *     held, and that process is dead: its redis-server still
 *     writes, and ends by itself since its parent is gone       -> PINION_BUSY, wait
 *
 * The lock is on the open file, which redis-server inherits: so it lasts exactly as long as the
 * store has a writer. Never LOCK_UN: that would take it from the child as well.
 */
#include "control/state.h"
#include "control/state_files.h"
#include "base/clock.h"
#include "base/memory.h"
#include "scheduler/ticker.h"
#include "workers/process_table.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_FILE    "lock"
#define TOKEN_FILE   "token"
#define SERVER_FILE  "server"
#define BOOT_ID_FILE "/proc/sys/kernel/random", "boot_id"
#define BOOT_ID_MAX  64

struct state {
    char *dir;
    int lock_fd; /* -1: not locked */
    char token[STATE_TOKEN_LEN + 1];
    char server_id[STATE_SERVER_LEN + 1], boot[BOOT_ID_MAX + 1];

    struct ticker *ticker; /* from here on: state_lock_wait */
    struct alarm retry;
    uint64_t wait_until_ms;
    state_locked_fn *locked;
    void *locked_ctx;
};

/* ---- make and end ---------------------------------------------------------------------------- */

static enum pinion_err check_dir_text(const char *dir, struct error *why)
{
    size_t len = strlen(dir), max = STATE_SOCKET_MAX - strlen("/" STATE_SOCKET);

    if (len > max)
        return error_set(why, PINION_INVALID,
                         "state folder: expected a path of at most %zu bytes, for it holds a unix "
                         "socket, not %zu: %.80s...",
                         max, len, dir);
    for (const char *c = dir; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return error_set(why, PINION_INVALID, "state folder: control character in its path");
    return PINION_OK;
}

enum pinion_err state_open(const char *dir, struct state **ret_state, struct error *why)
{
    enum pinion_err err = check_dir_text(dir, why);
    struct state *s;

    assert(*dir == '/');
    if (!err) err = state_folder_make(dir, why);
    if (err) return err;
    if (access(dir, W_OK | X_OK))
        return error_set(why, PINION_INVALID, "cannot write to state folder %s: %s", dir,
                         strerror(errno));
    s = xcalloc(1, sizeof *s);
    s->dir = xstrdup(dir);
    s->lock_fd = -1;
    *ret_state = s;
    return PINION_OK;
}

void state_close(struct state *s)
{
    if (!s) return;
    if (s->ticker) ticker_cancel(s->ticker, &s->retry);
    if (s->lock_fd >= 0) close(s->lock_fd);
    explicit_bzero(s->token, sizeof s->token);
    free(s->dir);
    free(s);
}

/* ---- who holds the lock ---------------------------------------------------------------------- */

/* With its start time, a pid names one process for good: numbers are used again. */
static bool process_lives(long pid, uint64_t started)
{
    struct process_stat stat;

    return pid > 0 && process_stat_read((pid_t)pid, &stat) && !process_stat_ended(&stat) &&
           stat.start_ticks == started;
}

/* By what it wrote there: to try the lock could take it from one that starts at this moment. */
static bool holder_lives(const char *dir, long *ret_pid)
{
    struct buffer text = BUFFER_INIT;
    uint64_t started = 0;
    bool alive = false;

    *ret_pid = 0;
    if (!state_file_read(dir, LOCK_FILE, &text, NULL) && text.len &&
        sscanf(text.data, "%ld %" SCNu64, ret_pid, &started) == 2)
        alive = process_lives(*ret_pid, started);
    buffer_deinit(&text);
    return alive;
}

bool state_is_served(const char *dir)
{
    long pid;

    return holder_lives(dir, &pid);
}

static enum pinion_err lock_is_held(const struct state *s, struct error *why)
{
    long pid;

    if (holder_lives(s->dir, &pid))
        return error_set(why, PINION_CONFLICT, "another pinion serve (pid %ld) uses %s", pid,
                         s->dir);
    return error_set(why, PINION_BUSY,
                     "the redis-server of pinion serve (pid %ld, ended) still uses %s", pid,
                     s->dir);
}

static enum pinion_err write_holder(int fd, struct error *why)
{
    struct process_stat self;
    char text[64];
    int len;

    if (!process_stat_read(getpid(), &self))
        return error_set(why, PINION_UNAVAILABLE, "cannot read /proc/self/stat");
    len = snprintf(text, sizeof text, "%ld %" PRIu64 "\n", (long)getpid(), self.start_ticks);
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
        return error_set(why, PINION_INVALID, "cannot write the lock file: %s", strerror(errno));
    return PINION_OK;
}

static enum pinion_err take_lock(struct state *s, struct error *why)
{
    char *path = xasprintf("%s/" LOCK_FILE, s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum pinion_err err = PINION_OK;

    if (fd < 0)
        err = error_set(why, PINION_INVALID, "cannot write to state folder %s: %s", s->dir,
                        strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        err = write_holder(fd, why);
    else if (errno == EWOULDBLOCK)
        err = lock_is_held(s, why);
    else
        err = error_set(why, PINION_INVALID, "cannot lock %s: %s", path, strerror(errno));
    if (!err)
        s->lock_fd = fd;
    else if (fd >= 0)
        close(fd);
    free(path);
    return err;
}

/* ---- who we are ------------------------------------------------------------------------------ */

static enum pinion_err load_token(struct state *s, struct error *why)
{
    char line[STATE_TOKEN_LEN + 2];
    enum pinion_err err = state_read_token(s->dir, s->token, why);

    if (err != PINION_NOT_FOUND) return err;
    state_random_hex(s->token, STATE_TOKEN_LEN / 2);
    snprintf(line, sizeof line, "%s\n", s->token);
    err = state_file_write(s->dir, TOKEN_FILE, line, why);
    explicit_bzero(line, sizeof line);
    return err;
}

/* The id is kept as long as the machine runs: what a former service of this folder had leased is
 * then known as our own, and what ran for it died at the latest with the machine. */
static enum pinion_err load_server_id(struct state *s, struct error *why)
{
    struct buffer boot = BUFFER_INIT, old = BUFFER_INIT;
    char id[STATE_SERVER_LEN + 1] = "", id_boot[BOOT_ID_MAX + 1] = "", line[128];
    enum pinion_err err = state_file_read(BOOT_ID_FILE, &boot, why);

    if (err) goto end;
    boot.data[strcspn(boot.data, "\n")] = '\0';
    snprintf(s->boot, sizeof s->boot, "%s", boot.data);
    if (!state_file_read(s->dir, SERVER_FILE, &old, NULL) &&
        sscanf(old.data, "%12s %64s", id, id_boot) == 2 && state_is_hex(id, STATE_SERVER_LEN) &&
        strcmp(id_boot, boot.data) == 0) {
        memcpy(s->server_id, id, sizeof id);
        goto end;
    }
    state_random_hex(s->server_id, STATE_SERVER_LEN / 2);
    snprintf(line, sizeof line, "%s %.*s\n", s->server_id, BOOT_ID_MAX, boot.data);
    err = state_file_write(s->dir, SERVER_FILE, line, why);
end:
    buffer_deinit(&boot);
    buffer_deinit(&old);
    return err;
}

enum pinion_err state_lock(struct state *s, struct error *why)
{
    enum pinion_err err = take_lock(s, why);

    if (!err) err = load_token(s, why);
    if (!err) err = load_server_id(s, why);
    if (err && s->lock_fd >= 0) {
        close(s->lock_fd);
        s->lock_fd = -1;
    }
    return err;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* The kernel tells nobody that a flock is free but a thread that blocks in it; this wait is rare
 * and short, so it looks again instead. */
static void on_retry(struct alarm *alarm)
{
    struct state *s = container_of(alarm, struct state, retry);
    struct error why = {0};
    enum pinion_err err = state_lock(s, &why);

    if (err == PINION_BUSY && clock_mono_ms() < s->wait_until_ms) {
        ticker_set_in(s->ticker, &s->retry, STATE_LOCK_RETRY_MS);
        return;
    }
    if (err == PINION_BUSY) why.code = err = PINION_CONFLICT;
    s->locked(s->locked_ctx, err, err ? &why : NULL); /* may close the state: last */
}

void state_lock_wait(struct state *s, struct ticker *ticker, state_locked_fn *done, void *ctx)
{
    s->ticker = ticker;
    s->locked = done;
    s->locked_ctx = ctx;
    s->wait_until_ms = clock_mono_ms() + STATE_LOCK_WAIT_MS;
    alarm_init(&s->retry, on_retry);
    ticker_set_in(ticker, &s->retry, 0);
}

const char *state_dir(const struct state *s)
{
    return s->dir;
}

int state_lock_fd(const struct state *s)
{
    return s->lock_fd;
}

const char *state_token(const struct state *s)
{
    return s->token;
}

const char *state_boot(const struct state *s)
{
    return s->boot;
}

const char *state_server_id(const struct state *s)
{
    return s->server_id;
}
