/* GET /v1/events on real sockets: Server-Sent Events, WebSocket, filters, what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/macros.h"
#include "base/memory.h"
#include "control/access/token_file.h"
#include "control/events/hub.h"
#include "tests/flow/api_world.h"

#define UPGRADE                                                               \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static size_t listeners(void)
{
    return hub_listeners(service_hub(world_service));
}

static struct visitor *follow(const char *target, const char *headers)
{
    struct visitor *v = visitor_open();
    char *text = xasprintf("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers);

    visitor_send(v, text, strlen(text));
    free(text);
    return v;
}

/* Did it come? Frames may hold a NUL where they are binary, so all of it is looked through. */
static bool got(struct visitor *v, const char *text)
{
    (void)visitor_is_open(v);
    return v->got.len && memmem(v->got.data, v->got.len, text, strlen(text));
}

static void enqueue(const char *queue, const char *body)
{
    char *target = xasprintf("/v1/queues/%s/jobs", queue);
    struct answer a = ask("POST", target, AUTH JSON, body);

    if (a.status != 201) fail_msg("%s: %u %s", target, a.status, a.body);
    free(target);
}

static void end(struct visitor *v)
{
    size_t before = listeners();

    visitor_close(v);
    eventually(listeners() == before - 1);
}

/* ---- both forms ------------------------------------------------------------------------------ */

TEST(events_come_as_server_sent_events)
{
    struct visitor *v = follow("/v1/events", "Accept: text/event-stream\r\n");

    eventually(got(v, "\"type\":\"server\""));
    assert_true(got(v, "HTTP/1.1 200 "));
    assert_true(got(v, "Content-Type: text/event-stream\r\n"));
    assert_true(got(v, "Cache-Control: no-store\r\n"));
    assert_true(got(v, "retry: 1000\n\n"));
    assert_true(got(v, "\nid: ") && got(v, "\ndata: {\"id\":\""));
    enqueue("default", "{\"kind\":\"wc\",\"payload\":\"a\",\"id\":\"sse\"}");
    eventually(got(v, "\"job\":\"default:sse\",\"state\":\"done\""));
    assert_false(got(v, "\"kind\""));
    end(v);
}

TEST(events_come_over_a_websocket)
{
    struct visitor *v = follow("/v1/events?with=kind", UPGRADE);

    eventually(got(v, "\"type\":\"server\""));
    assert_true(got(v, "HTTP/1.1 101 "));
    assert_false(got(v, "data: "));
    enqueue("default", "{\"kind\":\"wc\",\"payload\":\"a\",\"id\":\"ws\"}");
    eventually(got(v, "\"job\":\"default:ws\",\"state\":\"done\",\"kind\":\"wc\""));
    end(v);
}

TEST(head_tells_of_the_stream_and_ends)
{
    struct answer a = ask("HEAD", "/v1/events", NULL, NULL);

    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "text/event-stream"));
    assert_int_equal(ask("GET", "/v1/health", NULL, NULL).status, 200);
    eventually(listeners() == 0);
}

TEST(a_page_of_somebody_else_hears_nothing)
{
    struct visitor *v = follow("/v1/events", UPGRADE "Origin: http://evil.example\r\n");

    eventually(got(v, "HTTP/1.1 403 "));
    eventually(listeners() == 0);
    visitor_close(v);
}

/* ---- filters --------------------------------------------------------------------------------- */

TEST(a_filter_may_name_several)
{
    struct visitor *v =
        follow("/v1/events?queue=one%2Ctwo&queue=default&type=job&kind=w%2A&kind=wc", "");

    eventually(got(v, "HTTP/1.1 400 ")); /* w* is no pattern */
    visitor_close(v);
    v = follow("/v1/events?queue=one%2Ctwo&queue=default&type=job&kind=wc&kind=user.%2A&frames=1",
               "");
    eventually(got(v, "retry"));
    eventually(got(v, "\"id\":"));
    enqueue("default", "[{\"kind\":\"nobody\",\"id\":\"not1\"},{\"kind\":\"wc\",\"id\":\"yes1\"}]");
    enqueue("three", "{\"kind\":\"wc\",\"id\":\"not2\"}");
    eventually(got(v, "default:yes1"));
    assert_false(got(v, "not1") || got(v, "not2") || got(v, "\"type\":\"queue\""));
    end(v);
}

TEST(what_is_no_filter_is_refused)
{
    static const struct {
        const char *query, *says;
    } rows[] = {
        {"queues=x",              "?queues= is unknown: expected queue, kind, type, with"},
        {"queue=",                "expected 1 to 64 of"                                  },
        {"queue=a+b",             "expected 1 to 64 of"                                  },
        {"queue=a&queue=%ff",     "queue"                                                },
        {"kind=a%2A",             "star"                                                 },
        {"type=jobs",             "expected job, progress"                               },
        {"with=payload",          "expected kind"                                        },
        {"frames=0",              "expected a whole number from 1 to 10"                 },
        {"frames=11",             "expected a whole number from 1 to 10"                 },
        {"frames=x",              "expected a whole number from 1 to 10"                 },
        {"last_event_id=a&last_event_id=b", "last_event_id"                              },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        char *target = xasprintf("/v1/events?%s", rows[i].query);
        struct answer a = ask("GET", target, NULL, NULL);
        if (a.status != 400 || !strstr(a.body, rows[i].says))
            fail_msg("%s: %u %s, expected: %s", target, a.status, a.body, rows[i].says);
        free(target);
    }
    assert_int_equal(listeners(), 0);
}

static enum pinion_err add_token(struct token_set *set, void *ctx, struct error *why)
{
    struct token t = {.name = "mailer", .queues = "mail", .roles = ROLE_BIT(ROLE_READ)};

    (void)ctx;
    t.made_ms = 1;
    token_hash(span_of("pinion_mailer"), t.hash);
    return token_set_add(set, &t, why);
}

#define MAILER "Authorization: Bearer pinion_mailer\r\n"

TEST(a_token_for_some_queues_hears_of_no_other)
{
    struct visitor *v;
    struct error why;

    if (token_file_edit(world_state_dir(), add_token, NULL, &why)) fail_msg("%s", why.text);
    eventually(ask("GET", "/v1/health", MAILER, NULL).status == 200);
    assert_int_equal(ask("GET", "/v1/events?queue=mail,default", MAILER, NULL).status, 403);
    enqueue("mail.eu", "{\"kind\":\"nobody\"}");
    v = follow("/v1/events", MAILER);
    eventually(got(v, "\"queue\":\"mail.eu\""));
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"secret\"}");
    enqueue("mail.eu", "{\"kind\":\"nobody\",\"id\":\"mine\"}");
    eventually(got(v, "mail.eu:mine"));
    assert_false(got(v, "secret") || got(v, "\"type\":\"server\"") || got(v, "\"default\""));
    end(v);
}

/* ---- coming back ----------------------------------------------------------------------------- */

/* The last `id: ` line that came. */
static void last_id(struct visitor *v, char out[64])
{
    char *at = v->got.data, *next;

    while ((next = strstr(at, "\nid: "))) at = next + 5;
    snprintf(out, 64, "%.*s", (int)strcspn(at, "\n"), at);
}

TEST(a_client_that_comes_back_goes_on)
{
    struct visitor *stays = follow("/v1/events?type=job", ""), *v = follow("/v1/events", "");
    char id[64], *header, *target;

    eventually(got(stays, "\nid: ") && got(v, "\nid: "));
    last_id(v, id);
    end(v);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"away\"}");
    eventually(got(stays, "default:away"));
    header = xasprintf("Last-Event-ID: %s\r\n", id);
    v = follow("/v1/events", header);
    eventually(got(v, "default:away"));
    assert_false(got(v, "missed"));
    end(v);
    target = xasprintf("/v1/events?type=job&last_event_id=%s", id);
    v = follow(target, UPGRADE);
    eventually(got(v, "default:away"));
    end(v);
    v = follow("/v1/events", "Last-Event-ID: 00000000-7\r\n");
    eventually(got(v, "\"type\":\"missed\"") && got(v, "\"why\":\"late\""));
    end(v);
    end(stays);
    free(target);
    free(header);
}

/* He takes nothing: the service goes on for all others, and he is told when he reads again. */
TEST(a_slow_reader_harms_nobody_and_is_told)
{
    struct visitor *quick, *slow = visitor_open();
    static const char get[] = "GET /v1/events?type=job HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct buffer many = BUFFER_INIT;
    int small = 32768;

    setsockopt(slow->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    visitor_send(slow, get, sizeof get - 1);
    quick = follow("/v1/events?type=job", "");
    eventually(got(quick, "\nid: "));
    for (unsigned i = 0; i < 500; i++)
        buffer_printf(&many, "%s{\"kind\":\"nobody\",\"in_ms\":3600000}", i ? "," : "[");
    buffer_add_text(&many, "]");
    for (unsigned i = 0; i < 16; i++) { /* frames of 70 kB, and room for 256 and some */
        buffer_clear(&quick->got);
        enqueue("default", many.data);
        eventually(got(quick, "scheduled"));
    }
    eventually((enqueue("behind", "{\"kind\":\"nobody\"}"), got(quick, "\"job\":\"behind:")));
    eventually((enqueue("behind", "{\"kind\":\"nobody\"}"), got(slow, "\"why\":\"slow\"")));
    end(quick);
    end(slow);
    buffer_deinit(&many);
}

TEST(streams_end_when_the_service_stops)
{
    struct visitor *v = follow("/v1/events", ""), *w = follow("/v1/events", UPGRADE);

    eventually(got(v, "\nid: ") && got(w, "\"id\""));
    service_stop(world_service);
    eventually(!visitor_is_open(v) && !visitor_is_open(w));
    assert_true(got(v, "\r\n0\r\n\r\n"));
    visitor_close(v);
    visitor_close(w);
    eventually(service_stopped(world_service));
    assert_int_equal(listeners(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_as_server_sent_events),
        cmocka_unit_test(events_come_over_a_websocket),
        cmocka_unit_test(head_tells_of_the_stream_and_ends),
        cmocka_unit_test(a_page_of_somebody_else_hears_nothing),
        cmocka_unit_test(a_filter_may_name_several),
        cmocka_unit_test(what_is_no_filter_is_refused),
        cmocka_unit_test(a_token_for_some_queues_hears_of_no_other),
        cmocka_unit_test(a_client_that_comes_back_goes_on),
        cmocka_unit_test(a_slow_reader_harms_nobody_and_is_told),
        cmocka_unit_test(streams_end_when_the_service_stops),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
