#include "cli/job_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/job.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "control/shape.h"

#define LOOK_MS     1000 /* between two looks at the job, while it is silent */
#define ASK_MS      5000 /* its server forgets a follower after three times that */
#define LAST_MS     50   /* for what was on its way when it had ended */
#define MESSAGE_MAX 8192 /* two numbers and 4 KiB in base64 */

struct follow {
    struct session *session;
    struct watch   *watch;
    struct span     queue, local;
    uint64_t        attempt; /* that is heard; 0: none yet */
    uint64_t        heard;   /* bytes of it */
    unsigned        asked;   /* for which attempt, */
    uint64_t        asked_ms; /* and when */
};

/* A terminal gets no escapes of a job. */
static void print(const char *data, size_t len)
{
    static int terminal = -1;

    if (terminal < 0) terminal = isatty(STDOUT_FILENO);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        bool control = (c < ' ' && c != '\n' && c != '\t') || c == 127;
        putchar(terminal && control ? '?' : c);
    }
    fflush(stdout);
}

/* "ATTEMPT OFFSET BASE64" */
static void hear(struct follow *f, char *message)
{
    struct span text = span_of(message), attempt = span_cut(&text, ' ');
    struct span offset = span_cut(&text, ' ');
    uint64_t number, from;
    size_t len;

    if (text_parse_u64(attempt, f->attempt, UINT32_MAX, &number) ||
        text_parse_u64(offset, 0, UINT64_MAX, &from) ||
        base64_decode(text, (char *)(uintptr_t)text.data, &len))
        return;
    if (number > f->attempt) f->heard = 0;
    f->attempt = number;
    if (from + len <= f->heard) return;
    if (from > f->heard && f->heard)
        fprintf(stderr, "pinion: %llu bytes came too fast\n",
                (unsigned long long)(from - f->heard));
    size_t known = from < f->heard ? (size_t)(f->heard - from) : 0;
    print(text.data + known, len - known);
    f->heard = from + len;
}

/* Its server sends what it prints for a while, beginning with what it has. */
static enum pinion_err ask(struct follow *f, struct span server, struct error *why)
{
    char *name = xmemdup(server.data, server.len);
    char *channel = channel_of_server(f->session->name_space, name);
    char *text = xasprintf("follow %.*s %.*s", (int)f->queue.len, f->queue.data,
                           (int)f->local.len, f->local.data);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    request_command(&request, "PUBLISH");
    request_add_text(&request, channel);
    request_add_text(&request, text);
    err = session_call(f->session, &request, &reply, why);
    sync_reply_free(reply);
    request_deinit(&request);
    f->asked_ms = clock_mono_ms();
    free(text);
    free(channel);
    free(name);
    return err;
}

/* Looks at the job, and asks its server when that is due. */
static enum pinion_err look(struct follow *f, bool *ret_ended, struct error *why)
{
    struct job_look look;
    enum pinion_err err = job_look(f->session, f->queue, f->local, &look, why);

    if (err) return err;
    const struct job_view *v = &look.view;
    bool runs = span_is(v->state, "active") && v->server.len;
    bool next = runs && shape_attempt(v) != f->asked;
    if (next) f->asked = shape_attempt(v);
    if (next || (runs && clock_mono_ms() - f->asked_ms >= ASK_MS)) err = ask(f, v->server, why);
    *ret_ended = span_is(v->state, "done") || span_is(v->state, "dead") ||
                 span_is(v->state, "cancelled");
    job_look_deinit(&look);
    return err;
}

static void listen_for(struct follow *f, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms, now_ms;
    char message[MESSAGE_MAX];

    while ((now_ms = clock_mono_ms()) < until_ms) {
        if (watch_next(f->watch, until_ms - now_ms, message, sizeof message)) return;
        hear(f, message);
    }
}

int job_follow(struct session *session, struct span queue, struct span local)
{
    struct follow f = {.session = session, .queue = queue, .local = local};
    char *channel = channel_of_output(session->name_space, queue, local);
    struct error why = {0};
    bool ended = false;
    enum pinion_err err =
        watch_open(session->sync, (const char *const[]){channel}, 1, &f.watch, &why);

    free(channel);
    while (!err && !ended) {
        err = look(&f, &ended, &why);
        if (!err) listen_for(&f, ended ? LAST_MS : LOOK_MS);
    }
    watch_close(f.watch);
    return err ? cli_fail(&why) : cli_finish(0);
}
