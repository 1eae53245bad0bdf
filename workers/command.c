#include "workers/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "workers/attempt.h"
#include "workers/process.h"
#include "workers/workers.h"

/* sysexits(3): data that no other attempt will make better, and a failure that will pass. */
#define EXIT_DEAD 65

#define ENV_MAX      16
#define ENV_TEXT_MAX 256 /* of one PINION_ variable; the longest holds an id */

struct command {
    struct handler handler; /* first: freed as one */
    char *pattern, *path;
    char **argv;        /* one block */
    char *inherited[4]; /* PATH, HOME, LANG, TZ as the service had them; or NULL */
    const struct process_host *host;
};

struct running_command {
    struct process process;
    struct attempt *attempt;
};

static const char *const inherited_names[] = {"PATH", "HOME", "LANG", "TZ"};

/* ---- one run --------------------------------------------------------------------------------- */

static void describe_end(struct buffer *text, const struct process_result *r)
{
    if (r->end == PROCESS_KILLED)
        buffer_printf(text, "killed by signal %d (%s)", r->code, strsignal(r->code));
    else if (r->end == PROCESS_EXITED)
        buffer_printf(text, "exit status %d", r->code);
    else
        buffer_add_text(text, "its end was not seen: another part of this program reaped it");
    if (r->err.bytes.len) {
        buffer_add_text(text, ": ");
        buffer_add(text, r->err.bytes.data, r->err.bytes.len);
    }
    while (text->len && text->data[text->len - 1] == '\n') text->len--;
}

static void on_end(struct process *process, struct process_result *r)
{
    struct running_command *run = container_of(process, struct running_command, process);
    struct attempt *a = run->attempt;
    struct buffer text = BUFFER_INIT;

    if (r->end == PROCESS_EXITED && r->code == 0) {
        attempt_finish(a, OUTCOME_DONE, r->out.bytes.data, r->out.bytes.len, 0);
    } else {
        bool dead = r->end == PROCESS_EXITED && r->code == EXIT_DEAD;
        describe_end(&text, r);
        attempt_finish(a, OUTCOME_FAIL, text.data, text.len, dead ? RETRY_NEVER : RETRY_BY_BACKOFF);
    }
    buffer_deinit(&text);
    free(run);
}

static struct process_program program_of(const struct command *c, const struct attempt *a,
                                         char text[][ENV_TEXT_MAX], char *env[ENV_MAX])
{
    char due[TIME_TEXT_MAX];
    size_t n = 0, own = 0;

    snprintf(text[own++], ENV_TEXT_MAX, "PINION_JOB_ID=%s", a->work.id);
    snprintf(text[own++], ENV_TEXT_MAX, "PINION_KIND=%s", a->work.kind);
    snprintf(text[own++], ENV_TEXT_MAX, "PINION_QUEUE=%s", a->work.queue);
    snprintf(text[own++], ENV_TEXT_MAX, "PINION_ATTEMPT=%u", a->work.attempt);
    snprintf(text[own++], ENV_TEXT_MAX, "PINION_FIRE_TIME=%s",
             time_format_utc(a->work.run_at_ms, due));
    for (size_t i = 0; i < countof(c->inherited); i++)
        if (c->inherited[i]) env[n++] = c->inherited[i];
    for (size_t i = 0; i < own; i++) env[n++] = text[i];
    env[n] = NULL;
    return (struct process_program){.path = c->path, .argv = c->argv, .env = env};
}

static void start(struct attempt *a)
{
    struct command *c = container_of(a->handler, struct command, handler);
    struct running_command *run = xcalloc(1, sizeof *run);
    char text[5][ENV_TEXT_MAX], *env[ENV_MAX];
    struct process_spec spec = {
        .program = program_of(c, a, text, env),
        .input = a->job.payload.data,
        .input_len = a->job.payload.len,
        .out_bytes_max = RESULT_BYTES_MAX,
        .err_bytes_max = ERROR_BYTES_MAX,
    };
    struct error why = {0};

    run->attempt = a;
    a->work_state = run;
    if (!process_start(&run->process, c->host, &spec, on_end, &why)) return;
    free(run);
    attempt_finish(a, OUTCOME_FAIL, why.text, strlen(why.text), RETRY_BY_BACKOFF);
}

static void stop(struct attempt *a)
{
    process_stop(&((struct running_command *)a->work_state)->process, STOP_GRACE_MS);
}

/* ---- the handler ----------------------------------------------------------------------------- */

static void free_command(struct handler *h)
{
    struct command *c = container_of(h, struct command, handler);

    for (size_t i = 0; i < countof(c->inherited); i++) free(c->inherited[i]);
    free(c->argv);
    free(c->path);
    free(c->pattern);
}

static const struct runner command_runner = {"command", start, stop, free_command};

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
                            const struct process_host *host, struct handler **ret_handler,
                            struct error *why)
{
    char *path = NULL;
    enum pinion_err err = process_find(argv[0], getenv("PATH"), &path, why);
    struct command *c;

    if (err) return err;
    c = xcalloc(1, sizeof *c);
    c->pattern = xstrdup(pattern);
    c->path = path;
    c->argv = copy_argv(argv);
    c->host = host;
    for (size_t i = 0; i < countof(inherited_names); i++) {
        const char *value = getenv(inherited_names[i]);
        if (value) c->inherited[i] = xasprintf("%s=%s", inherited_names[i], value);
    }
    c->handler = (struct handler){.pattern = c->pattern, .runner = &command_runner};
    *ret_handler = &c->handler;
    return PINION_OK;
}
