/* cli/completion/words.h — what may come next on a command line, by the tables of verbs and flags.
 *
 * Pure: names that only Redis knows are asked for by their noun, see cli/completion/names.h.
 */
#ifndef PINION_CLI_COMPLETION_WORDS_H
#define PINION_CLI_COMPLETION_WORDS_H

#include "base/buffer.h"
#include "cli/flags.h"
#include "cli/verbs.h"

enum name_of {
    NAME_NONE,
    NAME_QUEUE,
    NAME_KIND,
    NAME_JOB,
    NAME_SCHEDULE,
    NAME_BATCH,
    NAME_SERVER,
    NAME_TOKEN,
    NAME_FILE,
    NAME_FOLDER,
};

struct next_word {
    struct buffer words; /* a line each: WORD, or WORD<TAB>what it is */
    enum name_of name;   /* what else may stand there */
    const char *typed;   /* of it; borrowed from the last word */
    char before[64];     /* that stands in front of each name: "--queue=" */
    const char *verb;    /* "job retry"; NULL: none yet */
    struct common common;
    const char *queue, *state; /* that were given; NULL: not */
};

/* `words` come after `pinion`; the last one is being typed, and may be empty. */
void next_word_init(struct next_word *, const struct verb *verbs, size_t count, int words_count,
                    char *const words[]);
void next_word_deinit(struct next_word *);
/* Adds a word, if what was typed is its beginning; about NULL: nothing more to say. */
void next_word_add(struct next_word *, struct span word, const char *about);

#endif
