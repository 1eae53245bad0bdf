/* Filters, the history, and the frames that are made of it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "control/events/frame.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define EPOCH 0x1f0c77abu

static struct event_filter filter;

static void refuse(enum pinion_err (*read)(struct event_filter *, struct span, struct error *),
                   const char *text, const char *expected)
{
    struct error why = {0};

    assert_int_equal(read(&filter, span_of(text), &why), PINION_INVALID);
    if (!strstr(why.text, expected)) fail_msg("'%s': %s", text, why.text);
}

static void accept(enum pinion_err (*read)(struct event_filter *, struct span, struct error *),
                   const char *text)
{
    struct error why = {0};

    if (read(&filter, span_of(text), &why)) fail_msg("'%s': %s", text, why.text);
}

/* ---- filters --------------------------------------------------------------------------------- */

static bool passes(enum event_type type, const char *queue, const char *kind)
{
    return event_filter_passes(&filter, type, span_of(queue), span_of(kind));
}

TEST(a_filter_that_says_nothing_passes_everything)
{
    filter = EVENT_FILTER_INIT;
    for (unsigned i = 0; i < EVENT_TYPES; i++) assert_true(passes(i, i == 1 ? "q" : NULL, NULL));
}

TEST(a_filter_passes_what_it_names)
{
    filter = EVENT_FILTER_INIT;
    accept(event_filter_queues, "mail,default");
    accept(event_filter_queues, "a.b");
    accept(event_filter_kinds, "user.*,wc");
    assert_true(passes(EVENT_JOB, "mail", "wc"));
    assert_true(passes(EVENT_JOB, "a.b", "user.add"));
    assert_false(passes(EVENT_JOB, "mai", "wc"));
    assert_false(passes(EVENT_JOB, "mail2", "wc"));
    assert_false(passes(EVENT_JOB, "mail", "wcx"));
    assert_false(passes(EVENT_JOB, "mail", "user."));
    assert_false(passes(EVENT_JOB, "mail", "users.x"));
    assert_false(passes(EVENT_JOB, "mail", NULL)); /* nobody knows its kind */
    assert_false(passes(EVENT_QUEUE, "mail", NULL));
    assert_false(passes(EVENT_SERVER, NULL, NULL));
    assert_true(passes(EVENT_MISSED, NULL, NULL));
    event_filter_deinit(&filter);
    accept(event_filter_types, "queue,server");
    assert_true(passes(EVENT_QUEUE, "mail", NULL) && passes(EVENT_SERVER, NULL, NULL));
    assert_false(passes(EVENT_JOB, "mail", "wc"));
    event_filter_deinit(&filter);
    accept(event_filter_kinds, "*");
    assert_true(passes(EVENT_JOB, "mail", "wc"));
    event_filter_deinit(&filter);
    filter.prefix = xstrdup("mail");
    assert_true(passes(EVENT_JOB, "mail", NULL) && passes(EVENT_JOB, "mail.eu", NULL));
    assert_false(passes(EVENT_JOB, "mai", NULL) || passes(EVENT_SERVER, NULL, NULL));
    event_filter_deinit(&filter);
}

TEST(a_filter_refuses_what_it_does_not_know)
{
    char many[EVENT_FILTER_NAMES_MAX * 2 + 2];

    filter = EVENT_FILTER_INIT;
    refuse(event_filter_queues, "a b", "expected 1 to 64 of");
    refuse(event_filter_queues, "", "expected 1 to 64 of");
    refuse(event_filter_queues, "a,,b", "expected 1 to 64 of");
    event_filter_deinit(&filter);
    refuse(event_filter_kinds, "user*", "star behind");
    refuse(event_filter_types, "jobs", "expected job, progress, queue, schedule, server");
    event_filter_deinit(&filter);
    for (size_t i = 0; i <= EVENT_FILTER_NAMES_MAX; i++) memcpy(many + 2 * i, "q,", 2);
    many[2 * EVENT_FILTER_NAMES_MAX - 1] = '\0';
    accept(event_filter_queues, many);
    assert_int_equal(filter.queues.count, EVENT_FILTER_NAMES_MAX);
    refuse(event_filter_queues, "x", "at most");
    event_filter_deinit(&filter);
}

/* ---- history and frames ---------------------------------------------------------------------- */

static void add_job(struct history *h, const char *queue, const char *kind, const char *state,
                    unsigned number)
{
    char json[64];
    int len = snprintf(json, sizeof json, "{\"n\":%u}", number);
    struct event e = {.type = EVENT_JOB,
                      .state = event_state(span_of(state)),
                      .queue = span_of(queue),
                      .kind = span_of(kind),
                      .json = {json, (size_t)len}};

    history_add(h, &e);
}

/* The frame as JSON (the caller's); NULL: there is none. */
static json_t *frame_json(const struct history *h, uint64_t from, uint64_t to, uint64_t *ret_told)
{
    struct frame *f = frame_new(h, &filter, EPOCH, from, &to);
    json_error_t error;
    json_t *json = f ? json_loadb(f->json.data, f->json.len, JSON_REJECT_DUPLICATES, &error) : NULL;

    if (f && !json) fail_msg("%s: %s", f->json.data, error.text);
    if (f) assert_string_equal(json_string_value(json_object_get(json, "id")), f->id);
    if (ret_told) *ret_told = f ? f->told : 0;
    frame_free(f);
    return json;
}

static json_int_t more(const json_t *frame, const char *queue, const char *state)
{
    return json_integer_value(
        json_object_get(json_object_get(json_object_get(frame, "more"), queue), state));
}

TEST(a_frame_tells_what_passed_in_a_stretch)
{
    struct history *h = history_new();
    json_t *frame;
    uint64_t told;

    filter = EVENT_FILTER_INIT;
    assert_false(history_is_open(h));
    history_close(h, 0);
    assert_int_equal(history_last(h), 0);
    for (unsigned i = 1; i <= 3; i++) {
        add_job(h, i == 2 ? "b" : "a", NULL, "done", i);
        assert_true(history_is_open(h));
        history_close(h, i);
    }
    assert_int_equal(history_last(h), 3);
    frame = frame_json(h, 1, 3, &told);
    assert_int_equal(told, 2);
    assert_int_equal(json_array_size(json_object_get(frame, "events")), 2);
    assert_null(json_object_get(frame, "more"));
    json_decref(frame);
    accept(event_filter_queues, "b");
    assert_null(frame_json(h, 2, 3, NULL));
    frame = frame_json(h, 0, 3, &told);
    assert_int_equal(told, 1);
    json_decref(frame);
    event_filter_deinit(&filter);
    history_free(h);
}

TEST(more_than_a_frame_holds_is_counted)
{
    struct history *h = history_new();
    uint64_t told;
    json_t *frame;

    filter = EVENT_FILTER_INIT;
    for (unsigned i = 0; i < FRAME_JOBS_MAX; i++) add_job(h, "a", NULL, "ready", i);
    history_close(h, 1);
    frame = frame_json(h, 0, 1, &told); /* at the limit: each by itself */
    assert_int_equal(json_array_size(json_object_get(frame, "events")), FRAME_JOBS_MAX);
    assert_int_equal(told, FRAME_JOBS_MAX);
    assert_null(json_object_get(frame, "more"));
    json_decref(frame);
    for (unsigned i = 0; i <= FRAME_JOBS_MAX; i++) add_job(h, "a", NULL, "ready", i);
    history_count(h, span_of("b"), event_state(span_of("done")), 1000);
    history_close(h, 2);
    frame = frame_json(h, 1, 2, &told); /* one past it */
    assert_int_equal(json_array_size(json_object_get(frame, "events")), FRAME_JOBS_NAMED);
    assert_int_equal(more(frame, "a", "ready"), FRAME_JOBS_MAX + 1 - FRAME_JOBS_NAMED);
    assert_int_equal(more(frame, "b", "done"), 1000);
    assert_int_equal(told, FRAME_JOBS_MAX + 1 + 1000);
    json_decref(frame);
    accept(event_filter_queues, "b");
    frame = frame_json(h, 0, 2, &told);
    assert_int_equal(told, 1000);
    assert_int_equal(json_object_size(json_object_get(frame, "more")), 1);
    json_decref(frame);
    event_filter_deinit(&filter);
    accept(event_filter_types, "queue");
    assert_null(frame_json(h, 0, 2, NULL));
    event_filter_deinit(&filter);
    history_free(h);
}

static void add_queue(struct history *h, size_t bytes)
{
    char *json = xcalloc(1, bytes + 1);
    struct event e = {.type = EVENT_QUEUE, .queue = span_of("q")};

    memset(json, 'x', bytes);
    json[0] = json[bytes - 1] = '"';
    e.json = (struct span){json, bytes};
    history_add(h, &e);
    free(json);
}

/* What is not of jobs is never left out: it goes on in the next frame. */
TEST(a_frame_ends_where_it_is_large)
{
    struct history *h = history_new();
    uint64_t seen = 0, told = 0, frames = 0;

    filter = EVENT_FILTER_INIT;
    for (unsigned i = 0; i < 100; i++) {
        add_queue(h, 4000);
        if (history_is_large(h)) history_close(h, i);
    }
    history_close(h, 100);
    while (seen < history_last(h)) {
        uint64_t to = history_last(h);
        struct frame *f = frame_new(h, &filter, EPOCH, seen, &to);
        assert_non_null(f);
        assert_true(to > seen);
        assert_true(f->json.len < FRAME_OTHERS_BYTES + MOMENT_OTHERS_BYTES);
        told += f->told;
        seen = to;
        frames++;
        frame_free(f);
    }
    assert_int_equal(told, 100);
    assert_in_range(frames, 5, 20);
    history_free(h);
}

TEST(a_moment_holds_so_many_bytes_of_jobs)
{
    struct history *h = history_new();
    char json[1025] = {0};
    struct event e = {.type = EVENT_PROGRESS, .queue = span_of("q")};
    uint64_t told;

    filter = EVENT_FILTER_INIT;
    memset(json, 'x', sizeof json - 1);
    json[0] = json[sizeof json - 2] = '"';
    e.json = span_of(json);
    while (!history_is_full(h)) history_add(h, &e);
    add_job(h, "q", NULL, "done", 1);
    history_add(h, &e); /* left out */
    add_queue(h, 10);
    history_close(h, 0);
    json_t *frame = frame_json(h, 0, 1, &told);
    assert_int_equal(more(frame, "q", "done"), 1);
    assert_in_range(told, MOMENT_BYTES_MAX / 1030, MOMENT_BYTES_MAX / 1024 + 3);
    json_decref(frame);
    history_free(h);
}

TEST(old_moments_are_forgotten)
{
    struct history *h = history_new();
    char *big = xcalloc(1, HISTORY_BYTES_MAX / 16);
    struct event e = {.type = EVENT_QUEUE, .queue = span_of("q")};

    memset(big, 'x', HISTORY_BYTES_MAX / 16 - 1);
    e.json = span_of(big);
    add_job(h, "a", NULL, "ready", 1);
    history_close(h, 1000);
    assert_true(history_reaches(h, 0) && history_reaches(h, 1));
    assert_false(history_reaches(h, 2)); /* of the future: from another history */
    history_close(h, 1000 + HISTORY_MS);
    assert_true(history_reaches(h, 0));
    history_close(h, 1001 + HISTORY_MS);
    assert_false(history_reaches(h, 0));
    assert_true(history_reaches(h, 1));
    for (unsigned i = 0; i < 40; i++) {
        history_add(h, &e);
        history_close(h, 0);
    }
    assert_true(history_reaches(h, history_last(h) - 4));
    assert_false(history_reaches(h, history_last(h) - 17));
    free(big);
    history_free(h);
}

/* As many as a filter takes. */
static void parts_of_all_names(char *names)
{
    for (size_t i = 0; i < EVENT_FILTER_NAMES_MAX; i++) memcpy(names + 2 * i, "q,", 2);
    names[2 * EVENT_FILTER_NAMES_MAX - 1] = '\0';
}

static struct frame *frame_in_parts(const struct history *h, uint64_t to, unsigned *ret_parts)
{
    struct frame_maker *k = frame_begin(h, &filter, EPOCH, 0, to);
    size_t looks = FRAME_LOOK_MAX;
    uint64_t reached;

    for (*ret_parts = 1; !frame_step(k, &looks); ++*ret_parts) {
        assert_true(looks < FRAME_LOOK_MAX);
        looks = FRAME_LOOK_MAX;
    }
    struct frame *f = frame_end(k, &reached);
    assert_true(reached == to);
    return f;
}

static void add_many(struct history *h, unsigned moments, unsigned queues)
{
    for (unsigned i = 0; i < moments; i++) {
        for (unsigned n = 0; n < 10; n++) add_job(h, "mail", n % 2 ? "wc" : "user.x", "done", n);
        for (unsigned n = 0; n < queues; n++) {
            char name[32];
            snprintf(name, sizeof name, "queue-%u", n);
            history_count(h, span_of(name), event_state(span_of("ready")), i + n + 1);
        }
        history_close(h, i);
    }
}

TEST(a_frame_made_in_parts_is_the_same)
{
    char names[2 * EVENT_FILTER_NAMES_MAX + 1] = "";
    unsigned few, many;

    for (unsigned queues = 0; queues <= 200; queues += 100) {
        struct history *h = history_new();
        uint64_t to;
        filter = EVENT_FILTER_INIT;
        add_many(h, 60, queues);
        to = history_last(h);
        struct frame *whole = frame_new(h, &filter, EPOCH, 0, &to);
        struct frame *parts = frame_in_parts(h, to, &few);
        assert_string_equal(parts->json.data, whole->json.data);
        assert_int_equal(parts->told, whole->told);
        assert_int_equal(parts->told, 600 + queues * 60 * 59 / 2 + 60 * queues * (queues + 1) / 2);
        frame_free(whole);
        frame_free(parts);
        history_free(h);
    }
    struct history *h = history_new();
    add_many(h, 60, 0);
    parts_of_all_names(names);
    accept(event_filter_queues, names);
    accept(event_filter_kinds, names);
    frame_free(frame_in_parts(h, history_last(h), &many)); /* one event takes all of a part */
    assert_int_equal(many, 2 * 600);
    event_filter_deinit(&filter);
    frame_free(frame_in_parts(h, history_last(h), &few));
    assert_in_range(few, 2 * 600 / FRAME_LOOK_MAX, many / 10);
    history_free(h);
}

TEST(what_is_forgotten_while_a_frame_is_made_is_not_in_it)
{
    struct history *h = history_new();
    size_t looks = 200; /* all were counted, and not one is in the frame so far */
    uint64_t to;

    filter = EVENT_FILTER_INIT;
    add_many(h, 20, 0);
    struct frame_maker *k = frame_begin(h, &filter, EPOCH, 0, history_last(h));
    assert_false(frame_step(k, &looks));
    history_close(h, HISTORY_MS + 10); /* the first ten are too old */
    assert_true(history_reaches(h, 10) && !history_reaches(h, 9));
    looks = SIZE_MAX;
    assert_true(frame_step(k, &looks));
    struct frame *f = frame_end(k, &to);
    assert_int_equal(to, 20);
    assert_int_equal(f->told, 100);
    frame_free(f);
    k = frame_begin(h, &filter, EPOCH, 10, to);
    looks = 50;
    assert_false(frame_step(k, &looks));
    history_close(h, 2 * HISTORY_MS); /* all of it, in the middle of a moment */
    looks = SIZE_MAX;
    assert_true(frame_step(k, &looks));
    assert_null(frame_end(k, &to));
    k = frame_begin(h, &filter, EPOCH, 0, 20);
    frame_drop(k);
    history_free(h);
}

TEST(an_id_is_read_as_it_was_written)
{
    static const char *const others[] = {"", "1f0c77ab", "1f0c77ab-", "1f0c77ac-1", "1f0c77ab-x",
                                         "1f0c77ab-99999999999999999999", "1f0c77ab -1"};
    char id[FRAME_ID_MAX];
    uint64_t seq;

    frame_id(id, EPOCH, 42);
    assert_string_equal(id, "1f0c77ab-42");
    assert_int_equal(frame_id_read(span_of(id), EPOCH, &seq), PINION_OK);
    assert_int_equal(seq, 42);
    for (size_t i = 0; i < countof(others); i++)
        if (!frame_id_read(span_of(others[i]), EPOCH, &seq)) fail_msg("'%s' was read", others[i]);
}

/* Changes of jobs of two queues; gives how many of each. */
static void change(struct history *h, struct prng *prng, uint64_t ret_changes[2])
{
    for (uint64_t left = prng_below(prng, 900); left; left--) {
        unsigned which = (unsigned)prng_below(prng, 2), count = prng_below(prng, 8) ? 1 : 30;
        const char *word = event_states[prng_below(prng, EVENT_STATES)];
        ret_changes[which] += count;
        if (count == 1) add_job(h, which ? "b" : "a", NULL, word, 0);
        else history_count(h, span_of(which ? "b" : "a"), event_state(span_of(word)), count);
        if (prng_below(prng, 100) == 0) history_close(h, 0);
    }
    history_close(h, 0);
}

/* Of a frame: one by one, and counted. */
static uint64_t changes_in(const json_t *frame)
{
    uint64_t sum = json_array_size(json_object_get(frame, "events"));
    const char *queue, *word;
    json_t *counts, *n;

    assert_true(sum <= FRAME_JOBS_MAX);
    json_object_foreach (json_object_get(frame, "more"), queue, counts)
        json_object_foreach (counts, word, n) sum += (uint64_t)json_integer_value(n);
    return sum;
}

TEST(nothing_is_lost_between_events_and_counts)
{
    struct prng prng = {property_seed("PINION_EVENTS_SEED")};

    for (unsigned round = 0; round < 200; round++) {
        struct history *h = history_new();
        uint64_t changes[2] = {0}, told;
        json_t *frame;

        filter = EVENT_FILTER_INIT;
        change(h, &prng, changes);
        if (round % 2) accept(event_filter_queues, "a");
        frame = frame_json(h, 0, history_last(h), &told);
        assert_int_equal(told, changes[0] + (round % 2 ? 0 : changes[1]));
        assert_int_equal(changes_in(frame), told);
        json_decref(frame);
        event_filter_deinit(&filter);
        history_free(h);
    }
}

/* ---- counts ---------------------------------------------------------------------------------- */

#define NAMES (2 * MOMENT_COUNTS_MAX)

static struct span name_of(unsigned number, char room[16])
{
    snprintf(room, 16, "q%u", number);
    return span_of(room);
}

TEST(counts_are_what_a_dumb_table_has)
{
    static uint32_t asked[NAMES]; /* how often; the dumb twin */
    struct prng prng = {property_seed("PINION_EVENTS_SEED")};
    struct event_counts counts = {0};
    struct event_count *c;
    size_t known = 0;
    char room[16];

    memset(asked, 0, sizeof asked);
    for (unsigned i = 0; i < 20 * NAMES; i++) {
        unsigned number = (unsigned)prng_below(&prng, NAMES);
        c = event_counts_of(&counts, name_of(number, room), MOMENT_COUNTS_MAX);
        assert_int_equal(c != NULL, asked[number] || known < MOMENT_COUNTS_MAX);
        if (!c) continue;
        assert_string_equal(c->queue, room);
        assert_int_equal(c->jobs[number % EVENT_STATES]++, asked[number]);
        if (!asked[number]++) known++;
    }
    assert_int_equal(known, MOMENT_COUNTS_MAX);
    assert_int_equal(counts.count, known);
    event_counts_deinit(&counts);
    assert_int_equal(event_counts_bytes(&counts), 0);
}

TEST(a_name_that_no_queue_has_is_not_counted)
{
    char name[QUEUE_NAME_MAX + 1];
    struct event_counts counts = {0};

    memset(name, 'n', sizeof name);
    assert_null(event_counts_of(&counts, (struct span){name, QUEUE_NAME_MAX + 1}, 1));
    assert_non_null(event_counts_of(&counts, (struct span){name, QUEUE_NAME_MAX}, 1));
    assert_null(event_counts_of(&counts, span_of("another"), 1));
    event_counts_deinit(&counts);
}

TEST(a_moment_counts_so_many_queues)
{
    struct history *h = history_new();
    json_t *frame;
    uint64_t told;
    char room[16];

    filter = EVENT_FILTER_INIT;
    for (unsigned i = 0; i <= MOMENT_COUNTS_MAX; i++) history_count(h, name_of(i, room), 0, 1);
    history_count(h, span_of("q0"), 0, 1); /* one that is known is counted all the same */
    history_close(h, 0);
    frame = frame_json(h, 0, 1, &told);
    assert_int_equal(told, MOMENT_COUNTS_MAX + 1);
    assert_int_equal(more(frame, "q0", "scheduled"), 2);
    assert_int_equal(more(frame, name_of(MOMENT_COUNTS_MAX - 1, room).data, "scheduled"), 1);
    assert_int_equal(more(frame, name_of(MOMENT_COUNTS_MAX, room).data, "scheduled"), 0);
    json_decref(frame);
    history_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_that_says_nothing_passes_everything),
        cmocka_unit_test(a_filter_passes_what_it_names),
        cmocka_unit_test(a_filter_refuses_what_it_does_not_know),
        cmocka_unit_test(a_frame_tells_what_passed_in_a_stretch),
        cmocka_unit_test(more_than_a_frame_holds_is_counted),
        cmocka_unit_test(a_frame_ends_where_it_is_large),
        cmocka_unit_test(a_moment_holds_so_many_bytes_of_jobs),
        cmocka_unit_test(old_moments_are_forgotten),
        cmocka_unit_test(a_frame_made_in_parts_is_the_same),
        cmocka_unit_test(what_is_forgotten_while_a_frame_is_made_is_not_in_it),
        cmocka_unit_test(an_id_is_read_as_it_was_written),
        cmocka_unit_test(nothing_is_lost_between_events_and_counts),
        cmocka_unit_test(counts_are_what_a_dumb_table_has),
        cmocka_unit_test(a_name_that_no_queue_has_is_not_counted),
        cmocka_unit_test(a_moment_counts_so_many_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
