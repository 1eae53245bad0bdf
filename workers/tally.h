/* workers/tally.h — what became of attempts, by queue and kind: their ends, and how long they
 * worked. Pure.
 *
 * Kinds come from whoever enqueues, so their number is bounded: beyond TALLY_ROWS_MAX pairs of
 * queue and kind, the rest of a queue counts as kind "other".
 */
#ifndef PINION_WORKERS_TALLY_H
#define PINION_WORKERS_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include "base/metrics.h"
#include "base/text.h"

#define TALLY_ROWS_MAX 256 /* and one "other" a queue */
#define TALLY_OTHER    "other"

enum tally_end { TALLY_DONE, TALLY_RETRY, TALLY_DEAD, TALLY_CANCELLED, TALLY_RELEASED, TALLY_ENDS };

extern const char *const tally_ends[TALLY_ENDS]; /* "done" ... */

struct tally;

struct tally_row {
    char *queue, *kind;
    uint64_t count[TALLY_ENDS];
    unsigned running;     /* attempts; not those of workers elsewhere */
    struct sketch run_us; /* how long each that is over worked */
};

struct tally *tally_new(void);
void tally_free(struct tally *); /* NULL: no-op */
/* Where they are counted: it stays as long as the tally. NULL: more queues than a server has. */
struct tally_row *tally_at(struct tally *, const char *queue, struct span kind);
void tally_add(struct tally *, const char *queue, struct span kind, enum tally_end);

size_t tally_count(const struct tally *);
const struct tally_row *tally_row(const struct tally *, size_t i); /* in the order of arrival */

#endif
