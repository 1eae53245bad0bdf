/* cli/top/keys.c
 *
 *      ESC [ PARAMETERS FINAL     or     ESC O FINAL           FINAL: one of @ to ~
 */
#include "cli/top/keys.h"

#include <string.h>
#include "base/macros.h"

#define SEQUENCE_MAX 16 /* a longer one is no key: it is dropped */

static const struct {
    const char *sequence; /* behind ESC and [ or O */
    enum key key;
} sequences[] = {
    {"A",  KEY_UP      },
    {"B",  KEY_DOWN    },
    {"H",  KEY_HOME    },
    {"F",  KEY_END     },
    {"Z",  KEY_BACK_TAB},
    {"1~", KEY_HOME    },
    {"4~", KEY_END     },
    {"5~", KEY_PAGE_UP },
    {"6~", KEY_PAGE_DOWN},
    {"7~", KEY_HOME    },
    {"8~", KEY_END     },
};

static int key_of(struct span sequence)
{
    for (size_t i = 0; i < countof(sequences); i++)
        if (span_is(sequence, sequences[i].sequence)) return (int)sequences[i].key;
    return KEY_OTHER;
}

static void drop(struct span *bytes, size_t len)
{
    bytes->data += len;
    bytes->len -= len;
}

static int take_sequence(struct span *bytes, bool all)
{
    const char *data = bytes->data;
    size_t end = 2;
    int key;

    if (bytes->len == 1 && !all) return KEY_NONE;
    if (bytes->len == 1 || (data[1] != '[' && data[1] != 'O')) {
        drop(bytes, 1);
        return KEY_ESCAPE;
    }
    while (end < bytes->len && (data[end] < '@' || data[end] > '~') && end < SEQUENCE_MAX) end++;
    if (end == bytes->len && !all) return KEY_NONE;
    key = end == bytes->len ? KEY_OTHER : key_of((struct span){data + 2, end - 1});
    drop(bytes, end < bytes->len ? end + 1 : end);
    return key;
}

int key_take(struct span *bytes, bool all)
{
    unsigned char c;

    if (!bytes->len) return KEY_NONE;
    c = (unsigned char)bytes->data[0];
    if (c == KEY_ESCAPE) return take_sequence(bytes, all);
    drop(bytes, 1);
    if (c == '\n') return KEY_ENTER;
    if (c == '\b') return KEY_BACKSPACE;
    return c == KEY_TAB || c == KEY_ENTER || (c >= ' ' && c <= KEY_BACKSPACE) ? c : KEY_OTHER;
}
