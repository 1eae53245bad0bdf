/* What stands between the API and strangers: pages of other sites, proxies, wrong tokens; the
 * headers of every reply, and the ids of requests. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/macros.h"
#include "control/access/strikes.h"
#include "control/http/listen.h"
#include "tests/flow/api_world.h"

#define PAUSE "POST", "/v1/queues/mail/pause"
#define HELLO "GET", "/v1/health"
#define WRONG_BEFORE 2 /* tokens that earlier tests show */
#define SOCKET_HEADERS "Connection: Upgrade\r\nUpgrade: websocket\r\n"

struct row {
    const char *method, *target, *headers;
    unsigned status;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool change = strcmp(rows[i].method, "POST") == 0;
        struct answer a =
            ask(rows[i].method, rows[i].target, rows[i].headers, change ? "" : NULL);
        if (a.status != rows[i].status)
            fail_msg("row %zu: %u, expected %u: %s", i, a.status, rows[i].status, a.body);
    }
}

/* Every request of these tests says Host: localhost. */
TEST(a_page_of_another_site_changes_nothing)
{
    static const struct row rows[] = {
        {PAUSE, AUTH, 200},
        {PAUSE, AUTH "Origin: http://localhost\r\n", 200},
        {PAUSE, AUTH "Origin: https://LocalHost\r\n", 200},
        {PAUSE, AUTH "Sec-Fetch-Site: same-origin\r\nOrigin: https://front.example\r\n", 200},
        {PAUSE, AUTH "Sec-Fetch-Site: none\r\n", 200},
        {PAUSE, AUTH "Origin: http://evil.example\r\n", 403},
        {PAUSE, AUTH "Origin: http://localhost:81\r\n", 403},
        {PAUSE, AUTH "Origin: http://localhost.evil.example\r\n", 403},
        {PAUSE, AUTH "Origin: null\r\n", 403},
        {PAUSE, AUTH "Origin: \r\n", 403},
        {PAUSE, AUTH "Sec-Fetch-Site: cross-site\r\n", 403},
        {PAUSE, AUTH "Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n", 403},
        {PAUSE, "Origin: http://evil.example\r\n", 403},
        /* Without CORS nobody of another site can read what a plain GET gives. */
        {HELLO, "Sec-Fetch-Site: cross-site\r\nOrigin: http://evil.example\r\n", 200},
        {HELLO, SOCKET_HEADERS "Origin: http://evil.example\r\n", 403},
        {HELLO, SOCKET_HEADERS "Origin: http://localhost\r\n", 200},
    };

    check_rows(rows, countof(rows));
    assert_null(strstr(ask(HELLO, "Origin: http://evil.example\r\n", NULL).head,
                       "Access-Control-Allow-Origin"));
}

TEST(a_second_token_is_none)
{
    static const struct row rows[] = {
        {PAUSE, AUTH "Authorization: Bearer other\r\n", 401},
        {PAUSE, "Authorization: Bearer other\r\n" AUTH, 401},
        {PAUSE, "X-Authorization: Bearer other\r\n" AUTH "X-Authorization: Bearer other\r\n", 200},
    };

    check_rows(rows, countof(rows));
}

TEST(what_a_proxy_passes_on_is_not_local)
{
    static const struct row rows[] = {
        {HELLO, NULL, 200},
        {HELLO, "X-Forwarded-For: 192.0.2.7\r\n", 401},
        {HELLO, "Forwarded: for=192.0.2.7\r\n", 401},
        {HELLO, "X-Real-IP: 192.0.2.7\r\n", 401},
        {HELLO, "Via: 1.1 front\r\n", 401},
        {HELLO, AUTH "X-Forwarded-For: 192.0.2.7\r\n", 200},
        {"GET", "/healthz", "X-Forwarded-For: 192.0.2.7\r\n", 200},
    };

    check_rows(rows, countof(rows));
}

TEST(every_reply_is_guarded)
{
    static const struct row rows[] = {
        {"GET", "/healthz", NULL, 200},       {"GET", "/metrics", NULL, 200},
        {"GET", "/v1/nothing", NULL, 404},    {"GET", "/v1/queues/a%2fb", NULL, 400},
        {PAUSE, NULL, 401},                   {PAUSE, AUTH, 200},
        {"POST", "/v1/health", NULL, 405},    {"HEAD", "/v1/queues", NULL, 200},
        {HELLO, "Host: evil.example\r\n", 400}, /* the second Host */
    };
    static const char *const headers[] = {
        "\r\nX-Content-Type-Options: nosniff\r\n", "\r\nX-Frame-Options: DENY\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n", "\r\nCache-Control: no-store\r\n",
        "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
    };

    for (size_t i = 0; i < countof(rows); i++) {
        bool change = strcmp(rows[i].method, "POST") == 0;
        struct answer a =
            ask(rows[i].method, rows[i].target, rows[i].headers, change ? "" : NULL);
        assert_int_equal(a.status, rows[i].status);
        for (size_t k = 0; k < countof(headers); k++)
            if (!strstr(a.head, headers[k])) fail_msg("row %zu: no %s", i, headers[k]);
    }
}

static void id_of(const char *headers, char out[100])
{
    struct answer a = ask("GET", "/healthz", headers, NULL);
    const char *at = strstr(a.head, "\r\nX-Request-Id: ");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "\r\nX-Request-Id: %99[^\r]", out), 1);
}

TEST(a_request_has_an_id)
{
    char one[100], two[100], most[65], headers[200];

    id_of(NULL, one);
    id_of(NULL, two);
    assert_int_equal(strlen(one), 15);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, two, 9);
    id_of("X-Request-Id: mine.7\r\n", one);
    assert_string_equal(one, "mine.7");
    id_of("X-Request-Id: not mine\r\n", one);
    assert_memory_equal(one, two, 9);
    memset(most, 'a', 64);
    most[64] = '\0';
    snprintf(headers, sizeof headers, "X-Request-Id: %s\r\n", most);
    id_of(headers, one);
    assert_string_equal(one, most);
    snprintf(headers, sizeof headers, "X-Request-Id: %sa\r\n", most);
    id_of(headers, one);
    assert_memory_equal(one, two, 9);
}

TEST(addresses_of_this_machine)
{
    static const char *const here[] = {"127.0.0.1:0", "127.255.0.1:80", "localhost:0",
                                       "[::1]:0",     "unix:/tmp/x",    "fd:999999"};
    static const char *const elsewhere[] = {"0.0.0.0:0", "128.0.0.1:0",  "10.0.0.1:80",
                                            "[::]:0",    "[fe80::1]:0", "[2001:db8::1]:80"};
    struct sockaddr_in any = {.sin_family = AF_INET};
    char text[16];

    for (size_t i = 0; i < countof(here); i++) assert_true(http_listen_is_local(here[i]));
    for (size_t i = 0; i < countof(elsewhere); i++)
        assert_false(http_listen_is_local(elsewhere[i]));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    snprintf(text, sizeof text, "fd:%d", fd);
    assert_false(http_listen_is_local(text)); /* whatever it is named by */
    close(fd);
}

/* The last test: it spends what this address may get wrong. */
TEST(wrong_tokens_are_bounded_and_right_ones_are_not)
{
    unsigned unknown = 0, tries = 0;
    struct answer a;

    do {
        a = ask("GET", "/v1/health", "Authorization: Bearer wrong\r\n", NULL);
        unknown += a.status == 401;
        assert_true(++tries < 200);
    } while (a.status == 401);
    assert_in_range(unknown, STRIKES_AT_ONCE - WRONG_BEFORE, 199);
    assert_int_equal(a.status, 429);
    assert_non_null(strstr(a.body, "too many wrong tokens"));
    assert_non_null(strstr(a.head, "\r\nRetry-After: "));
    assert_int_equal(ask("GET", "/v1/health", AUTH, NULL).status, 200);
    assert_int_equal(ask("GET", "/v1/health", NULL, NULL).status, 200);
    char counted[80];
    snprintf(counted, sizeof counted, "\npinion_http_wrong_tokens_total %u\n",
             tries + WRONG_BEFORE);
    assert_non_null(strstr(ask("GET", "/metrics", NULL, NULL).body, counted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_another_site_changes_nothing),
        cmocka_unit_test(a_second_token_is_none),
        cmocka_unit_test(what_a_proxy_passes_on_is_not_local),
        cmocka_unit_test(every_reply_is_guarded),
        cmocka_unit_test(a_request_has_an_id),
        cmocka_unit_test(addresses_of_this_machine),
        cmocka_unit_test(wrong_tokens_are_bounded_and_right_ones_are_not),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
