/* tests/unit/test_token_set.c — roles, names, the file's text there and back, what is damaged, and
 * whose a secret is. */
#include "control/access/token_set.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" /* of "test" */
#define HEAD "# pinion tokens 1\n"
#define MADE "2026-11-23T19:00:00.000Z"

static struct token token_of(const char *name, const char *secret)
{
    struct token t = {.roles = ROLE_BIT(ROLE_READ), .made_ms = 1};

    snprintf(t.name, sizeof t.name, "%s", name);
    token_hash(span_of(secret), t.hash);
    return t;
}

static const struct token *whose(const struct token_set *set, struct span secret)
{
    unsigned char hash[SHA256_BYTES];

    token_hash(secret, hash);
    return token_set_find(set, hash);
}

TEST(roles_are_words_with_commas)
{
    static const struct {
        const char *text;
        unsigned roles;
    } good[] = {
        {"read", 1u << ROLE_READ},
        {"admin", 1u << ROLE_ADMIN},
        {"work,enqueue", 1u << ROLE_WORK | 1u << ROLE_ENQUEUE},
        {"read,read", 1u << ROLE_READ},
    };
    static const char *const bad[] = {"", "none", "Read", "read,", ",read", "read, work", "root"};
    struct error why;
    unsigned roles = 77;

    for (size_t i = 0; i < countof(good); i++) {
        assert_int_equal(roles_parse(span_of(good[i].text), &roles, &why), PINION_OK);
        assert_int_equal(roles, good[i].roles);
    }
    roles = 77;
    for (size_t i = 0; i < countof(bad); i++) {
        assert_int_equal(roles_parse(span_of(bad[i]), &roles, &why), PINION_INVALID);
        assert_non_null(strstr(why.text, "expected read, enqueue, work or admin"));
    }
    assert_int_equal(roles, 77);
}

TEST(text_there_and_back)
{
    static const char text[] = HEAD "ci enqueue,work mail.* " MADE " never " HASH "\n"
                               "\n# a remark\n"
                               "boss admin * " MADE " 2026-12-23T19:00:00.000Z " HASH "\n";
    struct token_set set, again;
    struct buffer out = BUFFER_INIT, twice = BUFFER_INIT;
    struct error why;

    assert_int_equal(token_set_parse(span_of(text), &set, &why), PINION_OK);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.tokens[0].name, "ci");
    assert_string_equal(set.tokens[0].queues, "mail.");
    assert_int_equal(set.tokens[0].roles, ROLE_BIT(ROLE_ENQUEUE) | ROLE_BIT(ROLE_WORK));
    assert_int_equal(set.tokens[0].expires_ms, 0);
    assert_string_equal(set.tokens[1].queues, "");
    assert_int_equal(set.tokens[1].expires_ms - set.tokens[1].made_ms, INT64_C(30) * 86400000);
    token_set_print(&set, &out);
    assert_int_equal(token_set_parse((struct span){out.data, out.len}, &again, &why), PINION_OK);
    token_set_print(&again, &twice);
    assert_string_equal(out.data, twice.data);
    assert_non_null(strstr(out.data, "ci enqueue,work mail.* " MADE " never " HASH "\n"));
    buffer_deinit(&out);
    buffer_deinit(&twice);
    token_set_deinit(&set);
    token_set_deinit(&again);
}

TEST(damage_is_named_by_its_line)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"ci read * " MADE " never " HASH "\n", "line 1: expected '# pinion tokens 1'"},
        {"# pinion tokens 2\n", "line 1: expected '# pinion tokens 1'"},
        {HEAD "ci", "line 2: role '': expected read"},
        {HEAD "c/i read * " MADE " never " HASH, "line 2: token name 'c/i': expected 1 to 64 of"},
        {HEAD "ci root * " MADE " never " HASH, "line 2: role 'root'"},
        {HEAD "ci read mail " MADE " never " HASH, "expected queues as mail.* or *"},
        {HEAD "ci read ma/il* " MADE " never " HASH, "expected queues as mail.* or *"},
        {HEAD "ci read * never never " HASH, "expected two times"},
        {HEAD "ci read * " MADE " soon " HASH, "expected two times"},
        {HEAD "ci read * " MADE " 10:00 " HASH, "expected two times"},
        {HEAD "ci read * " MADE " 2026-12-23T19:00:00 " HASH, "expected two times"},
        {HEAD "ci read * " MADE " never", "expected a hash of 64 hex digits"},
        {HEAD "ci read * " MADE " never " HASH " x", "expected a hash of 64 hex digits"},
        {HEAD "ci read * " MADE " never " HASH "\r\n", "expected a hash of 64 hex digits"},
        {HEAD "ci read * " MADE " never x" HASH, "expected a hash of 64 hex digits"},
        {HEAD "ci read * " MADE " never " HASH "\nci read * " MADE " never " HASH "\n",
         "line 3: there is a token ci already"},
    };
    struct token_set set = {.count = 77};
    struct error why;

    for (size_t i = 0; i < countof(bad); i++) {
        assert_int_equal(token_set_parse(span_of(bad[i].text), &set, &why), PINION_INVALID);
        if (!strstr(why.text, bad[i].says)) fail_msg("%s: %s", bad[i].says, why.text);
    }
    assert_int_equal(set.count, 77);
}

/* A file cut off at any byte is refused, or has lost whole lines: nobody is let in by a piece. */
TEST(a_half_written_text_lets_nobody_new_in)
{
    static const char text[] = HEAD "a read * " MADE " never " HASH "\n"
                                    "b admin * " MADE " never " HASH "\n";
    struct token_set set;
    struct error why;
    unsigned refused = 0;

    for (size_t len = 0; len < sizeof text - 1; len++) {
        if (token_set_parse((struct span){text, len}, &set, &why)) {
            refused++;
            continue;
        }
        assert_true(set.count <= 2);
        for (size_t i = 0; i < set.count; i++)
            assert_int_equal(set.tokens[i].roles, ROLE_BIT(i ? ROLE_ADMIN : ROLE_READ));
        token_set_deinit(&set);
    }
    assert_in_range(refused, sizeof text - 12, sizeof text - 2);
}

/* Whatever a byte is turned into: refused, or read as something that prints and reads as itself. */
TEST(bytes_of_any_sort)
{
    static const char good[] = HEAD "ci enqueue,work mail.* " MADE " never " HASH "\n";
    char text[sizeof good];
    struct token_set set, again;
    struct error why;

    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, good, sizeof good);
            text[at] = (char)byte;
            if (token_set_parse((struct span){text, sizeof good - 1}, &set, &why)) continue;
            struct buffer out = BUFFER_INIT;
            token_set_print(&set, &out);
            assert_int_equal(token_set_parse((struct span){out.data, out.len}, &again, &why), 0);
            assert_int_equal(again.count, set.count);
            if (set.count)
                assert_memory_equal(&again.tokens[0], &set.tokens[0], sizeof *set.tokens);
            buffer_deinit(&out);
            token_set_deinit(&set);
            token_set_deinit(&again);
        }
    }
}

TEST(names_and_queues_at_their_limits)
{
    char name[TOKEN_NAME_MAX + 2];
    struct error why;

    memset(name, 'n', sizeof name);
    assert_int_equal(token_name_check((struct span){name, TOKEN_NAME_MAX}, &why), PINION_OK);
    assert_int_equal(token_name_check((struct span){name, TOKEN_NAME_MAX + 1}, &why),
                     PINION_INVALID);
    assert_int_equal(token_name_check(span_of(""), &why), PINION_INVALID);
    assert_int_equal(token_queues_check((struct span){name, QUEUE_NAME_MAX}, &why), PINION_OK);
    assert_int_equal(token_queues_check((struct span){name, QUEUE_NAME_MAX + 1}, &why),
                     PINION_INVALID);
    assert_int_equal(token_queues_check(span_of("mail.*"), &why), PINION_INVALID);
    assert_true(queues_include("", span_of("mail")));
    assert_true(queues_include("mail", span_of("mail")));
    assert_true(queues_include("mail", span_of("mail.eu")));
    assert_false(queues_include("mail.", span_of("mail")));
    assert_false(queues_include("mail", span_of("Mail")));
}

TEST(a_set_has_a_limit_and_unique_names)
{
    struct token_set set = {0};
    struct token t;
    struct error why;
    char name[32];

    for (unsigned i = 0; i < TOKENS_MAX; i++) {
        snprintf(name, sizeof name, "t%u", i);
        t = token_of(name, name);
        assert_int_equal(token_set_add(&set, &t, &why), PINION_OK);
    }
    t = token_of("t7", "other");
    assert_int_equal(token_set_add(&set, &t, &why), PINION_CONFLICT);
    t = token_of("more", "more");
    assert_int_equal(token_set_add(&set, &t, &why), PINION_TOO_LARGE);
    assert_true(token_set_remove(&set, "t0"));
    assert_false(token_set_remove(&set, "t0"));
    assert_int_equal(token_set_add(&set, &t, &why), PINION_OK);
    assert_string_equal(set.tokens[0].name, "t1");
    assert_string_equal(set.tokens[TOKENS_MAX - 1].name, "more");
    token_set_deinit(&set);
}

TEST(a_secret_is_its_tokens_and_no_others)
{
    struct token_set set = {0};
    struct token a = token_of("a", "secret a"), b = token_of("b", "secret b");
    struct error why;

    assert_null(whose(&set, span_of("secret a")));
    assert_int_equal(token_set_add(&set, &a, &why), PINION_OK);
    assert_int_equal(token_set_add(&set, &b, &why), PINION_OK);
    assert_string_equal(whose(&set, span_of("secret a"))->name, "a");
    assert_string_equal(whose(&set, span_of("secret b"))->name, "b");
    assert_null(whose(&set, span_of("secret ")));
    assert_null(whose(&set, span_of("secret b ")));
    assert_null(whose(&set, span_of(HASH))); /* its hash is not it */
    assert_null(whose(&set, (struct span){NULL, 0}));
    token_set_deinit(&set);
}

TEST(a_token_expires_at_its_time)
{
    struct token t = {.expires_ms = 1000};

    assert_false(token_expired(&t, 999));
    assert_true(token_expired(&t, 1000));
    t.expires_ms = 0;
    assert_false(token_expired(&t, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_words_with_commas),
        cmocka_unit_test(text_there_and_back),
        cmocka_unit_test(damage_is_named_by_its_line),
        cmocka_unit_test(a_half_written_text_lets_nobody_new_in),
        cmocka_unit_test(bytes_of_any_sort),
        cmocka_unit_test(names_and_queues_at_their_limits),
        cmocka_unit_test(a_set_has_a_limit_and_unique_names),
        cmocka_unit_test(a_secret_is_its_tokens_and_no_others),
        cmocka_unit_test(a_token_expires_at_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
