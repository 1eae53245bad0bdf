/* Cron expressions: whatever comes, nothing is read beyond it, what is refused says why, and what
 * is taken has words and times that agree with each other.
 *
 * The first two bytes choose where the search begins; the rest is the expression. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scheduler/cron.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "fuzz_cron: %s\n", what);
    abort();
}

static bool same(struct civil a, struct civil b)
{
    return a.year == b.year && civil_seconds(a) == civil_seconds(b);
}

static struct civil shifted(struct civil t, int64_t seconds)
{
    return civil_of_seconds(civil_seconds(t) + seconds);
}

static void check_times(const struct cron *c, struct civil from)
{
    struct civil next, previous, again;

    if (!cron_next(c, from, &next)) {
        must(!cron_matches(c, shifted(from, 1)), "a match, but no next");
        if (cron_previous(c, from, &previous))
            must(cron_matches(c, previous), "a previous that does not match");
        return;
    }
    must(civil_seconds(next) > civil_seconds(from), "a next that is not after");
    must(cron_matches(c, next), "a next that does not match");
    must(cron_next(c, shifted(next, -1), &again) && same(again, next), "next is not its own next");
    must(cron_previous(c, shifted(next, 1), &again) && same(again, next),
         "what is before the second after next is not next");
    if (!cron_previous(c, next, &previous)) return;
    must(cron_matches(c, previous), "a previous that does not match");
    must(civil_seconds(previous) <= civil_seconds(from), "a match between, that next left out");
    must(cron_next(c, previous, &again) && same(again, next), "behind previous is not next");
}

static void check_taken(const struct cron *c, struct civil from)
{
    struct buffer words = BUFFER_INIT;
    struct civil t;

    cron_explain(c, &words);
    must(words.len > 0 && !strstr(words.data, "  "), "no words");
    must(!strstr(words.data, "never") == cron_next(c, (struct civil){1969, 1, 1, 0, 0, 0}, &t) ||
             c->kind != CRON_FIELDS,
         "words that are wrong about never");
    if (c->kind == CRON_FIELDS)
        check_times(c, from);
    else
        must(!cron_next(c, from, &t) && !cron_previous(c, from, &t), "times without fields");
    must(c->kind != CRON_EVERY || c->every_ms >= CRON_EVERY_MIN_MS, "too often");
    buffer_deinit(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned place = size > 1 ? data[0] * 256u + data[1] : 0; /* 1965 to 2204 */
    struct civil from = civil_of_seconds((int64_t)place * 115200 - INT64_C(157766400));
    size_t len = size > 2 ? size - 2 : 0;
    char *text = malloc(len ? len : 1); /* no byte behind it is ours */
    struct error why = {0};
    struct cron c;

    must(text != NULL, "no memory");
    if (len) memcpy(text, data + 2, len);
    enum pinion_err err = cron_parse((struct span){text, len}, "nightly", &c, &why);
    if (err)
        must(err == PINION_INVALID && why.code == err && why.text[0], "no reason");
    else
        check_taken(&c, from);
    free(text);
    return 0;
}
