/* tests/unit/test_top_view.c — frames of `pinion top`, from what Redis said to the lines. */
#include "cli/top/keys.h"
#include "cli/top/model.h"
#include "cli/top/view.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1790000000000)

static struct fleet_view fleet_of(struct fleet_queue *queues, size_t count, json_t *servers)
{
    return (struct fleet_view){queues, count, servers};
}

/* Three queues, a server that is well and one that is lost, two schedules. */
static void look(struct model *m, int64_t at_us, int64_t done)
{
    struct fleet_queue queues[3] = {
        {"mail", {.now_us = at_us, .enqueued = 2 * done, .done = done, .failed = done / 100},
        NULL},
        {"bulk", {.now_us = at_us, .paused = true, .oldest_ready_ms = 61500}, NULL},
        {"idle", {.now_us = at_us}, NULL},
    };
    json_t *servers = json_pack(
        "{s:{s:s, s:b, s:s, s:s, s:i, s:i, s:i, s:[s, s], s:{s:[{s:s, s:s, s:i, s:i, s:i, "
        "s:{s:f, s:f}}]},"
        "s:s}, s:{s:s, s:b, s:s, s:s, s:[]}}",
        "aaa", "name", "aaa", "alive", 1, "state", "serving", "host", "one", "pid", 77, "running",
        4, "concurrency", 8, "queues", "mail", "bulk", "recent", "kinds", "queue", "mail",
        "kind", "mail.send", "running", 3, "done", 70, "failed", 2, "run", "p50_ms", 1.25,
        "p99_ms", 1500.0, "seen_at", "2026-09-21T14:13:19.500Z", "bbb",
        "name", "bbb", "alive", 0, "state", "serving", "seen_at", "2026-09-21T14:00:00.000Z",
        "queues");
    json_t *schedules = json_pack(
        "[{s:s, s:s, s:b, s:s, s:s, s:i}, {s:s, s:s, s:b, s:s, s:s, s:i}, {s:s, s:n, s:b}]",
        "name", "later", "next_fire", "2026-09-21T15:13:20.000Z", "paused", 0, "queue",
        "mail", "kind", "wc",
        "fires", 1, "name", "soon", "next_fire", "2026-09-21T14:13:22.000Z", "paused", 0, "queue",
        "bulk", "kind", "wc", "fires", 2, "name", "never", "next_fire", "paused", 1);
    struct fleet_view fleet = fleet_of(queues, 3, servers);

    assert_non_null(servers);
    assert_non_null(schedules);
    queues[0].view.counts[2] = 1234567; /* ready */
    queues[1].view.counts[2] = 7;
    queues[1].view.counts[6] = 3; /* dead */
    model_look(m, &fleet, schedules, NOW_MS);
    json_decref(servers);
    json_decref(schedules);
}

static double sum(const struct model *m, const char *object, const char *key)
{
    const json_t *o = json_object_get(m->now, "sum");

    return json_number_value(json_object_get(json_object_get(o, object), key));
}

/* The frame as text; the caller's. */
static char *frame(struct view *v, const struct model *m, unsigned width, unsigned height)
{
    struct buffer out = BUFFER_INIT;
    struct screen s;

    v->where = "unix:/run/redis.sock";
    screen_init(&s, width, height);
    view_draw(v, m->now, NOW_MS, &s);
    screen_text(&s, false, &out);
    screen_deinit(&s);
    return buffer_take(&out, NULL);
}

static void expect(struct view *v, const struct model *m, unsigned width, unsigned height,
                   const char *text, bool there)
{
    char *got = frame(v, m, width, height);

    if ((strstr(got, text) != NULL) != there)
        fail_msg("%s '%s' in\n%s", there ? "no" : "unexpected", text, got);
    free(got);
}

static void has(struct view *v, const struct model *m, const char *text)
{
    expect(v, m, 80, 24, text, true);
}

static void lacks(struct view *v, const struct model *m, const char *text)
{
    expect(v, m, 80, 24, text, false);
}

static void comes_before(struct view *v, const struct model *m, const char *a, const char *b)
{
    char *got = frame(v, m, 80, 24);

    assert_non_null(strstr(got, a));
    assert_non_null(strstr(got, b));
    assert_true(strstr(got, a) < strstr(got, b));
    free(got);
}

static void press(struct view *v, const struct model *m, const char *keys)
{
    for (; *keys; keys++) (void)view_key(v, *keys, m->now, 80, 24);
}

TEST(rates_lie_between_two_looks)
{
    struct model m = {0};
    struct view v = {0};

    look(&m, 1000000, 1000);
    assert_true(json_is_null(
        json_object_get(json_object_get(json_object_get(m.now, "sum"), "rates"), "done")));
    has(&v, &m, "done 0");
    look(&m, 3000000, 3000);
    assert_float_equal(sum(&m, "rates", "done"), 1000, 0.001);
    assert_float_equal(sum(&m, "rates", "enqueued"), 2000, 0.001);
    assert_float_equal(sum(&m, "rates", "failed"), 10, 0.001);
    has(&v, &m, "enqueued 2000  done 1000  failed 10");
    look(&m, 4000000, 10); /* the queue was made anew */
    assert_float_equal(sum(&m, "rates", "done"), 0, 0.001);
    look(&m, 4000000, 20); /* no time has passed */
    assert_float_equal(sum(&m, "rates", "done"), 0, 0.001);
    model_deinit(&m);
}

TEST(eighty_columns_and_24_rows_hold_it_all)
{
    struct model m = {0};
    struct view v = {0};
    char *got;

    look(&m, 1000000, 1000);
    look(&m, 2000000, 2000);
    has(&v, &m, "pinion  3 queues  1 kind  2 servers  3 schedules  1 lost");
    has(&v, &m, "ready 1.23M  active 0");
    has(&v, &m, "oldest 1m1s");
    has(&v, &m, "busy [||||||||        ] 4/8");
    has(&v, &m, "\nbulk        paused         7");
    has(&v, &m, "\nmail        running    1.23M");
    has(&v, &m, "aaa           serving   one                 77         4/8 mail,bulk");
    has(&v, &m, "bbb           lost");
    has(&v, &m, "         2s active  soon");
    has(&v, &m, " q quit");
    comes_before(&v, &m, "soon", "later");
    comes_before(&v, &m, "later", "never");
    got = frame(&v, &m, 80, 24);
    for (const char *line = got; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    free(got);
    model_deinit(&m);
}

TEST(a_wide_screen_shows_more)
{
    struct model m = {0};
    struct view v = {0};

    look(&m, 1000000, 1000);
    lacks(&v, &m, "SCHEDULED");
    expect(&v, &m, 100, 24, "SCHEDULED", true);
    lacks(&v, &m, "HTTP");
    expect(&v, &m, 120, 24, "HTTP", true);
    model_deinit(&m);
}

TEST(a_small_screen_says_so)
{
    struct model m = {0};
    struct view v = {0};

    look(&m, 1000000, 1000);
    expect(&v, &m, 80, 24, "is little", false);
    expect(&v, &m, 79, 24, "79x24 is little, expected 80x24", true);
    expect(&v, &m, 80, 23, "80x23 is little, expected 80x24", true);
    expect(&v, &m, 60, 12, "60x12 is little", true);
    expect(&v, &m, 60, 12, "bulk", true);
    expect(&v, &m, 59, 12, "59x12: too small, expected 80x24", true);
    expect(&v, &m, 60, 11, "60x11: too small, expected 80x24", true);
    for (unsigned width = 0; width < 130; width += 3)
        for (unsigned height = 0; height < 30; height++) free(frame(&v, &m, width, height));
    model_deinit(&m);
}

TEST(keys_sort_filter_and_choose)
{
    struct model m = {0};
    struct view v = {0};

    look(&m, 1000000, 1000);
    look(&m, 2000000, 2000);
    comes_before(&v, &m, "\nbulk", "\nmail");
    press(&v, &m, "r");
    comes_before(&v, &m, "\nmail", "\nbulk");
    has(&v, &m, "QUEUE^");
    press(&v, &m, "rss"); /* by ready: the largest first */
    has(&v, &m, "READY*");
    comes_before(&v, &m, "\nmail", "\nbulk");
    press(&v, &m, "/BUL");
    has(&v, &m, "/BUL_");
    lacks(&v, &m, "\nmail");
    press(&v, &m, "\x7f\x7f\x7fx");
    has(&v, &m, "no queues of that name");
    press(&v, &m, "\r");
    has(&v, &m, "/x   Esc: all rows");
    press(&v, &m, "\033");
    has(&v, &m, "\nmail");
    has(&v, &m, "mail.send");
    press(&v, &m, "2");
    has(&v, &m, "70       2    1.2ms     1.5s");
    lacks(&v, &m, "bbb");
    press(&v, &m, "3");
    lacks(&v, &m, "QUEUE*");
    has(&v, &m, "bbb           lost");
    press(&v, &m, "\t");
    has(&v, &m, "soon");
    lacks(&v, &m, "bbb");
    press(&v, &m, "\t");
    has(&v, &m, "bbb");
    has(&v, &m, "soon");
    press(&v, &m, "h");
    has(&v, &m, "Ctrl-C    leave");
    press(&v, &m, "x");
    lacks(&v, &m, "Ctrl-C    leave");
    model_deinit(&m);
}

TEST(the_help_fits_eighty_columns)
{
    struct model m = {0};
    struct view v = {0};
    char *got;
    const char *line, *last;

    look(&m, 1000000, 1000);
    press(&v, &m, "h");
    got = frame(&v, &m, 160, 24);
    line = strstr(got, "Tab, 1 to 4");
    last = strstr(got, "the slowest.");
    assert_non_null(line);
    assert_non_null(last);
    for (line -= 2; line < last; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 80);
    free(got);
    model_deinit(&m);
}

TEST(holding_and_leaving)
{
    struct model m = {0};
    struct view v = {0};

    look(&m, 1000000, 1000);
    assert_int_equal(view_key(&v, 'p', m.now, 80, 24), VIEW_DRAW);
    has(&v, &m, "held");
    assert_int_equal(view_key(&v, ' ', m.now, 80, 24), VIEW_LOOK);
    lacks(&v, &m, "held");
    assert_int_equal(view_key(&v, 'z', m.now, 80, 24), VIEW_NOTHING);
    assert_int_equal(view_key(&v, '/', m.now, 80, 24), VIEW_DRAW);
    assert_int_equal(view_key(&v, 'q', m.now, 80, 24), VIEW_DRAW); /* a letter of the filter */
    assert_int_equal(view_key(&v, KEY_ESCAPE, m.now, 80, 24), VIEW_DRAW);
    assert_int_equal(view_key(&v, 'q', m.now, 80, 24), VIEW_QUIT);
    v.problem = "Redis does not answer";
    has(&v, &m, "Redis does not answer");
    model_deinit(&m);
}

/* More rows than lines: none is out of reach. */
TEST(a_long_list_scrolls)
{
    struct model m = {.now = json_pack("{s:[]}", "queues")};
    json_t *queues = json_object_get(m.now, "queues");
    struct view v = {0};

    for (int i = 0; i < 100; i++)
        json_array_append_new(queues, json_pack("{s:o}", "queue", json_sprintf("q%03d", i)));
    has(&v, &m, "q000");
    (void)view_key(&v, KEY_END, m.now, 80, 24);
    has(&v, &m, "q099");
    lacks(&v, &m, "q000");
    (void)view_key(&v, KEY_DOWN, m.now, 80, 24);
    has(&v, &m, "q099");
    (void)view_key(&v, KEY_PAGE_UP, m.now, 80, 24);
    lacks(&v, &m, "q099");
    (void)view_key(&v, KEY_HOME, m.now, 80, 24);
    has(&v, &m, "q000");
    (void)view_key(&v, 'j', m.now, 80, 24);
    lacks(&v, &m, "q000");
    (void)view_key(&v, 'k', m.now, 80, 24);
    (void)view_key(&v, 'k', m.now, 80, 24);
    has(&v, &m, "q000");
    model_deinit(&m);
}

TEST(nothing_was_seen_yet)
{
    struct model m = {0};
    struct view v = {0};

    has(&v, &m, "looking ...");
    press(&v, &m, "jr12345s/abc\r");
    has(&v, &m, "looking ...");
}

TEST(large_numbers_stay_short)
{
    static const struct {
        double n;
        const char *text;
    } cases[] = {
        {0, "0"},           {99999, "99999"},  {100000, "100k"}, {1234567, "1.23M"},
        {12345678, "12.3M"}, {1e10, "10.0G"}, {1e15, "1000T"},
    };
    char text[PART_CELL_MAX];

    for (size_t i = 0; i < countof(cases); i++)
        assert_string_equal(count_text(cases[i].n, text), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_lie_between_two_looks),
        cmocka_unit_test(eighty_columns_and_24_rows_hold_it_all),
        cmocka_unit_test(a_wide_screen_shows_more),
        cmocka_unit_test(a_small_screen_says_so),
        cmocka_unit_test(keys_sort_filter_and_choose),
        cmocka_unit_test(the_help_fits_eighty_columns),
        cmocka_unit_test(holding_and_leaving),
        cmocka_unit_test(a_long_list_scrolls),
        cmocka_unit_test(nothing_was_seen_yet),
        cmocka_unit_test(large_numbers_stay_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
