/* Every route of the table, asked by everybody: no token, a wrong one, a revoked one, an expired
 * one, and one of each role, for the queue, for another one and for all.
 *
 * What is expected follows from two things alone: the role that the row names, and how its path
 * and SHOWS_ALL say which queues it is about. A new row is asked like all others. Good paths with
 * bad bodies are sent, so that whoever is let in changes nothing: any answer but 401 and 403 is
 * that of somebody who was let in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/macros.h"
#include "control/access/token_file.h"
#include "control/api/api.h"
#include "control/api/auth.h"
#include "tests/flow/api_world.h"

/* Rows without {queue} and {id} that a token for some queues may not use: they tell of all. */
static const char *const shows_all[] = {
    "/metrics", "/v1/servers/{name}/quiet", "/v1/servers/{name}/resume", "/v1/servers/{name}/stop",
};

enum which { ALL_QUEUES, OWN_QUEUES, OTHER_QUEUES, WHICHES };

static bool required; /* a token, also for reading */

static const char *const prefixes[WHICHES] = {"", "mail", "post"};

struct caller {
    const char *header; /* NULL: none */
    unsigned roles;     /* 0: nobody */
    enum which which;
};

static void secret_of(char *out, size_t size, const char *name)
{
    snprintf(out, size, "pinion_%s", name);
}

static enum pinion_err add(struct token_set *set, void *ctx, struct error *why)
{
    struct token t = *(struct token *)ctx;
    char secret[100];

    secret_of(secret, sizeof secret, t.name);
    token_hash(span_of(secret), t.hash);
    t.made_ms = 1;
    return token_set_add(set, &t, why);
}

static enum pinion_err revoke(struct token_set *set, void *ctx, struct error *why)
{
    (void)why;
    return token_set_remove(set, ctx) ? PINION_OK : PINION_NOT_FOUND;
}

static void make(const char *name, unsigned roles, const char *queues, int64_t expires_ms)
{
    struct token t = {.roles = roles, .expires_ms = expires_ms};
    struct error why;

    snprintf(t.name, sizeof t.name, "%s", name);
    snprintf(t.queues, sizeof t.queues, "%s", queues);
    if (token_file_edit(world_state_dir(), add, &t, &why)) fail_msg("%s", why.text);
}

static unsigned status_with(const char *secret, const char *method, const char *path)
{
    char header[200];

    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", secret);
    return ask(method, path, header, NULL).status;
}

static void make_all(void)
{
    char name[64];
    struct error why;

    for (unsigned role = ROLE_READ; role < ROLES; role++) {
        for (unsigned w = 0; w < WHICHES; w++) {
            snprintf(name, sizeof name, "%s-%u", role_name((enum role)role), w);
            make(name, ROLE_BIT(role), prefixes[w], 0);
        }
    }
    make("both", ROLE_BIT(ROLE_ENQUEUE) | ROLE_BIT(ROLE_WORK), "", 0);
    make("expired", ROLE_BIT(ROLE_ADMIN), "", clock_wall_ms() - 1);
    make("revoked", ROLE_BIT(ROLE_ADMIN), "", 0);
    eventually(status_with("pinion_revoked", "GET", "/v1/health") == 200);
    assert_int_equal(token_file_edit(world_state_dir(), revoke, (char[]){"revoked"}, &why), 0);
    eventually(status_with("pinion_revoked", "GET", "/v1/health") == 401);
}

/* ---- what is expected ------------------------------------------------------------------------ */

static bool tells_of_all(const struct route *row)
{
    for (size_t i = 0; i < countof(shows_all); i++)
        if (strcmp(shows_all[i], row->pattern) == 0) return true;
    return false;
}

static bool is_about_a_queue(const struct route *row)
{
    return strstr(row->pattern, "{queue}") || strstr(row->pattern, "{id}");
}

/* 0: let in */
static unsigned expected(const struct route *row, const struct caller *c)
{
    enum role need = API_ROLE(row->need);
    bool reads = need == ROLE_READ;

    if (need == ROLE_NONE) return 0;
    if (!c->roles) return c->header || required || !reads || (row->need & API_CONTENT) ? 401 : 0;
    if (!reads && !(c->roles & (ROLE_BIT(need) | ROLE_BIT(ROLE_ADMIN)))) return 403;
    if (c->which == ALL_QUEUES) return 0;
    if (is_about_a_queue(row)) return c->which == OWN_QUEUES ? 0 : 403;
    return tells_of_all(row) ? 403 : 0;
}

/* The pattern with its names filled: queue mail, or a job of it. */
static const char *path_of(const struct route *row, char out[200])
{
    size_t len = 0;

    for (const char *at = row->pattern; *at;) {
        const char *value = strncmp(at, "{queue}", 7) == 0 ? "mail"
                            : strncmp(at, "{id}", 4) == 0  ? "mail:x"
                                                           : "nobody";
        if (*at == '{') {
            len += (size_t)snprintf(out + len, 200 - len, "%s", value);
            at = strchr(at, '}') + 1;
        } else {
            out[len++] = *at++;
        }
    }
    out[len] = '\0';
    /* Let in, it would not end. */
    if (strcmp(row->pattern, "/v1/events") == 0) snprintf(out + len, 200 - len, "?frames=0");
    return out;
}

static void check_row(const struct route *row, const struct caller *c, const char *who)
{
    bool get = strcmp(row->method, "GET") == 0;
    char path[200];
    struct answer a = ask(row->method, path_of(row, path), c->header, get ? NULL : "bad");
    unsigned want = expected(row, c);
    bool in = a.status != 401 && a.status != 403 && a.status != 429;

    if (a.status == 429 && c->header && !c->roles) a.status = 401; /* its share of wrong tokens */
    if (want ? a.status != want : !in)
        fail_msg("%s %s by %s: %u, expected %u: %s", row->method, path, who, a.status, want,
                 a.body);
}

static void check_caller(const struct caller *c, const char *who)
{
    size_t count;
    const struct route *rows = api_routes(&count);

    assert_true(count >= 50);
    for (size_t i = 0; i < count; i++) check_row(&rows[i], c, who);
}

TEST(every_route_for_every_caller)
{
    static const char *const strangers[] = {"pinion_wrong", "pinion_revoked", "pinion_expired"};
    char header[200], name[64];
    struct caller c = {NULL, 0, ALL_QUEUES};

    make_all();
    check_caller(&c, "nobody");
    for (size_t i = 0; i < countof(strangers); i++) {
        snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", strangers[i]);
        check_caller(&(struct caller){header, 0, ALL_QUEUES}, strangers[i]);
    }
    for (unsigned role = ROLE_READ; role < ROLES; role++) {
        for (unsigned w = 0; w < WHICHES; w++) {
            snprintf(name, sizeof name, "%s-%u", role_name((enum role)role), w);
            snprintf(header, sizeof header, "Authorization: Bearer pinion_%s\r\n", name);
            check_caller(&(struct caller){header, ROLE_BIT(role), (enum which)w}, name);
        }
    }
    check_caller(&(struct caller){"Authorization: bearer pinion_both\r\n",
                                  ROLE_BIT(ROLE_ENQUEUE) | ROLE_BIT(ROLE_WORK), ALL_QUEUES},
                 "both");
    check_caller(&(struct caller){AUTH, ROLE_BIT(ROLE_ADMIN), ALL_QUEUES}, "owner");
}

/* ---- what a listing shows -------------------------------------------------------------------- */

#define MAIL "Authorization: Bearer pinion_admin-1\r\n" /* only queues that begin with mail */
#define READ "Authorization: Bearer pinion_read-1\r\n"

static size_t items_of(const char *target, const char *headers)
{
    json_t *list = ask_json(200, "GET", target, headers, NULL);
    size_t count = json_array_size(json_object_get(list, "items"));

    json_decref(list);
    return count;
}

static void put(const char *target, const char *headers, const char *body, unsigned status)
{
    bool makes = strstr(body, "every_ms"); /* a schedule */
    struct answer a = ask(makes ? "PUT" : "POST", target, headers, body);

    if (a.status != status) fail_msg("%s %s: %u: %s", target, body, a.status, a.body);
}

TEST(listings_show_what_the_token_is_for)
{
    json_t *stats;

    put("/v1/queues/mail/jobs", MAIL JSON, "{\"kind\":\"a\",\"id\":\"m\"}", 201);
    put("/v1/queues/mail.eu/jobs", MAIL JSON, "[{\"kind\":\"a\"},{\"kind\":\"a\"}]", 201);
    put("/v1/queues/other/jobs", AUTH JSON, "{\"kind\":\"a\",\"id\":\"o\"}", 201);
    assert_true(items_of("/v1/queues", AUTH) >= 3);
    assert_int_equal(items_of("/v1/queues", READ), 2);
    assert_int_equal(items_of("/v1/jobs", AUTH), 4);
    assert_int_equal(items_of("/v1/jobs", READ), 3);
    assert_int_equal(ask("GET", "/v1/jobs?queue=other", READ, NULL).status, 403);
    stats = ask_json(200, "GET", "/v1/stats", READ, NULL);
    assert_int_equal(number_at(stats, "queues"), 2);
    assert_int_equal(number_at(stats, "counts.ready"), 3);
    json_decref(stats);
    assert_null(strstr(ask("GET", "/v1/servers", READ, NULL).body, "\"default\""));
    assert_non_null(strstr(ask("GET", "/v1/servers", AUTH, NULL).body, "\"default\""));
    /* A page ends where the last queue that it may show does. */
    json_t *list = ask_json(200, "GET", "/v1/queues?limit=2", READ, NULL);
    assert_true(json_is_null(json_object_get(list, "next")));
    json_decref(list);
    list = ask_json(200, "GET", "/v1/queues?limit=1", READ, NULL);
    assert_string_equal(text_at(list, "next"), "mail");
    json_decref(list);
    /* Jobs that it would wait for. */
    put("/v1/queues/mail/jobs", MAIL JSON, "{\"kind\":\"a\",\"after\":[\"other:o\"]}", 403);
    put("/v1/queues/mail/jobs", MAIL JSON, "{\"kind\":\"a\",\"after\":[\"mail:m\"]}", 201);
    put("/v1/queues/mail/jobs", AUTH JSON, "{\"kind\":\"a\",\"after\":[\"other:o\"]}", 201);
}

TEST(schedules_belong_to_their_queues)
{
    static const char *const verbs[] = {"pause", "resume", "run"};
    char path[80];

    put("/v1/schedules/m", MAIL JSON, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"mail\"}",
        201);
    put("/v1/schedules/o", MAIL JSON, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"other\"}",
        403);
    put("/v1/schedules/o", MAIL JSON, "{\"every_ms\":3600000,\"kind\":\"a\"}", 403);
    put("/v1/schedules/o", AUTH JSON, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"other\"}",
        201);
    put("/v1/schedules/o", MAIL JSON, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"mail\"}",
        403);
    assert_int_equal(items_of("/v1/schedules", AUTH), 2);
    assert_int_equal(items_of("/v1/schedules", READ), 1);
    assert_int_equal(items_of("/v1/schedules?queue=other", READ), 0);
    for (size_t i = 0; i < countof(verbs); i++) {
        snprintf(path, sizeof path, "/v1/schedules/o/%s", verbs[i]);
        put(path, MAIL, "", 403);
        path[sizeof "/v1/schedules/" - 1] = 'm';
        struct answer a = ask("POST", path, MAIL, "");
        assert_true(a.status == 200 || a.status == 201);
    }
    assert_int_equal(ask("GET", "/v1/schedules/o", READ, NULL).status, 403);
    assert_int_equal(ask("GET", "/v1/schedules/o/next", READ, NULL).status, 403);
    assert_int_equal(ask("GET", "/v1/schedules/m", READ, NULL).status, 200);
    assert_int_equal(ask("GET", "/v1/schedules/none", READ, NULL).status, 404);
    put("/v1/schedules/o/backfill", MAIL JSON,
        "{\"from\":\"2026-11-23T10:00:00Z\",\"to\":\"2026-11-23T11:00:00Z\"}", 403);
    assert_int_equal(ask("DELETE", "/v1/schedules/o", MAIL, NULL).status, 403);
    assert_int_equal(ask("DELETE", "/v1/schedules/o", AUTH, NULL).status, 200);
    assert_int_equal(ask("DELETE", "/v1/schedules/m", MAIL, NULL).status, 200);
}

static void check_caller_is(const char *headers, const char *name, const char *roles,
                            const char *queues)
{
    json_t *o = ask_json(200, "GET", "/v1/caller", headers, NULL);
    char *found = json_dumps(json_object_get(o, "roles"), JSON_COMPACT);

    assert_string_equal(text_at(o, "name"), name);
    assert_string_equal(found, roles);
    if (queues) assert_string_equal(text_at(o, "queues"), queues);
    else assert_true(json_is_null(json_object_get(o, "queues")));
    assert_true(json_is_null(json_object_get(o, "expires_at")));
    free(found);
    json_decref(o);
}

TEST(a_caller_is_told_what_it_may)
{
    check_caller_is(NULL, "loopback", "[]", NULL);
    check_caller_is(AUTH, "owner", "[\"admin\"]", NULL);
    check_caller_is(READ, "read-1", "[\"read\"]", "mail");
    check_caller_is("Authorization: Bearer pinion_both\r\n", "both", "[\"enqueue\",\"work\"]",
                    NULL);
    assert_int_equal(ask("GET", "/v1/caller?x=1", NULL, NULL).status, 400);
}

/* ---- who waits when it ends ------------------------------------------------------------------ */

static struct visitor *visit_as(const char *secret, const char *request)
{
    struct visitor *v = visitor_open();
    char text[300];
    int len = snprintf(text, sizeof text,
                       "%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                       "Accept: text/event-stream\r\n%s\r\n",
                       request, secret, request[0] == 'P' ? "Content-Length: 0\r\n" : "");

    visitor_send(v, text, (size_t)len);
    return v;
}

static struct visitor *wait_as(const char *secret)
{
    return visit_as(secret, "POST /v1/queues/default/lease?kind=none&wait=60s");
}

static json_int_t waiting(void)
{
    json_t *stats = ask_json(200, "GET", "/v1/stats", AUTH, NULL);
    json_int_t count = number_at(stats, "server.pull_waiting");

    json_decref(stats);
    return count;
}

TEST(who_is_revoked_or_expires_waits_no_more)
{
    struct visitor *kept, *revoked, *expired, *listener;
    struct error why;

    make("kept", ROLE_BIT(ROLE_WORK), "", 0);
    make("leaver", ROLE_BIT(ROLE_WORK), "", 0);
    eventually(status_with("pinion_leaver", "GET", "/v1/health") == 200);
    kept = wait_as("pinion_kept");
    revoked = wait_as("pinion_leaver");
    listener = visit_as("pinion_leaver", "GET /v1/events");
    assert_int_equal(visitor_answer(listener).status, 200);
    eventually(waiting() == 2);
    assert_int_equal(token_file_edit(world_state_dir(), revoke, (char[]){"leaver"}, &why), 0);
    eventually(!visitor_is_open(revoked) && !visitor_is_open(listener));
    make("short", ROLE_BIT(ROLE_WORK), "", clock_wall_ms() + 4000);
    eventually(status_with("pinion_short", "GET", "/v1/health") == 200);
    expired = wait_as("pinion_short");
    eventually(!visitor_is_open(expired));
    unsigned status = status_with("pinion_short", "GET", "/v1/health");
    assert_true(status == 401 || status == 429);
    eventually(waiting() == 1);
    assert_true(visitor_is_open(kept));
    visitor_close(kept);
    visitor_close(revoked);
    visitor_close(listener);
    visitor_close(expired);
}

TEST(reading_needs_a_token_where_that_is_required)
{
    check_caller(&(struct caller){NULL, 0, ALL_QUEUES}, "nobody");
    check_caller(&(struct caller){AUTH, ROLE_BIT(ROLE_ADMIN), ALL_QUEUES}, "owner");
}

static void require(struct config *config)
{
    struct error why;

    required = true;
    if (config_set(config, "require-token", "yes", &why)) fail_msg("%s", why.text);
}

static int open_strict_world(void **state)
{
    (void)state;
    world_open_with(require, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_for_every_caller),
        cmocka_unit_test(listings_show_what_the_token_is_for),
        cmocka_unit_test(schedules_belong_to_their_queues),
        cmocka_unit_test(a_caller_is_told_what_it_may),
        cmocka_unit_test(who_is_revoked_or_expires_waits_no_more),
    };
    const struct CMUnitTest strict[] = {
        cmocka_unit_test(reading_needs_a_token_where_that_is_required),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group) +
           cmocka_run_group_tests(strict, open_strict_world, world_close_group);
}
