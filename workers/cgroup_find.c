/*      /proc/self/cgroup      0::/system.slice/pinion.service
 *      /proc/self/mountinfo   38 31 0:41 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 none rw
 *                                        ^root ^point           any number of these
 *
 * A mount shows what is below its root, so our folder is at the mount's point and what our path has
 * beyond that root. In a container the root may be our own folder; on a machine with both versions
 * the point is /sys/fs/cgroup/unified.
 */
#include "workers/cgroup_find.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#define PROC_BYTES_MAX (1024 * 1024) /* of a file of /proc; more is not looked through */

/* Our path in the only hierarchy of cgroup2: that of number 0, without controllers. */
static struct span own_path(const char *cgroup)
{
    struct span rest = span_of(cgroup);

    while (rest.len) {
        struct span line = span_cut(&rest, '\n');

        if (span_starts(line, "0::/")) return (struct span){line.data + 3, line.len - 3};
    }
    return (struct span){NULL, 0};
}

/* A blank, tab, newline and backslash of a path are written in octal there: \040. */
static void unescape(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *c = text.data + i;

        if (*c == '\\' && i + 3 < text.len) {
            buffer_add_char(out, (char)((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0')));
            i += 3;
        } else {
            buffer_add_char(out, *c);
        }
    }
    buffer_add_text(out, ""); /* so that it is a text where it is empty, too */
}

struct mount {
    struct buffer root, point;
};

/* false: the line is no mount of cgroup2. */
static bool read_mount(struct span line, struct mount *m)
{
    struct span root, point, field;

    for (int skipped = 0; skipped < 3; skipped++) span_cut(&line, ' ');
    root = span_cut(&line, ' ');
    point = span_cut(&line, ' ');
    do field = span_cut(&line, ' ');
    while (line.len && !span_is(field, "-"));
    if (!span_is(span_cut(&line, ' '), "cgroup2")) return false;
    buffer_clear(&m->root);
    buffer_clear(&m->point);
    if (!span_is(root, "/")) unescape(&m->root, root); /* "/" is the empty beginning of all */
    else buffer_add_text(&m->root, "");
    unescape(&m->point, point);
    return true;
}

/* What `path` has beyond the root; NULL: it is not below it. */
static const char *beyond(const struct mount *m, const char *path)
{
    const char *rest = path + m->root.len;

    if (strncmp(path, m->root.data, m->root.len) != 0 || (*rest && *rest != '/')) return NULL;
    return strcmp(rest, "/") == 0 ? "" : rest;
}

char *cgroup_path(const char *cgroup, const char *mountinfo)
{
    struct span own = own_path(cgroup), rest = span_of(mountinfo);
    struct mount m = {BUFFER_INIT, BUFFER_INIT};
    char *path = own.len ? xasprintf("%.*s", (int)own.len, own.data) : NULL, *found = NULL;
    size_t narrowest = 0;

    /* Above what our namespace shows: no mount has it. */
    if (path && (strncmp(path, "/../", 4) == 0 || strcmp(path, "/..") == 0)) rest.len = 0;
    while (path && rest.len) {
        const char *more = read_mount(span_cut(&rest, '\n'), &m) ? beyond(&m, path) : NULL;

        if (!more || (found && m.root.len < narrowest)) continue;
        free(found);
        found = xasprintf("%s%s", m.point.data, more);
        narrowest = m.root.len;
    }
    buffer_deinit(&m.root);
    buffer_deinit(&m.point);
    free(path);
    return found;
}

static void read_proc(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;

    while (got > 0 && out->len < PROC_BYTES_MAX) {
        got = read(fd, buffer_reserve(out, 4096), 4096);
        if (got > 0) out->len += (size_t)got;
    }
    if (fd >= 0) close(fd);
    buffer_add_char(out, '\0');
}

char *cgroup_find(void)
{
    struct buffer cgroup = BUFFER_INIT, mountinfo = BUFFER_INIT;
    char *path;

    read_proc("/proc/self/cgroup", &cgroup);
    read_proc("/proc/self/mountinfo", &mountinfo);
    path = cgroup_path(cgroup.data, mountinfo.data);
    buffer_deinit(&cgroup);
    buffer_deinit(&mountinfo);
    return path;
}

bool cgroup_delegated(const char *path)
{
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    char value;

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (getxattr(path, marks[i], &value, 1) == 1 && value == '1') return true;
    return false;
}
