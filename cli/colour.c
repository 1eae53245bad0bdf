#include "cli/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/macros.h"

static const struct {
    const char *coloured, *plain;
} escapes[STYLES] = {
    [STYLE_PLAIN] = {"\033[0m",    "\033[0m"  },
    [STYLE_BOLD] = {"\033[0;1m",  "\033[0;1m"},
    [STYLE_DIM] = {"\033[0;2m",  "\033[0;2m"},
    [STYLE_HEAD] = {"\033[0;7m",  "\033[0;7m"},
    [STYLE_GOOD] = {"\033[0;32m", "\033[0m"  },
    [STYLE_BUSY] = {"\033[0;36m", "\033[0m"  },
    [STYLE_WARN] = {"\033[0;33m", "\033[0;1m"},
    [STYLE_BAD] = {"\033[0;31m", "\033[0;1m"},
};

static const struct {
    const char *state;
    enum style style;
} states[] = {
    {"dead",      STYLE_BAD },
    {"lost",      STYLE_BAD },
    {"retry",     STYLE_WARN},
    {"paused",    STYLE_WARN},
    {"draining",  STYLE_WARN},
    {"quiet",     STYLE_WARN},
    {"stopping",  STYLE_WARN},
    {"active",    STYLE_BUSY},
    {"done",      STYLE_GOOD},
    {"complete",  STYLE_GOOD},
    {"cancelled", STYLE_DIM },
    {"waiting",   STYLE_DIM },
    {"scheduled", STYLE_DIM },
};

static enum { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER } chosen;

const char *style_escape(enum style style, bool colours)
{
    return colours ? escapes[style].coloured : escapes[style].plain;
}

bool colour_choose(const char *when)
{
    static const char *const words[] = {"auto", "always", "never"};

    for (unsigned i = 0; i < countof(words); i++) {
        if (strcmp(when, words[i]) != 0) continue;
        chosen = i;
        return true;
    }
    return false;
}

bool colour_on(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (chosen != WHEN_AUTO) return chosen == WHEN_ALWAYS;
    return isatty(fd) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

enum style style_of_state(const char *state)
{
    for (size_t i = 0; state && i < countof(states); i++)
        if (strcmp(state, states[i].state) == 0) return states[i].style;
    return STYLE_PLAIN;
}
