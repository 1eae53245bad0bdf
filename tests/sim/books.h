/* tests/sim/books.h — what became of every job, and whether that was allowed.
 *
 * After each call the state of every job is compared with the one before: each change must be one
 * that the script may make, by a token that the job has, and what look.lua finds wrong with the raw
 * keys is wrong. Handlers tell when they begin and end, so that work by two at a time is noticed.
 */
#ifndef PINION_TESTS_SIM_BOOKS_H
#define PINION_TESTS_SIM_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "queue/key.h"
#include "queue/script.h"

#define BOOKS_MAX 512 /* jobs of one run */
#define NODES_MAX 4

struct redisReply;

struct book {
    char id[QUEUE_NAME_MAX + 1], state[12], token[24], kind[KIND_MAX + 1]; /* state "": gone */
    int64_t score; /* active: the lease's end; scheduled, retry: due in ms */
    int64_t token_last;
    unsigned failures, ends, starts;
    uint64_t startable_us[NODES_MAX]; /* since when node i could have started it; 0: could not */
};

struct books {
    struct book job[BOOKS_MAX];
    size_t count;
    bool paused;
    unsigned most; /* that may be active at once; 0: no limit */
};

void books_begin(void);
/* One call was made; `look` is what look.lua said after it. */
void books_note(enum script, struct span request, const struct redisReply *look);
struct books *books(void);
struct book *books_find(struct span local_id); /* NULL: no such job */
/* Every job has ended, once. Else the world is broken. */
void books_close(void);
bool books_all_ended(void);
bool books_full(void); /* as many are active as may be */

#endif
