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

/* One row, without blanks at its end; gives the cell behind it. */
static const char *print_row(const struct table *t, struct buffer *line, const char *cell,
                             size_t max)
{
    size_t end;

    buffer_clear(line);
    for (size_t i = 0; i < t->columns; i++) {
        size_t len = strlen(cell), pad = t->width[i] - width_of(cell, len) + GAP;

        buffer_add(line, cell, len);
        if (i + 1 < t->columns) buffer_printf(line, "%*s", (int)pad, "");
        cell += len + 1;
    }
    end = bytes_of(line->data, line->len, max);
    while (end && line->data[end - 1] == ' ') end--;
    printf("%.*s\n", (int)end, line->data);
    return cell;
}

void table_print(const struct table *t)
{
    struct buffer line = BUFFER_INIT;
    const char *cell = t->cells.data;

    assert(t->at == 0);
    for (size_t row = 0; row < t->rows; row++) cell = print_row(t, &line, cell, terminal_width());
    buffer_deinit(&line);
}

/* ---- facts ----------------------------------------------------------------------------------- */

void fact_text(const char *name, struct span text)
{
    struct buffer clean = BUFFER_INIT;

    if (!text.data) return;
    text_add_printable(&clean, text.data, text.len);
    printf("%-*s%s\n", FACT_COLUMN, name, clean.data ? clean.data : "");
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
