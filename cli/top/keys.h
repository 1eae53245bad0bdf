/* cli/top/keys.h — what was typed, from the bytes of a terminal. Pure. */
#ifndef PINION_CLI_TOP_KEYS_H
#define PINION_CLI_TOP_KEYS_H

#include <stdbool.h>
#include "base/text.h"

/* A printable ASCII character is itself. */
enum key {
    KEY_NONE = 0, /* nothing (yet): more bytes must come */
    KEY_TAB = '\t',
    KEY_ENTER = '\r',
    KEY_ESCAPE = 27,
    KEY_BACKSPACE = 127,
    KEY_UP = 256,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_BACK_TAB,
    KEY_OTHER, /* one that nobody needs */
};

/* Takes one key off the front. `all`: nothing follows for now, so that an escape is the key and not
 * the beginning of a longer sequence. */
int key_take(struct span *bytes, bool all);

#endif
