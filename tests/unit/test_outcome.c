/* What workers elsewhere say of jobs: each value at its edge and past it, and objects put together
 * at random from good and bad values, beside a dumb rule of what is good.
 *
 * PINION_OUTCOME_SEED repeats a run.
 */
#include "control/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define OBJECTS    20000
#define FIELDS_MAX 4

static const char *const verb_names[] = {"ack", "fail", "extend", "progress"};

/* Freed by outcome_deinit if it is PINION_OK; else untouched, which is checked, and there are
 * words.
 */
static enum pinion_err read_said(enum outcome_verb verb, const json_t *object, bool many,
                                 struct outcome_said *ret)
{
    static const struct outcome_said untouched = {.item = {.lease_ms = 77}};
    struct error why = {0};
    struct span local = many ? (struct span){0} : span_of("x");

    *ret = untouched;
    enum pinion_err err = outcome_read(verb, object, span_of("q"), local, ret, &why);
    if (!err) return err;
    assert_true(err == PINION_INVALID || err == PINION_TOO_LARGE);
    assert_true(why.code == err && why.text[0]);
    assert_memory_equal(ret, &untouched, sizeof *ret);
    return err;
}

/* ---- the edges ------------------------------------------------------------------------------- */

static json_t *text_of(size_t len)
{
    char *text = xmalloc(len + 1);

    memset(text, 'x', len);
    json_t *string = json_stringn(text, len);
    free(text);
    return string;
}

/* With a token and, of progress, a percentage; takes the value. */
static enum pinion_err read_with(enum outcome_verb verb, const char *key, json_t *value)
{
    json_t *o = json_pack("{s:s}", "token", "1");
    struct outcome_said said;

    if (verb == SAY_PROGRESS) json_object_set_new(o, "percent", json_integer(1));
    json_object_set_new(o, key, value);
    enum pinion_err err = read_said(verb, o, false, &said);
    if (!err) outcome_deinit(&said);
    json_decref(o);
    return err;
}

TEST(lengths_hold_at_the_edge)
{
    static const struct {
        enum outcome_verb verb;
        const char *key;
        size_t max;
        enum pinion_err past;
    } cases[] = {
        {SAY_ACK,      "token",  TOKEN_MAX - 1,     PINION_INVALID  },
        {SAY_ACK,      "result", RESULT_BYTES_MAX,  PINION_TOO_LARGE},
        {SAY_PROGRESS, "note",   PROGRESS_NOTE_MAX, PINION_INVALID  },
        {SAY_FAIL,     "error",  ERROR_BYTES_MAX,   PINION_OK       }, /* the rest is not kept */
    };

    for (size_t i = 0; i < countof(cases); i++) {
        assert_int_equal(read_with(cases[i].verb, cases[i].key, text_of(cases[i].max)), PINION_OK);
        assert_int_equal(read_with(cases[i].verb, cases[i].key, text_of(cases[i].max + 1)),
                         cases[i].past);
    }
    assert_int_equal(read_with(SAY_ACK, "token", text_of(0)), PINION_INVALID);
}

TEST(numbers_hold_at_the_edge)
{
    static const struct {
        enum outcome_verb verb;
        const char *key;
        json_int_t min, max;
    } cases[] = {
        {SAY_EXTEND,   "lease_ms",    LEASE_MIN_MS, LEASE_MAX_MS               },
        {SAY_FAIL,     "retry_in_ms", 0,            (json_int_t)DURATION_MS_MAX},
        {SAY_PROGRESS, "percent",     0,            PROGRESS_MAX               },
    };

    for (size_t i = 0; i < countof(cases); i++) {
        const char *key = cases[i].key;
        enum outcome_verb verb = cases[i].verb;
        assert_int_equal(read_with(verb, key, json_integer(cases[i].min)), PINION_OK);
        assert_int_equal(read_with(verb, key, json_integer(cases[i].max)), PINION_OK);
        assert_int_equal(read_with(verb, key, json_integer(cases[i].min - 1)), PINION_INVALID);
        assert_int_equal(read_with(verb, key, json_integer(cases[i].max + 1)), PINION_INVALID);
        assert_int_equal(read_with(verb, key, json_integer(INT64_MIN)), PINION_INVALID);
        assert_int_equal(read_with(verb, key, json_integer(INT64_MAX)), PINION_INVALID);
        assert_int_equal(read_with(verb, key, json_real((double)cases[i].min)), PINION_INVALID);
    }
}

TEST(an_error_is_cut_between_two_characters)
{
    json_t *o = json_pack("{s:s}", "token", "1");
    struct buffer text = BUFFER_INIT;
    struct outcome_said said;

    while (text.len < ERROR_BYTES_MAX - 1) buffer_add_char(&text, 'x');
    buffer_add_text(&text, "\xc3\xa4"); /* of which the first byte would be kept */
    json_object_set_new(o, "error", json_stringn(text.data, text.len));
    assert_int_equal(read_said(SAY_FAIL, o, false, &said), PINION_OK);
    assert_int_equal(said.item.text.len, ERROR_BYTES_MAX - 1);
    outcome_deinit(&said);
    json_decref(o);
    buffer_deinit(&text);
}

/* ---- at random ------------------------------------------------------------------------------- */

/* Values for a key of some verbs; good or not. NULL text: not a value of JSON's own. */
static const struct {
    const char *key, *value;
    unsigned verbs; /* 1 << verb that know the key */
    bool good;
} values[] = {
#define ALL    15
#define ACK    (1 << SAY_ACK)
#define FAIL   (1 << SAY_FAIL)
#define EXTEND (1 << SAY_EXTEND)
#define TELL   (1 << SAY_PROGRESS)
    {"token",         "\"1790000000000973\"", ALL,    true },
    {"token",         "\"\\u0000\"",          ALL,    true },
    {"token",         "1790000000000973",     ALL,    false},
    {"token",         "null",                 ALL,    false},
    {"token",         "[\"1\"]",              ALL,    false},
    {"token",         "\"\"",                 ALL,    false},
    {"result",        "null",                 ACK,    true },
    {"result",        "{\"a\":[1,{}]}",       ACK,    true },
    {"result",        "\"\\u0000\"",          ACK,    true },
    {"result",        "1e300",                ACK,    true },
    {"result_base64", "\"AP8=\"",             ACK,    true },
    {"result_base64", "\"AP8\"",              ACK,    false},
    {"result_base64", "7",                    ACK,    false},
    {"error",         "\"no luck\"",          FAIL,   true },
    {"error",         "null",                 FAIL,   false},
    {"error",         "{}",                   FAIL,   false},
    {"retry",         "true",                 FAIL,   true },
    {"retry",         "\"true\"",             FAIL,   false},
    {"retry",         "0",                    FAIL,   false},
    {"retry_in_ms",   "0",                    FAIL,   true },
    {"retry_in_ms",   "-1",                   FAIL,   false},
    {"retry_in_ms",   "1.5",                  FAIL,   false},
    {"retry_in_ms",   "\"5\"",                FAIL,   false},
    {"lease_ms",      "1000",                 EXTEND, true },
    {"lease_ms",      "999",                  EXTEND, false},
    {"lease_ms",      "9e99",                 EXTEND, false},
    {"percent",       "100",                  TELL,   true },
    {"percent",       "101",                  TELL,   false},
    {"percent",       "true",                 TELL,   false},
    {"note",          "\"so far\"",           TELL,   true },
    {"note",          "[]",                   TELL,   false},
    {"unknown",       "1",                    0,      false},
    {"Token",         "\"1\"",                0,      false},
    {"",              "\"1\"",                0,      false},
};

/* Is it good as a whole? Of `result` and its other form there may be one. */
static bool is_good(enum outcome_verb verb, const json_t *object, bool parts_good)
{
    bool both = json_object_get(object, "result") && json_object_get(object, "result_base64");
    bool told = verb != SAY_PROGRESS || json_object_get(object, "percent");

    return parts_good && !both && told && json_object_get(object, "token");
}

static json_t *draw_object(struct prng *prng, enum outcome_verb verb, bool *ret_parts_good)
{
    size_t chosen[FIELDS_MAX], count = prng_below(prng, FIELDS_MAX + 1);
    json_t *object = json_object();

    *ret_parts_good = true;
    for (size_t i = 0; i < count; i++) {
        do chosen[i] = prng_below(prng, countof(values));
        while (prng_below(prng, 8) && !(values[chosen[i]].verbs >> verb & 1));
        if (json_object_get(object, values[chosen[i]].key)) continue;
        json_object_set_new(
            object, values[chosen[i]].key,
            json_loads(values[chosen[i]].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        bool known = values[chosen[i]].verbs >> verb & 1;
        *ret_parts_good = *ret_parts_good && known && values[chosen[i]].good;
    }
    return object;
}

TEST(what_is_good_is_taken_and_nothing_else)
{
    struct prng prng = {property_seed("PINION_OUTCOME_SEED")};
    size_t taken = 0;

    for (int i = 0; i < OBJECTS; i++) {
        enum outcome_verb verb = (enum outcome_verb)prng_below(&prng, SAY_VERBS);
        bool parts_good, many = prng_below(&prng, 4) == 0;
        json_t *object = draw_object(&prng, verb, &parts_good);
        struct outcome_said said;
        bool good = is_good(verb, object, parts_good);
        if (many && prng_below(&prng, 2)) json_object_set_new(object, "id", json_string("q:a"));
        good = good && (!many || json_object_get(object, "id"));
        enum pinion_err err = read_said(verb, object, many, &said);
        if ((err == PINION_OK) != good)
            fail_msg("%s: %s: %d", verb_names[verb], json_dumps(object, 0), err);
        if (!err) outcome_deinit(&said);
        taken += !err;
        json_decref(object);
    }
    assert_true(taken > OBJECTS / 100 && taken < OBJECTS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_hold_at_the_edge),
        cmocka_unit_test(numbers_hold_at_the_edge),
        cmocka_unit_test(an_error_is_cut_between_two_characters),
        cmocka_unit_test(what_is_good_is_taken_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
