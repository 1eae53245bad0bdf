#include "control/key_words.h"

#include <string.h>

static struct span key_at(const char *text)
{
    return (struct span){text, strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789")};
}

/* What may stand behind a key at the beginning: ": ...", " '...", " span '...". */
static bool is_told_of(const char *behind)
{
    struct span word;

    if (behind[0] == ':' && behind[1] == ' ') return true;
    if (behind[0] != ' ') return false;
    word = key_at(behind + 1);
    return behind[1] == '\'' || strncmp(behind + 1 + word.len, " '", 2) == 0;
}

/* Gives where it goes on behind the key; `text` itself: it does not begin with one. */
static const char *say_first(const char *text, key_word_fn *word_of, void *ctx, struct buffer *out)
{
    static const char head[] = "key ";
    bool named = strncmp(text, head, strlen(head)) == 0;
    struct span key = key_at(text + (named ? strlen(head) : 0));
    const char *behind = key.data + key.len;

    if (!key.len || (!named && !is_told_of(behind))) return text;
    return word_of(ctx, key, out) ? behind : text;
}

static void say_rest(const char *text, key_word_fn *word_of, void *ctx, struct buffer *out)
{
    bool quoted = false; /* what somebody gave, as it is */

    while (*text) {
        struct span key = key_at(text + 1);
        bool is_key = !quoted && *text == '`' && key.data[key.len] == '`';
        if (is_key && word_of(ctx, key, out)) {
            text = key.data + key.len + 1;
            continue;
        }
        quoted ^= *text == '\'';
        buffer_add_char(out, *text++);
    }
}

void error_say(struct error *e, key_word_fn *word_of, void *ctx)
{
    struct buffer out = BUFFER_INIT;
    const char *rest = say_first(e->text, word_of, ctx, &out);

    if (rest != e->text || *rest == '`') {
        say_rest(rest, word_of, ctx, &out);
        error_set(e, e->code, "%.*s", (int)out.len, out.data);
    }
    buffer_deinit(&out);
}
