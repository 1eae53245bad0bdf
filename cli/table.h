/* cli/table.h — aligned columns for people, and JSON for programs, on stdout. */
#ifndef PINION_CLI_TABLE_H
#define PINION_CLI_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include "base/buffer.h"
#include "base/text.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_CELL_MAX    200 /* characters; what is longer is cut */

struct table {
    size_t        columns, rows; /* all private; the heads are the first row */
    size_t        at;            /* column of the next cell */
    size_t        state;         /* the column that is coloured by its text; >= columns: none */
    size_t        width[TABLE_COLUMNS_MAX];
    struct buffer cells;         /* each ends with a NUL */
};

void table_init(struct table *, const char *const *heads); /* NULL-terminated */
void table_deinit(struct table *);
/* Row by row, from left to right. Text of jobs may hold anything: it is made printable. */
void table_add(struct table *, struct span text);
void table_printf(struct table *, const char *format, ...) printf_like(2, 3);
void table_time(struct table *, int64_t ms); /* local, with its offset; 0: "-" */
bool table_empty(const struct table *);      /* no row yet */
/* A terminal's lines are cut to its width; nothing is cut for a pipe. */
void table_print(const struct table *);

/* "name:  value", for one thing of which all is shown. Absent: nothing is printed. */
void fact_text(const char *name, struct span);
void fact_printf(const char *name, const char *format, ...) printf_like(2, 3);
void fact_time(const char *name, int64_t ms);

void json_print(json_t *); /* takes it; one line */

#endif
