/* Orders for a worker elsewhere: a process of its own that pulls over HTTP. What takes time it
 * keeps beside, and extends the leases meanwhile. */
#include "tests/flow/cases.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "control/service.h"
#include "control/state.h"
#include "tests/flow/api_world.h"
#include "tests/support/check.h"
#include "tests/support/plain_http.h"

#define LEASE                                                                                      \
    "/v1/queues/default/lease?kind=case.pull&max=4&wait=50ms&lease_ms=5000&worker=tester"
#define WORKS_MAX 64

struct slow_work {
    json_t *job; /* NULL: the place is free */
    uint64_t end_ms;
    bool deaf;
};

static struct plain_http http;
static struct slow_work works[WORKS_MAX];
static pid_t worker;

static const char *word(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* Takes what it says besides the token. The status; `ret_answer` (NULL is fine): the caller's. */
static unsigned say(const json_t *job, const char *verb, json_t *said, json_t **ret_answer)
{
    char *target = xasprintf("/v1/jobs/%s/%s", word(job, "id"), verb), *body;
    const char *answer = NULL;
    size_t len = 0;

    if (!said) said = json_object();
    json_object_set(said, "token", json_object_get(job, "token"));
    body = json_dumps(said, JSON_COMPACT);
    unsigned status = plain_post(&http, target, body, strlen(body), &answer, &len);
    if (ret_answer) *ret_answer = status ? json_loadb(answer, len, 0, NULL) : NULL;
    json_decref(said);
    free(body);
    free(target);
    return status;
}

static void ack(const json_t *job, const char *key, const char *result)
{
    say(job, "ack", json_pack("{s:s}", key, result), NULL);
}

static void flood(const json_t *job, size_t bytes)
{
    char *text = xmalloc(bytes + 1);

    memset(text, 'x', bytes);
    text[bytes] = '\0';
    ack(job, "result", text);
    free(text);
}

static void tell(const json_t *job, const char *text)
{
    char *note;
    unsigned long percent = strtoul(text, &note, 10);

    say(job, "progress", json_pack("{s:i, s:s}", "percent", (int)percent, "note", note + 1), NULL);
    ack(job, "result", "");
}

static void begin(json_t *job, const char *ms, bool deaf)
{
    for (size_t i = 0; i < WORKS_MAX; i++) {
        if (works[i].job) continue;
        works[i] = (struct slow_work){json_incref(job), clock_mono_ms() + strtoul(ms, NULL, 10),
                                      deaf};
        return;
    }
    abort();
}

static void fail_with(const json_t *job, const char *error, const char *key, json_t *value)
{
    json_t *said = json_pack("{s:s}", "error", error);

    if (key) json_object_set_new(said, key, value);
    say(job, "fail", said, NULL);
}

static void obey(json_t *job)
{
    const json_t *payload = json_object_get(job, "payload");
    size_t len = json_string_length(payload);
    struct order order = order_read(json_string_value(payload), len);
    char *text = order.text_len ? xmemdup(order.text, order.text_len) : xstrdup(""), line[256];
    long attempt = (long)json_integer_value(json_object_get(job, "attempt"));

    if (strcmp(order.verb, "slow") == 0) begin(job, text, false);
    else if (strcmp(order.verb, "deaf") == 0) begin(job, text, true);
    else if (strcmp(order.verb, "fail") == 0) fail_with(job, text, NULL, NULL);
    else if (strcmp(order.verb, "reject") == 0) fail_with(job, text, "retry", json_false());
    else if (strcmp(order.verb, "again") == 0 && attempt == 1) fail_with(job, text, NULL, NULL);
    else if (strcmp(order.verb, "later") == 0 && attempt == 1)
        fail_with(job, "later", "retry_in_ms", json_integer(strtol(text, NULL, 10)));
    else if (strcmp(order.verb, "tell") == 0) tell(job, text);
    else if (strcmp(order.verb, "flood") == 0) flood(job, strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "bytes") == 0) ack(job, "result_base64", "//4BgA==");
    else if (strcmp(order.verb, "count") == 0) {
        snprintf(line, sizeof line, "%zu", len);
        ack(job, "result", line);
    } else if (strcmp(order.verb, "who") == 0) {
        snprintf(line, sizeof line, "%s %s %ld", word(job, "id"), word(job, "kind"), attempt);
        ack(job, "result", line);
    } else ack(job, "result", strcmp(order.verb, "done") == 0 ? text : "");
    free(text);
}

/* Gives whether it is over. */
static bool go_on(struct slow_work *w)
{
    json_t *answer;
    unsigned status;
    bool stop;

    if (clock_mono_ms() >= w->end_ms) {
        ack(w->job, "result", "");
        return true;
    }
    status = say(w->job, "extend", json_pack("{s:i}", "lease_ms", 5000), &answer);
    stop = json_is_true(json_object_get(answer, "cancelled"));
    json_decref(answer);
    if (w->deaf) return false;
    if (stop) fail_with(w->job, "cancelled while it ran", NULL, NULL);
    return stop || status == 409;
}

static void lease_some(void)
{
    const char *answer;
    size_t len, i;
    json_t *leased, *job;

    if (plain_post(&http, LEASE, NULL, 0, &answer, &len) != 200) return;
    leased = json_loadb(answer, len, JSON_ALLOW_NUL, NULL);
    json_array_foreach (json_object_get(leased, "items"), i, job) obey(job);
    json_decref(leased);
}

static void work(void)
{
    lease_some();
    for (size_t i = 0; i < WORKS_MAX; i++) {
        if (!works[i].job || !go_on(&works[i])) continue;
        json_decref(works[i].job);
        works[i].job = NULL;
    }
}

/* It asks the folder where the service is, which has not begun yet. */
static void find_service(void)
{
    static char token[STATE_TOKEN_LEN + 1];
    struct state_info info = {0};
    struct error why = {0};

    while (state_read_info(world_state_dir(), &info, &why)) usleep(10000);
    if (state_read_token(world_state_dir(), token, &why)) _exit(1);
    http = PLAIN_HTTP((unsigned)strtoul(strrchr(info.http, ':') + 1, NULL, 10), token);
}

static void add(struct service *service)
{
    pid_t parent = getpid();

    (void)service;
    worker = fork();
    if (worker) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    find_service();
    for (;;) work();
}

static void end(void)
{
    kill(worker, SIGKILL);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
}

const struct case_runner pull_cases = {
    .name = "pull",
    .can = CASE_REJECTS | CASE_LATER | CASE_TELLS | CASE_HEARS,
    .add = add,
    .end = end,
};
