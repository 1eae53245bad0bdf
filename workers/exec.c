#include "workers/exec.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/memory.h"
#include "workers/attempt.h"
#include "workers/process.h"
#include "workers/program_run.h"

struct exec {
    struct handler handler; /* first: freed as one */
    char *pattern;
    struct program_setting setting;
    const struct process_host *host;
};

/* What a payload says; text borrows from `json`. */
struct order {
    json_t *json;
    char **argv, **env; /* vectors that end with NULL; entries of env are owned */
    const char *folder, *input;
    char *path; /* of the program */
};

static void order_free(void *ctx)
{
    struct order *o = ctx;

    for (size_t i = 0; o->env && o->env[i]; i++) free(o->env[i]);
    free(o->env);
    free(o->argv);
    free(o->path);
    json_decref(o->json);
    free(o);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum pinion_err read_argv(struct order *o, const json_t *value, struct error *why)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value) || count == 0 || count > EXEC_ARGS_MAX)
        return error_set(why, PINION_INVALID,
                         "\"argv\": expected an array of 1 to %d strings, the program first",
                         EXEC_ARGS_MAX);
    o->argv = xcalloc(count + 1, sizeof *o->argv);
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(value, i);
        if (!json_is_string(word))
            return error_set(why, PINION_INVALID, "\"argv\"[%zu]: expected a string", i);
        o->argv[i] = (char *)(uintptr_t)json_string_value(word); /* exec writes to none */
    }
    if (!o->argv[0][0])
        return error_set(why, PINION_INVALID, "\"argv\"[0]: expected the name of a program");
    return PINION_OK;
}

static enum pinion_err read_env(struct order *o, json_t *value, struct error *why)
{
    size_t count = json_object_size(value), n = 0;
    const char *name;
    json_t *text;

    if (!json_is_object(value) || count > PROGRAM_ENV_MAX)
        return error_set(why, PINION_INVALID,
                         "\"env\": expected an object of at most %d strings", PROGRAM_ENV_MAX);
    o->env = xcalloc(count + 1, sizeof *o->env);
    json_object_foreach (value, name, text) {
        if (!json_is_string(text) || strchr(name, '='))
            return error_set(why, PINION_INVALID, "\"env\": expected a string for '%.60s'", name);
        o->env[n++] = xasprintf("%s=%s", name, json_string_value(text));
        enum pinion_err err = program_env_check(o->env[n - 1], why);
        if (err) return err;
    }
    return PINION_OK;
}

static enum pinion_err read_folder(struct order *o, const json_t *value, struct error *why)
{
    o->folder = json_string_value(value);
    if (o->folder && o->folder[0] == '/') return PINION_OK;
    return error_set(why, PINION_INVALID, "\"folder\": expected a path from / on");
}

static enum pinion_err read_stdin(struct order *o, const json_t *value, struct error *why)
{
    o->input = json_string_value(value);
    return o->input ? PINION_OK
                    : error_set(why, PINION_INVALID, "\"stdin\": expected a string");
}

static enum pinion_err read_key(struct order *o, const char *key, json_t *value, struct error *why)
{
    if (strcmp(key, "argv") == 0) return read_argv(o, value, why);
    if (strcmp(key, "stdin") == 0) return read_stdin(o, value, why);
    if (strcmp(key, "env") == 0) return read_env(o, value, why);
    if (strcmp(key, "folder") == 0) return read_folder(o, value, why);
    return error_set(why, PINION_INVALID,
                     "unknown key '%.60s'; expected argv, stdin, env or folder", key);
}

static enum pinion_err read_order(struct order *o, struct span payload, struct error *why)
{
    json_error_t bad;
    const char *key;
    json_t *value;

    o->json = json_loadb(payload.len ? payload.data : "", payload.len, JSON_REJECT_DUPLICATES,
                         &bad);
    if (!json_is_object(o->json))
        return error_set(why, PINION_INVALID, "expected {\"argv\":[\"PROGRAM\", ...]}%s%s",
                         o->json ? "" : ": ", o->json ? "" : bad.text);
    json_object_foreach (o->json, key, value) {
        enum pinion_err err = read_key(o, key, value, why);
        if (err) return err;
    }
    return o->argv ? PINION_OK
                   : error_set(why, PINION_INVALID, "expected {\"argv\":[\"PROGRAM\", ...]}");
}

/* ---- running --------------------------------------------------------------------------------- */

static const char *env_of(const struct exec *e, const struct order *o, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; o->env && o->env[i]; i++)
        if (strncmp(o->env[i], name, len) == 0 && o->env[i][len] == '=')
            return o->env[i] + len + 1;
    return program_env(&e->setting, name);
}

static const char *folder_of(const struct exec *e, const struct order *o)
{
    const char *home = env_of(e, o, "HOME");
    struct stat st;

    if (o->folder) return o->folder;
    if (e->setting.folder) return e->setting.folder;
    return home && home[0] == '/' && !stat(home, &st) && S_ISDIR(st.st_mode) ? home : "/";
}

static enum pinion_err find_program(const struct exec *e, struct order *o, struct error *why)
{
    const char *name = o->argv[0];
    bool beside = name[0] != '/' && strchr(name, '/');
    char *whole = beside ? xasprintf("%s/%s", folder_of(e, o), name) : NULL;
    enum pinion_err err =
        process_find(whole ? whole : name, env_of(e, o, "PATH"), &o->path, why);

    free(whole);
    return err;
}

static void start(struct attempt *a)
{
    struct exec *e = container_of(a->handler, struct exec, handler);
    struct order *o = xcalloc(1, sizeof *o);
    struct error why = {0};
    bool bad = read_order(o, a->job.payload, &why), missing = !bad && find_program(e, o, &why);

    if (bad || missing) {
        char *text = xasprintf("%s%s", bad ? "payload: " : "", why.text);
        order_free(o);
        attempt_finish(a, OUTCOME_FAIL, text, strlen(text), bad ? RETRY_NEVER : RETRY_BY_BACKOFF);
        free(text);
        return;
    }
    const struct program_call call = {
        .path = o->path,
        .argv = o->argv,
        .env = o->env,
        .folder = folder_of(e, o),
        .input = o->input ? o->input : "",
        .input_len = o->input ? strlen(o->input) : 0,
        .owned = o,
        .free_owned = order_free,
    };
    program_run(a, &e->setting, e->host, &call);
}

/* ---- the handler ----------------------------------------------------------------------------- */

static void free_exec(struct handler *h)
{
    struct exec *e = container_of(h, struct exec, handler);

    program_setting_deinit(&e->setting);
    free(e->pattern);
}

static const struct runner exec_runner = {"exec", start, program_stop, free_exec};

enum pinion_err exec_new(const char *pattern, const struct program_options *options,
                         const struct process_host *host, struct handler **ret_handler,
                         struct error *why)
{
    struct program_setting setting;
    enum pinion_err err = program_setting_init(&setting, options, why);
    struct exec *e;

    if (err) return err;
    e = xcalloc(1, sizeof *e);
    e->pattern = xstrdup(pattern);
    e->setting = setting;
    e->host = host;
    e->handler = (struct handler){.pattern = e->pattern, .runner = &exec_runner};
    *ret_handler = &e->handler;
    return PINION_OK;
}
