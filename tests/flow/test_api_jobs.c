/* The jobs of all queues, by the page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/jobs_page.h"
#include "tests/flow/api_world.h"

static void post(unsigned status, const char *target, const char *body)
{
    json_decref(ask_json(status, "POST", target, AUTH JSON, body));
}

static void refused(const char *target, const char *message)
{
    json_t *a = ask_json(400, "GET", target, NULL, NULL);

    assert_string_equal(text_at(a, "error.code"), "invalid");
    assert_non_null(strstr(text_at(a, "error.message"), message));
    json_decref(a);
}

/* Three queues with a hole between them, jobs in three states. */
static void make_jobs(void)
{
    struct buffer body = BUFFER_INIT;

    for (int i = 0; i < 12; i++)
        buffer_printf(&body, "%c{\"kind\":\"k%d\",\"id\":\"j%d\"%s}", i ? ',' : '[', i % 2, i,
                      i % 3 ? ",\"in_ms\":3600000" : "");
    buffer_add_char(&body, ']');
    post(201, "/v1/queues/a.1/jobs", body.data);
    post(201, "/v1/queues/b/jobs", body.data);
    post(201, "/v1/queues/c/jobs", body.data);
    buffer_deinit(&body);
    json_decref(ask_json(200, "POST", "/v1/queues/hole/pause", AUTH, ""));
    json_decref(ask_json(200, "POST", "/v1/jobs/b:j0/cancel", AUTH, ""));
    json_decref(ask_json(200, "POST", "/v1/jobs/c:j1/cancel", AUTH, ""));
}

/* Walks all pages: how many jobs, each once; in `ret_last` the last one's id. */
static size_t walk(const char *query, unsigned limit, char ret_last[100])
{
    json_t *seen = json_object(), *page, *job;
    char target[600], after[400] = "";
    size_t count, i;

    do {
        snprintf(target, sizeof target, "/v1/jobs?limit=%u%s%s%s", limit, query,
                 after[0] ? "&after=" : "", after);
        page = ask_json(200, "GET", target, NULL, NULL);
        assert_true(json_array_size(json_object_get(page, "items")) <= limit);
        json_array_foreach (json_object_get(page, "items"), i, job) {
            assert_null(json_object_get(seen, text_at(job, "id")));
            json_object_set(seen, text_at(job, "id"), job);
            snprintf(ret_last, 100, "%s", text_at(job, "id"));
        }
        const char *next = json_string_value(json_object_get(page, "next"));
        snprintf(after, sizeof after, "%s", next ? next : "");
        json_decref(page);
    } while (after[0]);
    count = json_object_size(seen);
    json_decref(seen);
    return count;
}

TEST(pages_over_all_queues_join_up)
{
    static const unsigned limits[] = {1, 5, 1000};
    char last[100] = "";

    make_jobs();
    for (size_t i = 0; i < countof(limits); i++) {
        assert_int_equal(walk("", limits[i], last), 36);
        assert_int_equal(strncmp(last, "c:", 2), 0);
        assert_int_equal(walk("&state=cancelled", limits[i], last), 2);
        assert_string_equal(last, "c:j1");
        assert_int_equal(walk("&state=ready", limits[i], last), 11);
        assert_int_equal(walk("&state=scheduled&kind=k0", limits[i], last), 12);
        assert_int_equal(walk("&state=dead", limits[i], last), 0);
        assert_int_equal(walk("&queue=b", limits[i], last), 12);
        assert_int_equal(walk("&queue=nowhere", limits[i], last), 0);
    }
}

/* One job in each of more queues than a page asks Redis about. */
TEST(many_queues_take_many_pages)
{
    enum { QUEUES = API_JOBS_CALLS_MAX + 8 };
    char target[100], last[100];
    json_t *page;

    for (int i = 0; i < QUEUES; i++) {
        snprintf(target, sizeof target, "/v1/queues/many-%03d/jobs", i);
        post(201, target, "{\"kind\":\"rare\"}");
    }
    page = ask_json(200, "GET", "/v1/jobs?state=ready&kind=rare", NULL, NULL);
    assert_true(json_array_size(json_object_get(page, "items")) < QUEUES);
    assert_non_null(strchr(text_at(page, "next"), ':'));
    json_decref(page);
    assert_int_equal(walk("&state=ready&kind=rare", 1000, last), QUEUES);
}

/* What a cursor points to may be gone, and its queue too. */
TEST(a_cursor_outlives_its_place)
{
    json_t *page = ask_json(200, "GET", "/v1/jobs?state=ready&after=b:ready", NULL, NULL);

    assert_true(json_array_size(json_object_get(page, "items")) > 0);
    json_decref(page);
    page = ask_json(200, "GET", "/v1/jobs?state=ready&after=b.gone:ready,1,5:odd", NULL, NULL);
    json_t *first = json_array_get(json_object_get(page, "items"), 0);
    assert_true(strcmp(text_at(first, "queue"), "b.gone") > 0);
    json_decref(page);
    page = ask_json(200, "GET", "/v1/jobs?after=zzz:ready", NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(page, "items")), 0);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
}

TEST(bad_queries_are_refused)
{
    refused("/v1/jobs?after=odd", "expected the `next`");
    refused("/v1/jobs?after=b:odd", "expected the `next`");
    refused("/v1/jobs?after=no%20name:ready", "expected the `next`");
    refused("/v1/jobs?state=ready&after=b:dead", "goes on in another state");
    refused("/v1/jobs?queue=no%20name", "expected 1 to 64");
    refused("/v1/jobs?state=odd", "state 'odd'");
    refused("/v1/jobs?limit=1001", "limit");
    refused("/v1/jobs?limit=0", "limit");
    refused("/v1/jobs?name=x", "?name= is unknown");
    refused("/v1/jobs?queue=b&after=b:ready", "expected the `next`"); /* of another listing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_over_all_queues_join_up),
        cmocka_unit_test(many_queues_take_many_pages),
        cmocka_unit_test(a_cursor_outlives_its_place),
        cmocka_unit_test(bad_queries_are_refused),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
