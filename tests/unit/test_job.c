/* tests/unit/test_job.c — records of jobs that a schedule made, and what is not one of ours. */
#include "queue/job.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"

static struct job decoded(const char *record)
{
    struct job job;

    assert_int_equal(job_decode(span_of("a"), span_of(record), &job), PINION_OK);
    return job;
}

TEST(a_scheduled_job_has_its_schedule_and_its_time)
{
    struct job job = decoded("15:wc\nr=1795428000000 x=5000 s=nightly a=3 \ntext");

    assert_true(span_is(job.schedule, "nightly"));
    assert_true(span_is(job.payload, "text"));
    assert_int_equal(job.run_at_ms, 1795428000000);
    assert_int_equal(job.expires_in_ms, 5000);
    assert_int_equal(job.expires_ms, 0);
    assert_int_equal(job.attempts_max, 3);
    assert_true(job.look && job_is_rich(&job));
    assert_null(decoded("05:wc\na=3 \ntext").schedule.data);
}

TEST(a_label_at_its_bound)
{
    char label[LABEL_MAX + 2], tags[2 * TAGS_MAX + 3] = "";
    struct pinion_job job = {.kind = "wc", .group = label};

    memset(label, 'g', sizeof label);
    label[LABEL_MAX + 1] = '\0';
    assert_int_equal(job_check(&job, NULL), PINION_INVALID);
    label[LABEL_MAX] = '\0';
    assert_int_equal(job_check(&job, NULL), PINION_OK);
    job = (struct pinion_job){.kind = "wc", .tags = label};
    assert_int_equal(job_check(&job, NULL), PINION_INVALID);
    label[TAG_MAX] = '\0';
    assert_int_equal(job_check(&job, NULL), PINION_OK);
    job.tags = tags;
    for (size_t i = 0; i < TAGS_MAX; i++) strcat(tags, i ? ",a" : "a");
    assert_int_equal(job_check(&job, NULL), PINION_OK);
    strcat(tags, ",a");
    assert_int_equal(job_check(&job, NULL), PINION_INVALID);
}

TEST(labels_come_back_as_they_were_given)
{
    static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct pinion_job job = {.kind = "a:b", .group = "me@x.eu", .tags = "a,b/c",
                             .traceparent = trace};
    struct buffer b = BUFFER_INIT;

    job_add_head(&b, &job);
    job_add_header(&b, &job, 5);
    buffer_add_char(&b, '\0');
    struct job back = decoded(b.data);
    assert_true(span_is(back.kind, "a:b"));
    assert_true(span_is(back.group, "me@x.eu"));
    assert_true(span_is(back.tags, "a,b/c"));
    assert_true(span_is(back.traceparent, trace));
    assert_null(decoded("05:wc\n\n").group.data);
    buffer_deinit(&b);
}

/* What differs from fire to fire is not in it; the script looks for `x` right behind the lane. */
TEST(a_template_is_a_record_without_times)
{
    static const struct {
        struct pinion_job job;
        const char *text;
    } rows[] = {
        {{.kind = "wc"},                                       "15:wc\ns=n \n"    },
        {{.kind = "wc", .priority = PINION_PRIORITY(0)},       "10:wc\ns=n \n"    },
        {{.kind = "wc", .expires_ms = 9},                      "15:wc\nx=9 s=n \n"},
        {{.kind = "wc", .id = "me", .in_ms = 5, .queue = "q"}, "15:wc\ns=n \n"    },
        {{.kind = "wc", .run_at_ms = 7, .retain_ms = 8},       "15:wc\ns=n k=8 \n"},
        {{.kind = "a.b",
          .attempts_max = 2,
          .timeout_ms = 3,
          .lease_ms = 4,
          .expires_ms = 5,
          .backoff = "fixed:1s"},
         "15:a.b\nx=5 s=n a=2 t=3 l=4 b=fixed:1s \n"                              },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct buffer b = BUFFER_INIT;
        job_add_template(&b, &rows[i].job, span_of("n"));
        buffer_add_char(&b, '\0');
        assert_string_equal(b.data, rows[i].text);
        struct job job = decoded(b.data);
        assert_int_equal(job.expires_in_ms, rows[i].job.expires_ms);
        assert_int_equal(job.retain_ms, rows[i].job.retain_ms);
        assert_false(job.given);
        buffer_deinit(&b);
    }
}

TEST(what_is_no_record_is_refused)
{
    static const char *const bad[] = {"",          "1",         "15:w",        "25:wc\n\n",
                                      "1x:wc\n\n", "15 wc\n\n", "15:\n\ntext", "15:w c\n\ntext"};

    for (size_t i = 0; i < countof(bad); i++) {
        struct job job = {.attempts_max = 77};
        if (job_decode(span_of("a"), span_of(bad[i]), &job) != PINION_INTERNAL)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(job.attempts_max, 77);
    }
}

TEST(a_number_that_is_none_counts_as_absent)
{
    struct job job = decoded("15:wc\na=x e=-1 r= t=99999999999999999999 s=n q=1 \n");

    assert_int_equal(job.attempts_max, ATTEMPTS_DEFAULT);
    assert_int_equal(job.expires_ms, 0);
    assert_int_equal(job.timeout_ms, TIMEOUT_DEFAULT_MS);
    assert_int_equal(job.run_at_ms, job.created_ms);
    assert_true(span_is(job.schedule, "n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scheduled_job_has_its_schedule_and_its_time),
        cmocka_unit_test(a_label_at_its_bound),
        cmocka_unit_test(labels_come_back_as_they_were_given),
        cmocka_unit_test(a_template_is_a_record_without_times),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_number_that_is_none_counts_as_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
