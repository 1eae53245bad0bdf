/* control/state_info.c — finding the state folder, and what clients read there. */
#include "control/state.h"
#include "control/state_files.h"
#include "base/memory.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INFO_FILE  "pinion.json"
#define TOKEN_FILE "token"
#define SYSTEM_DIR "/var/lib/pinion"

/* ---- which folder ---------------------------------------------------------------------------- */

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* Absolute, and without a slash at its end. */
static enum pinion_err make_absolute(const char *path, char **ret_dir, struct error *why)
{
    char *here = NULL, *dir;
    size_t len;

    if (!*path) return error_set(why, PINION_INVALID, "state folder: expected a path, not ''");
    if (*path != '/' && !(here = getcwd(NULL, 0)))
        return error_set(why, PINION_INVALID, "state folder %s: no current folder: %s", path,
                         strerror(errno));
    dir = here ? xasprintf("%s/%s", here, path) : xstrdup(path);
    free(here);
    for (len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--) dir[len - 1] = '\0';
    *ret_dir = dir;
    return PINION_OK;
}

static char *users_dir(void)
{
    const char *xdg = env("XDG_STATE_HOME"), *home = env("HOME");

    if (xdg && *xdg == '/') return xasprintf("%s/pinion", xdg); /* a relative one counts as unset */
    return home && *home == '/' ? xasprintf("%s/.local/state/pinion", home) : NULL;
}

enum pinion_err state_dir_of_server(const char *given, char **ret_dir, struct error *why)
{
    const char *path = given ? given : env("PINION_STATE");
    char *dir;

    if (path) return make_absolute(path, ret_dir, why);
    if (!(dir = users_dir()))
        return error_set(why, PINION_INVALID,
                         "no state folder: expected --state DIR, PINION_STATE or HOME");
    *ret_dir = dir;
    return PINION_OK;
}

enum pinion_err state_dir_of_client(const char *given, char **ret_dir, struct error *why)
{
    char *dir;

    if (given || env("PINION_STATE")) return state_dir_of_server(given, ret_dir, why);
    dir = users_dir();
    if ((!dir || !state_file_exists(dir, INFO_FILE)) && state_file_exists(SYSTEM_DIR, INFO_FILE)) {
        free(dir);
        dir = xstrdup(SYSTEM_DIR);
    }
    if (!dir) return state_dir_of_server(NULL, ret_dir, why); /* says what is missing */
    *ret_dir = dir;
    return PINION_OK;
}

/* ---- pinion.json ----------------------------------------------------------------------------- */

enum pinion_err state_publish(struct state *s, const struct state_info *info, struct error *why)
{
    json_t *root = json_pack("{s:s*, s:s*, s:I, s:s*}", "http", info->http, "redis", info->redis,
                             "pid", (json_int_t)info->pid, "server", info->server);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    enum pinion_err err;

    if (text)
        err = state_file_write(state_dir(s), INFO_FILE, text, why);
    else
        err = error_set(why, PINION_INVALID, "pinion.json: expected UTF-8 text");
    free(text);
    json_decref(root);
    return err;
}

void state_unpublish(struct state *s)
{
    state_file_remove(state_dir(s), INFO_FILE);
}

static char *text_of(const json_t *root, const char *key)
{
    return xstrdup(json_string_value(json_object_get(root, key)));
}

enum pinion_err state_read_info(const char *dir, struct state_info *ret, struct error *why)
{
    struct buffer text = BUFFER_INIT;
    enum pinion_err err = state_file_read(dir, INFO_FILE, &text, why);
    json_t *root;

    if (err == PINION_NOT_FOUND)
        err = error_set(why, PINION_NOT_FOUND,
                        "no pinion serve in %s: start one, or name a Redis by --redis", dir);
    if (err) goto end;
    root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_string(json_object_get(root, "redis")))
        *ret = (struct state_info){
            .http = text_of(root, "http"),
            .redis = text_of(root, "redis"),
            .server = text_of(root, "server"),
            .pid = (long)json_integer_value(json_object_get(root, "pid")),
        };
    else
        err = error_set(why, PINION_INVALID, "%s/" INFO_FILE ": expected a JSON object with redis",
                        dir);
    json_decref(root);
end:
    buffer_deinit(&text);
    return err;
}

void state_info_deinit(struct state_info *info)
{
    free(info->http);
    free(info->redis);
    free(info->server);
    *info = (struct state_info){0};
}

/* ---- token ----------------------------------------------------------------------------------- */

enum pinion_err state_read_token(const char *dir, char ret_token[STATE_TOKEN_LEN + 1],
                                 struct error *why)
{
    struct buffer text = BUFFER_INIT;
    enum pinion_err err = state_file_read(dir, TOKEN_FILE, &text, why);

    if (!err) {
        text.data[strcspn(text.data, "\n")] = '\0';
        if (state_is_hex(text.data, STATE_TOKEN_LEN))
            memcpy(ret_token, text.data, STATE_TOKEN_LEN + 1);
        else
            err =
                error_set(why, PINION_INVALID,
                          "%s/" TOKEN_FILE ": expected 64 hex digits; without this file, the next "
                          "pinion serve makes a new one",
                          dir);
        explicit_bzero(text.data, text.len);
    }
    buffer_deinit(&text);
    return err;
}
