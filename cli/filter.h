/* cli/filter.h — the flags that say which jobs of a state are meant. */
#ifndef PINION_CLI_FILTER_H
#define PINION_CLI_FILTER_H

#include "base/time_text.h"
#include "cli/flags.h"
#include "queue/filter.h"

struct filter_values {
    const char *kind, *tag, *error;
    uint64_t    older_ms, newer_ms; /* 0: not given */
};

/* Rows of a table of flags; `at`: of the struct filter_values. */
#define FILTER_FLAGS(at)                                                                           \
    {"kind", 'k', FLAG_TEXT, (at) + offsetof(struct filter_values, kind), 0, 0, "KIND",            \
     "only jobs of this kind"},                                                                    \
    {"tag", 't', FLAG_TEXT, (at) + offsetof(struct filter_values, tag), 0, 0, "TAG",               \
     "only jobs with this tag"},                                                                   \
    {"error", 'e', FLAG_TEXT, (at) + offsetof(struct filter_values, error), 0, 0, "TEXT",          \
     "only jobs with this in their last error, or in the\n"                                        \
     "reason why they ended"},                                                                     \
    {"older-than", 0, FLAG_DURATION, (at) + offsetof(struct filter_values, older_ms), 1,           \
     DURATION_MS_MAX, "DURATION", "only jobs that ended, or else were made, so long ago"},         \
    {"newer-than", 0, FLAG_DURATION, (at) + offsetof(struct filter_values, newer_ms), 1,           \
     DURATION_MS_MAX, "DURATION", "only jobs that ended, or else were made, since then"}

struct job_filter filter_of(const struct filter_values *); /* borrows */
bool              filter_given(const struct filter_values *);

/* What was given as --state: a word that is neither a state nor a folder was meant for a state. */
const char *filter_state(const char *state, const struct common *);

#endif
