/* cli/progress.h — how far long work is: one line on a terminal, drawn over and over.
 *
 *     [##########....................]  33% 40,960 of 122,880 retried, 81920/s, 1s left
 */
#ifndef PINION_CLI_PROGRESS_H
#define PINION_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;  /* "retried" */
    uint64_t all;      /* an estimate; 0: not known */
    uint64_t drawn_ms; /* private, as all that follows */
    uint64_t began_ms, began_done;
    bool drawn;
};

/* stderr; nothing unless that is a terminal. Often called, seldom drawn. */
void progress_show(struct progress *, uint64_t done);
/* The line goes away. */
void progress_end(struct progress *);

#endif
