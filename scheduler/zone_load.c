/* From a name to a zone: the folder of zone files, and what the system is set to. */
#include "scheduler/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/memory.h"
#include "scheduler/zone_data.h"

#define ZONE_FOLDER    "/usr/share/zoneinfo"
#define LOCAL_FILE     "/etc/localtime"
#define LINK_BYTES_MAX 4096
#define READ_BYTES     8192

static const char *zone_folder(void)
{
    const char *folder = getenv("TZDIR");

    return folder && *folder ? folder : ZONE_FOLDER;
}

static enum pinion_err unknown(const char *name, struct error *why)
{
    char nearest[ZONE_NAME_MAX + 1];

    if (zone_nearest_name(zone_folder(), name, nearest))
        return error_set(why, PINION_INVALID, "unknown time zone '%.*s': did you mean %s?",
                         ZONE_NAME_MAX, name, nearest);
    if (access(zone_folder(), R_OK | X_OK))
        return error_set(why, PINION_INVALID,
                         "unknown time zone '%.*s': no zone files in %s (is tzdata installed?)",
                         ZONE_NAME_MAX, name, zone_folder());
    return error_set(why, PINION_INVALID,
                     "unknown time zone '%.*s': expected a name such as Europe/Berlin, UTC, or "
                     "local",
                     ZONE_NAME_MAX, name);
}

/* Letters, digits and "._+-", in parts between slashes, none of which begins with a dot. */
static bool name_ok(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._+-/";
    size_t len = strnlen(name, ZONE_NAME_MAX + 1);

    if (!len || len > ZONE_NAME_MAX || strspn(name, allowed) != len) return false;
    for (size_t i = 0; i <= len; i++)
        if ((i == 0 || name[i - 1] == '/') && (name[i] == '/' || name[i] == '.' || !name[i]))
            return false;
    return true;
}

static struct zone *utc(void)
{
    static const struct zone_footer rule = {
        .standard = {.offset = 0, .abbreviation = "UTC"}
    };

    return zone_of_footer("UTC", &rule);
}

/* ---- files ---- */

enum reading { READ_OK, READ_NONE, READ_FAILED };

/* One byte more than allowed is enough to refuse. */
static enum reading read_all(int fd, struct buffer *b)
{
    ssize_t n = 1;

    while (n > 0 && b->len <= ZONE_BYTES_MAX) {
        n = read(fd, buffer_reserve(b, READ_BYTES), READ_BYTES);
        if (n > 0) b->len += (size_t)n;
        if (n < 0 && errno == EINTR) n = 1;
    }
    return n < 0 ? READ_FAILED : READ_OK;
}

/* On READ_FAILED, errno says why. */
static enum reading read_file(const char *path, struct buffer *b, struct stat *ret_stat)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* nor wait for a fifo */
    enum reading result = READ_FAILED;

    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? READ_NONE : READ_FAILED;
    if (fstat(fd, ret_stat) == 0) result = S_ISREG(ret_stat->st_mode) ? read_all(fd, b) : READ_NONE;
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* PINION_NOT_FOUND: there is no such file (`why` is not set). */
static enum pinion_err load_file(const char *name, const char *path, struct zone **ret_zone,
                                 struct error *why)
{
    struct buffer b = BUFFER_INIT;
    struct stat s;
    enum reading result = read_file(path, &b, &s);
    enum pinion_err err = PINION_NOT_FOUND;

    if (result == READ_FAILED)
        err = error_set(why, PINION_INVALID, "time zone '%.*s': cannot read %s: %s", ZONE_NAME_MAX,
                        name, path, strerror(errno));
    if (result == READ_OK) err = zone_parse(name, b.data, b.len, ret_zone, why);
    if (!err)
        (*ret_zone)->file = (struct zone_file){.path = xstrdup(path),
                                               .dev = s.st_dev,
                                               .ino = s.st_ino,
                                               .size = s.st_size,
                                               .modified = s.st_mtim};
    buffer_deinit(&b);
    return err;
}

static enum pinion_err load_named(const char *name, struct zone **ret_zone, struct error *why)
{
    char *path;
    enum pinion_err err;

    if (!name_ok(name)) return PINION_NOT_FOUND;
    path = xasprintf("%s/%s", zone_folder(), name);
    err = load_file(name, path, ret_zone, why);
    free(path);
    return err;
}

/* ---- what the system is set to ---- */

/* "Europe/Berlin", where LOCAL_FILE is a link to .../zoneinfo/Europe/Berlin; else "local". */
static const char *name_of_link(char target[LINK_BYTES_MAX])
{
    static const char mark[] = "/zoneinfo/";
    ssize_t n = readlink(LOCAL_FILE, target, LINK_BYTES_MAX - 1);
    const char *at;

    if (n <= 0) return "local";
    target[n] = '\0';
    at = strstr(target, mark);
    return at && name_ok(at + strlen(mark)) ? at + strlen(mark) : "local";
}

static enum pinion_err load_system(struct zone **ret_zone, struct error *why)
{
    char target[LINK_BYTES_MAX];
    enum pinion_err err = load_file(name_of_link(target), LOCAL_FILE, ret_zone, why);

    if (err != PINION_NOT_FOUND) return err;
    *ret_zone = utc();
    (*ret_zone)->file.path = xstrdup(LOCAL_FILE); /* stale as soon as there is one */
    return PINION_OK;
}

/* TZ: a name, or a path, or a rule; a colon before it changes nothing, empty is UTC. */
static enum pinion_err load_variable(const char *tz, struct zone **ret_zone, struct error *why)
{
    struct zone_footer rule;
    enum pinion_err err;

    if (*tz == ':') tz++;
    if (!*tz || strcmp(tz, "UTC") == 0) {
        *ret_zone = utc();
        return PINION_OK;
    }
    err = *tz == '/' ? load_file("local", tz, ret_zone, why) : load_named(tz, ret_zone, why);
    if (err != PINION_NOT_FOUND) return err;
    if (footer_parse(span_of(tz), &rule, NULL)) return unknown(tz, why);
    *ret_zone = zone_of_footer(tz, &rule);
    return PINION_OK;
}

enum pinion_err zone_load(const char *name, struct zone **ret_zone, struct error *why)
{
    const char *tz = getenv("TZ");
    enum pinion_err err;

    if (strcmp(name, "local") == 0)
        return tz ? load_variable(tz, ret_zone, why) : load_system(ret_zone, why);
    if (strcmp(name, "UTC") == 0) { /* also where no tzdata is installed */
        *ret_zone = utc();
        return PINION_OK;
    }
    err = load_named(name, ret_zone, why);
    return err == PINION_NOT_FOUND ? unknown(name, why) : err;
}
