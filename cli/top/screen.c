#include "cli/top/screen.h"

#include <stdlib.h>
#include "base/memory.h"

#define CLEAR_ALL "\033[0m\033[2J"

static const struct cell blank = {' ', STYLE_PLAIN};

void screen_init(struct screen *s, unsigned width, unsigned height)
{
    if (width > SCREEN_SIDE_MAX) width = SCREEN_SIDE_MAX;
    if (height > SCREEN_SIDE_MAX) height = SCREEN_SIDE_MAX;
    *s = (struct screen){width, height, xcalloc((size_t)width * height + 1, sizeof *s->cells)};
    for (size_t i = 0; i < (size_t)width * height; i++) s->cells[i] = blank;
}

void screen_deinit(struct screen *s)
{
    free(s->cells);
    *s = (struct screen){0};
}

static struct cell *row_of(const struct screen *s, unsigned row)
{
    return s->cells + (size_t)row * s->width;
}

void screen_put(struct screen *s, unsigned row, unsigned column, unsigned width, enum style style,
                struct span text)
{
    size_t at = 0;

    if (row >= s->height) return;
    for (; at < text.len && width && column < s->width; width--) {
        size_t len = text_utf8_next(text.data + at, text.len - at);
        char c = len == 1 && !text_is_control(text.data + at, 1) ? text.data[at] : '?';
        row_of(s, row)[column++] = (struct cell){c, (unsigned char)style};
        at += len ? len : 1;
    }
}

void screen_paint(struct screen *s, unsigned row, enum style style)
{
    for (unsigned i = 0; row < s->height && i < s->width; i++)
        row_of(s, row)[i].style = (unsigned char)style;
}

/* ---- out ------------------------------------------------------------------------------------- */

static bool same(struct cell a, struct cell b)
{
    return a.c == b.c && a.style == b.style;
}

/* Cells from..to of a row; gives the style that is on behind them. */
static unsigned add_cells(const struct cell *cells, unsigned from, unsigned to, unsigned style,
                          bool colours, struct buffer *out)
{
    for (unsigned i = from; i < to; i++) {
        if (cells[i].style != style)
            buffer_add_text(out, style_escape((enum style)cells[i].style, colours));
        style = cells[i].style;
        buffer_add_char(out, cells[i].c);
    }
    return style;
}

/* From the first to the last cell that differs: a jump costs as much as a few equal ones. */
static unsigned add_row_diff(const struct screen *shown, const struct screen *wanted, unsigned row,
                             unsigned style, bool colours, struct buffer *out)
{
    const struct cell *new = row_of(wanted, row), *old = shown ? row_of(shown, row) : NULL;
    unsigned from = 0, to = wanted->width;

    while (from < to && same(new[from], old ? old[from] : blank)) from++;
    while (to > from && same(new[to - 1], old ? old[to - 1] : blank)) to--;
    if (from == to) return style;
    buffer_printf(out, "\033[%u;%uH", row + 1, from + 1);
    return add_cells(new, from, to, style, colours, out);
}

void screen_diff(const struct screen *shown, const struct screen *wanted, bool colours,
                 struct buffer *out)
{
    unsigned style = STYLE_PLAIN;

    if (shown && (shown->width != wanted->width || shown->height != wanted->height)) shown = NULL;
    if (!shown) buffer_add_text(out, CLEAR_ALL);
    for (unsigned row = 0; row < wanted->height; row++)
        style = add_row_diff(shown, wanted, row, style, colours, out);
    if (style != STYLE_PLAIN) buffer_add_text(out, style_escape(STYLE_PLAIN, colours));
}

static unsigned end_of(const struct screen *s, unsigned row)
{
    unsigned end = s->width;

    while (end && row_of(s, row)[end - 1].c == ' ') end--;
    return end;
}

void screen_text(const struct screen *s, bool colours, struct buffer *out)
{
    unsigned height = s->height;

    while (height && !end_of(s, height - 1)) height--;
    for (unsigned row = 0; row < height; row++) {
        const struct cell *cells = row_of(s, row);
        unsigned end = end_of(s, row), style = STYLE_PLAIN;
        for (unsigned i = 0; i < end && !colours; i++) buffer_add_char(out, cells[i].c);
        if (colours) style = add_cells(cells, 0, end, style, colours, out);
        if (style != STYLE_PLAIN) buffer_add_text(out, style_escape(STYLE_PLAIN, colours));
        buffer_add_char(out, '\n');
    }
}
