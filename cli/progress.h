/* cli/progress.h — how far long work is: one line on a terminal, drawn over and over. */
#ifndef PINION_CLI_PROGRESS_H
#define PINION_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;  /* "retried" */
    uint64_t all;      /* an estimate; 0: not known */
    uint64_t drawn_ms; /* private */
    bool drawn;        /* private */
};

/* stderr; nothing unless that is a terminal. Often called, seldom drawn. */
void progress_show(struct progress *, uint64_t done);
/* The line goes away. */
void progress_end(struct progress *);

#endif
