/* control/access/token_file.h — the file `tokens` of a state folder: read whole, written whole.
 *
 * Mode 0600, and nobody else's: whoever can write it lets himself in. Two that change it at the
 * same time wait for each other, by a lock on the folder itself: a file would belong to one of
 * them. Any thread; it blocks.
 */
#ifndef PINION_CONTROL_ACCESS_TOKEN_FILE_H
#define PINION_CONTROL_ACCESS_TOKEN_FILE_H

#include "control/access/token_set.h"

#define TOKEN_FILE_NAME "tokens"

/* No file is the empty set. PINION_INVALID: "PATH: what is wrong with it". */
enum pinion_err token_file_read(const char *dir, struct token_set *ret_set,
                                struct error *why) must_use;

/* There is such a file, and we may read it. */
bool token_file_is_ours(const char *dir);

/* Changes the set; not PINION_OK: nothing is written. */
typedef enum pinion_err token_edit_fn(struct token_set *, void *ctx, struct error *why);

/* Reads, edits and writes it under the lock. The folder is made (0700) where it is missing. */
enum pinion_err token_file_edit(const char *dir, token_edit_fn *, void *ctx,
                                struct error *why) must_use;

#endif
