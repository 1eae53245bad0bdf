/* Which file a program's name means: looked up once, at start, so that a mistake is told then. */
#include "workers/process.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/text.h"

/* NULL: `path` can be run. Else what is wrong with it. */
static const char *fault_of(const char *path)
{
    struct stat st;

    if (stat(path, &st)) return errno == ENOENT ? "is not there" : strerror(errno);
    if (S_ISDIR(st.st_mode)) return "is a folder";
    if (!S_ISREG(st.st_mode)) return "is not a regular file";
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)) return "is not executable";
    return NULL;
}

/* The working folder of the program may be another than ours. */
static char *absolute(const char *path)
{
    char *here, *whole;

    if (path[0] == '/') return xstrdup(path);
    here = getcwd(NULL, 0);
    whole = xasprintf("%s/%s", here ? here : "", path);
    free(here);
    return whole;
}

static enum pinion_err find_given(const char *path, char **ret_path, struct error *why)
{
    const char *fault = fault_of(path);

    if (fault) return error_set(why, PINION_INVALID, "expected a program, but %s %s", path, fault);
    *ret_path = absolute(path);
    return PINION_OK;
}

static enum pinion_err find_in(const char *path_env, const char *name, char **ret_path,
                               struct error *why)
{
    struct span rest = span_of(path_env);
    char *near_miss = NULL; /* there, but not to be run: as execvp, look on, and tell it last */
    enum pinion_err err;

    for (bool more = true; more;) {
        struct span folder;
        char *path;

        more = memchr(rest.data, ':', rest.len);
        folder = span_cut(&rest, ':');
        path = folder.len ? xasprintf("%.*s/%s", (int)folder.len, folder.data, name)
                          : xstrdup(name); /* an empty entry is the folder we are in */
        if (!fault_of(path)) {
            *ret_path = absolute(path);
            free(path);
            free(near_miss);
            return PINION_OK;
        }
        if (!near_miss && !access(path, F_OK)) near_miss = path;
        else free(path);
    }
    err = near_miss ? error_set(why, PINION_INVALID, "expected a program, but %s %s", near_miss,
                                fault_of(near_miss))
                    : error_set(why, PINION_INVALID, "no program %s in %s", name, path_env);
    free(near_miss);
    return err;
}

enum pinion_err process_find(const char *name, const char *path_env, char **ret_path,
                             struct error *why)
{
    if (!name[0]) return error_set(why, PINION_INVALID, "expected the name of a program, got \"\"");
    if (strchr(name, '/')) return find_given(name, ret_path, why);
    return find_in(path_env ? path_env : PROCESS_PATH_DEFAULT, name, ret_path, why);
}
