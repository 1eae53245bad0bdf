/* tests/unit/test_shape.c — the JSON of jobs, queues and servers, and the cursors of listings. */
#include "control/shape.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"

/* A job as a reader gives it, in state `state`. */
static struct job_view view_of(const char *state)
{
    return (struct job_view){
        .state = span_of(state),
        .known = true,
        .job = {.id = span_of("a-1"),
                .kind = span_of("wc"),
                .payload = span_of("text"),
                .priority = 5,
                .attempts_max = 25,
                .created_ms = 1795428000250,
                .run_at_ms = 1795428001000,
                .timeout_ms = 3600000},
    };
}

static const char *text_at(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static json_int_t number_at(const json_t *o, const char *key)
{
    assert_true(json_is_integer(json_object_get(o, key)));
    return json_integer_value(json_object_get(o, key));
}

TEST(a_job_has_all_fields_of_the_contract)
{
    static const char *const keys[] = {
        "id",         "queue",       "kind",         "state",      "priority",
        "payload",    "attempt",     "attempts_max", "created_at", "run_at",
        "started_at", "finished_at", "timeout_ms",   "error",      "result",
        "progress",   "tags",        "schedule",     "fire_time",
    };
    struct job_view view = view_of("ready");
    json_t *o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);

    for (size_t i = 0; i < countof(keys); i++)
        if (!json_object_get(o, keys[i])) fail_msg("no %s", keys[i]);
    assert_string_equal(text_at(o, "id"), "mail:a-1");
    assert_string_equal(text_at(o, "queue"), "mail");
    assert_string_equal(text_at(o, "payload"), "text");
    assert_string_equal(text_at(o, "created_at"), "2026-11-23T10:00:00.250Z");
    assert_true(json_is_null(json_object_get(o, "started_at")));
    assert_true(json_is_null(json_object_get(o, "result")));
    assert_int_equal(number_at(o, "attempts_max"), 25);
    json_decref(o);
}

TEST(a_job_of_a_schedule_tells_whose_and_for_which_time)
{
    struct job_view view = view_of("retry");
    json_t *plain = shape_job(&view, span_of("mail"), SHAPE_WITHOUT_CONTENT), *o;

    assert_true(json_is_null(json_object_get(plain, "schedule")));
    assert_true(json_is_null(json_object_get(plain, "fire_time")));
    json_decref(plain);
    view.job.schedule = span_of("nightly");
    view.due_ms = view.job.run_at_ms + 9000; /* of its next attempt */
    o = shape_job(&view, span_of("mail"), SHAPE_WITHOUT_CONTENT);
    assert_string_equal(text_at(o, "schedule"), "nightly");
    assert_string_equal(text_at(o, "fire_time"), "2026-11-23T10:00:01.000Z");
    assert_string_equal(text_at(o, "run_at"), "2026-11-23T10:00:10.000Z");
    json_decref(o);
}

TEST(content_is_left_out_for_those_who_may_not_read_it)
{
    struct job_view view = view_of("dead");
    json_t *o;

    view.error = "secret";
    view.result = span_of("secret");
    view.job.payload = span_of("secret");
    o = shape_job(&view, span_of("mail"), SHAPE_WITHOUT_CONTENT);
    char *text = json_dumps(o, 0);
    assert_null(strstr(text, "secret"));
    free(text);
    json_decref(o);
}

TEST(progress_is_for_all_and_its_note_for_those_who_may_read_content)
{
    struct job_view view = view_of("active");
    json_t *o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT), *progress;

    assert_true(json_is_null(json_object_get(o, "progress")));
    json_decref(o);
    view.progress = (struct job_progress){40, 1795428001000, span_of("two of five")};
    o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);
    progress = json_object_get(o, "progress");
    assert_int_equal(number_at(progress, "percent"), 40);
    assert_string_equal(text_at(progress, "note"), "two of five");
    assert_string_equal(text_at(progress, "at"), "2026-11-23T10:00:01.000Z");
    json_decref(o);
    o = shape_job(&view, span_of("mail"), SHAPE_WITHOUT_CONTENT);
    progress = json_object_get(o, "progress");
    assert_int_equal(number_at(progress, "percent"), 40);
    assert_true(json_is_null(json_object_get(progress, "note")));
    json_decref(o);
    view.progress.percent = 0; /* told, without a note */
    view.progress.note = (struct span){0};
    o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);
    progress = json_object_get(o, "progress");
    assert_int_equal(number_at(progress, "percent"), 0);
    assert_true(json_is_null(json_object_get(progress, "note")));
    json_decref(o);
}

TEST(bytes_that_are_no_text_travel_as_base64)
{
    struct job_view view = view_of("done");
    json_t *o;

    view.job.payload = (struct span){"\0\xff", 2};
    view.result = (struct span){"a\0b", 3};
    o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);
    assert_null(json_object_get(o, "payload"));
    assert_string_equal(text_at(o, "payload_base64"), "AP8=");
    assert_int_equal(json_string_length(json_object_get(o, "result")), 3);
    assert_null(json_object_get(o, "result_base64"));
    json_decref(o);
}

TEST(attempts_count_the_one_that_runs)
{
    static const struct {
        const char *state;
        unsigned failures, reaps, attempt;
    } cases[] = {
        {"ready", 0, 0, 0}, {"scheduled", 0, 0, 0}, {"active", 0, 0, 1}, {"retry", 1, 0, 2},
        {"ready", 1, 0, 2}, {"ready", 0, 1, 1}, {"active", 2, 0, 3}, {"done", 0, 0, 1},
        {"done", 2, 0, 3}, {"dead", 25, 0, 25}, {"cancelled", 0, 0, 0}, {"cancelled", 2, 0, 2},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct job_view view = view_of(cases[i].state);

        view.failures = cases[i].failures;
        view.reaps = cases[i].reaps;
        assert_int_equal(shape_attempt(&view), cases[i].attempt);
    }
}

TEST(a_retry_runs_when_it_is_due)
{
    struct job_view view = view_of("retry");
    json_t *o;

    view.due_ms = 1795428009000;
    o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);
    assert_string_equal(text_at(o, "run_at"), "2026-11-23T10:00:09.000Z");
    json_decref(o);
}

TEST(an_end_that_is_only_remembered_is_still_a_job)
{
    struct job_view view = {.state = span_of("done"), .job = {.id = span_of("a-1")}};
    json_t *o = shape_job(&view, span_of("mail"), SHAPE_WITH_CONTENT);

    assert_string_equal(text_at(o, "state"), "done");
    assert_true(json_is_null(json_object_get(o, "kind")));
    assert_true(json_is_null(json_object_get(o, "payload")));
    json_decref(o);
}

TEST(enqueued_lists_and_errors)
{
    struct pinion_enqueued e = {.existing = 1, .id = "mail:a-1"};
    json_t *o = shape_enqueued(&e);
    char *text = json_dumps(o, JSON_COMPACT);

    assert_string_equal(text, "{\"id\":\"mail:a-1\",\"existing\":true}");
    free(text);
    json_decref(o);
    o = shape_list(json_array(), NULL);
    text = json_dumps(o, JSON_COMPACT);
    assert_string_equal(text, "{\"items\":[],\"next\":null}");
    free(text);
    json_decref(o);
    o = shape_error(PINION_NOT_FOUND, "no such job \xff");
    text = json_dumps(o, JSON_COMPACT);
    assert_string_equal(
        text, "{\"error\":{\"code\":\"not_found\",\"message\":\"no such job \xef\xbf\xbd\"}}");
    free(text);
    json_decref(o);
}

TEST(a_queue_counts_every_state)
{
    struct queue_view view = {.paused = true, .enqueued = 7, .oldest_ready_ms = 1500};
    json_t *o, *counts;

    for (int i = 0; i < STATES; i++) view.counts[i] = 10 + i;
    o = shape_queue(span_of("mail"), &view, NULL);
    counts = json_object_get(o, "counts");
    assert_true(json_is_true(json_object_get(o, "paused")));
    assert_int_equal(json_object_size(counts), STATES);
    for (int i = 0; i < STATES; i++) assert_int_equal(number_at(counts, job_states[i]), 10 + i);
    assert_int_equal(number_at(json_object_get(o, "totals"), "enqueued"), 7);
    assert_int_equal(number_at(o, "oldest_ready_ms"), 1500);
    json_decref(o);
}

TEST(a_server_is_alive_for_three_seconds)
{
    struct server_view view = {
        span_of("s1"), span_of("{\"host\":\"h\",\"pid\":7,\"alive\":\"forever\",\"name\":\"x\"}"),
        10000};
    json_t *o = shape_server(&view, json_array(), 10000 + SERVER_ALIVE_MS);

    assert_true(json_is_true(json_object_get(o, "alive")));
    assert_string_equal(text_at(o, "name"), "s1");
    assert_string_equal(text_at(o, "host"), "h");
    json_decref(o);
    view.about = span_of("not JSON");
    o = shape_server(&view, json_array(), 10000 + SERVER_ALIVE_MS + 1);
    assert_true(json_is_false(json_object_get(o, "alive")));
    json_decref(o);
}

static void there_and_back(const char *state, const char *place, const char *text)
{
    char *cursor = cursor_text(state, span_of(place));
    struct buffer room = BUFFER_INIT;
    struct error why = {0};
    struct span back;
    size_t at = 99;

    assert_string_equal(cursor, text);
    assert_int_equal(cursor_parse(span_of(cursor), &at, &room, &back, &why), PINION_OK);
    assert_string_equal(job_states[at], state);
    assert_true(span_equal(back, span_of(place)));
    buffer_deinit(&room);
    free(cursor);
}

TEST(cursors)
{
    struct buffer room = BUFFER_INIT;
    struct error why = {0};
    struct span place;
    size_t at = 99;

    there_and_back("scheduled", "1795428000250 01JD9K3V5M", "scheduled,1795428000250,01JD9K3V5M");
    there_and_back("ready", "5 5:wc#a,b c", "ready,5,5:wc#a,b c");
    there_and_back("dead", NULL, "dead");
    assert_int_equal(cursor_parse(span_of(NULL), &at, &room, &place, &why), PINION_OK);
    assert_int_equal(at, 0);
    assert_int_equal(cursor_parse(span_of("gone,1,2"), &at, &room, &place, &why), PINION_INVALID);
    assert_int_equal(cursor_parse(span_of(""), &at, &room, &place, &why), PINION_INVALID);
    buffer_deinit(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_has_all_fields_of_the_contract),
        cmocka_unit_test(a_job_of_a_schedule_tells_whose_and_for_which_time),
        cmocka_unit_test(content_is_left_out_for_those_who_may_not_read_it),
        cmocka_unit_test(progress_is_for_all_and_its_note_for_those_who_may_read_content),
        cmocka_unit_test(bytes_that_are_no_text_travel_as_base64),
        cmocka_unit_test(attempts_count_the_one_that_runs),
        cmocka_unit_test(a_retry_runs_when_it_is_due),
        cmocka_unit_test(an_end_that_is_only_remembered_is_still_a_job),
        cmocka_unit_test(enqueued_lists_and_errors),
        cmocka_unit_test(a_queue_counts_every_state),
        cmocka_unit_test(a_server_is_alive_for_three_seconds),
        cmocka_unit_test(cursors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
