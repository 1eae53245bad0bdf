/* What a client may ask for at most, over HTTP: each limit of a query, a name, a header or a body
 * is taken, and one more is refused in words. Limits of the connection itself are in
 * test_http_edges.c; large bodies, heads and depths in test_api.c and test_api_hostile.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/jobs_page.h"
#include "control/api/output.h"
#include "control/api/queues.h"
#include "control/api/result.h"
#include "control/api/servers.h"
#include "control/events/filter.h"
#include "control/events/hub.h"
#include "control/results.h"
#include "control/schedule_act.h"
#include "control/schedule_page.h"
#include "control/upcoming.h"
#include "queue/batch.h"
#include "queue/limits.h"
#include "tests/flow/api_world.h"

#define MARK '#' /* in a target, headers or body: here stands the value */

/* ---- values at a limit ----------------------------------------------------------------------- */

typedef void fill_fn(struct buffer *, uint64_t limit);

static void number(struct buffer *b, uint64_t n)
{
    buffer_printf(b, "%llu", (unsigned long long)n);
}

static void letters(struct buffer *b, uint64_t count)
{
    while (count--) buffer_add_char(b, 'x');
}

static void words(struct buffer *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        buffer_printf(b, "%sw%llu", i ? "," : "", (unsigned long long)i);
}

static void quoted_words(struct buffer *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        buffer_printf(b, "%s\"w%llu\"", i ? "," : "", (unsigned long long)i);
}

static void limits_of_kinds(struct buffer *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        buffer_printf(b, "%s\"w%llu\":{\"concurrency\":1}", i ? "," : "", (unsigned long long)i);
}

static void outcomes(struct buffer *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        buffer_printf(b, "%s{\"id\":\"default:w%llu\",\"token\":\"1\"}", i ? "," : "",
                      (unsigned long long)i);
}

/* The end of so many seconds, of which the first is 2020's. */
static void seconds(struct buffer *b, uint64_t count)
{
    char text[TIME_TEXT_MAX];

    time_format_utc(INT64_C(1577836800000) + (int64_t)count * 1000, text);
    buffer_add_text(b, text);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define JOBS  "/v1/queues/default/jobs"
#define LEASE "/v1/queues/default/lease"

static const struct row {
    const char *method, *target, *headers, *body;
    fill_fn *fill;
    uint64_t limit;
    unsigned status, past; /* at it, one past it */
    const char *says;      /* one past it */
} rows[] = {
    /* ---- pages and counts */
    {"GET", "/v1/queues?limit=#", AUTH, 0, number, API_QUEUES_MAX, 200, 400, "from 1 to 1000"},
    {"GET", "/v1/servers?limit=#", AUTH, 0, number, API_SERVERS_MAX, 200, 400, "from 1 to 1000"},
    {"GET", "/v1/jobs?limit=#", AUTH, 0, number, API_JOBS_MAX, 200, 400, "from 1 to 1000"},
    {"GET", JOBS "?limit=#", AUTH, 0, number, API_JOBS_MAX, 200, 400, "from 1 to 1000"},
    {"GET", "/v1/queues/default/batches?limit=#", AUTH, 0, number, BATCH_PAGE_MAX, 200, 400,
     "from 1 to 1000"},
    {"GET", "/v1/schedules?limit=#", AUTH, 0, number, SCHEDULE_ITEMS_MAX, 200, 400,
     "from 1 to 256"},
    {"GET", "/v1/schedules/each/next?count=#", AUTH, 0, number, UPCOMING_MAX, 200, 400,
     "from 1 to 1000"},
    {"GET", "/v1/cron?spec=@hourly&count=#", 0, 0, number, UPCOMING_MAX, 200, 400,
     "from 1 to 1000"},
    {"HEAD", "/v1/events?frames=#", AUTH, 0, number, HUB_FRAMES_MAX, 200, 400, ""},
    {"POST", LEASE "?kind=none&wait=0&max=#", AUTH, "", number, BATCH_ITEMS_MAX, 200, 400,
     "from 1 to 512"},
    {"POST", LEASE "?kind=none&wait=0&lease_ms=#", AUTH, "", number, LEASE_MAX_MS, 200, 400,
     "to 3600000"},

    /* ---- waits, of a job that is not there */
    {"GET", "/v1/jobs/default:none/result?wait=#ms", AUTH, 0, number, API_RESULT_WAIT_MAX_MS, 404,
     400, "at most 5m"},
    {"GET", "/v1/jobs/default:none/output?wait=#ms", AUTH, 0, number, API_OUTPUT_WAIT_MAX_MS, 404,
     400, "at most 5m"},

    /* ---- names, and how many of them */
    {"POST", "/v1/queues/#/resume", AUTH, "", letters, QUEUE_NAME_MAX, 200, 400, "1 to 64"},
    {"PUT", "/v1/schedules/#", AUTH JSON, "{\"every_ms\":3600000,\"kind\":\"a\"}", letters,
     QUEUE_NAME_MAX, 201, 400, "1 to 64"},
    {"PUT", "/v1/queues/default/batches/#", AUTH JSON, "{}", letters, QUEUE_NAME_MAX, 201, 400,
     "1 to 64"},
    {"GET", "/v1/jobs/default:#", AUTH, 0, letters, QUEUE_NAME_MAX, 404, 400, "expected QUEUE:ID"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"#\"}", letters, KIND_MAX, 201, 400, "1 to 128"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"id\":\"#\"}", letters, QUEUE_NAME_MAX, 201, 400,
     "1 to 64"},
    {"POST", "/v1/queues/other/jobs", AUTH JSON "Idempotency-Key: #\r\n", "{\"kind\":\"a\"}",
     letters, QUEUE_NAME_MAX, 201, 400, "1 to 64"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"batch\":\"#\"}", letters, QUEUE_NAME_MAX, 201,
     400, "1 to 64"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"group\":\"#\"}", letters, LABEL_MAX, 201, 400,
     "1 to 128"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"tags\":[\"#\"]}", letters, TAG_MAX, 201, 400,
     "1 to 64"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"tags\":[#]}", quoted_words, TAGS_MAX, 201, 400,
     "up to 16"},
    {"GET", JOBS "?state=dead&error=#", AUTH, 0, letters, FILTER_ERROR_MAX, 200, 400,
     "less than 257 bytes"},
    {"HEAD", "/v1/events?queue=#", AUTH, 0, words, EVENT_FILTER_NAMES_MAX, 200, 400, ""},
    {"HEAD", "/v1/events?kind=#", AUTH, 0, words, EVENT_FILTER_NAMES_MAX, 200, 400, ""},

    /* ---- jobs */
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"priority\":#}", number, PRIORITY_MAX, 201, 400,
     "0 to 9"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"attempts_max\":#}", number, ATTEMPTS_MAX, 201,
     400, "1 to 1000"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"lease_ms\":#}", number, LEASE_MAX_MS, 201, 400,
     "1000 to 3600000"},

    /* ---- queues */
    {"PUT", "/v1/queues/other/bounds", AUTH JSON, "{\"max_jobs\":#}", number, BOUND_MAX, 200, 400,
     "from 1 to 1000000000000000"},
    {"PUT", "/v1/queues/other/bounds", AUTH JSON, "{\"keep_ms\":#}", number, BOUND_MAX, 200, 400,
     "from 1 to 1000000000000000"},
    {"PUT", "/v1/queues/other/limits", AUTH JSON, "{\"queue\":{\"concurrency\":#}}", number,
     LIMIT_VALUE_MAX, 200, 400, "100000"},
    {"PUT", "/v1/queues/other/limits", AUTH JSON, "{\"queue\":{\"rate\":\"#/1s\"}}", number,
     LIMIT_VALUE_MAX, 200, 400, "100000"},
    {"PUT", "/v1/queues/other/limits", AUTH JSON, "{\"queue\":{\"rate\":\"1/#ms\"}}", number,
     LIMIT_PER_MAX_MS, 200, 400, "1d"},
    {"PUT", "/v1/queues/other/limits", AUTH JSON, "{\"queue\":{\"rate\":\"1/1s\",\"burst\":#}}",
     number, LIMIT_VALUE_MAX, 200, 400, "100000"},
    {"PUT", "/v1/queues/other/limits", AUTH JSON, "{\"kinds\":{#}}", limits_of_kinds, LIMITS_MAX,
     200, 400, "1000"},

    /* ---- work, of jobs that are not leased */
    {"POST", "/v1/queues/default/ack", AUTH JSON, "[#]", outcomes, BATCH_ITEMS_MAX, 409, 413,
     "512"},
    {"POST", "/v1/queues/default/fail", AUTH JSON, "[#]", outcomes, BATCH_ITEMS_MAX, 409, 413,
     "512"},
    {"POST", "/v1/queues/default/extend", AUTH JSON, "[#]", outcomes, BATCH_ITEMS_MAX, 409, 413,
     "512"},
    {"POST", "/v1/jobs/default:none/ack", AUTH JSON, "{\"token\":\"1\",\"result\":\"#\"}", letters,
     RESULT_BYTES_MAX, 409, 413, "65536"},
    {"POST", "/v1/jobs/default:none/progress", AUTH JSON, "{\"token\":\"1\",\"percent\":#}",
     number, PROGRESS_MAX, 409, 400, "0 to 100"},
    {"POST", "/v1/jobs/default:none/progress", AUTH JSON,
     "{\"token\":\"1\",\"percent\":1,\"note\":\"#\"}", letters, PROGRESS_NOTE_MAX, 409, 400,
     "256"},

    /* ---- schedules */
    {"POST", "/v1/schedules/each/backfill", AUTH JSON,
     "{\"from\":\"2020-01-01T00:00:00Z\",\"to\":\"#\",\"dry_run\":true}", seconds, BACKFILL_MAX,
     200, 413, "at most 1000 times"},
};

/* The text with the value in the place of its mark; NULL as it is. */
static char *filled(const char *text, const struct row *r, uint64_t value)
{
    const char *mark = text ? strchr(text, MARK) : NULL;
    struct buffer b = BUFFER_INIT;

    if (!text) return NULL;
    buffer_add(&b, text, mark ? (size_t)(mark - text) : strlen(text));
    if (mark) {
        r->fill(&b, value);
        buffer_add_text(&b, mark + 1);
    }
    return buffer_take(&b, NULL);
}

static void check(size_t row, bool past)
{
    const struct row *r = &rows[row];
    uint64_t value = r->limit + past;
    char *target = filled(r->target, r, value), *headers = filled(r->headers, r, value),
         *body = filled(r->body, r, value);
    struct answer a = ask(r->method, target, headers, body);

    if (a.status != (past ? r->past : r->status))
        fail_msg("row %zu: %s %s %.80s of %llu: %u, expected %u: %.300s", row, r->method, r->target,
                 r->body ? r->body : "", (unsigned long long)value, a.status,
                 past ? r->past : r->status, a.body ? a.body : "(closed)");
    if (past && !strstr(a.body, r->says))
        fail_msg("row %zu: %s %s %.80s: no '%s' in: %s", row, r->method, r->target,
                 r->body ? r->body : "", r->says, a.body);
    free(target);
    free(headers);
    free(body);
}

TEST(each_limit_is_taken_and_one_more_is_not)
{
    json_decref(ask_json(201, "PUT", "/v1/schedules/each", AUTH JSON,
                         "{\"every_ms\":1000,\"kind\":\"a\",\"paused\":true}"));
    for (size_t i = 0; i < countof(rows); i++) {
        check(i, false);
        check(i, true);
    }
}

/* ---- who waits ------------------------------------------------------------------------------- */

static void on_look(struct result_wait *w, bool stop)
{
    (void)w, (void)stop;
}

/* What a thousand clients would do, without their sockets; then one more comes with one. */
TEST(only_so_many_wait_for_results)
{
    static const char target[] = "/v1/jobs/waited:a/result?wait=10ms";
    static struct result_wait waits[RESULT_WAITS_MAX];
    struct results *results = service_results(world_service);

    json_decref(ask_json(201, "POST", "/v1/queues/waited/jobs", AUTH JSON,
                         "{\"kind\":\"nobody\",\"id\":\"a\"}"));
    for (size_t i = 0; i < RESULT_WAITS_MAX; i++) {
        waits[i] = (struct result_wait){.look = on_look, .local = span_of("a")};
        if (i == RESULT_WAITS_MAX - 1) json_decref(ask_json(202, "GET", target, AUTH, NULL));
        assert_int_equal(results_wait(results, span_of("waited"), &waits[i]), PINION_OK);
    }
    assert_non_null(strstr(ask("GET", target, AUTH, NULL).body, "\"busy\""));
    for (size_t i = 0; i < RESULT_WAITS_MAX; i++) results_leave(results, &waits[i]);
    json_decref(ask_json(202, "GET", target, AUTH, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_is_taken_and_one_more_is_not),
        cmocka_unit_test(only_so_many_wait_for_results),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
