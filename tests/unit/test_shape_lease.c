/* What is leased, by hand and by its dumb twin: the same, whatever the job has. */
#include "control/shape_lease.h"

#include <stdio.h>
#include <string.h>
#include "tests/support/check.h"
#include "workers/pull.h"

static const struct pulled plain = {
    .job = {.id = {"01M84MG2YT7N8TMB3B67R7AJQJ", 26}, .kind = {"mail.welcome", 12},
            .payload = {"a\"b\\c\n\x01\xc3\xa9", 9}, .priority = 3, .attempts_max = 7,
            .created_ms = 1795452056316, .run_at_ms = 1795452056317, .timeout_ms = 3600000},
    .token = {"1795452056316973", 16}, .failures = 2, .started_ms = 1795452056400,
    .until_ms = 1795452066400,
};

static void check_same(const struct pulled *jobs, size_t count)
{
    struct buffer out = BUFFER_INIT;
    struct span queue = {"mail", 4};

    leases_add_text(&out, jobs, count, queue);
    json_t *whole = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(whole);
    const json_t *items = json_object_get(whole, "items");
    assert_int_equal(json_array_size(items), count);
    for (size_t i = 0; i < count; i++) {
        json_t *expected = shape_lease(&jobs[i], queue);
        if (!json_equal(json_array_get(items, i), expected)) {
            char *a = json_dumps(json_array_get(items, i), JSON_SORT_KEYS);
            char *b = json_dumps(expected, JSON_SORT_KEYS);
            fail_msg("by hand\n%s\nexpected\n%s", a, b);
        }
        json_decref(expected);
    }
    json_decref(whole);
    buffer_deinit(&out);
}

TEST(one_without_options)
{
    check_same(&plain, 1);
}

TEST(none)
{
    check_same(&plain, 0);
}

TEST(each_option_and_odd_payloads)
{
    struct pulled jobs[14];

    for (size_t i = 0; i < countof(jobs); i++) jobs[i] = plain;
    jobs[0].job.backoff = span_of("fixed:10s");
    jobs[1].job.group = span_of("g");
    jobs[2].job.tags = span_of("a,b");
    jobs[3].job.lease_ms = 5000;
    jobs[4].job.expires_ms = 1795452056318;
    jobs[5].job.retain_ms = 60000;
    jobs[6].job.schedule = span_of("nightly");
    jobs[7].job.payload = (struct span){"\xff\xfe", 2};
    jobs[8].job.payload = (struct span){"", 0};
    jobs[9].job.payload = (struct span){"\0x", 2};
    jobs[10].job.created_ms = jobs[10].job.run_at_ms = 0;
    jobs[11].job.unique = span_of("k=done");
    jobs[12].job.batch = span_of("b");
    jobs[13].started_ms++; /* its times are its own */
    check_same(jobs, countof(jobs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_without_options),
        cmocka_unit_test(none),
        cmocka_unit_test(each_option_and_odd_payloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
