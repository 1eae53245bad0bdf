/* explain.c — a judge for each state; the first thing that is in the way is told, for without it
 * nothing else matters. */
#include "control/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/time_text.h"
#include "queue/key.h"

/* What is being said. */
struct told {
    const struct redisReply      *reply;
    const struct explain_view    *view;
    const struct explain_options *options;
    json_t       *facts;
    const char   *reason;
    struct buffer message, hint;
};

static void set(struct told *t, const char *key, json_t *value)
{
    json_object_set_new_nocheck(t->facts, key, value);
}

static const char *time_text(const struct told *t, int64_t ms, char out[TIME_TEXT_MAX])
{
    return t->options->local ? time_format_local(ms, out) : time_format_utc(ms, out);
}

static void add_time(struct told *t, const char *words, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    buffer_printf(&t->message, "%s%s", words, time_text(t, ms, text));
}

/* `pinion job VERB ID` and what that does. */
static void hint_verb(struct told *t, const char *verb, const char *what)
{
    struct span queue = t->options->queue, local = t->view->job.job.id;

    buffer_printf(&t->hint, "pinion job %s %.*s:%.*s %s", verb, (int)queue.len, queue.data,
                  (int)local.len, local.data, what);
}

/* In brackets, where it may be read. */
static void add_error(struct told *t)
{
    const char *error = t->view->job.error;

    if (!error || t->options->content == SHAPE_WITHOUT_CONTENT) return;
    set(t, "error", shape_text(span_of(error)));
    buffer_add_text(&t->message, " (");
    text_add_printable(&t->message, error, strlen(error));
    buffer_add_text(&t->message, ")");
}

static void add_attempt(struct told *t)
{
    set(t, "attempt", json_integer(shape_attempt(&t->view->job)));
    set(t, "attempts_max", json_integer(t->view->job.job.attempts_max));
}

/* ---- ready ----------------------------------------------------------------------------------- */

/* What the servers of the queue could do for it. */
struct help {
    size_t alive, able, quiet, free; /* quiet: of those that are able */
};

static bool pattern_fits(const char *pattern, struct span kind)
{
    size_t len = strlen(pattern);

    if (len && pattern[len - 1] == '*')
        return kind.len >= len - 1 && memcmp(kind.data, pattern, len - 1) == 0;
    return span_is(kind, pattern);
}

/* Is this kind among its patterns? The longest that fits is the one that takes it. */
static const char *handler_for(const json_t *handlers, struct span kind)
{
    const char *best = NULL;

    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const char *pattern = json_string_value(json_array_get(handlers, i));
        if (pattern && pattern_fits(pattern, kind) && (!best || strlen(pattern) > strlen(best)))
            best = pattern;
    }
    return best;
}

static bool has_word(const json_t *words, const char *word)
{
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *text = json_string_value(json_array_get(words, i));
        if (text && strcmp(text, word) == 0) return true;
    }
    return false;
}

static void add_help(struct help *h, struct span about, struct span kind)
{
    json_t *root = about.data ? json_loadb(about.data, about.len, 0, NULL) : NULL;
    const char *handler = handler_for(json_object_get(root, "handlers"), kind);
    json_int_t slots = json_integer_value(json_object_get(root, "concurrency"));
    const char *state = json_string_value(json_object_get(root, "state"));
    bool quiet = state && strcmp(state, "quiet") == 0;
    bool full = slots > 0 && json_integer_value(json_object_get(root, "running")) >= slots;

    h->alive++;
    h->able += handler != NULL;
    h->quiet += handler && quiet;
    h->free += handler && !quiet && !full && !has_word(json_object_get(root, "full"), handler);
    json_decref(root);
}

static struct help help_for(const struct told *t)
{
    struct server_view server;
    struct help help = {0};

    for (size_t i = 0; i < explain_servers(t->reply); i++) {
        explain_server(t->reply, i, &server);
        if (server_alive(&server, t->view->job.now_us / 1000))
            add_help(&help, server.about, t->view->job.job.kind);
    }
    return help;
}

static void tell_turn(struct told *t)
{
    int64_t ahead = t->view->ahead;

    t->reason = ahead ? "behind" : "next";
    set(t, "ahead", json_integer(ahead));
    set(t, "ahead_more", json_boolean(t->view->ahead_more));
    if (t->view->ahead_more)
        buffer_printf(&t->message, "it is ready, behind more than %" PRId64 " others in its lane",
                      ahead);
    else if (ahead)
        buffer_printf(&t->message, "it is ready, behind %" PRId64 " other%s in its lane", ahead,
                      ahead == 1 ? "" : "s");
    else
        buffer_add_text(&t->message, "it is ready, and the next of its lane");
    if (t->view->urgent) buffer_add_text(&t->message, "; more urgent jobs come first");
    buffer_add_text(&t->hint, "more servers or a higher --concurrency shorten the line");
}

static void tell_full(struct told *t, size_t able)
{
    t->reason = "full";
    buffer_printf(&t->message, "all slots of the %zu server%s that can run it are taken", able,
                  able == 1 ? "" : "s");
    buffer_add_text(&t->hint,
                    "it starts when a job ends; more servers or a higher --concurrency help");
}

static void tell_quiet(struct told *t, size_t able)
{
    t->reason = "quiet";
    buffer_printf(&t->message, "the %zu server%s that can run it %s quiet", able,
                  able == 1 ? "" : "s", able == 1 ? "is" : "are");
    buffer_add_text(&t->hint, "pinion server resume SERVER, or start another one");
}

/* `kind:mail` is kind 'mail'. */
static void add_scope(struct told *t)
{
    struct span name = t->view->limit_scope, what = span_cut(&name, ':');

    if (!name.len) name = t->options->queue;
    buffer_printf(&t->message, "%.*s '%.*s'", (int)what.len, what.data, (int)name.len, name.data);
}

static void add_holders(struct told *t)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < EXPLAIN_BY_MAX && t->view->limit_by[i].data; i++) {
        struct span queue = t->options->queue, local = t->view->limit_by[i];
        buffer_printf(&t->message, "%s%.*s:%.*s", i ? ", " : ", by ", (int)queue.len, queue.data,
                      (int)local.len, local.data);
        json_array_append_new(ids, json_sprintf("%.*s:%.*s", (int)queue.len, queue.data,
                                                (int)local.len, local.data));
    }
    if (t->view->limit > EXPLAIN_BY_MAX) buffer_add_text(&t->message, " and others");
    set(t, "limit_by", ids);
}

static void tell_limit(struct told *t)
{
    const struct explain_view *v = t->view;

    t->reason = "limited";
    set(t, "limit", json_pack("{s:o, s:I}", "scope", shape_text(v->limit_scope),
                              v->limit_until_ms ? "count" : "concurrency", (json_int_t)v->limit));
    if (v->limit_until_ms) {
        set(t, "due_at", shape_time(v->limit_until_ms));
        buffer_add_text(&t->message, "the rate of ");
        add_scope(t);
        add_time(t, " is used up; the next start is at ", v->limit_until_ms);
        buffer_add_text(&t->hint, "a higher limit lets more start");
    } else {
        buffer_add_text(&t->message, "the limit of ");
        add_scope(t);
        buffer_printf(&t->message, " is reached, %" PRId64 " at once", v->limit);
        add_holders(t);
        buffer_add_text(&t->hint, "it starts when one of those ends, or with a higher limit");
    }
}

static void judge_ready(struct told *t)
{
    struct span queue = t->options->queue, kind = t->view->job.job.kind;
    struct help help = help_for(t);

    if (t->view->paused) {
        t->reason = "paused";
        buffer_printf(&t->message, "queue '%.*s' is paused", (int)queue.len, queue.data);
        buffer_printf(&t->hint, "pinion queue resume %.*s", (int)queue.len, queue.data);
    } else if (!help.alive) {
        t->reason = "no_server";
        buffer_printf(&t->message, "no server is alive that serves queue '%.*s'", (int)queue.len,
                      queue.data);
        buffer_printf(&t->hint, "start pinion serve -q %.*s", (int)queue.len, queue.data);
    } else if (!help.able) {
        t->reason = "no_handler";
        buffer_printf(&t->message, "no server has a handler for kind '%.*s' in queue '%.*s'",
                      (int)kind.len, kind.data, (int)queue.len, queue.data);
        buffer_printf(&t->hint, "start pinion serve -q %.*s --command '%.*s=PROGRAM...'",
                      (int)queue.len, queue.data, (int)kind.len, kind.data);
    } else if (help.quiet == help.able) {
        tell_quiet(t, help.able);
    } else if (t->view->limit_scope.data) {
        tell_limit(t);
    } else if (!help.free) {
        tell_full(t, help.able);
    } else {
        tell_turn(t);
    }
}

/* ---- the other states ------------------------------------------------------------------------ */

static void judge_scheduled(struct told *t)
{
    t->reason = "scheduled";
    set(t, "due_at", shape_time(t->view->job.due_ms));
    add_time(t, "it is delayed until ", t->view->job.due_ms);
    hint_verb(t, "run", "starts it now");
}

static void judge_retry(struct told *t)
{
    const struct job_view *v = &t->view->job;

    t->reason = "retry";
    set(t, "due_at", shape_time(v->due_ms));
    add_attempt(t);
    buffer_printf(&t->message, "attempt %u of %u failed", v->failures, v->job.attempts_max);
    add_error(t);
    add_time(t, ", the next one is due at ", v->due_ms);
    hint_verb(t, "run", "starts it now");
}

/* Was the server that holds it heard a moment ago? */
static bool owner_is_alive(const struct told *t)
{
    struct server_view server;

    for (size_t i = 0; i < explain_servers(t->reply); i++) {
        explain_server(t->reply, i, &server);
        if (span_equal(server.name, t->view->job.server))
            return server_alive(&server, t->view->job.now_us / 1000);
    }
    return false;
}

static void judge_active(struct told *t)
{
    const struct job_view *v = &t->view->job;
    bool alive = v->pulled || owner_is_alive(t);

    t->reason = v->mark.data ? "cancelling" : alive ? "running" : "server_lost";
    add_attempt(t);
    set(t, "server", shape_text(v->server));
    set(t, "worker", shape_text(v->worker));
    set(t, "since", shape_time(v->started_ms));
    set(t, "lease_until", shape_time(t->view->lease_until_ms));
    buffer_add_text(&t->message, "it is running");
    if (v->started_ms) add_time(t, " since ", v->started_ms);
    if (v->server.len)
        buffer_printf(&t->message, " on %.*s", (int)v->server.len, v->server.data);
    if (v->pulled) {
        buffer_add_text(&t->message, ", pulled over HTTP");
        if (v->worker.len)
            buffer_printf(&t->message, " by %.*s", (int)v->worker.len, v->worker.data);
        add_time(t, "; its lease runs until ", t->view->lease_until_ms);
    }
    if (!alive) add_time(t, ", which is silent; its lease runs until ", t->view->lease_until_ms);
    if (v->mark.data) buffer_add_text(&t->message, ", and is to be cancelled");
    if (!alive) buffer_add_text(&t->hint, "another server takes it when the lease is over");
    else if (v->mark.data)
        buffer_add_text(&t->hint, v->pulled ? "its worker is told when it extends its lease"
                                            : "its server stops it");
    else hint_verb(t, "cancel", "stops it");
}

static void judge_done(struct told *t)
{
    t->reason = t->view->job.known ? "done" : "forgotten";
    buffer_add_text(&t->message, "it is done");
    if (t->view->job.finished_ms) add_time(t, " since ", t->view->job.finished_ms);
    if (t->view->job.known) {
        hint_verb(t, "retry", "runs it once more");
    } else {
        buffer_add_text(&t->message, ", and was not kept");
        buffer_add_text(&t->hint, "enqueue with --retain keeps a job and its result");
    }
}

static void judge_dead(struct told *t)
{
    const struct job_view *v = &t->view->job;
    bool lost = v->why && strcmp(v->why, "lost_worker") == 0;

    t->reason = "dead";
    add_attempt(t);
    if (lost) buffer_printf(&t->message, "it is dead: its servers were lost %u times", v->reaps);
    else buffer_printf(&t->message, "it is dead: attempt %u of %u failed", v->failures,
                       v->job.attempts_max);
    add_error(t);
    if (!lost && v->failures < v->job.attempts_max)
        buffer_add_text(&t->message, ", and was not to be retried");
    hint_verb(t, "retry", "runs it once more, with all its attempts");
}

/* Cancelled, for one that it was to wait for ended so, or was not to be waited for. */
static bool tell_bad_parent(struct told *t, const char *why)
{
    static const struct {
        const char *why, *words;
    } ways[] = {
        {"parent_dead", "is dead"},
        {"parent_cancelled", "was cancelled"},
        {"parent_deleted", "was deleted"},
        {"parent_not_found", "was not there"},
        {"parent_full", "has as many that wait for it as a job may have"},
    };
    static const size_t head = sizeof "parent_" - 1;

    for (size_t i = 0; i < countof(ways); i++) {
        if (strcmp(why, ways[i].why) != 0) continue;
        for (size_t k = 0; k < job_view_parents(&t->view->job); k++) {
            struct job_parent parent = job_view_parent(&t->view->job, k);
            if (!parent.outcome || strcmp(parent.outcome, why + head) != 0) continue;
            t->reason = ways[i].why;
            set(t, "parent", shape_text(span_of(parent.id)));
            buffer_printf(&t->message, "it was cancelled, for it was to wait for %s, which %s",
                          parent.id, ways[i].words);
            return true;
        }
    }
    return false;
}

static void judge_cancelled(struct told *t)
{
    const char *why = t->view->job.why;
    bool expired = why && strcmp(why, "expired") == 0;

    t->reason = expired ? "expired" : "cancelled";
    if (expired) {
        buffer_add_text(&t->message, "it was not started in time");
        if (t->view->job.job.expires_ms) add_time(t, ": by ", t->view->job.job.expires_ms);
    } else if (!why || !tell_bad_parent(t, why)) {
        buffer_add_text(&t->message, "it was cancelled");
        if (why && strcmp(why, "cancelled") != 0)
            buffer_printf(&t->message, ": %.40s", why);
    }
    hint_verb(t, "retry", "runs it once more");
}

static void judge_waiting(struct told *t)
{
    const struct job_view *v = &t->view->job;
    size_t left = 0;

    t->reason = "parents";
    for (size_t i = 0; i < job_view_parents(v); i++) left += !job_view_parent(v, i).outcome;
    buffer_printf(&t->message, "it waits for %zu job%s to end:", left, left == 1 ? "" : "s");
    for (size_t i = 0; i < job_view_parents(v); i++)
        if (!job_view_parent(v, i).outcome)
            buffer_printf(&t->message, " %s", job_view_parent(v, i).id);
    hint_verb(t, "run", "starts it without waiting");
}

/* A state that a newer version brought. */
static void judge_other(struct told *t)
{
    struct span state = t->view->job.state;

    t->reason = "waiting";
    buffer_printf(&t->message, "it is %.*s", (int)state.len, state.len ? state.data : "");
}

static const struct {
    const char *state;
    void (*judge)(struct told *);
} judges[] = {
    {"scheduled", judge_scheduled}, {"ready", judge_ready}, {"active", judge_active},
    {"retry", judge_retry},         {"done", judge_done},   {"dead", judge_dead},
    {"cancelled", judge_cancelled}, {"waiting", judge_waiting},
};

json_t *explain_shape(const struct redisReply *reply, const struct explain_view *v,
                      const struct explain_options *options)
{
    struct told t = {.reply = reply, .view = v, .options = options, .facts = json_object()};
    struct span queue = options->queue, local = v->job.job.id;
    size_t i = 0;

    while (i < countof(judges) && !span_is(v->job.state, judges[i].state)) i++;
    (i < countof(judges) ? judges[i].judge : judge_other)(&t);
    json_t *o = json_pack(
        "{s:o, s:o, s:s, s:o, s:o}", "id",
        json_sprintf("%.*s:%.*s", (int)queue.len, queue.data, (int)local.len, local.data), "state",
        shape_text(v->job.state), "reason", t.reason, "message",
        shape_text((struct span){t.message.data, t.message.len}), "hint",
        shape_text((struct span){t.hint.data, t.hint.len}));
    json_object_update_missing(o, t.facts);
    json_decref(t.facts);
    buffer_deinit(&t.message);
    buffer_deinit(&t.hint);
    return o;
}
