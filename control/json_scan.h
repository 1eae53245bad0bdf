/* control/json_scan.h — reads JSON text in place, value by value, without building a tree. Pure.
 *
 * Strict as RFC 8259: UTF-8, no lone surrogates, at most JSON_SCAN_DEPTH_MAX levels. For the hot
 * path of enqueueing; everything else uses jansson. It does not look for duplicate keys: whoever
 * walks an object does.
 */
#ifndef PINION_CONTROL_JSON_SCAN_H
#define PINION_CONTROL_JSON_SCAN_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/text.h"

#define JSON_SCAN_DEPTH_MAX 64

struct json_scan {
    const char *at, *end;  /* private */
    const char *from;      /* private */
    const char *expected;  /* read-only: what the text lacks at the column; NULL: nothing so far */
    unsigned    depth;     /* private */
};

void   json_scan_init(struct json_scan *, struct span text);
char   json_scan_peek(struct json_scan *);          /* next byte behind blanks; '\0' at the end */
bool   json_scan_take(struct json_scan *, char c);  /* skips blanks and c; false: another byte */
/* A whole value, checked: `raw` is its text, a string with its quotes. false: see `expected`. */
bool   json_scan_value(struct json_scan *, struct span *ret_raw);
bool   json_scan_end(struct json_scan *);           /* nothing but blanks is left */
size_t json_scan_column(const struct json_scan *);  /* from 1, in bytes */

/* Of a checked value: written to `out`, which has room for raw.len bytes; gives how many. */
size_t json_scan_unquote(struct span raw, char *out); /* a string's bytes; may hold NUL */
size_t json_scan_compact(struct span raw, char *out); /* the value's text without blanks */

#endif
