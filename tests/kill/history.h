/* tests/kill/history.h — what clients were told, what ran and what the books say; and the verdict.
 *
 * A history is a heap of facts about jobs, each under its id, in any order. Pure: no clock, no
 * process, no Redis. All times are microseconds of the monotonic clock.
 */
#ifndef PINION_TESTS_KILL_HISTORY_H
#define PINION_TESTS_KILL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTORY_ID_MAX 130 /* QUEUE:LOCAL, with its NUL */

enum fact_kind {
    FACT_ACCEPTED, /* a client was told that the job is there */
    FACT_DONE,     /* the books say how it ended: kept, or remembered */
    FACT_DEAD,
    FACT_CANCELLED,
    FACT_LEFT,     /* the books still hold it in another state */
    FACT_RUN,      /* its command ran */
    FACT_COLLIDED, /* its command met another run of itself that was alive */
};

struct fact {
    char id[HISTORY_ID_MAX];
    enum fact_kind kind;
    bool logs;        /* ACCEPTED: its runs are logged, so one of them must have come to its end */
    unsigned attempt; /* RUN */
    long server;      /* RUN: pid of the server that started it */
    int64_t from_us, to_us; /* RUN; to_us 0: it never said that it ended */
};

struct kill {
    long server;   /* pid */
    int64_t at_us; /* by then it was gone, and its commands with it */
};

/* What the books count. */
struct totals {
    int64_t enqueued, done, failed, dead, cancelled, reaped;
    int64_t left; /* jobs that have not ended */
};

struct history {
    struct fact *facts;
    size_t count, room;
    struct kill *kills;
    size_t kills_count, kills_room;
    struct totals totals;
    int64_t failed_min, failed_max; /* attempts that may have failed */
    size_t at_once_max; /* runs of all jobs together; 0: any number */
};

enum fault {
    FAULT_LOST,       /* accepted, and nowhere */
    FAULT_LEFT,       /* accepted, and not ended */
    FAULT_MADE_TWICE, /* in the books, and nobody was told of it; or two clients were given one id
                       */
    FAULT_ENDED_TWICE,
    FAULT_DEAD,    /* ended, but not by being done */
    FAULT_NOT_RUN, /* done, although no run of it came to its end */
    FAULT_OVERLAP, /* two runs of it at the same time */
    FAULT_CHARGED, /* a kill was counted as an attempt */
    FAULT_TOTALS,  /* the books do not balance */
    FAULT_LIMIT,   /* more runs at once than the limit */
    FAULTS
};

extern const char *const fault_names[FAULTS];

#define RUNS_COUNTED 4 /* once, twice, three times, more often */

struct verdict {
    size_t faults[FAULTS];
    char example[FAULTS][HISTORY_ID_MAX]; /* the id of the first one */
    size_t accepted, runs[RUNS_COUNTED];  /* jobs by how often they ran */
    int64_t expected_enqueued;
    size_t at_once; /* the most runs at the same time */
};

/* The fact is copied; `id` is cut at HISTORY_ID_MAX. */
void history_add(struct history *, const char *id, struct fact);
void history_kill(struct history *, struct kill);
/* "start|end|collided ID ATTEMPT SERVER PID TIME", as tests/kill/job.c writes it. false: it is not.
 */
bool history_add_line(struct history *, const char *line);
void history_free(struct history *);

/* Sorts the facts. */
void history_check(struct history *, struct verdict *ret);
size_t verdict_faults(const struct verdict *);
void verdict_print(const struct verdict *, const struct totals *, FILE *);

#endif
