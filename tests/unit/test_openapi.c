/* tests/unit/test_openapi.c — the document of the API against what serves it: the routes with the
 * roles that they need, the codes of errors, and the limits that it names. What the routes take and
 * answer is tried by tests/system/openapi_client.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/error.h"
#include "base/time_text.h"
#include "control/api/api.h"
#include "control/api/auth.h"
#include "control/api/enqueue.h"
#include "control/api/jobs_page.h"
#include "control/api/queues.h"
#include "control/api/servers.h"
#include "control/api/web.h"
#include "control/http/route.h"
#include "control/schedule_page.h"
#include "control/upcoming.h"
#include "queue/limits.h"
#include "tests/support/check.h"
#include "workers/limits.h"
#include "workers/recent.h"

static json_t *document;

static int read_document(void **state)
{
    (void)state;
    for (size_t i = 0; i < web_files_count; i++)
        if (strcmp(web_files[i].name, "openapi.json") == 0)
            document = json_loadb((const char *)web_files[i].data, web_files[i].len,
                                  JSON_REJECT_DUPLICATES, NULL);
    return document ? 0 : -1;
}

static int free_document(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

/* By a path of keys, "a/b/c"; a / within one is written as it is in JSON pointers, ~1. */
static const json_t *at(const char *path)
{
    const json_t *o = document;
    char key[200];

    while (*path) {
        size_t len = 0;
        for (; *path && *path != '/'; path++) {
            bool slash = path[0] == '~' && path[1] == '1';
            key[len++] = slash ? '/' : *path;
            path += slash;
        }
        key[len] = '\0';
        path += *path == '/';
        o = json_is_array(o) ? json_array_get(o, (size_t)atoi(key)) : json_object_get(o, key);
        if (!o) fail_msg("openapi.json has no %s in a path of the test", key);
    }
    return o;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const char *role_of(const struct route *route)
{
    switch (API_ROLE(route->need)) {
    case ROLE_READ: return "read";
    case ROLE_ENQUEUE: return "enqueue";
    case ROLE_WORK: return "work";
    case ROLE_ADMIN: return "admin";
    default: return NULL;
    }
}

/* [] for nobody's, [{"token":[ROLE]}] for a role, and {} behind it where loopback needs none. */
static void check_security(const struct route *route, const json_t *operation)
{
    const json_t *security = json_object_get(operation, "security");
    const json_t *token = json_object_get(json_array_get(security, 0), "token");
    const char *role = role_of(route);
    bool free_here = role && API_ROLE(route->need) == ROLE_READ && !(route->need & API_CONTENT);

    if (json_array_size(security) != (role ? 1u + free_here : 0) ||
        (role && strcmp(json_string_value(json_array_get(token, 0)), role) != 0))
        fail_msg("openapi.json: %s %s: expected security of the role %s%s", route->method,
                 route->pattern, role ? role : "(none)", free_here ? ", and {}" : "");
    if (json_is_true(json_object_get(operation, "x-scoped")) != !!(route->need & API_SCOPED))
        fail_msg("openapi.json: %s %s: expected x-scoped as in control/api/api.c", route->method,
                 route->pattern);
}

TEST(each_route_is_described_with_its_role)
{
    const json_t *paths = at("paths");
    size_t count, described = 0;
    const struct route *routes = api_routes(&count);
    const char *name;
    json_t *path;
    char method[16];

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k <= strlen(routes[i].method); k++)
            method[k] = (char)(routes[i].method[k] | (routes[i].method[k] ? 0x20 : 0));
        const json_t *operation =
            json_object_get(json_object_get(paths, routes[i].pattern), method);
        if (!operation)
            fail_msg("control/api/openapi.json lacks %s %s", routes[i].method, routes[i].pattern);
        check_security(&routes[i], operation);
    }
    json_object_foreach ((json_t *)(uintptr_t)paths, name, path)
        described += json_object_size(path);
    if (described != count)
        fail_msg("openapi.json describes %zu operations, there are %zu routes", described, count);
}

/* Each {name} of a path is a parameter of its operations, and no other is one of a path. */
TEST(the_parameters_of_paths_are_theirs)
{
    const char *name, *method;
    json_t *path, *operation, *parameter;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)at("paths"), name, path)
        json_object_foreach (path, method, operation) {
            size_t in_path = 0, braces = 0;
            json_array_foreach (json_object_get(operation, "parameters"), i, parameter) {
                const char *ref = json_string_value(json_object_get(parameter, "$ref"));
                const json_t *p = ref ? at(ref + 2) : parameter;
                if (strcmp(json_string_value(json_object_get(p, "in")), "path") != 0) continue;
                char brace[80];
                snprintf(brace, sizeof brace, "{%s}",
                         json_string_value(json_object_get(p, "name")));
                in_path++;
                if (!strstr(name, brace)) fail_msg("%s %s: %s", method, name, brace);
            }
            for (const char *c = name; *c; c++) braces += *c == '{';
            if (in_path != braces) fail_msg("%s %s: %zu parameters", method, name, in_path);
        }
}

/* ---- words and numbers ----------------------------------------------------------------------- */

TEST(the_codes_of_errors_are_those_that_there_are)
{
    const json_t *codes = at("components/schemas/ErrorCode/enum");
    size_t known = 0;

    for (enum pinion_err err = PINION_INVALID; err <= PINION_INTERNAL; err++) {
        bool found = false;
        for (size_t i = 0; i < json_array_size(codes); i++)
            found |= strcmp(json_string_value(json_array_get(codes, i)), error_name(err)) == 0;
        if (!found) fail_msg("openapi.json: ErrorCode lacks %s", error_name(err));
        known++;
    }
    assert_int_equal(json_array_size(codes), known);
}

#define S "components/schemas/"
#define P "paths/~1v1~1"
#define LAST(path, n) P path "/get/parameters/" n "/schema/"

TEST(its_limits_are_those_in_force)
{
    static const struct {
        const char *path;
        uint64_t is;
    } limits[] = {
        {S "NewJob/properties/priority/maximum", PRIORITY_MAX},
        {S "NewJob/properties/attempts_max/maximum", ATTEMPTS_MAX},
        {S "NewJob/properties/timeout_ms/minimum", TIMEOUT_MIN_MS},
        {S "NewJob/properties/in_ms/maximum", DURATION_MS_MAX},
        {S "NewJob/properties/lease_ms/minimum", LEASE_MIN_MS},
        {S "NewJob/properties/lease_ms/maximum", LEASE_MAX_MS},
        {S "NewJobs/oneOf/1/maxItems", API_NEW_JOBS_MAX},
        {S "Extend/properties/lease_ms/maximum", LEASE_MAX_MS},
        {S "NewProgress/properties/note/maxLength", PROGRESS_NOTE_MAX},
        {S "NewProgress/properties/percent/maximum", PROGRESS_MAX},
        {S "Acks/maxItems", BATCH_ITEMS_MAX},
        {S "Fails/maxItems", BATCH_ITEMS_MAX},
        {S "Extends/maxItems", BATCH_ITEMS_MAX},
        {S "Limit/properties/concurrency/maximum", LIMIT_VALUE_MAX},
        {S "NewBounds/properties/max_jobs/maximum", BOUND_MAX},
        {S "Recent/properties/kinds/maxItems", RECENT_KINDS_MAX},
        {LAST("queues", "1") "maximum", API_QUEUES_MAX},
        {LAST("servers", "1") "maximum", API_SERVERS_MAX},
        {LAST("jobs", "8") "maximum", API_JOBS_MAX},
        {LAST("jobs", "8") "default", API_JOBS_DEFAULT},
        {LAST("schedules", "2") "maximum", SCHEDULE_ITEMS_MAX},
        {LAST("schedules", "2") "default", SCHEDULE_ITEMS_DEFAULT},
        {LAST("cron", "4") "maximum", UPCOMING_MAX},
        {LAST("cron", "4") "default", UPCOMING_DEFAULT},
        {P "queues~1{queue}~1lease/post/parameters/1/schema/maxItems", PULL_KINDS_MAX},
        {P "queues~1{queue}~1lease/post/parameters/3/schema/maximum", PULL_ITEMS_MAX},
    };

    for (size_t i = 0; i < countof(limits); i++)
        if ((uint64_t)json_integer_value(at(limits[i].path)) != limits[i].is)
            fail_msg("openapi.json: %s: expected %llu", limits[i].path,
                     (unsigned long long)limits[i].is);
}

TEST(it_is_of_this_version)
{
    assert_string_equal(json_string_value(at("info/version")), PINION_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_described_with_its_role),
        cmocka_unit_test(the_parameters_of_paths_are_theirs),
        cmocka_unit_test(the_codes_of_errors_are_those_that_there_are),
        cmocka_unit_test(its_limits_are_those_in_force),
        cmocka_unit_test(it_is_of_this_version),
    };

    return cmocka_run_group_tests(tests, read_document, free_document);
}
