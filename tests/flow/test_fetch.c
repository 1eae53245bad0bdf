/* test_fetch.c — servers that are slow, endless, rude or wrong, and requests that are stopped. */
#include "tests/flow/fetch_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/responder.h"

#define MANY 300

static struct responder *server;

static void answer_bytes(struct visit *v, size_t head_bytes, size_t body_bytes)
{
    char *padding = xmalloc(head_bytes + 1), *body = xmalloc(body_bytes), *header;

    memset(padding, 'p', head_bytes);
    memset(body, 'b', body_bytes);
    padding[head_bytes] = '\0';
    header = xasprintf("X: %s\r\n", padding);
    visit_answer(v, 200, head_bytes ? header : NULL, body, body_bytes);
    free(header);
    free(padding);
    free(body);
}

/* One byte at a time, and for ever. */
static void trickle(struct visit *v)
{
    if (!v->waited) visit_write(v, "HTTP/1.1 200 It\r\nX: ", 20);
    visit_write(v, "x", 1);
    visit_wait(v, 20);
}

static void endless(struct visit *v)
{
    static char block[65536];

    if (!v->waited) visit_write(v, "HTTP/1.1 200 It\r\n\r\n", 19);
    visit_write(v, block, sizeof block);
    visit_wait(v, 1);
}

static void say(struct visit *v, const char *text)
{
    visit_write(v, text, strlen(text));
    visit_hang_up(v);
}

static void respond(struct visit *v, void *ctx)
{
    unsigned long n = strtoul(strstr(v->head, " /") + 3, NULL, 10);

    (void)ctx;
    switch (strstr(v->head, " /")[2]) {
    case 'b': answer_bytes(v, 0, n); break;
    case 'h': answer_bytes(v, n, 1); break;
    case 't': trickle(v); break;
    case 'e': endless(v); break;
    case 'n': break; /* never */
    case 'u': visit_hang_up(v); break;
    case 'm': say(v, "HTTP/1.1 200 It\r\nContent-Length: 9\r\n\r\nhalf"); break;
    case 'g': say(v, "SSH-2.0-no\r\n"); break;
    case 'c': say(v, "HTTP/1.1 100 Go\r\nX: 1\r\n\r\nHTTP/1.1 201 It\r\nLocation: two\r\n"
                     "Location:  three \r\nContent-Length: 2\r\n\r\nok"); break;
    default: visit_answer(v, 200, NULL, "ok", 2);
    }
}

static int setup(void **state)
{
    static const char *const opened[] = {"127.0.0.1", NULL};

    (void)state;
    server = responder_open(NULL, 0, respond, NULL);
    assert_non_null(server);
    fetch_world_open(opened);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fetch_world_close();
    responder_close(server);
    return 0;
}

static void get(struct asked *a, const char *path)
{
    ask_host(a, "127.0.0.1", responder_port(server), path);
}

static char *url_of(const char *path)
{
    return xasprintf("http://127.0.0.1:%u/%s", responder_port(server), path);
}

static void gives(const char *path, size_t body_len, bool cut)
{
    struct asked a;

    get(&a, path);
    if (a.end != FETCH_ANSWERED) fail_msg("%s: %s", path, a.why);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, body_len);
    assert_int_equal(a.cut, cut);
    asked_free(&a);
}

static void fails(const char *path, const char *words)
{
    struct asked a;

    get(&a, path);
    assert_int_equal(a.end, FETCH_FAILED);
    if (!strstr(a.why, words)) fail_msg("%s: '%s', expected '%s'", path, a.why, words);
    asked_free(&a);
}

TEST(bodies_at_their_limit)
{
    gives("b0", 0, false);
    gives("b65536", 65536, false);
    gives("b65537", 65536, true);
    gives("b20000000", 65536, true);
    gives("e", 65536, true);
    turns_until(responder_connections(server) == 0); /* what was cut is hung up */
}

/* "HTTP/1.1 200 It\r\nContent-Length: 1\r\nX: ", the padding, "\r\n\r\n" */
TEST(heads_at_their_limit)
{
    char path[32];

    snprintf(path, sizeof path, "h%d", FETCH_HEAD_BYTES_MAX - 17 - 19 - 5 - 2);
    gives(path, 1, false);
    snprintf(path, sizeof path, "h%d", FETCH_HEAD_BYTES_MAX - 17 - 19 - 5 - 2 + 1);
    fails(path, "more than 32768 bytes of headers");
}

TEST(rude_servers)
{
    fails("u", "");
    fails("m", "");
    fails("g", "");
    gives("b3", 3, false);
}

TEST(nobody_listens)
{
    unsigned port = responder_port(server);
    struct asked a;

    responder_close(server);
    server = NULL;
    ask_host(&a, "127.0.0.1", port, "");
    assert_int_equal(a.end, FETCH_FAILED);
    assert_non_null(strstr(a.why, "connect"));
    asked_free(&a);
}

TEST(the_last_head_counts)
{
    struct asked a;

    get(&a, "c");
    assert_int_equal(a.status, 201);
    assert_string_equal(a.location, "three");
    asked_free(&a);
}

static void times_out(const char *path)
{
    struct asked a = {.ended = 0};
    char *url = url_of(path);
    uint64_t start_ms = clock_mono_ms(), took_ms;

    ask_start(&a, url, 300);
    turns_until(a.ended);
    took_ms = clock_mono_ms() - start_ms;
    assert_int_equal(a.end, FETCH_FAILED);
    assert_string_equal(a.why, "no answer in time");
    assert_true(took_ms >= 300 && took_ms < 5000);
    asked_free(&a);
    free(url);
    turns_until(responder_connections(server) == 0);
}

TEST(slow_servers)
{
    times_out("n");
    times_out("t");
}

TEST(stopped_at_once)
{
    struct asked a = {.ended = 0};
    char *url = url_of("n");

    ask_start(&a, url, 0);
    fetch_stop(&a.fetch); /* before it was sent */
    fetch_stop(&a.fetch);
    ask_start(&a, url, 200);
    turns_until(responder_connections(server) == 1);
    fetch_stop(&a.fetch);
    turns_until(responder_connections(server) == 0);
    for (int i = 0; i < 30; i++) fetch_world_turn(); /* past its deadline */
    assert_int_equal(a.ended, 0);
    free(url);
}

TEST(connections_are_kept)
{
    for (int i = 0; i < 20; i++) gives("b10", 10, false);
    assert_int_equal(responder_accepted(server), 1);
}

static struct asked many[MANY];
static char *many_url;
static unsigned many_ended;

/* The first half stops its neighbour in the second, and starts it anew. */
static void meddle(struct asked *a)
{
    size_t i = (size_t)(a - many);

    many_ended++;
    if (i >= MANY / 2 || many[i + MANY / 2].ended) return;
    fetch_stop(&many[i + MANY / 2].fetch);
    ask_start(&many[i + MANY / 2], many_url, 0);
}

TEST(many_that_meddle)
{
    many_url = url_of("b100");
    for (size_t i = 0; i < MANY; i++) {
        many[i].then = meddle;
        ask_start(&many[i], many_url, 0);
    }
    turns_until(many_ended == MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(many[i].ended, 1);
        assert_int_equal(many[i].body_len, 100);
        asked_free(&many[i]);
    }
    free(many_url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies_at_their_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_at_their_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(rude_servers, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_head_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_servers, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(many_that_meddle, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
