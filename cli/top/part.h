/* cli/top/part.h — the tables of `pinion top`: their columns, and their rows in order. Pure. */
#ifndef PINION_CLI_TOP_PART_H
#define PINION_CLI_TOP_PART_H

#include <jansson.h>
#include <stdbool.h>
#include "cli/top/screen.h"

enum part { PART_QUEUES, PART_KINDS, PART_SERVERS, PART_SCHEDULES, PARTS };

#define PART_CELL_MAX 256

enum column_type {
    COLUMN_TEXT,
    COLUMN_STATE,
    COLUMN_WORDS, /* an array of texts */
    COLUMN_SLOTS, /* running/concurrency */
    COLUMN_COUNT,
    COLUMN_RATE,
    COLUMN_RUN,   /* milliseconds, perhaps less than one */
    COLUMN_AGE,   /* milliseconds; 0: none */
    COLUMN_DUE,   /* milliseconds until then */
};

struct column {
    const char *head, *path; /* "counts.ready" */
    enum column_type type;
    unsigned width;          /* its gap included; 0: what the others leave */
    unsigned from;           /* shown on screens of at least that width */
};

struct columns {
    const char *name;        /* "queues": of the part, and its key in the model */
    const struct column *columns;
    size_t count;
    unsigned sorts;          /* the column by which it is ordered at first */
};

extern const struct columns parts[PARTS];

/* How its rows are chosen and ordered. Zeroed: all, by the first column. */
struct order {
    unsigned column;
    bool reverse;
    const char *filter; /* only rows that have this in a text; "" or NULL: all */
};

struct rows {
    const json_t **items; /* borrowed from the model */
    size_t count;
};

void rows_init(struct rows *, enum part, const struct order *, const json_t *model);
void rows_deinit(struct rows *);

/* Draws the heads into `row`, and below them rows[first ..], `height` lines in all. */
void part_draw(enum part, const struct order *, const struct rows *, size_t first, unsigned row,
               unsigned height, struct screen *);
/* The next one that a screen of that width shows; behind the last: the first. */
unsigned column_next(enum part, unsigned column, unsigned width);

/* 5 digits and a letter at most: 12345, 1.23M. */
const char *count_text(double, char out[PART_CELL_MAX]);

#endif
