/* control/pinion_await_others.c — programs and servers that coroutines wait for. */
#include "control/pinion_shared.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/service.h"
#include "scheduler/ticker.h"
#include "workers/coroutine.h"
#include "workers/fetch.h"
#include "workers/process.h"
#include "workers/program.h"

#define HTTP_TIMEOUT_MS 30000
#define HTTP_BODY_BYTES 65536

static void set_timeout(const struct await *w, struct alarm *over, uint64_t ms)
{
    if (!ms) return;
    ticker_set_in(service_ticker(await_service(w)), over, ms < DURATION_MS_MAX ? ms
                                                                               : DURATION_MS_MAX);
}

static void cancel_timeout(const struct await *w, struct alarm *over)
{
    ticker_cancel(service_ticker(await_service(w)), over);
}

/* `what`: the subject of a sentence. */
static void late(struct error *why, const char *what, uint64_t timeout_ms)
{
    char text[DURATION_TEXT_MAX];

    error_set(why, PINION_BUSY, "%.100s took longer than %s", what,
              duration_format(timeout_ms, text));
}

/* ---- programs -------------------------------------------------------------------------------- */

struct await_command {
    struct await await;
    struct process process;
    struct alarm over;
    const struct pinion_command *command;
    struct pinion_command_end *ret_end;
    uint64_t grace_ms;
    bool stopped, late;
};

static const char *keep_output(struct await *w, struct process_output *o, size_t *ret_len)
{
    char *text = buffer_take(&o->bytes, ret_len);

    await_keep(w, text);
    return text;
}

static void on_end(struct process *process, struct process_result *r)
{
    struct await_command *c = container_of(process, struct await_command, process);
    struct await *w = &c->await;
    struct pinion_command_end end = {
        .status = r->end == PROCESS_EXITED ? r->code : -1,
        .signal = r->end == PROCESS_KILLED ? r->code : 0,
        .cut = r->out.dropped || r->err.dropped,
    };
    struct error why = {0};

    cancel_timeout(w, &c->over);
    if (c->stopped) error_set(&why, PINION_STALE, "the attempt must stop");
    else if (c->late) late(&why, c->command->argv[0], c->command->timeout_ms);
    else if (r->end == PROCESS_LOST)
        error_set(&why, PINION_INTERNAL, "how %.100s ended was not seen: another part of this "
                                         "program reaped it",
                  c->command->argv[0]);
    else if (r->end == PROCESS_NOT_RUN) why = r->why;
    if (!why.code) {
        end.output = keep_output(w, &r->out, &end.output_len);
        end.errors = keep_output(w, &r->err, &end.errors_len);
        *c->ret_end = end;
    }
    await_end(w, why.code, &why);
}

static void on_command_over(struct alarm *alarm)
{
    struct await_command *c = container_of(alarm, struct await_command, over);

    c->late = true;
    process_stop(&c->process, c->grace_ms);
}

static enum pinion_err take_env(const struct pinion_command *command, char *env[PROGRAM_ENV_MAX],
                                size_t *ret_count, struct error *why)
{
    enum pinion_err err = PINION_OK;
    size_t count = 0;

    for (; !err && command->env && command->env[count]; count++) {
        if (count == PROGRAM_ENV_MAX)
            return error_set(why, PINION_INVALID, "expected at most %d variables in env",
                             PROGRAM_ENV_MAX);
        err = program_env_check(command->env[count], why);
        env[count] = (char *)(uintptr_t)command->env[count]; /* borrowed; it is only read */
    }
    *ret_count = count;
    return err;
}

static enum pinion_err start_command(struct await_command *c, struct error *why)
{
    const struct pinion_command *command = c->command;
    char *env[PROGRAM_ENV_MAX];
    struct program_options options = {.folder = (char *)(uintptr_t)command->folder, .env = env};
    struct program_setting setting;
    char *path = NULL;
    enum pinion_err err = take_env(command, env, &options.env_count, why);

    if (!err) err = program_setting_init(&setting, &options, why);
    if (err) return err;
    c->grace_ms = setting.grace_ms;
    err = process_find(command->argv[0], program_env(&setting, "PATH"), &path, why);
    if (!err) {
        struct process_spec spec = {
            .program = {.path = path,
                        .argv = (char *const *)(uintptr_t)command->argv,
                        .env = setting.env,
                        .dir = setting.folder},
            .input = command->input,
            .input_len = command->input_len,
            .out_bytes_max = command->output_bytes,
            .err_bytes_max = command->output_bytes,
        };
        err = process_start(&c->process, service_processes(await_service(&c->await)), &spec,
                            on_end, why);
    }
    free(path);
    program_setting_deinit(&setting);
    return err;
}

static void begin_command(struct await *w)
{
    struct await_command *c = container_of(w, struct await_command, await);
    struct error why;
    enum pinion_err err;

    alarm_init(&c->over, on_command_over);
    if (!c->command->argv || !c->command->argv[0])
        err = error_set(&why, PINION_INVALID, "expected a program in argv");
    else
        err = start_command(c, &why);
    if (err) await_end(w, err, &why);
    else set_timeout(w, &c->over, c->command->timeout_ms);
}

static void stop_command(struct await *w)
{
    struct await_command *c = container_of(w, struct await_command, await);

    c->stopped = true;
    process_stop(&c->process, c->grace_ms);
}

enum pinion_err pinion_await_command(struct pinion_attempt *a, const struct pinion_command *command,
                                     struct pinion_command_end *ret_end)
{
    struct await_command c = {
        .await = {.begin = begin_command, .stop = stop_command},
        .command = command,
        .ret_end = ret_end,
    };

    return coroutine_await((struct attempt *)a, &c.await);
}

/* ---- servers --------------------------------------------------------------------------------- */

struct await_http {
    struct await await;
    struct fetch fetch;
    struct alarm over;
    const struct pinion_request *request;
    struct pinion_response *ret_response;
};

static const char *keep_span(struct await *w, struct span text)
{
    char *copy = xmemdup(text.len ? text.data : "", text.len);

    await_keep(w, copy);
    return copy;
}

static void on_answer(struct fetch *fetch, const struct fetch_response *r)
{
    struct await_http *h = container_of(fetch, struct await_http, fetch);
    struct await *w = &h->await;
    struct error why = {0};

    cancel_timeout(w, &h->over);
    if (r->end == FETCH_ANSWERED)
        *h->ret_response = (struct pinion_response){
            .status = r->status,
            .head = keep_span(w, r->head),
            .head_len = r->head.len,
            .body = keep_span(w, r->body),
            .body_len = r->body.len,
            .cut = r->cut,
        };
    else
        error_set(&why, r->end == FETCH_FORBIDDEN ? PINION_FORBIDDEN : PINION_UNAVAILABLE, "%s",
                  r->why);
    await_end(w, why.code, &why);
}

static uint64_t http_timeout(const struct await_http *h)
{
    return h->request->timeout_ms ? h->request->timeout_ms : HTTP_TIMEOUT_MS;
}

static void on_http_over(struct alarm *alarm)
{
    struct await_http *h = container_of(alarm, struct await_http, over);
    struct error why;

    fetch_stop(&h->fetch);
    late(&why, h->request->url, http_timeout(h));
    await_end(&h->await, PINION_BUSY, &why);
}

/* What would change the request itself: lines in a header, blanks in a method. */
static enum pinion_err check_request(const struct pinion_request *r, struct error *why)
{
    static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (!r->url) return error_set(why, PINION_INVALID, "expected a url");
    if (r->method && (!*r->method || r->method[strspn(r->method, letters)]))
        return error_set(why, PINION_INVALID, "method '%.20s': expected one such as GET or POST",
                         r->method);
    for (size_t i = 0; r->headers && r->headers[i]; i++) {
        const char *colon = strchr(r->headers[i], ':');
        if (!colon || colon == r->headers[i] || strpbrk(r->headers[i], "\r\n"))
            return error_set(why, PINION_INVALID, "header '%.40s': expected 'Name: value'",
                             r->headers[i]);
    }
    return fetch_url_check(r->url, NULL, why);
}

static void begin_http(struct await *w)
{
    struct await_http *h = container_of(w, struct await_http, await);
    const struct pinion_request *r = h->request;
    static const char *const no_headers[] = {NULL};
    struct fetch_request request = {
        .method = r->method ? r->method : r->body ? "POST" : "GET",
        .url = r->url,
        .headers = r->headers ? r->headers : no_headers,
        .body = r->body,
        .body_len = r->body ? r->body_len : 0,
        .body_bytes_max = r->body_bytes_max ? r->body_bytes_max : HTTP_BODY_BYTES,
    };
    struct fetcher *fetcher;
    struct error why;
    enum pinion_err err = check_request(r, &why);

    alarm_init(&h->over, on_http_over);
    if (!err) err = service_fetcher(await_service(w), &fetcher, &why);
    if (err) {
        await_end(w, err, &why);
        return;
    }
    fetch_start(fetcher, &h->fetch, &request, on_answer);
    set_timeout(w, &h->over, http_timeout(h));
}

static void stop_http(struct await *w)
{
    struct await_http *h = container_of(w, struct await_http, await);

    cancel_timeout(w, &h->over);
    fetch_stop(&h->fetch);
    await_end(w, PINION_STALE, NULL);
}

enum pinion_err pinion_await_http(struct pinion_attempt *a, const struct pinion_request *request,
                                  struct pinion_response *ret_response)
{
    struct await_http h = {
        .await = {.begin = begin_http, .stop = stop_http},
        .request = request,
        .ret_response = ret_response,
    };

    return coroutine_await((struct attempt *)a, &h.await);
}
