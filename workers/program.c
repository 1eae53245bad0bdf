#include "workers/program.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"
#include "queue/limits.h"
#include "workers/limits.h"

#define GROUPS_MAX 65536 /* of one user; as the kernel */

/* As the service had them. */
static const char *const inherited_names[] = {"PATH", "HOME", "LANG", "TZ"};

/* ---- the environment ------------------------------------------------------------------------- */

enum pinion_err program_env_check(const char *entry, struct error *why)
{
    size_t name_len = strspn(entry, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                    "0123456789");

    if (!name_len || (entry[0] >= '0' && entry[0] <= '9') ||
        (entry[name_len] != '=' && entry[name_len] != '\0'))
        return error_set(why, PINION_INVALID, "env: expected NAME=VALUE or NAME, not '%.60s'",
                         entry);
    if (strncmp(entry, "PINION_", 7) == 0)
        return error_set(why, PINION_INVALID,
                         "env: expected a name that does not begin with PINION_, not '%.60s'",
                         entry);
    return PINION_OK;
}

static size_t name_len_of(const char *entry)
{
    return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t len = name_len_of(a);

    return len == name_len_of(b) && memcmp(a, b, len) == 0;
}

char *program_env_put(char *env[], size_t *count, char *entry)
{
    for (size_t i = 0; i < *count; i++) {
        char *former = env[i];
        if (!same_name(former, entry)) continue;
        env[i] = entry;
        return former;
    }
    env[(*count)++] = entry;
    return NULL;
}

const char *program_env(const struct program_setting *s, const char *name)
{
    for (size_t i = 0; i < s->env_count; i++)
        if (same_name(s->env[i], name)) return s->env[i] + name_len_of(s->env[i]) + 1;
    return NULL;
}

/* Takes the entry. The vector was made of zeros, so it ends with one. */
static void own(struct program_setting *s, char *entry)
{
    free(program_env_put(s->env, &s->env_count, entry));
}

static void inherit(struct program_setting *s, const char *name)
{
    const char *value = getenv(name);

    if (value) own(s, xasprintf("%s=%s", name, value));
}

static void fill_env(struct program_setting *s, const struct program_options *o, const char *home)
{
    s->env = xcalloc(countof(inherited_names) + o->env_count + 1, sizeof *s->env);
    for (size_t i = 0; i < countof(inherited_names); i++) inherit(s, inherited_names[i]);
    if (home) own(s, xasprintf("HOME=%s", home));
    for (size_t i = 0; i < o->env_count; i++) {
        if (strchr(o->env[i], '=')) own(s, xstrdup(o->env[i]));
        else inherit(s, o->env[i]);
    }
}

/* ---- the user -------------------------------------------------------------------------------- */

static enum pinion_err find_user(const char *name, struct passwd **ret, struct error *why)
{
    uint64_t number;
    struct passwd *p = getpwnam(name);

    if (!p && !text_parse_u64(span_of(name), 0, UINT32_MAX - 1, &number))
        p = getpwuid((uid_t)number);
    if (!p)
        return error_set(why, PINION_INVALID, "user: expected one of this machine, not '%.60s'",
                         name);
    *ret = p;
    return PINION_OK;
}

static enum pinion_err find_group(const char *name, gid_t *ret, struct error *why)
{
    uint64_t number;
    const struct group *g = getgrnam(name);

    if (!g && !text_parse_u64(span_of(name), 0, UINT32_MAX - 1, &number))
        g = getgrgid((gid_t)number);
    if (!g)
        return error_set(why, PINION_INVALID, "group: expected one of this machine, not '%.60s'",
                         name);
    *ret = g->gr_gid;
    return PINION_OK;
}

/* As initgroups(3), but to be done later, in the child. */
static void list_groups(struct program_setting *s, const char *user)
{
    int count = 16;

    s->groups = xcalloc((size_t)count, sizeof *s->groups);
    while (getgrouplist(user, s->user.gid, s->groups, &count) < 0 && count <= GROUPS_MAX)
        s->groups = xrealloc(s->groups, (size_t)count * sizeof *s->groups);
    s->user.groups = s->groups;
    s->user.groups_count = (size_t)count;
}

static void only_group(struct program_setting *s)
{
    s->groups = xmemdup(&s->user.gid, sizeof s->user.gid);
    s->user.groups = s->groups;
    s->user.groups_count = 1;
}

static enum pinion_err fill_user(struct program_setting *s, const struct program_options *o,
                                 char **ret_home, struct error *why)
{
    struct passwd *passwd = NULL;
    enum pinion_err err = PINION_OK;

    if (!o->user && !o->group) return PINION_OK;
    if (geteuid() != 0)
        return error_set(why, PINION_INVALID,
                         "%s = %.60s: expected a service that was started as root, for nobody else "
                         "may run programs as others",
                         o->user ? "user" : "group", o->user ? o->user : o->group);
    s->user = (struct process_user){.uid = geteuid(), .gid = getegid()};
    if (o->user) err = find_user(o->user, &passwd, why);
    if (err) return err;
    if (passwd) s->user = (struct process_user){.uid = passwd->pw_uid, .gid = passwd->pw_gid};
    if (o->group) err = find_group(o->group, &s->user.gid, why);
    if (err) return err;
    if (o->user) passwd = getpwuid(s->user.uid); /* a look for a group may have overwritten it */
    if (passwd) list_groups(s, passwd->pw_name);
    else only_group(s);
    if (passwd) *ret_home = xstrdup(passwd->pw_dir);
    s->other_user = true;
    return PINION_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum pinion_err check_folder(const char *folder, struct error *why)
{
    struct stat st;

    if (folder[0] != '/')
        return error_set(why, PINION_INVALID, "folder: expected a path from / on, not '%.200s'",
                         folder);
    if (stat(folder, &st))
        return error_set(why, PINION_INVALID, "folder: expected one that is there, not %.200s: %s",
                         folder, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(why, PINION_INVALID, "folder: expected a folder, but %.200s is none",
                         folder);
    return PINION_OK;
}

enum pinion_err program_setting_init(struct program_setting *ret_setting,
                                     const struct program_options *o, struct error *why)
{
    struct program_setting *s = ret_setting;
    char *home = NULL;
    enum pinion_err err = o->folder ? check_folder(o->folder, why) : PINION_OK;

    if (err) return err;
    *s = (struct program_setting){
        .limits = {.memory_bytes = o->memory_bytes,
                   .cpu_s = (o->cpu_ms + 999) / 1000,
                   .files = o->files,
                   .processes = o->processes,
                   .file_size_bytes = o->file_size_bytes},
        .nice = o->nice,
        .output_bytes = o->output_bytes ? o->output_bytes : RESULT_BYTES_MAX,
        .grace_ms = o->grace_ms ? o->grace_ms : STOP_GRACE_MS,
    };
    err = fill_user(s, o, &home, why);
    if (err) return err;
    s->folder = xstrdup(o->folder);
    fill_env(s, o, home);
    free(home);
    return PINION_OK;
}

void program_setting_deinit(struct program_setting *s)
{
    for (size_t i = 0; i < s->env_count; i++) free(s->env[i]);
    free(s->env);
    free(s->groups);
    free(s->folder);
}
