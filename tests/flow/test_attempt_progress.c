/* What a handler tells of how far it is: a service on a real Redis. How often it is sent is counted
 * by the events that Redis publishes, one for each call of the script for our only job. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "queue/hiredis_shim.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"
#include "workers/limits.h"

#define WORDS   100 /* of a chatty handler, one each WORD_MS */
#define WORD_MS 10

static struct pinion_attempt *running;
static redisContext *ear;
static unsigned words;
static uint64_t began_ms, ended_ms;

static void do_command(const char *command)
{
    free(redis_server_do(server, "%s", command));
}

static void expect_kept(const char *percent, const char *note)
{
    char *text = redis_server_do(server, "HGET pinion:{default}:progress x");
    char *at = strchr(text, ' '), *rest = at ? strchr(at + 1, ' ') : NULL;

    if (!at || strncmp(text, percent, (size_t)(at - text)) != 0 ||
        strcmp(rest ? rest + 1 : "", note) != 0)
        fail_msg("'%s', expected %s TIME %s", text, percent, note);
    free(text);
}

/* How many calls told of our job. */
static unsigned heard(void)
{
    unsigned count = 0;
    void *reply;

    while (redisGetReply(ear, &reply) == REDIS_OK) {
        redisReply *r = reply;
        bool is_last = strcmp(r->element[2]->str, "last") == 0;
        count += strcmp(r->element[2]->str, "progress x") == 0;
        freeReplyObject(r);
        if (is_last) return count;
    }
    fail_msg("the events ended: %s", ear->errstr);
    return 0;
}

static void listen_to_events(void)
{
    do_command("SET pinion:{default}:watched 1");
    ear = redisConnectUnix(redis_server_path(server));
    assert_false(ear->err);
    freeReplyObject(redisCommand(ear, "SUBSCRIBE pinion:{default}:events"));
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void on_word(struct pinion_timer *t, void *ctx)
{
    char note[32];

    (void)ctx;
    snprintf(note, sizeof note, "word %u", ++words);
    if (pinion_attempt_progress(running, words, note)) fail_msg("%s", note);
    if (words < WORDS) return;
    ended_ms = clock_mono_ms();
    pinion_timer_cancel(t);
    pinion_attempt_done(running, "42", 2);
    running = NULL;
}

static void chat(struct pinion_attempt *a, void *ctx)
{
    struct pinion_every often = {.interval_ms = WORD_MS, .phase_ms = WORD_MS};

    (void)ctx;
    running = a;
    began_ms = clock_mono_ms();
    assert_int_equal(pinion_call_every(service, &often, on_word, NULL, NULL), PINION_OK);
}

static void tell_once_and_fail(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    assert_int_equal(pinion_attempt_progress(a, 20, "too far"), PINION_OK);
    assert_int_equal(pinion_attempt_progress(a, 10, NULL), PINION_OK);
    pinion_attempt_reject(a, "no good");
}

static void tell_too_much(struct pinion_attempt *a, void *ctx)
{
    char note[PINION_PROGRESS_NOTE_MAX + 2];

    (void)ctx;
    memset(note, 'x', sizeof note);
    note[PINION_PROGRESS_NOTE_MAX + 1] = '\0';
    assert_int_equal(pinion_attempt_progress(a, 101, NULL), PINION_INVALID);
    assert_int_equal(pinion_attempt_progress(a, 1, note), PINION_INVALID);
    assert_int_equal(pinion_attempt_progress(a, 1, "\xff"), PINION_INVALID);
    if (ctx) {
        note[PINION_PROGRESS_NOTE_MAX] = '\0';
        assert_int_equal(pinion_attempt_progress(a, 100, note), PINION_OK);
    }
    pinion_attempt_done(a, NULL, 0);
}

static void end_when_kept(struct pinion_timer *t, void *ctx)
{
    char *text = redis_server_do(server, "HGET pinion:{default}:progress x");

    (void)ctx;
    if (strncmp(text, "60 ", 3) == 0) {
        pinion_timer_cancel(t);
        pinion_attempt_done(running, NULL, 0);
    }
    free(text);
}

/* Its connection is cut, and the loop has not seen that when it sends the word. */
static void tell_in_vain(struct pinion_attempt *a, void *ctx)
{
    struct pinion_every often = {.interval_ms = 10};

    (void)ctx;
    running = a;
    do_command("CLIENT KILL TYPE normal");
    assert_int_equal(pinion_attempt_progress(a, 60, "again"), PINION_OK);
    assert_int_equal(pinion_call_every(service, &often, end_when_kept, NULL, NULL), PINION_OK);
}

/* ---- a service that ends with its one job ---------------------------------------------------- */

static void run(const struct pinion_handler *handler, uint64_t retain_ms)
{
    words = 0;
    listen_to_events();
    run_one(handler, (struct pinion_job){.retain_ms = retain_ms});
    do_command("PUBLISH pinion:{default}:events last");
}

/* The first word at once, one after each gap, and the last of all before the outcome. */
TEST(of_many_words_few_are_sent_and_the_last_is_kept)
{
    char note[32];

    run(&(struct pinion_handler){.kind = "chat", .run = chat}, 60000);
    unsigned calls = heard();
    assert_in_range(calls, 2, 2 + (ended_ms - began_ms) / PROGRESS_GAP_MS);
    assert_true(calls < WORDS / 2);
    snprintf(note, sizeof note, "word %d", WORDS);
    expect_kept("100", note);
}

TEST(a_dead_job_shows_how_far_it_came)
{
    run(&(struct pinion_handler){.kind = "bad", .run = tell_once_and_fail}, 0);
    assert_int_equal(heard(), 1); /* both words came in one turn of the loop */
    expect_kept("10", "");
}

/* A job that is not kept has nothing left; nor has one that told nothing. */
TEST(nothing_is_left_of_what_is_not_kept)
{
    run(&(struct pinion_handler){.kind = "chat", .run = chat}, 0);
    assert_in_range(heard(), 1, 1 + (ended_ms - began_ms) / PROGRESS_GAP_MS);
    char *left = redis_server_do(server, "EXISTS pinion:{default}:progress "
                                         "pinion:{default}:rare pinion:{default}:jobs");
    assert_string_equal(left, "0");
    free(left);
}

/* The attempt ends only when Redis has it. */
TEST(a_word_without_an_answer_is_sent_again)
{
    run(&(struct pinion_handler){.kind = "cut", .run = tell_in_vain}, 60000);
    expect_kept("60", "again");
}

TEST(too_much_is_refused)
{
    run(&(struct pinion_handler){.kind = "bad", .run = tell_too_much}, 60000);
    assert_int_equal(heard(), 0);
    char *kept = redis_server_do(server, "EXISTS pinion:{default}:progress");
    assert_string_equal(kept, "0");
    free(kept);
}

TEST(as_much_as_may_be_told)
{
    char note[PINION_PROGRESS_NOTE_MAX + 1];

    run(&(struct pinion_handler){.kind = "bad", .run = tell_too_much, .ctx = note}, 60000);
    memset(note, 'x', sizeof note);
    note[PINION_PROGRESS_NOTE_MAX] = '\0';
    expect_kept("100", note);
}

static int end(void **state)
{
    if (ear) redisFree(ear);
    ear = NULL;
    return one_service_end(state);
}

#define progress_test(name) cmocka_unit_test_setup_teardown(name, one_service_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        progress_test(of_many_words_few_are_sent_and_the_last_is_kept),
        progress_test(a_dead_job_shows_how_far_it_came),
        progress_test(nothing_is_left_of_what_is_not_kept),
        progress_test(a_word_without_an_answer_is_sent_again),
        progress_test(too_much_is_refused),
        progress_test(as_much_as_may_be_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
