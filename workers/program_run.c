#include "workers/program_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "workers/tail.h"

#define ENV_TEXT_MAX 256 /* of one PINION_ variable; the longest holds an id */
#define OWN_ENV      5   /* PINION_ variables */
/* So that what describes the end fits in front of it. */
#define STDERR_BYTES (ERROR_BYTES_MAX - 96)

struct program_attempt {
    struct process process;
    struct attempt *attempt;
    const struct program_setting *setting;
    struct tail *tail; /* NULL: it has said nothing, and nobody follows */
    void *owned;
    void (*free_owned)(void *);
};

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
        if (r->err.dropped) buffer_printf(text, "(%zu bytes dropped) ", r->err.dropped);
        buffer_add(text, r->err.bytes.data, r->err.bytes.len);
    }
    while (text->len && text->data[text->len - 1] == '\n') text->len--;
}

static void on_output(struct process *process, const char *data, size_t len)
{
    struct program_attempt *run = container_of(process, struct program_attempt, process);

    tail_add(&run->tail, run->attempt, data, len);
}

static void follow(struct attempt *a)
{
    tail_follow(&((struct program_attempt *)a->work_state)->tail, a);
}

static void free_run(struct program_attempt *run)
{
    if (run->free_owned) run->free_owned(run->owned);
    free(run);
}

static void on_end(struct process *process, struct process_result *r)
{
    struct program_attempt *run = container_of(process, struct program_attempt, process);
    struct attempt *a = run->attempt;
    struct buffer text = BUFFER_INIT;

    tail_free(run->tail);
    run->tail = NULL;
    if (r->out.dropped)
        log_info("output_cut", LOG_TEXT("job", a->work.id),
                 LOG_INT("kept", (int64_t)r->out.bytes.len),
                 LOG_INT("dropped", (int64_t)r->out.dropped));
    if (r->end == PROCESS_EXITED && r->code == 0) {
        attempt_finish(a, OUTCOME_DONE, r->out.bytes.data, r->out.bytes.len, 0);
    } else if (r->end == PROCESS_NOT_RUN) {
        attempt_finish(a, OUTCOME_FAIL, r->why.text, strlen(r->why.text), RETRY_BY_BACKOFF);
    } else {
        bool dead = r->end == PROCESS_EXITED && r->code == EXIT_DEAD;
        describe_end(&text, r);
        attempt_finish(a, OUTCOME_FAIL, text.data, text.len, dead ? RETRY_NEVER : RETRY_BY_BACKOFF);
    }
    buffer_deinit(&text);
    free_run(run);
}

/* The setting's variables, then the call's, then ours. */
static void fill_env(char *env[], char text[OWN_ENV][ENV_TEXT_MAX], const struct attempt *a,
                     const struct program_setting *setting, char *const *more)
{
    char due[TIME_TEXT_MAX];
    size_t n = setting->env_count;

    memcpy(env, setting->env, n * sizeof *env);
    for (size_t i = 0; more && more[i]; i++) program_env_put(env, &n, more[i]);
    snprintf(text[0], ENV_TEXT_MAX, "PINION_JOB_ID=%s", a->work.id);
    snprintf(text[1], ENV_TEXT_MAX, "PINION_KIND=%s", a->work.kind);
    snprintf(text[2], ENV_TEXT_MAX, "PINION_QUEUE=%s", a->work.queue);
    snprintf(text[3], ENV_TEXT_MAX, "PINION_ATTEMPT=%u", a->work.attempt);
    snprintf(text[4], ENV_TEXT_MAX, "PINION_FIRE_TIME=%s",
             time_format_utc(a->work.run_at_ms, due));
    for (size_t i = 0; i < OWN_ENV; i++) env[n++] = text[i];
    env[n] = NULL;
}

void program_run(struct attempt *a, const struct program_setting *setting,
                 const struct process_host *host, const struct program_call *call)
{
    struct program_attempt *run = xcalloc(1, sizeof *run);
    char text[OWN_ENV][ENV_TEXT_MAX], *env[PROGRAM_ENV_ENTRIES_MAX];
    struct process_spec spec = {
        .program = {.path = call->path,
                    .argv = call->argv,
                    .env = env,
                    .dir = call->folder ? call->folder : setting->folder,
                    .limits = &setting->limits,
                    .user = setting->other_user ? &setting->user : NULL,
                    .nice = setting->nice},
        .input = call->input,
        .input_len = call->input_len,
        .out_bytes_max = setting->output_bytes,
        .err_bytes_max = STDERR_BYTES,
        .on_output = on_output,
        .tag = a->work.id,
    };
    struct error why = {0};

    fill_env(env, text, a, setting, call->env);
    run->attempt = a;
    run->setting = setting;
    run->owned = call->owned;
    run->free_owned = call->free_owned;
    a->work_state = run;
    a->follow = follow;
    if (!process_start(&run->process, host, &spec, on_end, &why)) return;
    free_run(run);
    attempt_finish(a, OUTCOME_FAIL, why.text, strlen(why.text), RETRY_BY_BACKOFF);
}

void program_stop(struct attempt *a)
{
    struct program_attempt *run = a->work_state;

    process_stop(&run->process, run->setting->grace_ms);
}
