/* cli/colour.h — how text looks on a terminal: styles, and whether there are colours at all.
 *
 * Colours are for terminals only, and never where NO_COLOR is set or TERM is dumb; --color says
 * otherwise. Whoever prints asks, and prints the same text without.
 */
#ifndef PINION_CLI_COLOUR_H
#define PINION_CLI_COLOUR_H

#include <stdbool.h>

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_HEAD, /* reversed */
    STYLE_GOOD, /* green */
    STYLE_BUSY, /* cyan */
    STYLE_WARN, /* yellow */
    STYLE_BAD,  /* red */
    STYLES,
};

/* What switches a style on, after whatever stood before; STYLE_PLAIN ends all. Without colours:
 * what is left of it (bold, dim, reversed), for a screen whose head must be told from its rows. */
const char *style_escape(enum style, bool colours);

/* --color: "auto", "always" or "never"; false: none of them. For the whole process. */
bool colour_choose(const char *when);
bool colour_on(int fd);

/* Of a job, a queue, a server, a schedule or a batch; STYLE_PLAIN: nothing to look at. */
enum style style_of_state(const char *state);

#endif
