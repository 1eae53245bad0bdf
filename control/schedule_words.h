/* control/schedule_words.h — a schedule as people write it: flags of the command, keys of a section
 * [schedule "nightly"] of the config file. One table turns them into the JSON shape. Pure.
 */
#ifndef PINION_CONTROL_SCHEDULE_WORDS_H
#define PINION_CONTROL_SCHEDULE_WORDS_H

#include <jansson.h>
#include "base/error.h"
#include "base/text.h"

struct schedule_word {
    const char *word; /* a long flag without dashes, "every" */
    char        letter;
    const char *arg, *help; /* as --help shows it; NULL: of the file alone, an argument elsewhere */
};

const struct schedule_word *schedule_word(size_t index); /* NULL: no more */

/* The word for a key of the shape: "every" for every_ms. NULL: none. */
const char *schedule_word_of(struct span key);

/* Adds to the shape what `word` says. PINION_INVALID: what was expected; PINION_NOT_FOUND: no such
 * word. now_ms: for a time of day. */
enum pinion_err schedule_word_add(json_t *shape, const char *word, const char *value,
                                  int64_t now_ms, struct error *why) must_use;

#endif
