/* tests/kill/modes.h — what kill_test can do, one function each. */
#ifndef PINION_TESTS_KILL_MODES_H
#define PINION_TESTS_KILL_MODES_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/kill/server.h"
#include "tests/support/property.h"

struct mode_options {
    const char *folder;     /* of this test; gone when it ends */
    const char *job_words;  /* "log=PROGRAM FOLDER", for --command */
    const char *heir_words; /* the same with children that outlive the command */
    unsigned rounds;
    uint64_t seed;
};

/* true: no fault was found. */
typedef bool mode_fn(const struct mode_options *);

mode_fn kill_server; /* the server, with its embedded Redis */
mode_fn kill_redis;  /* the embedded Redis alone */
mode_fn kill_one_of_two;
mode_fn kill_features; /* one of two, while jobs have unique keys, a limit and batches */
mode_fn kill_busy;      /* 500 active and 5,000 waiting, then a restart */
mode_fn kill_busy_peer; /* the same, with a second server alive */

#endif
