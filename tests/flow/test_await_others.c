/* Programs and servers that a coroutine waits for: a service on a real Redis. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"
#include "tests/support/responder.h"

static unsigned runs;
static struct responder *responder;

static void as_coroutine(pinion_run_fn *run, struct pinion_job job)
{
    struct pinion_handler handler = {.kind = "co", .run = run, .runs = PINION_AS_COROUTINE};

    runs = 0;
    run_one(&handler, job);
    assert_int_equal(runs, 1);
}

static void redis_has(const char *command, const char *part)
{
    char *answer = redis_server_do(server, "%s", command);

    if (!strstr(answer, part)) fail_msg("%s: expected '%s', not '%s'", command, part, answer);
    free(answer);
}

static void stops_at_timeout(pinion_run_fn *run)
{
    as_coroutine(run, (struct pinion_job){.timeout_ms = 100, .attempts_max = 1});
    redis_has("HGET pinion:{default}:errors x", "timed out after 100ms");
}

static void finish(struct pinion_attempt *a)
{
    runs++;
    pinion_attempt_done(a, NULL, 0);
}

/* ---- programs -------------------------------------------------------------------------------- */

#define SHELL(line) ((const char *const[]){"sh", "-c", line, NULL})

static void talk(struct pinion_attempt *a, void *ctx)
{
    struct pinion_command command = {
        .argv = SHELL("cat; echo oops >&2; echo \"$GREETING $(pwd)\"; exit 3"),
        .folder = "/",
        .env = (const char *const[]){"GREETING=hello", NULL},
        .input = "in ",
        .input_len = 3,
    };
    struct pinion_command_end end, next;

    (void)ctx;
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_OK);
    assert_int_equal(end.status, 3);
    assert_int_equal(end.signal, 0);
    command.argv = SHELL("head -c 100 /dev/zero; kill -9 $$");
    command.output_bytes = 10;
    assert_int_equal(pinion_await_command(a, &command, &next), PINION_OK);
    assert_int_equal(next.status, -1);
    assert_int_equal(next.signal, SIGKILL);
    assert_int_equal(next.output_len, 10);
    assert_int_equal(next.cut, 1);
    assert_string_equal(end.output, "in hello /\n"); /* it lives on */
    assert_int_equal(end.output_len, 11);
    assert_string_equal(end.errors, "oops\n");
    assert_int_equal(end.cut, 0);
    pinion_await_drop(a);
    command.argv = SHELL("exit 0");
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_OK);
    assert_int_equal(end.status, 0);
    assert_string_equal(end.output, "");
    finish(a);
}

TEST(it_awaits_a_program)
{
    as_coroutine(talk, (struct pinion_job){0});
}

static void ask_for_none(struct pinion_attempt *a, void *ctx)
{
    struct pinion_command command = {.argv = NULL};
    struct pinion_command_end end = {.status = 42};

    (void)ctx;
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_INVALID);
    assert_non_null(strstr(pinion_await_why(a), "expected a program"));
    command.argv = (const char *const[]){"no-such-program", NULL};
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_INVALID);
    assert_non_null(strstr(pinion_await_why(a), "no-such-program"));
    command.argv = (const char *const[]){"/tmp", NULL};
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_INVALID);
    command.argv = SHELL("exit 0");
    command.folder = "/no/such/folder";
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_INVALID);
    command.folder = NULL;
    command.env = (const char *const[]){"=x", NULL};
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_INVALID);
    assert_int_equal(end.status, 42);
    finish(a);
}

TEST(a_program_that_cannot_be_run)
{
    as_coroutine(ask_for_none, (struct pinion_job){0});
}

static void be_late(struct pinion_attempt *a, void *ctx)
{
    struct pinion_command command = {.argv = SHELL("exec sleep 600"), .timeout_ms = 50};
    struct pinion_command_end end;

    (void)ctx;
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_BUSY);
    assert_non_null(strstr(pinion_await_why(a), "took longer than 50ms"));
    finish(a);
}

TEST(a_program_that_is_late_is_killed)
{
    as_coroutine(be_late, (struct pinion_job){0});
}

static void linger(struct pinion_attempt *a, void *ctx)
{
    char path[] = "/tmp/pinion-test-pids-XXXXXX", line[128];
    struct pinion_command command = {.argv = (const char *const[]){"sh", "-c", line, NULL}};
    struct pinion_command_end end;
    long shell = 0, child = 0;
    int fd = mkstemp(path);
    FILE *pids;

    (void)ctx;
    assert_true(fd >= 0);
    snprintf(line, sizeof line, "sleep 600 & echo $$ $! >%s; wait", path);
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_STALE);
    pids = fopen(path, "re");
    assert_int_equal(fscanf(pids, "%ld %ld", &shell, &child), 2);
    fclose(pids);
    close(fd);
    unlink(path);
    assert_int_equal(kill((pid_t)shell, 0), -1); /* waited for, with what it had started */
    assert_int_equal(errno, ESRCH);
    for (unsigned i = 0; kill((pid_t)child, 0) == 0; i++) { /* init has to reap that one */
        if (i > 20000) fail_msg("process %ld is still there", child);
        usleep(100);
    }
    assert_int_equal(pinion_await_command(a, &command, &end), PINION_STALE);
    runs++;
    pinion_attempt_fail(a, "told");
}

TEST(a_program_is_killed_with_its_children_when_the_attempt_must_stop)
{
    stops_at_timeout(linger);
}

/* ---- servers --------------------------------------------------------------------------------- */

static void respond(struct visit *v, void *ctx)
{
    (void)ctx;
    if (strncmp(v->head, "GET /never", 10) == 0) return;
    if (strncmp(v->head, "POST", 4) == 0) {
        struct span key = visit_header(v, "X-Key");
        assert_true(span_is(key, "secret"));
        visit_answer(v, 201, "X-Told: yes\r\n", v->body, v->body_len);
    } else if (strncmp(v->head, "GET /away", 9) == 0) {
        visit_answer(v, 302, "Location: /\r\n", "", 0);
    } else {
        visit_answer(v, 404, NULL, "no such page", 12);
    }
}

static const char *url_of(char text[64], const char *path)
{
    snprintf(text, 64, "http://127.0.0.1:%u%s", responder_port(responder), path);
    return text;
}

static void browse(struct pinion_attempt *a, void *ctx)
{
    char url[64];
    struct pinion_request request = {
        .url = url_of(url, "/"),
        .headers = (const char *const[]){"X-Key: secret", NULL},
        .body = "all of it",
        .body_len = 9,
    };
    struct pinion_response made, missing;

    (void)ctx;
    assert_int_equal(pinion_await_http(a, &request, &made), PINION_OK);
    request = (struct pinion_request){.url = url, .body_bytes_max = 7};
    assert_int_equal(pinion_await_http(a, &request, &missing), PINION_OK);
    assert_int_equal(missing.status, 404);
    assert_string_equal(missing.body, "no such");
    assert_int_equal(missing.cut, 1);
    assert_int_equal(made.status, 201);
    assert_string_equal(made.body, "all of it");
    assert_non_null(strstr(made.head, "X-Told: yes"));
    request.url = url_of(url, "/away");
    assert_int_equal(pinion_await_http(a, &request, &missing), PINION_OK);
    assert_int_equal(missing.status, 302);
    finish(a);
}

TEST(it_awaits_a_server)
{
    as_coroutine(browse, (struct pinion_job){0});
}

static void fails(struct pinion_attempt *a, struct pinion_request r, enum pinion_err err,
                  const char *part)
{
    struct pinion_response response = {.status = 42};

    if (pinion_await_http(a, &r, &response) != err || !strstr(pinion_await_why(a), part))
        fail_msg("%s: '%s', expected '%s'", r.url ? r.url : "", pinion_await_why(a), part);
    assert_int_equal(response.status, 42);
}

static void ask_wrongly(struct pinion_attempt *a, void *ctx)
{
    const char *const two[] = {"A: b\r\nC: d", NULL}, *const none[] = {"nothing", NULL};
    char url[64], nobody[64];

    (void)ctx;
    url_of(url, "/");
    snprintf(nobody, sizeof nobody, "http://127.0.0.1:%u/", redis_server_free_port());
    fails(a, (struct pinion_request){.url = NULL}, PINION_INVALID, "expected a url");
    fails(a, (struct pinion_request){.url = "ftp://x/"}, PINION_INVALID, "http");
    fails(a, (struct pinion_request){.url = url, .method = "GET /x"}, PINION_INVALID, "method");
    fails(a, (struct pinion_request){.url = url, .headers = two}, PINION_INVALID, "header");
    fails(a, (struct pinion_request){.url = url, .headers = none}, PINION_INVALID, "header");
    fails(a, (struct pinion_request){.url = "http://127.0.0.2/"}, PINION_FORBIDDEN, "127.0.0.2");
    fails(a, (struct pinion_request){.url = nobody}, PINION_UNAVAILABLE, "");
    fails(a, (struct pinion_request){.url = url_of(url, "/never"), .timeout_ms = 50}, PINION_BUSY,
          "took longer than 50ms");
    finish(a);
}

TEST(a_request_that_comes_to_nothing)
{
    as_coroutine(ask_wrongly, (struct pinion_job){0});
}

static void ask_in_vain(struct pinion_attempt *a, void *ctx)
{
    struct pinion_response response;
    char url[64];

    (void)ctx;
    assert_int_equal(
        pinion_await_http(a, &(struct pinion_request){.url = url_of(url, "/never")}, &response),
        PINION_STALE);
    for (unsigned i = 0; responder_connections(responder); i++) { /* it sees that by itself */
        if (i > 20000) fail_msg("the connection is still open");
        usleep(100);
    }
    runs++;
    pinion_attempt_fail(a, "told");
}

TEST(a_request_is_given_up_when_the_attempt_must_stop)
{
    stops_at_timeout(ask_in_vain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(it_awaits_a_program),
        service_test(a_program_that_cannot_be_run),
        service_test(a_program_that_is_late_is_killed),
        service_test(a_program_is_killed_with_its_children_when_the_attempt_must_stop),
        service_test(it_awaits_a_server),
        service_test(a_request_that_comes_to_nothing),
        service_test(a_request_is_given_up_when_the_attempt_must_stop),
    };

    responder = responder_open(NULL, 0, respond, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    responder_close(responder);
    return failed;
}
