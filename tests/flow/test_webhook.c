/* test_webhook.c — jobs that a host far away does, well or badly: a whole service, and a server of
 * this program's own. */
#include "tests/flow/api_world.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/memory.h"
#include "tests/support/responder.h"
#include "workers/hosts.h"
#include "workers/signature.h"

#define SECRET "both know it"

static struct responder *server, *trap;
static atomic_int status; /* what it answers */
static atomic_bool silent; /* or it does not */
static atomic_uint most, now_in;
static atomic_uint awaited; /* nobody is answered before so many were there at once */
static char *location;

static void answer_trap(struct visit *v, void *ctx)
{
    (void)ctx;
    visit_answer(v, 200, NULL, "trapped", 7);
}

static int by_text(char *out, const char *name, const struct visit *v)
{
    struct span s = visit_header(v, name);

    return sprintf(out, "%s=%.*s;", name, s.data ? (int)s.len : 1, s.data ? s.data : "-");
}

static void tell_headers(struct visit *v)
{
    static const char *const names[] = {
        "Content-Type", "Content-Length", "Pinion-Kind", "Pinion-Queue", "Pinion-Attempt",
        "Pinion-Fire-Time", "traceparent", "Expect", "Pinion-Job-Id", "Idempotency-Key",
        "Pinion-Timestamp", "Pinion-Signature",
    };
    char text[2048];
    int at = 0;

    for (size_t i = 0; i < countof(names); i++) at += by_text(text + at, names[i], v);
    visit_answer(v, 200, NULL, text, (size_t)at);
}

/* It holds each request for a moment, and counts how many there are at once. */
static void hold(struct visit *v)
{
    if (v->waited && atomic_load(&most) >= atomic_load(&awaited)) {
        atomic_fetch_sub(&now_in, 1);
        visit_answer(v, (unsigned)atomic_load(&status), NULL, "held", 4);
        return;
    }
    visit_wait(v, 30);
    if (v->waited) return;
    unsigned in = atomic_fetch_add(&now_in, 1) + 1;
    if (in > atomic_load(&most)) atomic_store(&most, in);
}

static void respond(struct visit *v, void *ctx)
{
    (void)ctx;
    if (atomic_load(&silent)) return;
    if (strstr(v->head, " /headers ")) tell_headers(v);
    else if (strstr(v->head, " /hold")) hold(v);
    else if (strstr(v->head, " /away ")) visit_answer(v, 302, location, "moved", 5);
    else visit_answer(v, (unsigned)atomic_load(&status), NULL, "so it is", 8);
}

static void set(struct config *config, const char *key, const char *value)
{
    struct error why = {0};

    if (config_set(config, key, value, &why)) fail_msg("%s", why.text);
}

static void set_hook(struct config *config, const char *kind, const char *host, const char *path)
{
    char *value = xasprintf("%s=http://%s:%u/%s", kind, host, responder_port(server), path);

    set(config, "webhook", value);
    free(value);
}

static void configure(struct config *config)
{
    set_hook(config, "headers", "127.0.0.2", "headers");
    set_hook(config, "away", "127.0.0.2", "away");
    set_hook(config, "plain", "127.0.0.2", "plain");
    set_hook(config, "also", "127.0.0.2", "plain");
    set_hook(config, "hold.a", "127.0.0.2", "hold");
    set_hook(config, "hold.b", "127.0.0.2", "hold");
    set_hook(config, "trap", "2130706433", "");
    set(config, "webhook-allow", "127.0.0.2");
    for (size_t i = 0; i < config->handler_count; i++) {
        struct config_handler *h = &config->handlers[i];
        if (strcmp(h->kind, "headers") == 0) h->secret = xstrdup(SECRET);
        if (strcmp(h->kind, "also") == 0) h->retry_4xx.bits[0] = 1u << 4;
        if (h->runner == CONFIG_WEBHOOK) h->host_concurrency = 5;
    }
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&status, 200);
    atomic_store(&silent, false);
    atomic_store(&awaited, 0);
    server = responder_open("127.0.0.2", 0, respond, NULL);
    assert_non_null(server);
    trap = responder_open("127.0.0.1", responder_port(server), answer_trap, NULL);
    assert_non_null(trap);
    location = xasprintf("Location: http://127.0.0.1:%u/\r\n", responder_port(trap));
    world_open_with(configure, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close();
    assert_int_equal(responder_accepted(trap), 0);
    responder_close(server);
    responder_close(trap);
    free(location);
    return 0;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static char *enqueue(const char *kind, const char *more)
{
    char *body = xasprintf("{\"kind\":\"%s\",\"retain_ms\":600000,\"backoff\":\"fixed:10ms\"%s}",
                           kind, more);
    json_t *made = ask_json(201, "POST", "/v1/queues/default/jobs", AUTH JSON, body);
    char *id = xstrdup(text_at(made, "id"));

    json_decref(made);
    free(body);
    return id;
}

static json_t *show(const char *id)
{
    char *target = xasprintf("/v1/jobs/%s", id);
    json_t *job = ask_json(200, "GET", target, AUTH, NULL);

    free(target);
    return job;
}

static bool is_in(const char *id, const char *state)
{
    json_t *job = show(id);
    bool is = strcmp(text_at(job, "state"), state) == 0;

    json_decref(job);
    return is;
}

static json_t *ends(char *id, const char *state)
{
    eventually(is_in(id, state));
    json_t *job = show(id);
    free(id);
    return job;
}

static void ends_with(const char *kind, const char *more, const char *state, unsigned attempts,
                      const char *error)
{
    json_t *job = ends(enqueue(kind, more), state);

    assert_int_equal(number_at(job, "attempt"), attempts);
    if (error && !strstr(text_at(job, "error"), error))
        fail_msg("'%s', expected '%s'", text_at(job, "error"), error);
    json_decref(job);
}

static const char *part_of(const char *text, const char *name, char out[256])
{
    const char *at = strstr(text, name);

    assert_non_null(at);
    at += strlen(name) + 1;
    snprintf(out, 256, "%.*s", (int)strcspn(at, ";"), at);
    return out;
}

static void part_is(const char *text, const char *name, const char *wanted)
{
    char part[256];

    assert_string_equal(part_of(text, name, part), wanted);
}

TEST(what_is_sent)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    char *more = xasprintf(",\"id\":\"me\",\"payload\":{\"a\":1},\"traceparent\":\"%s\"", trace);
    json_t *job = ends(enqueue("headers", more), "done");
    const char *text = text_at(job, "result");
    char time_text[256], signature[256], hex[SIGNATURE_LEN + 1], *wanted;

    part_is(text, "Content-Type", "application/json");
    part_is(text, "Content-Length", "7");
    part_is(text, "Pinion-Kind", "headers");
    part_is(text, "Pinion-Queue", "default");
    part_is(text, "Pinion-Attempt", "1");
    part_is(text, "Pinion-Fire-Time", text_at(job, "run_at"));
    part_is(text, "traceparent", trace);
    part_is(text, "Expect", "-");
    part_is(text, "Pinion-Job-Id", "default:me");
    part_is(text, "Idempotency-Key", "default:me");
    int64_t time_s = strtoll(part_of(text, "Pinion-Timestamp", time_text), NULL, 10);
    assert_true(llabs(time_s - (int64_t)time(NULL)) < 60);
    signature_make(span_of(SECRET), time_s, "default:me", 1, span_of("{\"a\":1}"), hex);
    wanted = xasprintf("t=%s,v1=%s", time_text, hex);
    assert_string_equal(part_of(text, "Pinion-Signature", signature), wanted);
    free(wanted);
    free(more);
    json_decref(job);
}

TEST(what_is_no_json)
{
    static const char *const payloads[] = {"", "{\"a\":", "words", "nan", "[1,]", "{} x"};

    for (size_t i = 0; i < countof(payloads); i++) {
        json_t *more = json_pack("{ss}", "payload", payloads[i]);
        char *inside = json_dumps(more, JSON_COMPACT), *text;
        inside[strlen(inside) - 1] = '\0';
        text = xasprintf(",%s", inside + 1);
        json_t *job = ends(enqueue("headers", text), "done");
        part_is(text_at(job, "result"), "Content-Type", "application/octet-stream");
        json_decref(job);
        json_decref(more);
        free(text);
        free(inside);
    }
}

TEST(what_an_answer_means)
{
    static const int retried[] = {408, 425, 429, 500, 599}, final[] = {400, 404, 422, 499, 304};
    char error[64];

    for (size_t i = 0; i < countof(retried); i++) {
        atomic_store(&status, retried[i]);
        snprintf(error, sizeof error, "HTTP %d: so it is", retried[i]);
        ends_with("plain", ",\"attempts_max\":2", "dead", 2, error);
    }
    for (size_t i = 0; i < countof(final); i++) {
        atomic_store(&status, final[i]);
        snprintf(error, sizeof error, "HTTP %d", final[i]);
        ends_with("plain", ",\"attempts_max\":2", "dead", 1, error);
    }
    atomic_store(&status, 404);
    ends_with("also", ",\"attempts_max\":2", "dead", 2, "HTTP 404");
    atomic_store(&status, 201);
    ends_with("plain", "", "done", 1, NULL);
}

TEST(a_redirect_to_where_it_must_not_go)
{
    ends_with("away", "", "dead", 1, "HTTP 302, redirects are not followed: moved");
}

TEST(an_address_that_is_forbidden)
{
    ends_with("trap", ",\"attempts_max\":2", "dead", 2,
              "the address 127.0.0.1 is forbidden (loopback); --webhook-allow opens it");
}

TEST(stopped_on_the_way)
{
    char *target, *id;

    atomic_store(&silent, true);
    ends_with("plain", ",\"attempts_max\":1,\"timeout_ms\":100", "dead", 1,
              "timed out after 100ms");
    eventually(responder_connections(server) == 0);
    id = enqueue("plain", "");
    eventually(responder_connections(server) == 1);
    target = xasprintf("/v1/jobs/%s/cancel", id);
    json_decref(ask_json(200, "POST", target, AUTH, ""));
    free(target);
    json_decref(ends(id, "cancelled"));
    eventually(responder_connections(server) == 0);
}

/* Two kinds, one host: together no more than it may have, and their time begins with their turn. */
TEST(no_more_at_once_than_a_host_may_have)
{
    char *ids[24];

    atomic_store(&awaited, 5);
    for (size_t i = 0; i < countof(ids); i++)
        ids[i] = enqueue(i % 2 ? "hold.a" : "hold.b", ",\"timeout_ms\":20000");
    for (size_t i = 0; i < countof(ids); i++) json_decref(ends(ids[i], "done"));
    assert_int_equal(atomic_load(&most), 5);
}

static double metric(const char *name)
{
    struct answer a = ask("GET", "/metrics", AUTH, NULL);
    char *label = xasprintf("\n%s{host=\"127.0.0.2:%u\"} ", name, responder_port(server));
    const char *at = strstr(a.body, label);

    if (!at) fail_msg("no %s", label);
    double value = strtod(at + strlen(label), NULL);
    free(label);
    return value;
}

/* Those that have waited for their turn when it opens are put off, and not charged. */
TEST(who_waited_is_put_off)
{
    char *ids[24];
    unsigned put_off = 0;

    atomic_store(&status, 502);
    for (size_t i = 0; i < countof(ids); i++)
        ids[i] = enqueue(i % 2 ? "hold.a" : "hold.b", ",\"attempts_max\":100");
    eventually(metric("pinion_webhook_postponed_total") >= 1);
    json_t *list = ask_json(200, "GET", "/v1/queues/default/jobs?state=retry", AUTH, NULL), *job;
    size_t i;
    json_array_foreach(json_object_get(list, "items"), i, job)
    {
        const char *error = json_string_value(json_object_get(job, "error"));
        put_off += error && !strcmp(error, "not sent: the breaker of its host is open");
    }
    json_decref(list);
    assert_true(put_off >= 1);
    atomic_store(&status, 200);
    double attempts = 0;
    for (i = 0; i < countof(ids); i++) {
        job = ends(ids[i], "done");
        attempts += (double)number_at(job, "attempt");
        json_decref(job);
    }
    double failed = metric("pinion_webhook_failures_total");
    assert_true(attempts == failed + (double)countof(ids)); /* each failure is charged, no more */
}

/* Ten failures in a row open the breaker: jobs wait and are not charged, until one gets through. */
TEST(a_host_is_left_alone)
{
    char *ids[8], *failing;

    atomic_store(&status, 503);
    failing = enqueue("plain", ",\"attempts_max\":1000");
    eventually(metric("pinion_webhook_breaker_open") > 0.9);
    assert_true(metric("pinion_webhook_failures_total") >= HOST_FAILURES_MAX);
    double asked = metric("pinion_webhook_requests_total");
    for (size_t i = 0; i < countof(ids); i++) ids[i] = enqueue("also", ",\"attempts_max\":1");
    for (int i = 0; i < 300; i++) world_turn();
    /* Nobody was asked, but for one try if it took us so long. */
    assert_true(metric("pinion_webhook_requests_total") <= asked + 1);
    atomic_store(&status, 200);
    for (size_t i = 0; i < countof(ids); i++) {
        json_t *job = ends(ids[i], "done");
        assert_int_equal(number_at(job, "attempt"), 1);
        json_decref(job);
    }
    assert_true(metric("pinion_webhook_breaker_open") < 0.1);
    json_decref(ends(failing, "done"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_json, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_answer_means, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redirect_to_where_it_must_not_go, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_is_forbidden, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_on_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_at_once_than_a_host_may_have, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waited_is_put_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_host_is_left_alone, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
