/* control/state_files.c — reading and writing the small files of the state folder. */
#include "control/state_files.h"
#include "base/memory.h"
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_BYTES_MAX 32

static enum pinion_err system_error(struct error *why, const char *doing, const char *path)
{
    return error_set(why, errno == ENOENT ? PINION_NOT_FOUND : PINION_INVALID, "cannot %s %s: %s",
                     doing, path, strerror(errno));
}

/* ---- folders --------------------------------------------------------------------------------- */

static enum pinion_err check_folder(const char *dir, struct error *why)
{
    struct stat st;

    if (stat(dir, &st)) return system_error(why, "use", dir);
    if (!S_ISDIR(st.st_mode)) return error_set(why, PINION_INVALID, "%s is not a folder", dir);
    /* Who can write here can put his own socket or token in place of ours. */
    if (st.st_mode & S_IWOTH)
        return error_set(why, PINION_INVALID, "everybody may write to %s; expected mode 0700", dir);
    return PINION_OK;
}

enum pinion_err state_folder_make(const char *dir, struct error *why)
{
    char *path = xstrdup(dir);
    enum pinion_err err = PINION_OK;

    for (char *slash = path + 1; !err && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) && errno != EEXIST && access(path, F_OK))
            err =
                error_set(why, PINION_INVALID, "cannot make folder %s: %s", path, strerror(errno));
        *slash = '/';
    }
    if (!err && mkdir(path, 0700) && errno != EEXIST)
        err = error_set(why, PINION_INVALID, "cannot make folder %s: %s", path, strerror(errno));
    free(path);
    return err ? err : check_folder(dir, why);
}

/* ---- files ----------------------------------------------------------------------------------- */

enum pinion_err state_file_read(const char *dir, const char *name, struct buffer *out,
                                struct error *why)
{
    char *path = xasprintf("%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo in its place must not block */
    enum pinion_err err = PINION_OK;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && out->len <= STATE_FILE_BYTES_MAX) {
        char *room = buffer_reserve(out, 1024);

        got = read(fd, room, 1024);
        if (got > 0) out->len += (size_t)got;
    }
    if (got < 0)
        err = system_error(why, "read", path);
    else if (out->len > STATE_FILE_BYTES_MAX)
        err = error_set(why, PINION_TOO_LARGE, "%s: expected at most %d bytes", path,
                        STATE_FILE_BYTES_MAX);
    else
        buffer_printf(out, "%s", ""); /* so that it ends with NUL, even when empty */
    if (fd >= 0) close(fd);
    free(path);
    return err;
}

/* What root writes into the folder of another user, that user's service must be able to read. */
static bool own_as(int fd, const char *dir)
{
    struct stat st;

    if (geteuid() != 0) return true;
    return stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

static bool write_synced(const char *dir, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t len = strlen(text);
    int failure;

    if (fd < 0) return false;
    errno = EIO;
    bool ok = write(fd, text, len) == (ssize_t)len && fchmod(fd, 0600) == 0 && own_as(fd, dir) &&
              fsync(fd) == 0;
    failure = errno;
    close(fd);
    errno = failure;
    return ok;
}

enum pinion_err state_file_write(const char *dir, const char *name, const char *text,
                                 struct error *why)
{
    char *path = xasprintf("%s/%s", dir, name), *fresh = xasprintf("%s/%s.new", dir, name);
    enum pinion_err err = PINION_OK;

    if (!write_synced(dir, fresh, text) || rename(fresh, path)) {
        err = error_set(why, PINION_INVALID, "cannot write %s: %s", path, strerror(errno));
        unlink(fresh);
    }
    free(path);
    free(fresh);
    return err;
}

void state_file_remove(const char *dir, const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);

    unlink(path);
    free(path);
}

bool state_file_exists(const char *dir, const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);
    bool yes = access(path, F_OK) == 0;

    free(path);
    return yes;
}

/* ---- hex ------------------------------------------------------------------------------------- */

void state_random_hex(char *out, size_t bytes)
{
    unsigned char raw[RANDOM_BYTES_MAX];

    assert(bytes <= sizeof raw);
    random_fill(raw, bytes);
    for (size_t i = 0; i < bytes; i++) sprintf(out + 2 * i, "%02x", raw[i]);
    explicit_bzero(raw, sizeof raw);
}

bool state_is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") == len && strlen(text) == len;
}
