#include "control/access/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "control/state_files.h"

/* ---- reading --------------------------------------------------------------------------------- */

static enum pinion_err check_file(int fd, struct error *why)
{
    struct stat st;

    if (fstat(fd, &st)) return error_set(why, PINION_INVALID, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode)) return error_set(why, PINION_INVALID, "expected a plain file");
    if (st.st_mode & 077)
        return error_set(why, PINION_INVALID, "expected mode 0600, not %04o: chmod 600 it",
                         (unsigned)(st.st_mode & 07777));
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return error_set(why, PINION_INVALID, "expected it to belong to uid %u or root, not uid %u",
                         (unsigned)geteuid(), (unsigned)st.st_uid);
    if (st.st_size > TOKENS_BYTES_MAX)
        return error_set(why, PINION_INVALID, "expected at most %d bytes", TOKENS_BYTES_MAX);
    return PINION_OK;
}

static enum pinion_err read_all(int fd, struct buffer *out, struct error *why)
{
    ssize_t got = 1;

    while (got > 0 && out->len <= TOKENS_BYTES_MAX) {
        got = read(fd, buffer_reserve(out, 4096), 4096);
        if (got > 0) out->len += (size_t)got;
    }
    return got < 0 ? error_set(why, PINION_INVALID, "%s", strerror(errno)) : PINION_OK;
}

enum pinion_err token_file_read(const char *dir, struct token_set *ret_set, struct error *why)
{
    char *path = xasprintf("%s/" TOKEN_FILE_NAME, dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct buffer text = BUFFER_INIT;
    struct error bad = {0};

    if (fd < 0 && errno == ENOENT) {
        *ret_set = (struct token_set){0};
    } else if (fd < 0) {
        (void)error_set(&bad, PINION_INVALID, "%s", strerror(errno));
    } else if (!check_file(fd, &bad) && !read_all(fd, &text, &bad)) {
        (void)!token_set_parse((struct span){text.data, text.len}, ret_set, &bad);
    }
    if (bad.code) (void)error_set(why, PINION_INVALID, "%s: %s", path, bad.text);
    if (fd >= 0) close(fd);
    buffer_deinit(&text);
    free(path);
    return bad.code;
}

bool token_file_is_ours(const char *dir)
{
    char *path = xasprintf("%s/" TOKEN_FILE_NAME, dir);
    bool ours = access(path, R_OK) == 0;

    free(path);
    return ours;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* -1: why says it. Closing it gives the lock back. */
static int take_lock(const char *dir, struct error *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), got = -1;

    if (fd >= 0)
        while ((got = flock(fd, LOCK_EX)) && errno == EINTR) continue;
    if (got) {
        (void)error_set(why, PINION_INVALID, "cannot lock %s: %s", dir, strerror(errno));
        if (fd >= 0) close(fd);
        fd = -1;
    }
    return fd;
}

enum pinion_err token_file_edit(const char *dir, token_edit_fn *edit, void *ctx, struct error *why)
{
    enum pinion_err err = state_folder_make(dir, why);
    struct buffer text = BUFFER_INIT;
    struct token_set set = {0};
    int lock;

    if (err) return err;
    if ((lock = take_lock(dir, why)) < 0) return why->code;
    err = token_file_read(dir, &set, why);
    if (!err) err = edit(&set, ctx, why);
    if (!err) {
        token_set_print(&set, &text);
        err = state_file_write(dir, TOKEN_FILE_NAME, text.data, why);
    }
    close(lock);
    buffer_deinit(&text);
    token_set_deinit(&set);
    return err;
}
