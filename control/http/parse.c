/* control/http/parse.c — one request out of a flat buffer.
 *
 *      [ head: request line, header lines, empty line ][ body ][ next request ... ]
 *      ^ data                                          ^ head.bytes
 *
 *      scan_head     byte by byte, once, as they arrive: CR LF, controls, folds, sizes
 *      parse_line..  llhttp over the whole head, then our own rules on what it found
 *      http_parse_body   chunks: llhttp finds the data, which moves down onto its place; every
 *                        byte between two pieces of data is checked here
 *
 * Two readers must agree on the head: the number of header lines that the scan saw and the number
 * that llhttp reported, and the request line must be what its three parts spell.
 */
#include "control/http/parse.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* ---- what llhttp reports --------------------------------------------------------------------- */

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && (!c || !strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return s.len > 0;
}

static bool span_is_any_case(struct span s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.data, text, s.len) == 0;
}

static struct span trimmed(struct span s)
{
    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) s.len--;
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) s.data++, s.len--;
    return s;
}

/* -1 with p->refusal filled is how a callback stops llhttp. */
static int refused(enum http_progress progress)
{
    assert(progress == HTTP_REFUSED);
    return -1;
}

static int take_framing_header(struct http_parser *p, struct span name, struct span value)
{
    struct http_head *h = &p->head;

    if (span_is_any_case(name, "host")) {
        if (h->has_host) return refused(http_malformed(p, "Host was sent twice"));
        h->has_host = true;
        h->host = (struct http_part){(size_t)(value.data - p->base), value.len};
    } else if (span_is_any_case(name, "content-length")) {
        if (h->has_length) return refused(http_malformed(p, "Content-Length was sent twice"));
        h->has_length = true;
        if (text_parse_u64(value, 0, INT64_MAX, &h->length))
            return refused(http_malformed(p, "Content-Length must be one decimal number"));
    } else if (span_is_any_case(name, "transfer-encoding")) {
        if (h->chunked) return refused(http_malformed(p, "Transfer-Encoding was sent twice"));
        if (!span_is_any_case(value, "chunked"))
            return refused(
                http_refuse(p, 501, PINION_INVALID, "the only transfer coding is chunked"));
        h->chunked = true;
    } else if (span_is_any_case(name, "expect")) {
        if (!span_is_any_case(value, "100-continue"))
            return refused(
                http_refuse(p, 417, PINION_INVALID, "only Expect: 100-continue is known"));
        h->expects = true;
    }
    return 0;
}

static void extend(struct span *s, const char *at, size_t len)
{
    if (!s->data) s->data = at;
    s->len = (size_t)(at + len - s->data); /* pieces of one field follow each other */
}

static int on_target(llhttp_t *l, const char *at, size_t len)
{
    extend(&((struct http_parser *)l->data)->target, at, len);
    return 0;
}

static int on_name(llhttp_t *l, const char *at, size_t len)
{
    extend(&((struct http_parser *)l->data)->name, at, len);
    return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
    extend(&((struct http_parser *)l->data)->value, at, len);
    return 0;
}

static int on_header_end(llhttp_t *l)
{
    struct http_parser *p = l->data;
    struct span name = p->name, value = p->value;

    p->name = p->value = (struct span){0};
    p->head.headers++;
    if (!is_token(name))
        return refused(http_malformed(p, "a header's name holds what no name may"));
    if (!value.data) value = (struct span){name.data + name.len, 0};
    return take_framing_header(p, name, trimmed(value));
}

static int on_head_end(llhttp_t *l)
{
    struct http_parser *p = l->data;

    p->head.keep_alive = llhttp_should_keep_alive(l) && !(l->flags & F_CONNECTION_CLOSE);
    p->head.old = l->http_major == 1 && l->http_minor == 0;
    p->complete = true;
    return 0;
}

/* Bytes that are not the data of a chunk: sizes and line ends, and nothing else, for extensions and
 * trailers are what two readers of one stream disagree on. */
static int check_framing(struct http_parser *p, const char *end)
{
    for (const char *c = p->framing_from; c < end; c++) {
        bool hex = (*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'f');
        if ((p->framing_last == '\r') != (*c == '\n') || (!hex && *c != '\r' && *c != '\n'))
            return refused(http_malformed(p,
                                          "a chunk's size in hexadecimal and CR LF was expected; "
                                          "extensions and trailers are not accepted"));
        if (++p->framing_run > HTTP_CHUNK_LINE_BYTES_MAX)
            return refused(http_malformed(p, "a chunk's size is too long"));
        p->framing_last = *c;
    }
    p->framing_from = end;
    return 0;
}

static int on_chunk_data(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;

    if (check_framing(p, at)) return -1;
    if (p->framing_last == '\r')
        return refused(http_malformed(p, "CR without LF behind a chunk size"));
    p->framing_from = at + len;
    p->framing_run = 0;
    p->framing_last = 0;
    if (p->body_len + len > p->limits->body_bytes_max) p->too_large = true;
    if (p->too_large) {
        p->swallowed += p->body_len + len;
        p->body_len = 0;
        return 0;
    }
    memmove(p->base + p->head.bytes + p->body_len, at, len);
    p->body_len += len;
    return 0;
}

static int on_body_end(llhttp_t *l)
{
    struct http_parser *p = l->data;

    if (!p->head.chunked) return 0;
    p->complete = true;
    return HPE_PAUSED; /* so that llhttp says where the next request begins */
}

static const llhttp_settings_t settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_header_end,
    .on_headers_complete = on_head_end,
    .on_body = on_chunk_data,
    .on_message_complete = on_body_end,
};

/* ---- the head -------------------------------------------------------------------------------- */

void http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
    memset(p, 0, sizeof *p);
    p->limits = limits;
}

static const char *known_method(uint8_t method)
{
    switch (method) {
    case HTTP_GET: return "GET";
    case HTTP_HEAD: return "HEAD";
    case HTTP_POST: return "POST";
    case HTTP_PUT: return "PUT";
    case HTTP_PATCH: return "PATCH";
    case HTTP_DELETE: return "DELETE";
    case HTTP_OPTIONS: return "OPTIONS";
    default: return NULL;
    }
}

static enum http_progress unknown_method(struct http_parser *p)
{
    return http_refuse(p, 501, PINION_INVALID,
                       "the methods are GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS");
}

static enum http_progress bad_line(struct http_parser *p)
{
    return http_malformed(p, "a request line like \"GET /path HTTP/1.1\" was expected");
}

static enum http_progress unknown_version(struct http_parser *p)
{
    return http_refuse(p, 505, PINION_INVALID, "HTTP/1.1 or HTTP/1.0 was expected");
}

static enum http_progress llhttp_refused(struct http_parser *p, llhttp_errno_t err,
                                         struct span line)
{
    struct span method = span_cut(&line, ' ');

    if (p->refusal.text) return HTTP_REFUSED; /* ours, from a callback */
    if (err == HPE_INVALID_METHOD && is_token(method) && line.len) return unknown_method(p);
    if (err == HPE_INVALID_METHOD) return bad_line(p);
    if (err == HPE_INVALID_VERSION || err == HPE_PAUSED_H2_UPGRADE) return unknown_version(p);
    const char *reason = llhttp_get_error_reason(&p->llhttp);
    return http_malformed(p, reason ? reason : "a request in HTTP/1.1 was expected");
}

/* METHOD SP target SP HTTP/1.x, with single blanks, spelled as llhttp understood it. */
static enum http_progress check_line(struct http_parser *p, struct span line)
{
    const char *method = known_method(p->llhttp.method);
    static const size_t version_len = sizeof " HTTP/1.1" - 1;

    if (!method) return unknown_method(p);
    size_t method_len = strlen(method);
    if (line.len < method_len + 1 + version_len || !p->target.data ||
        memcmp(line.data + line.len - version_len, " HTTP/", 6) != 0)
        return bad_line(p);
    const char *version = line.data + line.len - 3;
    if (memcmp(version, "1.1", 3) != 0 && memcmp(version, "1.0", 3) != 0) return unknown_version(p);
    if (p->target.data != line.data + method_len + 1 ||
        p->target.len != line.len - method_len - 1 - version_len)
        return http_malformed(p, "single blanks between method, target and version were expected");
    if (p->target.len > p->limits->target_bytes_max)
        return http_refuse(p, 414, PINION_TOO_LARGE, "the request target is too long");
    p->head.method = method;
    return HTTP_DONE;
}

static struct http_part part_of(const struct http_parser *p, struct span s)
{
    return (struct http_part){(size_t)(s.data - p->base), s.len};
}

static enum http_progress split_target(struct http_parser *p)
{
    struct span target = p->target, authority = {0};
    static const size_t scheme_len = sizeof "http://" - 1;

    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] <= 0x20 || target.data[i] >= 0x7f || target.data[i] == '#')
            return http_malformed(p, "a target holds printable ASCII without '#'");
    if (target.len > scheme_len && strncasecmp(target.data, "http://", scheme_len) == 0) {
        target.data += scheme_len;
        target.len -= scheme_len;
        authority = (struct span){target.data, 0};
        while (authority.len < target.len && !strchr("/?", target.data[authority.len]))
            authority.len++;
        target.data += authority.len;
        target.len -= authority.len;
        p->head.has_authority = true;
        p->head.authority = part_of(p, authority);
    } else if (target.data[0] != '/' &&
               !(span_is(target, "*") && strcmp(p->head.method, "OPTIONS") == 0)) {
        return http_malformed(p, "a target that begins with '/' was expected");
    }
    struct span rest = target, path = span_cut(&rest, '?');
    p->head.has_query = path.len < target.len;
    p->head.path = part_of(p, path);
    p->head.query = (struct http_part){p->head.path.at + path.len + 1,
                                       p->head.has_query ? target.len - path.len - 1 : 0};
    return HTTP_DONE;
}

static enum http_progress check_framing_headers(struct http_parser *p)
{
    struct http_head *h = &p->head;

    if (h->headers != p->lines - 1)
        return http_malformed(p, "header lines like \"Name: value\" expected");
    if (h->headers > p->limits->headers_max)
        return http_refuse(p, 431, PINION_TOO_LARGE, "too many header lines");
    if (h->chunked && h->has_length)
        return http_malformed(p, "Content-Length and Transfer-Encoding exclude each other");
    if (h->chunked && h->old) return http_malformed(p, "HTTP/1.0 has no Transfer-Encoding");
    if (!h->has_host && !h->old) return http_malformed(p, "HTTP/1.1 needs a Host");
    if (h->old || (!h->chunked && h->length == 0)) h->expects = false;
    p->too_large = !h->chunked && h->length > p->limits->body_bytes_max;
    return HTTP_DONE;
}

enum http_progress http_parse_head(struct http_parser *p, const char *data, size_t len)
{
    enum http_progress progress = http_scan_head(p, data, len);

    if (progress != HTTP_DONE) return progress;
    struct span head = {data + p->start, p->head.bytes - p->start};
    const char *lf = memchr(head.data, '\n', head.len);
    struct span line = {head.data, (size_t)(lf - 1 - head.data)};
    size_t lines_at = (size_t)(lf + 1 - data);

    p->base = (char *)(uintptr_t)data; /* written to by http_parse_body() only */
    p->head.lines = (struct http_part){lines_at, p->head.bytes - 2 - lines_at};
    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
    p->llhttp.data = p;
    llhttp_errno_t err = llhttp_execute(&p->llhttp, head.data, head.len);
    if (!p->complete || (err != HPE_OK && err != HPE_PAUSED_UPGRADE))
        return llhttp_refused(p, err, line);
    p->complete = false;
    if ((progress = check_line(p, line)) != HTTP_DONE) return progress;
    if ((progress = split_target(p)) != HTTP_DONE) return progress;
    return check_framing_headers(p);
}

/* ---- the body -------------------------------------------------------------------------------- */

static enum http_progress unless_too_much(struct http_parser *p, bool complete)
{
    if (p->swallowed <= p->limits->swallow_bytes_max) return complete ? HTTP_DONE : HTTP_MORE;
    return http_body_too_large(p);
}

static enum http_progress parse_plain(struct http_parser *p, char *data, size_t *len)
{
    size_t have = *len - p->head.bytes;

    if (!p->too_large) {
        if (have < p->head.length) return HTTP_MORE;
        p->body_len = (size_t)p->head.length;
        return HTTP_DONE;
    }
    size_t missing = (size_t)p->head.length - p->swallowed;
    size_t taken = have < missing ? have : missing;
    memmove(data + p->head.bytes, data + p->head.bytes + taken, have - taken);
    *len -= taken;
    p->swallowed += taken;
    return unless_too_much(p, p->swallowed == p->head.length);
}

static enum http_progress parse_chunked(struct http_parser *p, char *data, size_t *len)
{
    char *raw = data + p->head.bytes + p->body_len;
    char *end = data + *len;

    p->base = data;
    p->framing_from = raw;
    llhttp_errno_t err = llhttp_execute(&p->llhttp, raw, (size_t)(end - raw));
    if (p->complete && (err == HPE_PAUSED || err == HPE_PAUSED_UPGRADE))
        end = raw + (llhttp_get_error_pos(&p->llhttp) - raw);
    else if (err != HPE_OK)
        return llhttp_refused(p, err, (struct span){0});
    if (check_framing(p, end)) return HTTP_REFUSED;

    size_t behind = (size_t)(data + *len - end);
    memmove(data + p->head.bytes + p->body_len, end, behind);
    *len = p->head.bytes + p->body_len + behind;
    return unless_too_much(p, p->complete);
}

enum http_progress http_parse_body(struct http_parser *p, char *data, size_t *len)
{
    assert(p->head.method && *len >= p->head.bytes);
    return p->head.chunked ? parse_chunked(p, data, len) : parse_plain(p, data, len);
}
