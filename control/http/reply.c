/* control/http/reply.c — replies as bytes: status line, our headers, the caller's, the body. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "control/http/conn.h"
#include "control/http/route.h"

static const char *reason_phrase(unsigned status)
{
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
    }
}

/* Spelled once a second. By hand: strftime would ask the locale for the names. */
static const char *date_text(struct http_server *server)
{
    static const char day[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now_s = clock_wall_us() / 1000000;
    time_t now = (time_t)now_s;
    struct tm tm;

    if (now_s == server->date_s && server->date[0]) return server->date;
    server->date_s = now_s;
    if (!gmtime_r(&now, &tm)) return "Thu, 01 Jan 1970 00:00:00 GMT";
    snprintf(server->date, sizeof server->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             day[tm.tm_wday], tm.tm_mday % 100, month[tm.tm_mon], (tm.tm_year + 1900) % 10000,
             tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
    return server->date;
}

static void add_number(struct buffer *out, uint64_t number)
{
    char digits[20];
    char *at = digits + sizeof digits;

    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    buffer_add(out, at, (size_t)(digits + sizeof digits - at));
}

static void add_header(struct buffer *out, const struct http_header *header)
{
    buffer_add_text(out, header->name);
    buffer_add(out, ": ", 2);
    size_t at = out->len;
    buffer_add_text(out, header->value);
    for (; at < out->len; at++) /* what came from a client must not begin a header of its own */
        if ((unsigned char)out->data[at] < 0x20 || out->data[at] == 0x7f) out->data[at] = '?';
    buffer_add(out, "\r\n", 2);
}

static void add_headers(struct http_exchange *x, const struct http_header *headers, bool close)
{
    struct buffer *out = &x->out;
    bool cached = false, guarded = false;

    buffer_add_text(out, HTTP_SAFETY_HEADERS);
    if (x->id[0]) add_header(out, &(struct http_header){"X-Request-Id", x->id});
    for (const struct http_header *h = headers; h && h->name; h++) {
        if (strcasecmp(h->name, "Cache-Control") == 0) cached = true;
        if (strcasecmp(h->name, "Content-Security-Policy") == 0) guarded = true;
        add_header(out, h);
    }
    if (!guarded) buffer_add_text(out, HTTP_SAFETY_POLICY);
    if (!cached) buffer_add_text(out, "Cache-Control: no-store\r\n");
    if (close)
        buffer_add_text(out, "Connection: close\r\n");
    else if (x->parser.head.old)
        buffer_add_text(out, "Connection: keep-alive\r\n");
}

static void add_status(struct http_exchange *x, unsigned status)
{
    struct buffer *out = &x->out;

    x->server->replies[status / 100]++;
    buffer_add(out, "HTTP/1.1 ", 9);
    add_number(out, status);
    buffer_add(out, " ", 1);
    buffer_add_text(out, reason_phrase(status));
    buffer_add(out, "\r\nDate: ", 8);
    buffer_add_text(out, date_text(x->server));
}

void http_render_endless(struct http_exchange *x, const char *type,
                         const struct http_header *headers, bool close)
{
    add_status(x, 200);
    buffer_add_text(&x->out, "\r\nContent-Type: ");
    buffer_add_text(&x->out, type);
    if (!x->parser.head.old) buffer_add_text(&x->out, "\r\nTransfer-Encoding: chunked");
    buffer_add(&x->out, "\r\n", 2);
    add_headers(x, headers, close);
    buffer_add(&x->out, "\r\n", 2);
}

void http_render_upgrade(struct http_exchange *x, const struct http_header *headers)
{
    add_status(x, 101);
    buffer_add(&x->out, "\r\n", 2);
    for (const struct http_header *h = headers; h->name; h++) add_header(&x->out, h);
    buffer_add(&x->out, "\r\n", 2);
}

/* PACK_COULD: another client might get it packed, so caches must ask which one. */
enum pack { PACK_NO, PACK_COULD, PACK_DONE };

static enum pack pack(struct http_exchange *x, const struct http_reply *reply, struct buffer *out)
{
    struct span text = {reply->body, reply->len};

    if (x->at != CONN_ANSWER || !http_gzip_fits(reply)) return PACK_NO;
    if (!http_gzip_taken(http_header(&x->request, "Accept-Encoding"))) return PACK_COULD;
    return http_gzip(&x->server->gzip, text, out) ? PACK_DONE : PACK_COULD;
}

void http_render(struct http_exchange *x, const struct http_reply *reply, bool close)
{
    struct buffer *out = &x->out;
    unsigned status = reply->status ? reply->status : 200;
    bool bodiless = status == 204 || status == 304;
    const char *method = x->parser.head.method;
    struct buffer packed = BUFFER_INIT;
    enum pack how = bodiless ? PACK_NO : pack(x, reply, &packed);
    struct span body = {reply->body, reply->len};

    if (how == PACK_DONE) body = (struct span){packed.data, packed.len};
    assert(status >= 200 && status <= 599);
    add_status(x, status);
    if (!bodiless) {
        buffer_add_text(out, "\r\nContent-Type: ");
        buffer_add_text(out, reply->type ? reply->type : "application/json");
        buffer_add_text(out, "\r\nContent-Length: ");
        add_number(out, body.len);
        if (how != PACK_NO) buffer_add_text(out, "\r\nVary: Accept-Encoding");
        if (how == PACK_DONE) buffer_add_text(out, "\r\nContent-Encoding: gzip");
    }
    buffer_add(out, "\r\n", 2);
    add_headers(x, reply->headers, close);
    buffer_add(out, "\r\n", 2);
    if (!bodiless && body.len && !(method && strcmp(method, "HEAD") == 0))
        buffer_add(out, body.data, body.len);
    buffer_deinit(&packed);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void add_json_text(struct buffer *out, const char *text)
{
    struct buffer utf8 = BUFFER_INIT;

    text_add_utf8(&utf8, text, strlen(text));
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.data[i];
        if (c == '"' || c == '\\') buffer_add_char(out, '\\');
        if (c < 0x20)
            buffer_printf(out, "\\u%04x", c);
        else
            buffer_add_char(out, (char)c);
    }
    buffer_deinit(&utf8);
}

static void problem_body(struct buffer *body, enum pinion_err code, const char *message)
{
    buffer_printf(body, "{\"error\":{\"code\":\"%s\",\"message\":\"", error_name(code));
    add_json_text(body, message);
    buffer_add_text(body, "\"}}\n");
}

/* What HTTP asks of some statuses. */
static const struct http_header *headers_of(unsigned status)
{
    static const struct http_header retry[] = {
        {"Retry-After", "1" },
        {NULL,          NULL}
    };
    static const struct http_header bearer[] = {
        {"WWW-Authenticate", "Bearer"},
        {NULL,               NULL    }
    };

    if (status == 429 || status == 503) return retry;
    return status == 401 ? bearer : NULL;
}

void http_render_problem(struct http_exchange *x, unsigned status, enum pinion_err code,
                         const char *message, const struct http_header *headers, bool close)
{
    struct buffer body = BUFFER_INIT;

    problem_body(&body, code, message);
    http_render(x,
                &(struct http_reply){.status = status,
                                     .body = body.data,
                                     .len = body.len,
                                     .headers = headers ? headers : headers_of(status)},
                close);
    buffer_deinit(&body);
}

void http_reply_problem(struct http_exchange *x, unsigned status, enum pinion_err code,
                        const char *message, const struct http_header *headers)
{
    struct buffer body = BUFFER_INIT;

    problem_body(&body, code, message);
    http_reply(x, &(struct http_reply){.status = status,
                                       .body = body.data,
                                       .len = body.len,
                                       .headers = headers ? headers : headers_of(status)});
    buffer_deinit(&body);
}

void http_reply_error(struct http_exchange *x, enum pinion_err code, const char *format, ...)
{
    char message[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    http_reply_problem(x, error_http(code), code, message, NULL);
}

/* ---- the table ------------------------------------------------------------------------------- */

void http_serve(struct http_exchange *x, const struct http_request *request,
                const struct route *table, size_t count, http_gate_fn *gate, void *ctx)
{
    struct route_match match;

    switch (route_find(table, count, request->method, request->path, &match)) {
    case ROUTE_OK:
        if (!gate || gate(x, request, match.route, &match.args, ctx))
            match.route->serve(x, request, &match.args, ctx);
        return;
    case ROUTE_BAD_PATH:
        http_reply_error(x, PINION_INVALID,
                         "the path must be %%-encoded UTF-8 without "
                         "control characters, \"..\" and encoded slashes");
        return;
    case ROUTE_NO_PATH: http_reply_error(x, PINION_NOT_FOUND, "there is nothing here"); return;
    case ROUTE_OTHER_METHOD:
        http_reply_problem(x, 405, PINION_INVALID, "this path does not know the method",
                           (const struct http_header[]){
                               {"Allow", match.allow},
                               {NULL,    NULL       }
        });
        return;
    }
}

struct span http_header(const struct http_request *request, const char *name)
{
    struct span rest = request->headers;
    size_t name_len = strlen(name);

    while (rest.len) {
        struct span value = span_cut(&rest, '\n');
        struct span key = span_cut(&value, ':');
        if (key.len != name_len || strncasecmp(key.data, name, name_len) != 0) continue;
        while (value.len && strchr("\r\t ", value.data[value.len - 1])) value.len--;
        while (value.len && strchr("\t ", value.data[0])) value.data++, value.len--;
        return value;
    }
    return (struct span){NULL, 0};
}
