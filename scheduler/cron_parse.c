/* scheduler/cron_parse.c — cuts an expression into its fields, and knows the nicknames. */
#include "scheduler/cron.h"
#include "scheduler/cron_field.h"

#include <stdio.h>
#include <string.h>
#include "base/time_text.h"

enum { QUOTED_MAX = 24 };

static const struct nickname {
    const char *name, *fields; /* no fields: see cron_parse */
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"}, {"@reboot", NULL},          {"@every", NULL},
};

struct word {
    struct span text;
    size_t column;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word from `*at` on; one of length 0 at the end. */
static struct word next_word(struct span text, size_t *at)
{
    while (*at < text.len && is_blank(text.data[*at])) ++*at;
    size_t start = *at;
    while (*at < text.len && !is_blank(text.data[*at])) ++*at;
    return (struct word){{text.data + start, *at - start}, start + 1};
}

static enum pinion_err fail(struct error *why, struct word found, const char *expected)
{
    if (!found.text.len)
        return error_set(why, PINION_INVALID, "column %zu: expected %s, found nothing",
                         found.column, expected);
    return error_set(why, PINION_INVALID, "column %zu: expected %s, found '%.*s'", found.column,
                     expected, (int)(found.text.len < QUOTED_MAX ? found.text.len : QUOTED_MAX),
                     found.text.data);
}

static enum pinion_err parse_fields(struct span text, const char *name, struct cron *cron,
                                    struct error *why)
{
    struct word words[CRON_FIELDS_MAX], word;
    size_t count = 0, at = 0;
    enum pinion_err err;

    for (word = next_word(text, &at); word.text.len; word = next_word(text, &at)) {
        if (count == countof(words))
            return fail(why, word, "five fields, six with seconds or seven with years");
        words[count++] = word;
    }
    if (count < 5)
        return error_set(why, PINION_INVALID,
                         "column %zu: expected five fields, six with seconds or seven with "
                         "years, found %zu", word.column, count);
    enum cron_field id = count == 5 ? CRON_MINUTE : CRON_SECOND;
    cron->with_seconds = count > 5;
    cron->seconds = 1;
    memset(cron->years, 0xff, sizeof(cron->years));
    for (size_t i = 0; i < count; i++, id++)
        if ((err = cron_field_parse(id, words[i].text, words[i].column, name, cron, why)))
            return err;
    return PINION_OK;
}

static enum pinion_err parse_every(struct word duration, uint64_t *ret_ms, struct error *why)
{
    struct error inner = {0};

    if (!duration.text.len) return fail(why, duration, "a duration behind @every, like 90s");
    if (duration_parse(duration.text, ret_ms, &inner))
        return error_set(why, PINION_INVALID, "column %zu: %s", duration.column, inner.text);
    if (*ret_ms < CRON_EVERY_MIN_MS) return fail(why, duration, "a duration of at least 10ms");
    return PINION_OK;
}

static enum pinion_err parse_nickname(struct span text, struct cron *cron, struct error *why)
{
    size_t at = 0, i = 0;
    struct word word = next_word(text, &at), rest = next_word(text, &at);
    enum pinion_err err;

    while (i < countof(nicknames) && !span_is(word.text, nicknames[i].name)) i++;
    if (i == countof(nicknames))
        return fail(why, word,
                    "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @reboot "
                    "or @every DURATION");
    if (span_is(word.text, "@every")) {
        cron->kind = CRON_EVERY;
        if ((err = parse_every(rest, &cron->every_ms, why))) return err;
        rest = next_word(text, &at);
    }
    if (rest.text.len) return fail(why, rest, "nothing more");
    if (nicknames[i].fields) return parse_fields(span_of(nicknames[i].fields), "", cron, why);
    if (cron->kind != CRON_EVERY) cron->kind = CRON_REBOOT;
    return PINION_OK;
}

enum pinion_err cron_parse(struct span text, const char *name, struct cron *ret_cron,
                           struct error *why)
{
    struct cron cron = {.kind = CRON_FIELDS};
    size_t at = 0;
    enum pinion_err err;

    if (text.len > CRON_TEXT_MAX)
        return error_set(why, PINION_INVALID, "cron: expected at most %d bytes, found %zu",
                         CRON_TEXT_MAX, text.len);
    if (!text.data) text = span_of("");
    struct word first = next_word(text, &at);
    if (first.text.len && first.text.data[0] == '@') err = parse_nickname(text, &cron, why);
    else err = parse_fields(text, name ? name : "", &cron, why);
    if (!err) *ret_cron = cron;
    return err;
}
