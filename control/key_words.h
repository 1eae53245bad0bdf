/* control/key_words.h — the text of an error, for people who write other words than the keys of
 * JSON: flags of the command, keys of the config file. Pure.
 *
 * A check tells of a key at the beginning of its text, and of others in back quotes:
 *
 *      key phase_ms: expected `every_ms` with it, and less than that
 *      replace: expected `unique` with it             unique span 'soon': expected start, ...
 *      `cron`, `every_ms` and `at`: expected one of them
 *
 * Any other text is left alone, so what stands behind FILE:LINE keeps the keys of that line.
 */
#ifndef PINION_CONTROL_KEY_WORDS_H
#define PINION_CONTROL_KEY_WORDS_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

/* Adds the word for a key to `out`. false: there is none, and nothing was added. */
typedef bool key_word_fn(void *ctx, struct span key, struct buffer *out);

/* Each key that has a word is replaced by it; one that has none stays as it is. */
void error_say(struct error *, key_word_fn *, void *ctx);

#endif
