/* queue/sync.c — all calls are pipelines; one call is a pipeline of one. */
#include "queue/sync.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/dial.h"
#include "queue/hiredis_shim.h"
#include "queue/redis_error.h"

#define CONNECT_TIMEOUT_DEFAULT_MS 5000
#define REPLY_TIMEOUT_DEFAULT_MS   10000

/* A pipeline: what the caller gave, and its place for the answers. */
struct batch {
    struct request *const *requests;
    size_t count;
    redisReply **replies;
    enum pinion_err *errs;
};

enum pinion_err sync_open(const struct redis_url *url, const struct sync_options *options,
                          struct sync **ret_sync, struct error *why)
{
    struct sync *s = xcalloc(1, sizeof *s);
    enum pinion_err err;

    s->url = url;
    s->options = *options;
    s->options.name_space = xstrdup(options->name_space);
    if (!s->options.connect_timeout_ms) s->options.connect_timeout_ms = CONNECT_TIMEOUT_DEFAULT_MS;
    if (!s->options.reply_timeout_ms) s->options.reply_timeout_ms = REPLY_TIMEOUT_DEFAULT_MS;
    s->wire = WIRE_CLOSED;
    err =
        dial(s, /* light= */ false, clock_mono_ms() + s->options.connect_timeout_ms, &s->wire, why);
    s->options.at_once = false; /* one that was lost is starting again */
    if (err)
        sync_close(s);
    else
        *ret_sync = s;
    return err;
}

void sync_close(struct sync *s)
{
    if (!s) return;
    wire_close(&s->wire);
    free((char *)(uintptr_t)s->options.name_space);
    free(s);
}

const struct redis_info *sync_info(const struct sync *s)
{
    return &s->info;
}

int64_t sync_now_ms(const struct sync *s)
{
    return (clock_wall_us() + s->info.clock_offset_us) / 1000;
}

void sync_reply_free(redisReply *reply)
{
    if (reply) freeReplyObject(reply);
}

/* A Redis that was restarted since the last call has hung up: nothing was sent on that connection,
 * so it may be opened anew. */
static enum pinion_err be_connected(struct sync *s, struct error *why)
{
    if (wire_is_quiet(&s->wire)) return PINION_OK;
    wire_close(&s->wire);
    return dial(s, /* light= */ false, clock_mono_ms() + s->options.connect_timeout_ms, &s->wire,
                why);
}

/* The first failure is the one that is told. */
static void tell(struct error *first, enum pinion_err code, const char *text, size_t len)
{
    if (first->code == PINION_OK) error_set(first, code, "%.*s", (int)len, text);
}

static void read_error(struct batch *b, size_t i, struct error *first)
{
    redisReply *reply = b->replies[i];
    enum script script = b->requests[i]->script;
    struct span said = {reply->str, reply->len};
    const char *advice = redis_error_advice(said);
    char text[ERROR_TEXT_MAX];

    snprintf(text, sizeof text, "%s%s", advice ? "" : "Redis: ", advice ? advice : reply->str);
    b->errs[i] = redis_error_code(said);
    if (b->errs[i] == PINION_INTERNAL)
        log_error("redis_error", LOG_TEXT("answer", reply->str),
                  LOG_TEXT("script", script < SCRIPTS ? script_sources[script].name : "none"));
    tell(first, b->errs[i], text, strlen(text));
    freeReplyObject(reply);
    b->replies[i] = NULL;
}

static bool wants_script(const struct batch *b, size_t i)
{
    const redisReply *reply = b->replies[i];

    return reply && reply->type == REDIS_REPLY_ERROR && b->requests[i]->script < SCRIPTS &&
           redis_error_is_noscript((struct span){reply->str, reply->len});
}

/* Replies that did not come stay NULL. */
static void exchange(struct sync *s, struct batch *b, struct error *first)
{
    struct error cause;
    size_t got;

    memset(b->replies, 0, b->count * sizeof *b->replies);
    got = wire_exchange(&s->wire, b->requests, b->count, b->replies, s->options.reply_timeout_ms,
                        &cause);
    if (got < b->count) tell(first, PINION_UNAVAILABLE, cause.text, strlen(cause.text));
}

/* Loads what the batch misses. A failure shows again in the repeated calls. */
static void load_scripts(struct sync *s, const struct batch *missing)
{
    bool is_seen[SCRIPTS] = {false};
    struct request load = REQUEST_INIT, *const loads[] = {&load};

    for (size_t i = 0; i < missing->count; i++) {
        enum script script = missing->requests[i]->script;
        redisReply *reply = NULL;

        if (is_seen[script] || s->wire.fd < 0) continue;
        is_seen[script] = true;
        request_command(&load, "SCRIPT LOAD");
        request_add_text(&load, script_sources[script].text);
        if (wire_exchange(&s->wire, loads, 1, &reply, s->options.reply_timeout_ms, NULL) == 1)
            freeReplyObject(reply);
    }
    request_deinit(&load);
}

/* Sends those calls again that found their script missing, once. */
static void repeat(struct sync *s, struct batch *b, size_t missing, struct error *first)
{
    struct request **requests = xcalloc(missing, sizeof *requests);
    struct batch again = {requests, 0, xcalloc(missing, sizeof *again.replies), NULL};
    size_t *place = xcalloc(missing, sizeof *place);

    for (size_t i = 0; i < b->count; i++) {
        if (!wants_script(b, i)) continue;
        freeReplyObject(b->replies[i]);
        b->replies[i] = NULL;
        place[again.count] = i;
        requests[again.count++] = b->requests[i];
    }
    load_scripts(s, &again);
    if (s->wire.fd >= 0)
        exchange(s, &again, first);
    else
        tell(first, PINION_UNAVAILABLE, "the connection was lost",
             strlen("the connection was lost"));
    for (size_t i = 0; i < again.count; i++) b->replies[place[i]] = again.replies[i];
    free(requests);
    free(again.replies);
    free(place);
}

static void run(struct sync *s, struct batch *b, struct error *first)
{
    size_t missing = 0;

    exchange(s, b, first);
    for (size_t i = 0; i < b->count; i++) missing += wants_script(b, i);
    if (missing) repeat(s, b, missing, first);
    for (size_t i = 0; i < b->count; i++) {
        b->errs[i] = b->replies[i] ? PINION_OK : PINION_UNAVAILABLE;
        if (b->replies[i] && b->replies[i]->type == REDIS_REPLY_ERROR) read_error(b, i, first);
    }
}

void sync_call_many(struct sync *s, struct request *const requests[], size_t count,
                    redisReply *ret_replies[], enum pinion_err ret_errs[], struct error *why)
{
    struct batch b = {requests, count, ret_replies, ret_errs};
    struct error first = {0};
    enum pinion_err err;

    if (count == 0) return;
    err = be_connected(s, &first);
    if (!err) {
        run(s, &b, &first);
    } else {
        for (size_t i = 0; i < count; i++) {
            ret_replies[i] = NULL;
            ret_errs[i] = err;
        }
    }
    if (first.code) error_set(why, first.code, "%s", first.text);
}

enum pinion_err sync_call(struct sync *s, struct request *request, redisReply **ret_reply,
                          struct error *why)
{
    redisReply *reply = NULL;
    enum pinion_err err = PINION_OK;

    sync_call_many(s, &request, 1, &reply, &err, why);
    if (!err) *ret_reply = reply;
    return err;
}
