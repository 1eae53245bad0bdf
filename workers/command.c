#include "workers/command.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "workers/attempt.h"
#include "workers/process.h"
#include "workers/program_run.h"

struct command {
    struct handler handler; /* first: freed as one */
    char *pattern, *path;
    char **argv; /* one block */
    struct program_setting setting;
    const struct process_host *host;
};

static void start(struct attempt *a)
{
    struct command *c = container_of(a->handler, struct command, handler);
    const struct program_call call = {
        .path = c->path,
        .argv = c->argv,
        .input = a->job.payload.data,
        .input_len = a->job.payload.len,
    };

    program_run(a, &c->setting, c->host, &call);
}

static void free_command(struct handler *h)
{
    struct command *c = container_of(h, struct command, handler);

    program_setting_deinit(&c->setting);
    free(c->argv);
    free(c->path);
    free(c->pattern);
}

static const struct runner command_runner = {"command", start, program_stop, free_command};

/* One block: the vector, then its strings. */
static char **copy_argv(char *const argv[])
{
    size_t count = 0, bytes = 0;

    while (argv[count]) bytes += strlen(argv[count++]) + 1;
    char **copy = xmalloc((count + 1) * sizeof *copy + bytes);
    char *at = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = at;
        at = stpcpy(at, argv[i]) + 1;
    }
    copy[count] = NULL;
    return copy;
}

enum pinion_err command_new(const char *pattern, char *const argv[],
                            const struct program_options *options,
                            const struct process_host *host, struct handler **ret_handler,
                            struct error *why)
{
    struct program_setting setting;
    char *path = NULL;
    enum pinion_err err = program_setting_init(&setting, options, why);
    struct command *c;

    if (err) return err;
    err = process_find(argv[0], program_env(&setting, "PATH"), &path, why);
    if (err) {
        program_setting_deinit(&setting);
        return err;
    }
    c = xcalloc(1, sizeof *c);
    c->pattern = xstrdup(pattern);
    c->path = path;
    c->argv = copy_argv(argv);
    c->setting = setting;
    c->host = host;
    c->handler = (struct handler){.pattern = c->pattern, .runner = &command_runner};
    *ret_handler = &c->handler;
    return PINION_OK;
}
