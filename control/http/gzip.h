/* control/http/gzip.h — replies made smaller, where the client takes it and it pays.
 *
 * Text between HTTP_GZIP_BYTES_MIN and HTTP_GZIP_BYTES_MAX, on the loop at once: the upper bound is
 * what the loop may be held up by. Streams and replies with an encoding of their own never come
 * here. zlib is loaded by the first client that takes it; where there is none, nobody gets it.
 */
#ifndef PINION_CONTROL_HTTP_GZIP_H
#define PINION_CONTROL_HTTP_GZIP_H

#include <stdbool.h>
#include "base/buffer.h"
#include "control/http/http.h"

struct http_gzip; /* what zlib works in; kept for the next reply */

/* Would this reply be compressed for a client that takes it? */
bool http_gzip_fits(const struct http_reply *);
/* By the words of Accept-Encoding: gzip, with a quality that is not 0 and not below identity's. */
bool http_gzip_taken(struct span accepts);
/* false: it would hardly get smaller, or there is no zlib; then `out` is empty. *work is made when
 * it is NULL. */
bool http_gzip(struct http_gzip **work, struct span text, struct buffer *out);
void http_gzip_free(struct http_gzip *); /* NULL: no-op */

#endif
