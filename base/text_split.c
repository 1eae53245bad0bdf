/* base/text_split.c — words as a shell would split them, and nothing else that a shell does. */
#include "base/text.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct splitter {
    const char *text, *at; /* the whole, and what is not read yet */
    char *out;             /* where the next byte of a word goes */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum pinion_err never_closed(const struct splitter *s, const char *open, struct error *why)
{
    return error_set(why, PINION_INVALID, "the quote %c opened at column %zu is never closed",
                     *open, (size_t)(open - s->text) + 1);
}

/* '...': every byte is itself. */
static enum pinion_err copy_single(struct splitter *s, struct error *why)
{
    const char *open = s->at++, *close = strchr(s->at, '\'');
    size_t len;

    if (!close) return never_closed(s, open, why);
    len = (size_t)(close - s->at);
    memcpy(s->out, s->at, len);
    s->out += len;
    s->at = close + 1;
    return PINION_OK;
}

/* "...": a backslash protects what is special between double quotes, and is itself elsewhere. */
static enum pinion_err copy_double(struct splitter *s, struct error *why)
{
    const char *open = s->at++;

    for (; *s->at && *s->at != '"'; s->at++) {
        if (*s->at == '\\' && s->at[1] && strchr("\"\\$`", s->at[1])) s->at++;
        *s->out++ = *s->at;
    }
    if (!*s->at) return never_closed(s, open, why);
    s->at++;
    return PINION_OK;
}

static enum pinion_err copy_escaped(struct splitter *s, struct error *why)
{
    if (!s->at[1])
        return error_set(why, PINION_INVALID,
                         "the backslash at the end expects a character behind it");
    *s->out++ = s->at[1];
    s->at += 2;
    return PINION_OK;
}

static enum pinion_err copy_word(struct splitter *s, struct error *why)
{
    enum pinion_err err = PINION_OK;

    while (!err && *s->at && !is_blank(*s->at)) {
        if (*s->at == '\'') err = copy_single(s, why);
        else if (*s->at == '"') err = copy_double(s, why);
        else if (*s->at == '\\') err = copy_escaped(s, why);
        else *s->out++ = *s->at++;
    }
    *s->out++ = '\0';
    return err;
}

enum pinion_err text_split_words(const char *text, char ***ret_argv, struct error *why)
{
    /* Two bytes of text make at most one word; with their NULs, the words fit into len + 1. */
    size_t len = strlen(text), words_max = len / 2 + 1, count = 0;
    char **argv = xmalloc((words_max + 1) * sizeof(*argv) + len + 1);
    struct splitter s = {text, text, (char *)(argv + words_max + 1)};
    enum pinion_err err = PINION_OK;

    for (;;) {
        while (is_blank(*s.at)) s.at++;
        if (!*s.at) break;
        argv[count++] = s.out;
        err = copy_word(&s, why);
        if (err) goto fail;
    }
    if (count == 0) {
        err = error_set(why, PINION_INVALID, "expected at least one word, found none");
        goto fail;
    }
    argv[count] = NULL;
    *ret_argv = argv;
    return PINION_OK;

fail:
    free(argv);
    return err;
}
