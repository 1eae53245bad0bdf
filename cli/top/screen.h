/* cli/top/screen.h — a frame of W x H characters, and what brings it onto a terminal. Pure.
 *
 *      shown   [ what the terminal has ]  ─┐
 *      wanted  [ what it shall have    ]  ─┴► screen_diff: escapes and text, only where they differ
 *
 * A cell holds one printable ASCII character: what is none of those is shown as '?', so that text
 * of jobs can neither move the cursor nor break a row. What does not fit is cut.
 */
#ifndef PINION_CLI_TOP_SCREEN_H
#define PINION_CLI_TOP_SCREEN_H

#include "base/buffer.h"
#include "base/text.h"
#include "cli/colour.h"

#define SCREEN_SIDE_MAX 4096 /* columns, and rows: more of them are not used */

struct cell {
    char c;
    unsigned char style; /* enum style */
};

struct screen {
    unsigned width, height; /* read-only */
    struct cell *cells;     /* private */
};

void screen_init(struct screen *, unsigned width, unsigned height); /* blank */
void screen_deinit(struct screen *);

/* Into one row, from a column on, at most `width` cells. Beyond the frame: no-op. */
void screen_put(struct screen *, unsigned row, unsigned column, unsigned width, enum style,
                struct span text);
/* The whole row takes the style. */
void screen_paint(struct screen *, unsigned row, enum style);

/* Adds what makes `shown` look as `wanted`. Another size, or shown NULL: all is drawn anew. */
void screen_diff(const struct screen *shown, const struct screen *wanted, bool colours,
                 struct buffer *out);
/* As lines of text, without blanks at their ends and empty lines at the end. */
void screen_text(const struct screen *, bool colours, struct buffer *out);

#endif
