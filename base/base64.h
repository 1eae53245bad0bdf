/* base/base64.h — bytes as text: RFC 4648, section 4, with padding. Pure. */
#ifndef PINION_BASE_BASE64_H
#define PINION_BASE_BASE64_H

#include <stddef.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

void base64_add(struct buffer *, const void *data, size_t len);

/* Writes to `out`, which has room for text.len / 4 * 3 bytes; works in place. PINION_INVALID: no
 * groups of four, foreign characters, misplaced padding, or bits behind the last byte. */
enum pinion_err base64_decode(struct span text, void *out, size_t *ret_len) must_use;

#endif
