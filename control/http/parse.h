/* control/http/parse.h — bytes to requests: the framing of HTTP/1.x, strict. Private to http_*.c.
 *
 * Pure: no socket, no clock, no allocation. The bytes stand in one flat buffer of the caller, which
 * may move between two calls: what is kept are offsets. Every byte is checked here for CR LF, NUL
 * and folded lines before llhttp sees it, so that no leniency of its build can matter.
 */
#ifndef PINION_CONTROL_HTTP_PARSE_H
#define PINION_CONTROL_HTTP_PARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"
#include "control/http/limits.h"

#define HTTP_REFUSAL_TEXT_MAX 96

enum http_progress { HTTP_MORE, HTTP_DONE, HTTP_REFUSED };

struct http_refusal {
    unsigned status;
    enum pinion_err code;
    const char *text; /* lives for ever, or as long as the parser of the request */
};

/* A part of the head, by its place in the request. */
struct http_part {
    size_t at, len;
};

struct http_head {
    const char *method;                             /* NULL until known */
    size_t bytes;                                   /* all of the head, with its last CR LF */
    struct http_part path, query, lines, authority; /* authority: of an absolute target */
    struct http_part host;
    bool has_query, has_authority, has_host, has_length;
    bool chunked, keep_alive, expects, old; /* old: HTTP/1.0 */
    unsigned headers;
    uint64_t length; /* Content-Length */
};

struct http_parser {
    const struct http_limits *limits;
    struct http_head head;
    struct http_refusal refusal; /* after HTTP_REFUSED */
    size_t body_len;             /* of the whole body after HTTP_DONE */
    bool too_large;              /* with HTTP_DONE: the body was dropped, the framing is intact */

    /* private */
    llhttp_t llhttp;
    size_t scanned, line_at, start;
    unsigned lines;
    size_t swallowed, framing_run;
    char framing_last;
    bool complete;
    char *base;
    const char *framing_from;
    struct span target, name, value;
    char text[HTTP_REFUSAL_TEXT_MAX]; /* of a refusal that names a limit */
};

void http_parser_init(struct http_parser *, const struct http_limits *); /* for each request */

/* `data` is where the request begins. Call again with more until it is not HTTP_MORE. */
enum http_progress http_parse_head(struct http_parser *, const char *data, size_t len);

/* After the head, also if there is no body. Takes chunks apart in place: *len may shrink, and what
 * follows the request stands at head.bytes + body_len afterwards. */
enum http_progress http_parse_body(struct http_parser *, char *data, size_t *len);

/* scan.c, for parse.c: fills head.bytes at HTTP_DONE. */
enum http_progress http_scan_head(struct http_parser *, const char *data, size_t len);
enum http_progress http_refuse(struct http_parser *, unsigned status, enum pinion_err,
                               const char *text);
enum http_progress http_malformed(struct http_parser *, const char *text); /* 400 */
enum http_progress http_body_too_large(struct http_parser *);              /* 413 */

/* Host or authority against the list (NULL ends): any case, any port. */
bool http_host_allowed(const char *const *hosts, struct span host);

#endif
