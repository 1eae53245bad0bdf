/* cli/job_steer.c — cancel, delete, retry and run: several jobs by their ids, one status each. */
#include "cli/job.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "cli/confirm.h"
#include "cli/job_bulk.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "control/shape.h"
#include "control/steering.h"
#include "queue/steer.h"

#define STEER_IDS_MAX 10000

struct steered {
    struct span id, queue, local; /* id: as it was given */
    enum pinion_err err;
    char            text[ERROR_TEXT_MAX]; /* for people */
    char            status[24];           /* for programs */
};

/* A mark is all that a running job gets: its server stops it. */
static void tell_marked(struct session *s, struct steered *item)
{
    struct job_look look;

    snprintf(item->text, sizeof(item->text), "cancel requested: it is running and will be stopped");
    if (job_look(s, item->queue, item->local, &look, NULL)) return;
    if (look.view.server.len)
        snprintf(item->text, sizeof(item->text),
                 "cancel requested: it is running on %.*s and will be stopped",
                 (int)look.view.server.len, look.view.server.data);
    job_look_deinit(&look);
}

static void steer_one(struct session *s, enum steering_verb verb, struct steered *item)
{
    struct queue_key key = queue_key(s->name_space, item->queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct error why = {0};
    struct span status;

    steering_build(verb, &request, queue_key_span(&key), item->local);
    item->err = session_call(s, &request, &reply, &why);
    request_deinit(&request);
    if (item->err) {
        snprintf(item->text, sizeof(item->text), "%s", why.text);
        return;
    }
    status = steer_status(reply, 0);
    item->err = steering_judge(verb, status, item->text);
    snprintf(item->status, sizeof(item->status), "%.*s", (int)status.len,
             status.data ? status.data : "");
    if (span_is(status, "marked")) tell_marked(s, item);
    sync_reply_free(reply);
}

static json_t *shape_steered(const struct steered *item)
{
    json_t *o = item->err ? shape_error(item->err, item->text) : json_object();

    json_object_set_new(o, "id", json_sprintf("%.*s:%.*s", (int)item->queue.len, item->queue.data,
                                              (int)item->local.len, item->local.data));
    if (item->status[0]) json_object_set_new(o, "status", json_string(item->status));
    return o;
}

static void print_steered(const struct steered *item, bool alone)
{
    if (item->err)
        fprintf(stderr, "pinion: job %.*s: %s\n", (int)item->id.len, item->id.data, item->text);
    else if (alone)
        printf("%s\n", item->text);
    else
        printf("%.*s: %s\n", (int)item->id.len, item->id.data, item->text);
}

static int steer_all(struct session *s, enum steering_verb verb, struct steered *items,
                     size_t count, bool json)
{
    json_t *list = json ? json_array() : NULL;
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        steer_one(s, verb, &items[i]);
        if (items[i].err && !status) status = error_exit(items[i].err);
        if (list) json_array_append_new(list, shape_steered(&items[i]));
        if (!list || items[i].err) print_steered(&items[i], count == 1);
    }
    if (list) json_print(shape_list(list, NULL));
    return cli_finish(status);
}

/* Without --yes a person at a terminal is asked; nobody else may go on. */
static enum pinion_err confirm_delete(const struct job_values *values, size_t count,
                                      struct error *why)
{
    char what[40];

    snprintf(what, sizeof(what), "Delete %zu %s", count, count == 1 ? "job" : "jobs");
    return confirm(values->yes, what, why);
}

static int steer_bulk(const struct job_values *v, enum steering_verb verb)
{
    static const enum bulk_verb verbs[] = {
        [STEERING_CANCEL] = BULK_CANCEL,
        [STEERING_DELETE] = BULK_DELETE,
        [STEERING_RETRY] = BULK_RETRY,
    };

    return job_bulk_run(&v->common,
                        &(struct bulk_options){
                            .verb = verbs[verb],
                            .queue = span_of(v->queue ? v->queue : "default"),
                            .state = span_of(filter_state(v->state, &v->common)),
                            .filter = filter_of(&v->filter),
                        },
                        v->yes);
}

/* All ids are checked before the first one is touched. */
static int steer_main(const struct command *command, enum steering_verb verb, int argc, char **argv)
{
    struct job_values values = {.common = COMMON_INIT};
    struct steered *items;
    struct session session;
    struct error why = {0};
    size_t count;
    int first, status;

    if (!flags_read(command, argc, argv, &values, &first, &status)) return status;
    count = (size_t)(argc - first);
    if (values.all && !count) return steer_bulk(&values, verb);
    if (values.all || !count)
        return cli_fail_usage(command, "%s: expected %s", command->name, command->expected);
    if (values.state || filter_given(&values.filter))
        return cli_fail_usage(command, "%s: expected --all with --state and filters",
                              command->name);
    items = xcalloc(count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i].id = span_of(argv[first + (int)i]);
        if (id_split(items[i].id, values.queue, &items[i].queue, &items[i].local, &why)) goto fail;
    }
    if (verb == STEERING_DELETE && confirm_delete(&values, count, &why)) goto fail;
    if (session_open(&values.common, &session, &why)) goto fail;
    status = steer_all(&session, verb, items, count, values.common.json);
    session_close(&session);
    free(items);
    return status;

fail:
    free(items);
    return cli_fail(&why);
}

#define AT(field) offsetof(struct job_values, field)

static const struct flag steer_flags[] = {
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE",
     "the queue of ids that stand without one; with --all:\n"
     "whose jobs; default: default"},
    {"all", 0, FLAG_SWITCH, AT(all), 0, 0, NULL,
     "instead of ids: all jobs of a state, with --state, and\n"
     "those of the following that are given"},
    {"state", 's', FLAG_STATE, AT(state), 0, 0, "STATE", "with --all: the state that they are in"},
    FILTER_FLAGS(AT(filter)),
    {"yes", 'y', FLAG_SWITCH, AT(yes), 0, 0, NULL, "do not ask"},
};

#define STEER_COMMAND(verb, what, example)                                                         \
    {                                                                                              \
        .name = "job " verb, .usage = "ID... | --all --state STATE [FLAGS]", .about = what,        \
        .examples = example, .flags = steer_flags, .flags_count = countof(steer_flags),            \
        .words_max = STEER_IDS_MAX,                                                                \
        .expected = "the ID of at least one job, or --all --state STATE"                           \
    }

static const struct command cancel_command = STEER_COMMAND(
    "cancel",
    "Cancels jobs. One that waits is cancelled at once; one that runs is told to stop.",
    "pinion job cancel mail:order-17 mail:order-18\n"
    "pinion job cancel --all -q mail --state scheduled --tag campaign-7 --yes");
static const struct command retry_command = STEER_COMMAND(
    "retry",
    "Makes dead, cancelled or kept done jobs ready again, with their attempts at zero.",
    "pinion job retry default:01JD9K3V5M0000000000000000\n"
    "pinion job retry --all -q mail --state dead --error 'timed out' --newer-than 2h");
static const struct command delete_command = STEER_COMMAND(
    "delete",
    "Deletes jobs that are not running, whatever their state: nothing of them is kept, but\n"
    "an id that was given with --id stays taken for a day.",
    "pinion job delete --yes mail:order-17 mail:order-18\n"
    "pinion job delete --all -q mail --state dead --older-than 7d --yes");

static const struct command run_command = {
    .name = "job run",
    .usage = "ID... [FLAGS]",
    .about = "Makes scheduled jobs, and those that wait for their next attempt, ready now.",
    .examples = "pinion job run -q mail order-17",
    .flags = job_flags,
    .flags_count = JOB_FLAGS,
    .words_min = 1,
    .words_max = STEER_IDS_MAX,
    .expected = "the ID of at least one job",
};

int job_cancel_main(int argc, char **argv)
{
    return steer_main(&cancel_command, STEERING_CANCEL, argc, argv);
}

int job_delete_main(int argc, char **argv)
{
    return steer_main(&delete_command, STEERING_DELETE, argc, argv);
}

int job_retry_main(int argc, char **argv)
{
    return steer_main(&retry_command, STEERING_RETRY, argc, argv);
}

int job_run_main(int argc, char **argv)
{
    return steer_main(&run_command, STEERING_RUN, argc, argv);
}
