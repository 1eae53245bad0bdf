/* tests/flow/scratch.h — a folder of one test's own, gone with everything in it when it ends. */
#ifndef PINION_TESTS_FLOW_SCRATCH_H
#define PINION_TESTS_FLOW_SCRATCH_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_MAX 64

static inline bool scratch_make(char path[SCRATCH_MAX])
{
    strcpy(path, "/tmp/pinion-test-XXXXXX");
    return mkdtemp(path) != NULL;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind,
                                     struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline int scratch_remove(const char *path)
{
    return nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
