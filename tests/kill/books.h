/* tests/kill/books.h — what Redis holds of one queue, read without any of the code under test.
 *
 * The answers are only whole while nothing changes them: read after a drain, or expect a race.
 */
#ifndef PINION_TESTS_KILL_BOOKS_H
#define PINION_TESTS_KILL_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include "tests/kill/history.h"

#define BOOKS_ENDED_MAX 10000 /* so many jobs done without being kept are remembered */

struct books; /* a connection */

/* `path` of the unix socket. NULL: nobody answers there now. */
struct books *books_open(const char *path);
void books_close(struct books *); /* NULL: no-op */

/* All of these: false when the connection was lost. `queue` is the queue's name. */
bool books_totals(struct books *, const char *queue, struct totals *ret);
/* How every job stands or ended, as facts. */
bool books_read(struct books *, const char *queue, struct history *);

/* Is there such a key of the queue? `name` as scripts spell it. */
bool books_have(struct books *, const char *queue, const char *name, bool *ret);

/* The ids under lease, sorted, and the token of each. Freed by books_leases_free. */
struct lease_id {
    char id[HISTORY_ID_MAX], token[32];
};
struct leases {
    struct lease_id *ids;
    size_t count;
};
bool books_leases(struct books *, const char *queue, struct leases *ret);
void books_leases_free(struct leases *);
const struct lease_id *books_lease_of(const struct leases *, const char *id); /* NULL: none */
long books_seat(struct books *, const char *queue, const char *server);       /* -1: none */

#endif
