/* base/text.h — spans of text, and the small checks that every door needs.
 *
 * A `struct span` borrows: it lives as long as what it points into, and has no NUL.
 */
#ifndef PINION_BASE_TEXT_H
#define PINION_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"

struct span {
    const char *data; /* NULL: absent */
    size_t len;
};

struct span span_of(const char *text);                        /* NULL gives an absent span */
bool        span_is(struct span, const char *text);
bool        span_equal(struct span, struct span);
bool        span_starts(struct span, const char *prefix);
/* Cuts off and gives what stands before `separator`; the whole and empty rest if there is none. */
struct span span_cut(struct span *rest, char separator);

/* Decimal, no sign, no blanks, nothing behind; PINION_INVALID out of [min, max]. */
enum pinion_err text_parse_u64(struct span, uint64_t min, uint64_t max, uint64_t *ret_value)
    must_use;

/* Bytes of the UTF-8 character that `data` begins with; 0: it begins with none, or len is 0. */
size_t text_utf8_next(const char *data, size_t len);
/* Is this one UTF-8 character a control (C0, DEL, C1), such as starts a terminal escape? */
bool text_is_control(const char *character, size_t len);

bool text_is_utf8(const char *data, size_t len);           /* strict: no surrogates, no overlong */
/* Adds `text` as valid UTF-8: each bad byte becomes U+FFFD. */
void text_add_utf8(struct buffer *, const char *data, size_t len);
/* Adds `text` fit for a terminal: control characters and bad bytes become '?', newline a blank. */
void text_add_printable(struct buffer *, const char *data, size_t len);

/* Splits like shell words ('..', "..", backslash), nothing is expanded. One block holds the NULL-
 * terminated vector and its strings: free() it. PINION_INVALID: open quote, or no word at all. */
enum pinion_err text_split_words(const char *text, char ***ret_argv, struct error *why) must_use;

#endif
