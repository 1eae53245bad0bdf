/* cli/wait.c — events tell at once, a look each second tells for sure: a message may be lost. */
#include "cli/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "cli/table.h"
#include "control/shape.h"
#include "queue/steer.h"

#define WAIT_LOOK_MS    1000
#define WAIT_WATCH_S    30    /* that long Redis publishes events without being asked again */
#define WAIT_REWATCH_MS 10000
#define WAIT_EVENT_MAX  32768 /* a whole batch of ids */

static enum pinion_err say_watched(struct wait *w, struct error *why)
{
    struct queue_key key = queue_key(w->session->name_space, w->queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    watch_build(&request, queue_key_span(&key), WAIT_WATCH_S);
    err = session_call(w->session, &request, &reply, why);
    sync_reply_free(reply);
    request_deinit(&request);
    w->watched_ms = clock_mono_ms();
    return err;
}

enum pinion_err wait_open(struct wait *w, struct session *session, struct span queue,
                          struct error *why)
{
    char name[QUEUE_NAME_MAX + 1], *channel;
    enum pinion_err err;

    *w = (struct wait){.session = session, .queue = queue};
    snprintf(name, sizeof(name), "%.*s", (int)queue.len, queue.data);
    channel = channel_of_events(session->name_space, name);
    err = watch_open(session->sync, (const char *const[]){channel}, 1, &w->watch, why);
    free(channel);
    if (err) return err;
    err = say_watched(w, why);
    if (err) wait_close(w);
    return err;
}

void wait_close(struct wait *w)
{
    watch_close(w->watch);
    w->watch = NULL;
}

/* ---- the end of a job ------------------------------------------------------------------------ */

static bool is_end(struct span state)
{
    return span_is(state, "done") || span_is(state, "dead") || span_is(state, "cancelled");
}

/* `STATE ID ID ...`: is it about our end? One that was cut may be, so it is looked at, too. */
static bool tells_end(const char *event, struct span local_id)
{
    struct span rest = span_of(event);
    bool cut = rest.len == WAIT_EVENT_MAX - 1;

    if (!is_end(span_cut(&rest, ' '))) return false;
    while (rest.len)
        if (span_equal(span_cut(&rest, ' '), local_id)) return true;
    return cut;
}

static void print_result(struct span result)
{
    bool ended = result.len && result.data[result.len - 1] == '\n';

    if (result.len) fwrite(result.data, 1, result.len, stdout);
    if (result.len ? !ended : isatty(STDOUT_FILENO)) putchar('\n');
}

static void print_error(const char *how, const char *error)
{
    struct buffer text = BUFFER_INIT;

    if (error) text_add_printable(&text, error, strlen(error));
    fprintf(stderr, "pinion: the job %s%s%s\n", how, text.len ? ": " : "",
            text.len ? text.data : "");
    buffer_deinit(&text);
}

static int report(struct wait *w, const struct job_view *v, bool json)
{
    bool done = span_is(v->state, "done"), dead = span_is(v->state, "dead");

    if (json) json_print(shape_job(v, w->queue, SHAPE_WITH_CONTENT));
    else if (done) print_result(v->result);
    if (done && !json && !v->known)
        fputs("pinion: its result was not kept (enqueue --retain keeps it)\n", stderr);
    if (dead) print_error("is dead", v->error ? v->error : v->why);
    if (!done && !dead)
        print_error(v->why && strcmp(v->why, "expired") == 0 ? "has expired" : "was cancelled",
                    v->error);
    return cli_finish(done ? WAIT_EXIT_DONE : dead ? WAIT_EXIT_DEAD : WAIT_EXIT_CANCELLED);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Waits for an event of our end, at most `ms`. Anything but silence is worth a look. */
static void wait_for_event(struct wait *w, struct span local_id, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms, now_ms;
    char event[WAIT_EVENT_MAX];

    while ((now_ms = clock_mono_ms()) < until_ms) {
        enum pinion_err err = watch_next(w->watch, until_ms - now_ms, event, sizeof(event));

        if (err || tells_end(event, local_id)) return;
    }
}

/* true: the job has ended, or cannot be looked at; *ret_exit says how to leave. */
static bool look(struct wait *w, struct span local_id, bool json, int *ret_exit)
{
    struct error why = {0};
    struct job_look look;
    bool ended;

    if (job_look(w->session, w->queue, local_id, &look, &why)) {
        *ret_exit = cli_fail(&why);
        return true;
    }
    ended = is_end(look.view.state);
    if (ended) *ret_exit = report(w, &look.view, json);
    job_look_deinit(&look);
    return ended;
}

/* What it was waiting for. */
static void print_reason(struct wait *w, struct span local_id)
{
    json_t *explained = NULL;
    enum pinion_err err = job_explained(w->session, w->queue, local_id, true, &explained, NULL);
    const char *message = json_string_value(json_object_get(explained, "message"));

    fprintf(stderr, "pinion: the time to wait for %.*s:%.*s is over: %s\n", (int)w->queue.len,
            w->queue.data, (int)local_id.len, local_id.data,
            err || !message ? "Redis does not tell why" : message);
    json_decref(explained);
}

static int time_out(struct wait *w, struct span local_id, bool json)
{
    int status = WAIT_EXIT_TIMEOUT;
    struct error why = {0};
    struct job_look look;

    if (job_look(w->session, w->queue, local_id, &look, &why)) return cli_fail(&why);
    if (is_end(look.view.state)) {
        status = report(w, &look.view, json);
    } else {
        print_reason(w, local_id);
        if (json) json_print(shape_job(&look.view, w->queue, SHAPE_WITH_CONTENT));
        status = cli_finish(status);
    }
    job_look_deinit(&look);
    return status;
}

int wait_run(struct wait *w, struct span local_id, uint64_t timeout_ms, bool look_now, bool json)
{
    uint64_t began_ms = clock_mono_ms(), passed_ms = 0;
    int status;

    if (look_now && look(w, local_id, json, &status)) return status;
    while ((passed_ms = clock_mono_ms() - began_ms) < timeout_ms) {
        uint64_t left_ms = timeout_ms - passed_ms;

        wait_for_event(w, local_id, left_ms < WAIT_LOOK_MS ? left_ms : WAIT_LOOK_MS);
        if (look(w, local_id, json, &status)) return status;
        if (clock_mono_ms() - w->watched_ms < WAIT_REWATCH_MS) continue;
        if (say_watched(w, NULL)) w->watched_ms = clock_mono_ms(); /* the next look tells why */
    }
    return time_out(w, local_id, json);
}
