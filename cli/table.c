/* cli/table.c — all cells first, then the widths, then the lines. */
#include "cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/time_text.h"
#include "cli/colour.h"

#define GAP          2  /* blanks between columns */
#define FACT_COLUMN 14
#define WIDTH_NO_TERMINAL 100000

/* Characters, each taken as one column wide. */
static size_t width_of(const char *text, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++) width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* How many bytes the first `width` characters take. */
static size_t bytes_of(const char *text, size_t len, size_t width)
{
    size_t at = 0;

    while (at < len && width--) at += text_utf8_next(text + at, len - at);
    return at;
}

void table_init(struct table *t, const char *const *heads)
{
    *t = (struct table){0};
    while (heads[t->columns]) t->columns++;
    while (t->state < t->columns && strcmp(heads[t->state], "STATE") != 0) t->state++;
    assert(t->columns && t->columns <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < t->columns; i++) table_add(t, span_of(heads[i]));
}

void table_deinit(struct table *t)
{
    buffer_deinit(&t->cells);
}

void table_add(struct table *t, struct span text)
{
    size_t from = t->cells.len, len, width;

    if (!text.len) text = span_of("-");
    text_add_printable(&t->cells, text.data,
                       text.len > 4 * TABLE_CELL_MAX ? 4 * TABLE_CELL_MAX : text.len);
    len = t->cells.len - from;
    width = width_of(t->cells.data + from, len);
    if (width > TABLE_CELL_MAX) {
        t->cells.len = from + bytes_of(t->cells.data + from, len, TABLE_CELL_MAX - 3);
        buffer_add_text(&t->cells, "...");
        width = TABLE_CELL_MAX;
    }
    buffer_add_char(&t->cells, '\0');
    if (width > t->width[t->at]) t->width[t->at] = width;
    t->at = (t->at + 1) % t->columns;
    t->rows += t->at == 0;
}

void table_printf(struct table *t, const char *format, ...)
{
    char text[4 * TABLE_CELL_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    table_add(t, span_of(text));
}

void table_time(struct table *t, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    table_add(t, span_of(ms ? time_format_local(ms, text) : NULL));
}

bool table_empty(const struct table *t)
{
    return t->rows <= 1;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO)) return WIDTH_NO_TERMINAL;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* What is shown of a row, and where its coloured cell stands. */
struct line {
    struct buffer text;
    size_t from, to; /* of that cell */
    enum style style;
};

/* Fills the line with one row; gives the cell behind it. */
static const char *fill_row(const struct table *t, struct line *line, const char *cell)
{
    buffer_clear(&line->text);
    line->from = line->to = 0;
    for (size_t i = 0; i < t->columns; i++) {
        size_t len = strlen(cell), pad = t->width[i] - width_of(cell, len) + GAP;

        if (i == t->state) {
            line->from = line->text.len;
            line->to = line->from + len;
            line->style = style_of_state(cell);
        }
        buffer_add(&line->text, cell, len);
        if (i + 1 < t->columns) buffer_printf(&line->text, "%*s", (int)pad, "");
        cell += len + 1;
    }
    return cell;
}

/* Without blanks at its end; what was cut may be the coloured cell. */
static void print_line(const struct line *line, size_t max, bool head, bool colours)
{
    const char *text = line->text.data;
    size_t end = bytes_of(text, line->text.len, max), from = line->from, to = line->to;

    while (end && text[end - 1] == ' ') end--;
    if (head) from = 0, to = end;
    if (!colours || to > end || (!head && line->style == STYLE_PLAIN)) {
        printf("%.*s\n", (int)end, text);
        return;
    }
    printf("%.*s%s%.*s%s%.*s\n", (int)from, text,
           style_escape(head ? STYLE_BOLD : line->style, true), (int)(to - from), text + from,
           style_escape(STYLE_PLAIN, true), (int)(end - to), text + to);
}

void table_print(const struct table *t)
{
    struct line line = {.style = STYLE_PLAIN};
    const char *cell = t->cells.data;
    size_t width = terminal_width();
    bool colours = colour_on(STDOUT_FILENO);

    assert(t->at == 0);
    for (size_t row = 0; row < t->rows; row++) {
        cell = fill_row(t, &line, cell);
        print_line(&line, width, row == 0, colours);
    }
    buffer_deinit(&line.text);
}

/* ---- facts ----------------------------------------------------------------------------------- */

void fact_text(const char *name, struct span text)
{
    struct buffer clean = BUFFER_INIT;
    enum style style = STYLE_PLAIN;

    if (!text.data) return;
    text_add_printable(&clean, text.data, text.len);
    if (!clean.data) buffer_add_text(&clean, "");
    if (strcmp(name, "state") == 0 && colour_on(STDOUT_FILENO)) style = style_of_state(clean.data);
    printf("%-*s%s%s%s\n", FACT_COLUMN, name, style ? style_escape(style, true) : "", clean.data,
           style ? style_escape(STYLE_PLAIN, true) : "");
    buffer_deinit(&clean);
}

void fact_printf(const char *name, const char *format, ...)
{
    va_list args;

    printf("%-*s", FACT_COLUMN, name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void fact_time(const char *name, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    if (ms) fact_text(name, span_of(time_format_local(ms, text)));
}

void json_print(json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(value);
}
