/* control/http/scan.c — the first look at a request: every byte of its head, once, as it arrives.
 *
 * What passes has whole lines of CR LF, no control characters, no folds, and an end within the
 * limits. It says nothing yet about what the lines mean.
 */
#include "control/http/parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum http_progress http_refuse(struct http_parser *p, unsigned status, enum pinion_err code,
                               const char *text)
{
    p->refusal = (struct http_refusal){status, code, text};
    return HTTP_REFUSED;
}

enum http_progress http_malformed(struct http_parser *p, const char *text)
{
    return http_refuse(p, 400, PINION_INVALID, text);
}

enum http_progress http_body_too_large(struct http_parser *p)
{
    snprintf(p->text, sizeof p->text, "the request's body is too large: expected at most %zu bytes",
             p->limits->body_bytes_max);
    return http_refuse(p, 413, PINION_TOO_LARGE, p->text);
}

/* A line ended with the LF at `i`. HTTP_DONE: it was the empty one behind the headers. */
static enum http_progress end_line(struct http_parser *p, const char *data, size_t i)
{
    size_t len = i - 1 - p->line_at;
    char first = data[p->line_at];

    if (len == 0 && p->lines == 0) {
        if (p->start > 0) return http_malformed(p, "a request line was expected, not empty lines");
        p->start = p->line_at = i + 1; /* some old clients send CR LF behind a body */
        return HTTP_MORE;
    }
    if (len == 0) return HTTP_DONE;
    if (first == ' ' || first == '\t')
        return http_malformed(p, p->lines ? "folded header lines are not accepted"
                                          : "a request line was expected, not a blank");
    if (p->lines++ > p->limits->headers_max)
        return http_refuse(p, 431, PINION_TOO_LARGE, "too many header lines");
    p->line_at = i + 1;
    return HTTP_MORE;
}

enum http_progress http_scan_head(struct http_parser *p, const char *data, size_t len)
{
    size_t end = len < p->limits->head_bytes_max ? len : p->limits->head_bytes_max;

    for (; p->scanned < end; p->scanned++) {
        unsigned char c = (unsigned char)data[p->scanned];
        if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
        if (c == '\r') {
            if (p->scanned + 1 == len) break;
            if (data[p->scanned + 1] != '\n') return http_malformed(p, "CR without LF in the head");
        } else if (c == '\n') {
            if (p->scanned == p->line_at || data[p->scanned - 1] != '\r')
                return http_malformed(p, "LF without CR in the head");
            enum http_progress progress = end_line(p, data, p->scanned);
            if (progress != HTTP_MORE) {
                p->head.bytes = p->scanned + 1;
                return progress;
            }
        } else {
            return http_malformed(p, "control characters in the head");
        }
    }
    if (p->lines == 0 && len - p->start > p->limits->target_bytes_max + 32)
        return http_refuse(p, 414, PINION_TOO_LARGE, "the request target is too long");
    if (len < p->limits->head_bytes_max) return HTTP_MORE;
    return http_refuse(p, 431, PINION_TOO_LARGE, "the request's head is too large");
}

bool http_host_allowed(const char *const *hosts, struct span host)
{
    size_t name_len = host.len;

    while (name_len && host.data[name_len - 1] >= '0' && host.data[name_len - 1] <= '9') name_len--;
    if (name_len && host.data[name_len - 1] == ':')
        host.len = name_len - 1; /* a port was cut off */
    for (; hosts && *hosts; hosts++)
        if (host.len == strlen(*hosts) && strncasecmp(host.data, *hosts, host.len) == 0)
            return true;
    return false;
}
