/* The table of cases.h for every kind of handler: all jobs at once on one service, then one test
 * for each of them. */
#include "tests/flow/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/api_world.h"

static const struct case_runner *const runners[] = {&callback_cases, &command_cases,
                                                    &webhook_cases, &coroutine_cases,
                                                    &pull_cases, &thread_cases, &exec_cases};

#define RUNNERS countof(runners)

struct trial {
    const struct case_runner *runner;
    const struct one_case *wanted;
    char *id;
    char kind[32];
    size_t given; /* bytes of the order, with its padding */
    bool cancelled, ended;
    json_t *job; /* when it has ended */
};

static struct trial *trials;
static size_t trials_count;

/* ---- all of them at once --------------------------------------------------------------------- */

static void set(json_t *o, const char *key, uint64_t value)
{
    if (value) json_object_set_new(o, key, json_integer((json_int_t)value));
}

static json_t *payload_with(struct trial *t, size_t padding)
{
    const struct one_case *c = t->wanted;
    size_t len = strlen(c->order);
    char *text = xmalloc(len + padding + 1);
    json_t *payload;

    memcpy(text, c->order, len);
    memset(text + len, 'x', padding);
    if (padding) text[len] = '\n';
    t->given = len + padding;
    payload = t->runner->wrap ? t->runner->wrap(text, t->given) : json_stringn(text, t->given);
    free(text);
    return payload;
}

/* Of one that is padded, the whole is as long as a payload may be, however it is wrapped. */
static json_t *payload_of(struct trial *t)
{
    size_t padding = t->wanted->padding;
    json_t *payload = payload_with(t, padding);

    if (!padding || !t->runner->wrap) return payload;
    padding -= json_dumpb(payload, NULL, 0, JSON_COMPACT) - t->given;
    json_decref(payload);
    return payload_with(t, padding);
}

static void enqueue(struct trial *t)
{
    const struct one_case *c = t->wanted;
    char *body;
    json_t *o = json_pack("{ss ss so}", "kind", t->kind, "backoff", "fixed:10ms", "payload",
                          payload_of(t));

    set(o, "attempts_max", c->attempts_max ? c->attempts_max : 2);
    set(o, "timeout_ms", c->timeout_ms);
    set(o, "lease_ms", c->lease_ms);
    set(o, "retain_ms", 600000);
    body = json_dumps(o, JSON_COMPACT);
    json_t *made = ask_json(201, "POST", "/v1/queues/default/jobs", AUTH JSON, body);
    t->id = xstrdup(text_at(made, "id"));
    json_decref(made);
    json_decref(o);
    free(body);
}

static bool is_over(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "cancelled") == 0;
}

/* It may end by itself between our look and the cancel's arrival, which then says so. */
static void cancel(struct trial *t)
{
    char *target = xasprintf("/v1/jobs/%s/cancel", t->id);
    struct answer a = ask("POST", target, AUTH, "");

    if (a.status != 200 && a.status != 409) fail_msg("%s: %u: %s", target, a.status, a.body);
    t->cancelled = a.status == 200;
    free(target);
}

/* One that was to be cancelled and was over before that shows nothing: another one is tried. */
static void look(struct trial *t)
{
    char *target = xasprintf("/v1/jobs/%s", t->id);
    json_t *job = ask_json(200, "GET", target, AUTH, NULL);
    const char *state = text_at(job, "state");

    free(target);
    if (t->wanted->cancel && !t->cancelled && strcmp(state, "active") == 0) cancel(t);
    t->ended = is_over(state) && t->cancelled == t->wanted->cancel;
    if (t->ended) {
        t->job = job;
        return;
    }
    if (is_over(state)) {
        free(t->id);
        enqueue(t);
    }
    json_decref(job);
}

static bool all_ended(void)
{
    bool all = true;

    for (size_t i = 0; i < trials_count; i++) {
        if (!trials[i].ended) look(&trials[i]);
        all = all && trials[i].ended;
    }
    return all;
}

static void configure(struct config *config)
{
    for (size_t i = 0; i < RUNNERS; i++)
        if (runners[i]->configure) runners[i]->configure(config);
}

static void add(struct service *service)
{
    for (size_t i = 0; i < RUNNERS; i++)
        if (runners[i]->add) runners[i]->add(service);
}

static int begin(void **state)
{
    (void)state;
    world_open_with(configure, add);
    for (size_t i = 0; i < trials_count; i++) enqueue(&trials[i]);
    eventually(all_ended());
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_close();
    for (size_t i = 0; i < RUNNERS; i++)
        if (runners[i]->end) runners[i]->end();
    for (size_t i = 0; i < trials_count; i++) {
        json_decref(trials[i].job);
        free(trials[i].id);
    }
    return 0;
}

/* ---- each as it should be -------------------------------------------------------------------- */

static const char *word(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key)); /* NULL: none */
}

static void check_result(const struct trial *t)
{
    const struct one_case *c = t->wanted;
    const char *result = word(t->job, "result"), *bytes = word(t->job, "result_base64");

    if (strcmp(c->order, "who") == 0) {
        char *who = xasprintf("%s %s 1", t->id, t->kind);
        assert_string_equal(result, who);
        free(who);
    } else if (c->padding) {
        assert_int_equal(strtoul(result, NULL, 10), t->given);
    } else if (strcmp(c->order, "bytes") == 0) {
        assert_string_equal(bytes, "//4BgA==");
    } else if (c->result_len) {
        assert_int_equal(strspn(result, "x"), c->result_len);
        assert_int_equal(strlen(result), c->result_len);
    } else {
        assert_string_equal(result ? result : "", c->result ? c->result : "");
    }
}

static void check_error(const struct trial *t)
{
    const json_t *errors = json_object_get(t->job, "errors");
    const json_t *last = json_array_get(errors, json_array_size(errors) - 1);
    const char *error = word(last ? last : t->job, "error"), *wanted = t->wanted->error;

    if (!wanted) assert_null(error);
    else if (!error || !strstr(error, wanted))
        fail_msg("the error is '%s', expected '%s'", error ? error : "", wanted);
}

static void check(void **state)
{
    const struct trial *t = *state;
    const struct one_case *c = t->wanted;
    const json_t *progress = json_object_get(t->job, "progress");

    assert_string_equal(text_at(t->job, "state"), c->state);
    assert_int_equal(number_at(t->job, "attempt"), c->attempts);
    check_result(t);
    check_error(t);
    if (!c->progress) {
        assert_false(json_is_object(progress));
    } else {
        char *told = xasprintf("%d %s", (int)number_at(progress, "percent"),
                               word(progress, "note"));
        assert_string_equal(told, c->progress);
        free(told);
    }
}

int main(void)
{
    struct CMUnitTest *tests = xcalloc(RUNNERS * cases_count, sizeof *tests);

    trials = xcalloc(RUNNERS * cases_count, sizeof *trials);
    for (size_t r = 0; r < RUNNERS; r++) {
        for (size_t c = 0; c < cases_count; c++) {
            if (cases[c].needs & ~runners[r]->can) continue;
            if (cases[c].deaf && runners[r]->heeds) continue;
            struct trial *t = &trials[trials_count];
            *t = (struct trial){.runner = runners[r], .wanted = &cases[c]};
            snprintf(t->kind, sizeof t->kind, "%s%s", runners[r]->kind ? "" : "case.",
                     runners[r]->kind ? runners[r]->kind : runners[r]->name);
            tests[trials_count++] = (struct CMUnitTest){
                .name = xasprintf("%s: %s", runners[r]->name, cases[c].name),
                .test_func = check,
                .initial_state = t,
            };
        }
    }
    int failed = _cmocka_run_group_tests("cases", tests, trials_count, begin, end);
    for (size_t i = 0; i < trials_count; i++) free((void *)(uintptr_t)tests[i].name);
    free(tests);
    free(trials);
    return failed;
}
