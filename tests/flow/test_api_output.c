/* What a command prints, followed over HTTP while it runs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "control/api/output.h"
#include "control/outputs.h"
#include "tests/flow/api_world.h"

#define OUTPUT "/v1/jobs/default:%s/output"

static char *gate; /* a FIFO: the command prints what is written into it, until that is closed */

static void add_command(struct config *config)
{
    struct error why;
    char *command = xasprintf("talk=cat %s", gate);

    if (config_set(config, "command", command, &why)) fail_msg("%s", why.text);
    free(command);
}

static void enqueue(const char *id)
{
    char *body = xasprintf("{\"kind\":\"talk\",\"id\":\"%s\",\"retain_ms\":60000}", id);

    json_decref(ask_json(201, "POST", "/v1/queues/default/jobs", AUTH JSON, body));
    free(body);
}

static json_t *output(const char *id, const char *query)
{
    char target[200];

    snprintf(target, sizeof target, OUTPUT "%s", id, query);
    return ask_json(200, "GET", target, AUTH, NULL);
}

/* Opened when the command has opened its end. */
static int open_gate(void)
{
    int fd;

    eventually((fd = open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

TEST(what_a_command_prints_is_followed)
{
    char query[100];
    json_t *o;
    int fd;

    enqueue("one");
    fd = open_gate();
    say(fd, "first ");
    o = output("one", "?wait=30s");
    assert_string_equal(text_at(o, "state"), "active");
    assert_int_equal(number_at(o, "attempt"), 1);
    assert_int_equal(number_at(o, "offset"), 0);
    assert_string_equal(text_at(o, "output"), "first ");
    assert_string_equal(text_at(o, "next"), "1,6");
    snprintf(query, sizeof query, "?wait=30s&after=%s", text_at(o, "next"));
    json_decref(o);
    say(fd, "second");
    o = output("one", query);
    assert_int_equal(number_at(o, "offset"), 6);
    assert_string_equal(text_at(o, "output"), "second");
    json_decref(o);
    o = output("one", "?wait=10ms&after=1,12"); /* nothing new, for that long */
    assert_string_equal(text_at(o, "output"), "");
    assert_string_equal(text_at(o, "next"), "1,12");
    json_decref(o);
    o = output("one", ""); /* all that is there, though nobody waits */
    assert_string_equal(text_at(o, "output"), "first second");
    json_decref(o);
    close(fd);
    for (o = output("one", ""); strcmp(text_at(o, "state"), "done"); o = output("one", ""))
        json_decref(o);
    assert_string_equal(text_at(o, "output"), "first second");
    assert_true(json_is_null(json_object_get(o, "next")));
    json_decref(o);
}

TEST(bytes_that_are_no_text_come_as_base64)
{
    json_t *o;
    int fd;

    enqueue("bytes");
    fd = open_gate();
    say(fd, "\xff\x01");
    o = output("bytes", "?wait=30s");
    assert_string_equal(text_at(o, "output_base64"), "/wE=");
    json_decref(o);
    close(fd);
}

/* Two follow the same job, and one leaves: the other still hears. */
TEST(one_that_leaves_takes_nothing_from_the_others)
{
    static const char request[] = "GET /v1/jobs/default:two/output?wait=30s HTTP/1.1\r\n"
                                  "Host: localhost\r\n" AUTH "\r\n";
    struct visitor *leaves = visitor_open(), *stays = visitor_open();
    struct answer a;
    int fd;

    enqueue("two");
    fd = open_gate();
    visitor_send(leaves, request, sizeof request - 1);
    visitor_send(stays, request, sizeof request - 1);
    for (int i = 0; i < 50; i++) world_turn();
    visitor_reset(leaves);
    for (int i = 0; i < 50; i++) world_turn();
    say(fd, "heard");
    a = visitor_answer(stays);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"heard\""));
    visitor_close(stays);
    close(fd);
}

TEST(a_job_that_does_not_run_is_told_at_once_or_waited_for)
{
    json_t *o;

    json_decref(ask_json(201, "POST", "/v1/queues/idle/jobs", AUTH JSON,
                         "{\"kind\":\"nobody\",\"id\":\"idle\"}"));
    o = ask_json(200, "GET", "/v1/jobs/idle:idle/output", AUTH, NULL);
    assert_string_equal(text_at(o, "state"), "ready");
    assert_string_equal(text_at(o, "next"), "0,0");
    json_decref(o);
    o = ask_json(200, "GET", "/v1/jobs/idle:idle/output?wait=300ms", AUTH, NULL);
    assert_string_equal(text_at(o, "state"), "ready");
    json_decref(o);
    json_decref(ask_json(200, "POST", "/v1/jobs/idle:idle/cancel", AUTH, ""));
    o = ask_json(200, "GET", "/v1/jobs/idle:idle/output?wait=30s", AUTH, NULL);
    assert_string_equal(text_at(o, "state"), "cancelled");
    assert_true(json_is_null(json_object_get(o, "next")));
    json_decref(o);
}

TEST(bad_questions_are_refused)
{
    static const struct {
        unsigned status;
        const char *target, *headers;
    } rows[] = {
        {400, "/v1/jobs/default:x/output?wait=soon", AUTH   },
        {400, "/v1/jobs/default:x/output?wait=301s", AUTH   },
        {400, "/v1/jobs/default:x/output?after=1", AUTH     },
        {400, "/v1/jobs/default:x/output?after=1,x", AUTH   },
        {400, "/v1/jobs/default:x/output?after=-1,0", AUTH  },
        {400, "/v1/jobs/default:x/output?from=1", AUTH      },
        {400, "/v1/jobs/nocolon/output",         AUTH       },
        {404, "/v1/jobs/default:nobody/output?wait=300s", AUTH},
        {401, "/v1/jobs/default:x/output",       NULL       },
    };

    for (size_t i = 0; i < countof(rows); i++)
        json_decref(ask_json(rows[i].status, "GET", rows[i].target, rows[i].headers, NULL));
}

/* At the limit, one past it, and again when they left. */
TEST(those_who_follow_are_bounded)
{
    static const char request[] = "GET /v1/jobs/idle:waits/output?wait=5m HTTP/1.1\r\n"
                                  "Host: localhost\r\n" AUTH "\r\n";
    struct visitor *v[OUTPUT_WAITS_MAX];

    json_decref(ask_json(201, "POST", "/v1/queues/idle/jobs", AUTH JSON,
                         "{\"kind\":\"nobody\",\"id\":\"waits\"}"));
    for (size_t i = 0; i < OUTPUT_WAITS_MAX; i++) {
        v[i] = visitor_open();
        visitor_send(v[i], request, sizeof request - 1);
    }
    eventually(ask("GET", "/v1/jobs/idle:waits/output?wait=1ms", AUTH, NULL).status == 429);
    for (size_t i = 0; i < OUTPUT_WAITS_MAX; i++) visitor_reset(v[i]);
    eventually(ask("GET", "/v1/jobs/idle:waits/output?wait=1ms", AUTH, NULL).status == 200);
}

/* Last: whoever waits is answered when the service stops, which world_close() insists on. */
TEST(a_stop_answers_those_who_follow)
{
    static const char request[] = "GET /v1/jobs/idle:waits/output?wait=5m HTTP/1.1\r\n"
                                  "Host: localhost\r\n" AUTH "\r\n";
    struct visitor *v = visitor_open();

    visitor_send(v, request, sizeof request - 1);
    for (int i = 0; i < 50; i++) world_turn();
    service_stop(world_service);
    assert_int_equal(visitor_answer(v).status, 200);
    visitor_close(v);
}

static int open_all(void **state)
{
    (void)state;
    gate = xasprintf("/tmp/pinion-gate-%d", (int)getpid());
    if (mkfifo(gate, 0600)) return -1;
    world_open_with(add_command, NULL);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    world_close();
    unlink(gate);
    free(gate);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_command_prints_is_followed),
        cmocka_unit_test(bytes_that_are_no_text_come_as_base64),
        cmocka_unit_test(one_that_leaves_takes_nothing_from_the_others),
        cmocka_unit_test(a_job_that_does_not_run_is_told_at_once_or_waited_for),
        cmocka_unit_test(bad_questions_are_refused),
        cmocka_unit_test(those_who_follow_are_bounded),
        cmocka_unit_test(a_stop_answers_those_who_follow),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
