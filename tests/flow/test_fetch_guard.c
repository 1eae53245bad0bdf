/* test_fetch_guard.c — no connection to a forbidden address, however a URL or a name comes to it: a
 * trap listens there, and must not see one. */
#include "tests/flow/fetch_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/scratch.h"
#include "tests/support/responder.h"

static struct responder *trap, *trap6, *good;
static bool closes;
static char hints[512]; /* headers of each answer */
static unsigned with_credentials;

static void answer_trap(struct visit *v, void *ctx)
{
    (void)ctx;
    visit_answer(v, 200, NULL, "trapped", 7);
}

/* Where it leads is in its target: "GET /http://... HTTP/1.1". */
static void answer_good(struct visit *v, void *ctx)
{
    const char *target = strstr(v->head, " /") + 2;
    char *location;

    (void)ctx;
    if (visit_header(v, "Authorization").data || visit_header(v, "Cookie").data) with_credentials++;
    if (!strstr(v->head, " /http")) {
        visit_answer(v, 200, closes ? "Connection: close\r\n" : hints, "good", 4);
        if (closes) visit_hang_up(v);
        return;
    }
    location = xasprintf("Location: %.*s\r\n", (int)strcspn(target, " "), target);
    visit_answer(v, 302, location, NULL, 0);
    free(location);
}

/* The trap is on each IPv4 address of this machine, and on ::1 where there is one. */
static int setup(void **state)
{
    static const char *const opened[] = {"127.0.0.2", NULL};

    (void)state;
    closes = false;
    hints[0] = '\0';
    with_credentials = 0;
    trap = responder_open("0.0.0.0", 0, answer_trap, NULL);
    assert_non_null(trap);
    trap6 = responder_open("::1", responder_port(trap), answer_trap, NULL);
    good = responder_open("127.0.0.2", 0, answer_good, NULL);
    assert_non_null(good);
    fetch_world_open(opened);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fetch_world_close();
    responder_close(trap);
    responder_close(trap6);
    responder_close(good);
    return 0;
}

static void nobody_was_trapped(void)
{
    assert_int_equal(responder_accepted(trap), 0);
    if (trap6) assert_int_equal(responder_accepted(trap6), 0);
}

static const char *const forbidden[] = {
    "127.0.0.1", "127.0.0.3", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001",
    "0x7F.0.0.1", "0x7f.1", "017700000001", "0177.0.0.1", "0177.1", "0000177.0.0.01",
    "127.0.0.0x1", "127.0x1", "127.65537", "0", "0.0.0.0", "0x0", "00", "0.0", "10.0.0.1",
    "10.1", "0xa000001", "167772161", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.257",
    "3232235521", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "198.18.0.1", "192.0.0.1", "192.0.2.1",
    "192.88.99.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:127.0.0.2]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:0:7f00:1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[100::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[2001:db8::1]", "[3fff::1]", "[4000::1]", "[ff0e::1]",
    "localhost", "LocalHost", "LOCALHOST", "any.localhost", "[::1%25lo]", "[fe80::1%25lo]",
    "[fe80::1%251]", "[::ffff:0.0.0.0]", "[64:ff9b:1::7f00:1]", "[5f00::1]",
};

TEST(spellings)
{
    struct asked a;

    assert_true(countof(forbidden) >= 60);
    for (size_t i = 0; i < countof(forbidden); i++) {
        ask_host(&a, forbidden[i], responder_port(trap), "");
        if (a.end != FETCH_FORBIDDEN)
            fail_msg("%s ended as %d, status %u: %s", forbidden[i], a.end, a.status,
                     a.why ? a.why : "");
        assert_non_null(strstr(a.why, "is forbidden ("));
        asked_free(&a);
    }
    nobody_was_trapped();
}

TEST(the_trap_works)
{
    static const char *const opened[] = {"127.0.0.0/8", "::1", NULL};
    struct asked a;

    fetch_world_close();
    fetch_world_open(opened);
    ask_host(&a, "127.0.0.1", responder_port(trap), "");
    assert_string_equal(a.body, "trapped");
    asked_free(&a);
    assert_int_equal(responder_accepted(trap), 1);
    if (!trap6) return;
    ask_host(&a, "[::1]", responder_port(trap), "");
    assert_string_equal(a.body, "trapped");
    asked_free(&a);
    assert_int_equal(responder_accepted(trap6), 1);
}

static void pin(const char *name, unsigned port, const char *addresses)
{
    char *text = xasprintf("%s:%u:%s", name, port, addresses);

    fetcher_pin(fetcher, text);
    free(text);
}

/* A name that leads to somebody else at its second look. */
TEST(a_name_that_moves)
{
    unsigned port = responder_port(good);
    struct responder *moved = responder_open("127.0.0.1", port, answer_trap, NULL);
    struct asked a;

    assert_non_null(moved);
    closes = true;
    pin("rebind.test", port, "127.0.0.2");
    ask_host(&a, "rebind.test", port, "");
    assert_string_equal(a.body, "good");
    asked_free(&a);
    pin("rebind.test", port, "127.0.0.1");
    ask_host(&a, "rebind.test", port, "");
    assert_int_equal(a.end, FETCH_FORBIDDEN);
    assert_string_equal(a.why, "the address 127.0.0.1 is forbidden (loopback)");
    asked_free(&a);
    assert_int_equal(responder_accepted(moved), 0);
    responder_close(moved);
}

/* A name with an address that may be reached, but does not answer, and one that may not be. */
TEST(a_name_with_two_addresses)
{
    unsigned port = responder_port(trap);
    static const char *const opened[] = {"127.0.0.2", "127.0.0.4", NULL};
    struct asked a;

    fetch_world_close();
    fetch_world_open(opened);
    responder_close(trap); /* so that nobody listens on 127.0.0.4 */
    trap = responder_open("127.0.0.1", port, answer_trap, NULL);
    assert_non_null(trap);
    pin("both.test", port, "127.0.0.4,127.0.0.1,[::1],[::ffff:127.0.0.1]");
    ask_host(&a, "both.test", port, "");
    assert_int_not_equal(a.end, FETCH_ANSWERED);
    asked_free(&a);
    nobody_was_trapped();
}

TEST(redirects_are_not_followed)
{
    char *path = xasprintf("http://127.0.0.1:%u/", responder_port(trap));
    struct asked a;

    ask_host(&a, "127.0.0.2", responder_port(good), path);
    assert_int_equal(a.end, FETCH_ANSWERED);
    assert_int_equal(a.status, 302);
    assert_string_equal(a.location, path);
    asked_free(&a);
    free(path);
    nobody_was_trapped();
}

TEST(proxies_of_the_environment_are_not_used)
{
    static const char *const names[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                        "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
    char *tls = xasprintf("https://127.0.0.2:%u/", responder_port(good));
    char *proxy = xasprintf("http://127.0.0.1:%u/", responder_port(trap));
    struct asked a;

    for (size_t i = 0; i < countof(names); i++) setenv(names[i], proxy, 1);
    ask_host(&a, "127.0.0.2", responder_port(good), "");
    assert_string_equal(a.body, "good");
    asked_free(&a);
    ask_url(&a, tls); /* who speaks no TLS */
    assert_int_equal(a.end, FETCH_FAILED);
    asked_free(&a);
    for (size_t i = 0; i < countof(names); i++) unsetenv(names[i]);
    free(proxy);
    free(tls);
    nobody_was_trapped();
}

/* Whatever an answer names as a better place, and whatever it gives to be brought along. */
TEST(an_answer_leads_nowhere_else)
{
    unsigned port = responder_port(trap);
    struct asked a;

    snprintf(hints, sizeof hints,
             "Alt-Svc: http/1.1=\"127.0.0.1:%u\"; ma=86400; persist=1\r\n"
             "Refresh: 0; url=http://127.0.0.1:%u/\r\nContent-Location: http://127.0.0.1:%u/\r\n"
             "Link: <http://127.0.0.1:%u/>; rel=preload\r\nUpgrade: h2c\r\n"
             "Strict-Transport-Security: max-age=86400\r\nSet-Cookie: a=b; Path=/\r\n",
             port, port, port, port);
    for (unsigned i = 0; i < 3; i++) {
        ask_host(&a, "127.0.0.2", responder_port(good), "");
        assert_string_equal(a.body, "good");
        asked_free(&a);
    }
    assert_int_equal(with_credentials, 0);
    nobody_was_trapped();
}

TEST(what_lies_in_the_home_folder_is_not_read)
{
    char home[SCRATCH_MAX], *path, *old = xstrdup(getenv("HOME"));
    struct asked a;
    FILE *file;

    assert_true(scratch_make(home));
    path = xasprintf("%s/.netrc", home);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("default login me password hidden\n", file);
    fclose(file);
    setenv("HOME", home, 1);
    ask_host(&a, "127.0.0.2", responder_port(good), "");
    assert_string_equal(a.body, "good");
    asked_free(&a);
    assert_int_equal(with_credentials, 0);
    if (old) setenv("HOME", old, 1);
    else unsetenv("HOME");
    free(old);
    free(path);
    assert_int_equal(scratch_remove(home), 0);
}

TEST(other_schemes)
{
    static const char *const urls[] = {
        "file:///etc/passwd", "ftp://127.0.0.2/",    "dict://127.0.0.2/",
        "gopher://127.0.0.2/", "telnet://127.0.0.2/",
    };
    struct asked a;

    for (size_t i = 0; i < countof(urls); i++) {
        ask_url(&a, urls[i]);
        assert_int_equal(a.end, FETCH_FAILED);
        asked_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spellings, setup, teardown),
        cmocka_unit_test_setup_teardown(the_trap_works, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_with_two_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(proxies_of_the_environment_are_not_used, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_leads_nowhere_else, setup, teardown),
        cmocka_unit_test_setup_teardown(what_lies_in_the_home_folder_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(other_schemes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
