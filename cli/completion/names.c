#include "cli/completion/names.h"

#include <stdlib.h>
#include <string.h>
#include "cli/connect.h"
#include "cli/server.h"
#include "control/access/token_file.h"
#include "control/state.h"
#include "queue/batch.h"
#include "queue/look.h"
#include "queue/schedule.h"

/* The states of the jobs that a verb is for. */
static const struct {
    const char *verb, *states[STATES];
} meant[] = {
    {"job retry",  {"dead", "cancelled", "done"}                          },
    {"job run",    {"scheduled", "retry"}                                 },
    {"job cancel", {"active", "ready", "retry", "scheduled", "waiting"}   },
    {"job edit",   {"ready", "scheduled", "retry", "waiting"}             },
    {"job result", {"done", "active"}                                     },
};

static void add_queues(struct next_word *n, struct session *s)
{
    struct queue_names queues;

    if (queue_names_read(s, &queues, NULL)) return;
    for (size_t i = 0; i < queues.count; i++) next_word_add(n, queues.names[i], NULL);
    queue_names_deinit(&queues);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

struct jobs {
    struct next_word *n;
    struct session *session;
    size_t left;
};

/* Ids are typed with their queue, unless --queue says it. */
static void add_job(struct jobs *j, struct span queue, const struct job_view *v)
{
    struct buffer id = BUFFER_INIT, about = BUFFER_INIT;

    if (!j->n->queue) buffer_printf(&id, "%.*s:", (int)queue.len, queue.data);
    buffer_add(&id, v->job.id.data, v->job.id.len);
    buffer_printf(&about, "%.*s %.*s", (int)v->job.kind.len, v->job.kind.data, (int)v->state.len,
                  v->state.data);
    next_word_add(j->n, (struct span){id.data, id.len}, about.data);
    buffer_deinit(&id);
    buffer_deinit(&about);
}

static void add_jobs_of(struct jobs *j, struct span queue, const char *state)
{
    struct queue_key key = queue_key(j->session->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct job_filter filter = {0};
    struct job_view view;

    list_build(&request, queue_key_span(&key), state, &filter, (struct span){0}, j->left);
    if (session_call(j->session, &request, &reply, NULL) == PINION_OK) {
        for (size_t i = 0; i < list_count(reply) && j->left; i++) {
            if (list_item(reply, i, state, &view)) continue;
            add_job(j, queue, &view);
            job_view_deinit(&view);
            j->left--;
        }
        sync_reply_free(reply);
    }
    request_deinit(&request);
}

static void add_jobs_of_queue(struct jobs *j, struct span queue)
{
    const char *const *states = job_states;
    size_t count = STATES;

    for (size_t i = 0; j->n->verb && i < countof(meant); i++) {
        if (strcmp(meant[i].verb, j->n->verb) != 0) continue;
        states = meant[i].states;
        for (count = 0; count < STATES && states[count]; count++) {}
    }
    if (j->n->state) {
        add_jobs_of(j, queue, j->n->state);
        return;
    }
    for (size_t i = 0; i < count && j->left; i++) add_jobs_of(j, queue, states[i]);
}

/* A queue that stands in front of what was typed is the only one. */
static void add_jobs(struct next_word *n, struct session *s)
{
    struct span typed = span_of(n->typed), queue = span_cut(&typed, ':');
    struct jobs jobs = {n, s, NAMES_MAX};
    struct queue_names queues;

    if (n->queue) {
        add_jobs_of_queue(&jobs, span_of(n->queue));
    } else if (strchr(n->typed, ':')) {
        if (queue_name_ok(queue)) add_jobs_of_queue(&jobs, queue);
    } else if (queue_names_read(s, &queues, NULL) == PINION_OK) {
        for (size_t i = 0; i < queues.count && jobs.left; i++)
            if (span_starts(queues.names[i], n->typed)) add_jobs_of_queue(&jobs, queues.names[i]);
        queue_names_deinit(&queues);
    }
}

/* ---- servers, kinds -------------------------------------------------------------------------- */

static void add_server(struct next_word *n, const char *name, const json_t *server)
{
    const char *host = json_string_value(json_object_get(server, "host"));

    next_word_add(n, span_of(name), host);
}

/* What the servers handle; of a pattern, what stands before its asterisk. */
static void add_kinds(struct next_word *n, const json_t *server)
{
    const json_t *handlers = json_object_get(server, "handlers");

    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const char *kind = json_string_value(json_array_get(handlers, i));
        if (kind) next_word_add(n, (struct span){kind, strcspn(kind, "*")}, NULL);
    }
}

static void add_of_servers(struct next_word *n, struct session *s)
{
    json_t *servers, *server;
    const char *name;

    if (servers_read(s, &servers, NULL)) return;
    json_object_foreach (servers, name, server) {
        if (n->name == NAME_SERVER) add_server(n, name, server);
        else add_kinds(n, server);
    }
    json_decref(servers);
}

/* ---- schedules, batches, tokens -------------------------------------------------------------- */

static void add_schedules(struct next_word *n, struct session *s)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct span name, queue;

    schedule_names_build(&request, s->name_space);
    if (session_call(s, &request, &reply, NULL) == PINION_OK) {
        for (size_t i = 0; i < schedule_names_count(reply); i++) {
            schedule_names_item(reply, i, &name, &queue);
            next_word_add(n, name, NULL);
        }
        sync_reply_free(reply);
    }
    request_deinit(&request);
}

static void add_batches(struct next_word *n, struct session *s)
{
    struct queue_key key = queue_key(s->name_space, span_of(n->queue ? n->queue : "default"));
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct batch_view batch;

    batch_list_build(&request, queue_key_span(&key), (struct span){0}, BATCH_PAGE_MAX);
    if (session_call(s, &request, &reply, NULL) == PINION_OK) {
        for (size_t i = 0; i < batch_list_count(reply); i++)
            if (!batch_list_item(reply, i, &batch)) next_word_add(n, batch.name, NULL);
        sync_reply_free(reply);
    }
    request_deinit(&request);
}

static void add_tokens(struct next_word *n)
{
    struct token_set set = {0};
    char *dir;

    if (state_dir_of_client(n->common.state, &dir, NULL)) return;
    if (token_file_read(dir, &set, NULL) == PINION_OK)
        for (size_t i = 0; i < set.count; i++)
            next_word_add(n, span_of(set.tokens[i].name), NULL);
    token_set_deinit(&set);
    free(dir);
}

static void add_from_redis(struct next_word *n)
{
    struct session session;

    n->common.connect_timeout_ms = NAMES_TIMEOUT_MS;
    n->common.allow_eviction = true; /* nothing is written */
    if (session_open(&n->common, &session, NULL)) return;
    switch (n->name) {
    case NAME_QUEUE: add_queues(n, &session); break;
    case NAME_JOB: add_jobs(n, &session); break;
    case NAME_KIND:
    case NAME_SERVER: add_of_servers(n, &session); break;
    case NAME_SCHEDULE: add_schedules(n, &session); break;
    case NAME_BATCH: add_batches(n, &session); break;
    case NAME_NONE:
    case NAME_TOKEN:
    case NAME_FILE:
    case NAME_FOLDER: break;
    }
    session_close(&session);
}

void names_add(struct next_word *n)
{
    switch (n->name) {
    case NAME_NONE: break;
    case NAME_FILE: buffer_add_text(&n->words, ":file\n"); break;
    case NAME_FOLDER: buffer_add_text(&n->words, ":folder\n"); break;
    case NAME_TOKEN: add_tokens(n); break;
    default: add_from_redis(n); break;
    }
}
