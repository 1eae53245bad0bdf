#include "control/pinion_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"

/* A page may load and call its own origin only, and runs no script that stands in it. */
#define PAGE_POLICY \
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/* ---- beginning and end ----------------------------------------------------------------------- */

struct pinion_exchange *exchange_new(struct http_exchange *x, const struct http_request *request,
                                     const struct route *route, const struct route_args *args)
{
    struct pinion_exchange *e = xcalloc(1, sizeof *e);

    list_init(&e->node);
    e->x = x;
    e->request = request;
    e->pattern = route->pattern;
    for (; e->arg_count < args->count; e->arg_count++)
        e->args[e->arg_count] = xstrdup(args->arg[e->arg_count].data);
    e->path = xmemdup(request->path.data, request->path.len);
    e->asked = (struct pinion_asked){
        .method = request->method,
        .path = e->path,
        .body = request->body.data,
        .body_len = request->body.len,
        .peer = request->peer->text,
        .caller = request->caller->name,
    };
    return e;
}

static void on_left(struct http_waiter *w)
{
    struct pinion_exchange *e = container_of(w, struct pinion_exchange, waiter);

    e->left(e, e->ctx);
}

void exchange_watch(struct pinion_exchange *e, pinion_serve_fn *left, void *ctx)
{
    if (!left) return;
    e->waiter.left = on_left;
    e->left = left;
    e->ctx = ctx;
    http_wait(e->x, &e->waiter);
}

void exchange_free(struct pinion_exchange *e)
{
    list_remove(&e->node);
    for (unsigned i = 0; i < e->arg_count; i++) free(e->args[i]);
    for (size_t i = 0; i < e->kept_count; i++) free(e->kept[i]);
    free(e->kept);
    free(e->path);
    free(e);
}

/* ---- what was asked -------------------------------------------------------------------------- */

const struct pinion_asked *pinion_exchange_asked(const struct pinion_exchange *e)
{
    return &e->asked;
}

const char *pinion_exchange_arg(struct pinion_exchange *e, const char *name)
{
    size_t len = strlen(name);
    unsigned n = 0;

    for (const char *at = e->pattern; (at = strchr(at, '{')); n++)
        if (strncmp(++at, name, len) == 0 && at[len] == '}') return e->args[n];
    return NULL;
}

static const char *keep(struct pinion_exchange *e, char *taken)
{
    e->kept = xrealloc(e->kept, (e->kept_count + 1) * sizeof *e->kept);
    return e->kept[e->kept_count++] = taken;
}

const char *pinion_exchange_query(struct pinion_exchange *e, const char *name)
{
    size_t size = e->request->query.len + 1; /* decoded it is no longer */
    char *text = xmalloc(size);

    if (!route_query(e->request->query, name, text, size, NULL)) return keep(e, text);
    free(text);
    return NULL;
}

const char *pinion_exchange_header(struct pinion_exchange *e, const char *name)
{
    struct span value = http_header(e->request, name);

    return value.data ? keep(e, xmemdup(value.data, value.len)) : NULL;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Those that frame the reply, which is not the program's business. */
static bool is_framing(const char *name)
{
    static const char *const ours[] = {"connection", "content-length",    "content-type",
                                       "date",       "transfer-encoding", "upgrade"};

    for (size_t i = 0; i < countof(ours); i++)
        if (strcasecmp(name, ours[i]) == 0) return true;
    return false;
}

/* "Name: value" in two; false: it is none, or not to be sent. */
static bool split_header(char *line, struct http_header *ret)
{
    size_t len = strcspn(line, ": \t\r\n");

    if (!len || line[len] != ':') return false;
    line[len] = 0;
    *ret = (struct http_header){line, line + len + 1 + strspn(line + len + 1, " \t")};
    return !is_framing(line);
}

static bool names_policy(const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, "Content-Security-Policy") == 0) return true;
    return false;
}

static size_t count_of(const char *const *lines)
{
    size_t count = 0;

    while (lines && lines[count]) count++;
    return count;
}

/* The list, with room for a policy and its end; its texts are kept by the exchange. */
static struct http_header *headers_of(struct pinion_exchange *e, const struct pinion_reply *reply)
{
    size_t lines = count_of(reply->headers), count = 0;
    struct http_header *headers = xcalloc(lines + 2, sizeof *headers);

    for (size_t i = 0; i < lines; i++) {
        char *line = xstrdup(reply->headers[i]);
        keep(e, line);
        if (split_header(line, &headers[count]))
            count++;
        else
            log_warn("reply_header_dropped", LOG_TEXT("header", reply->headers[i]));
    }
    if (reply->type && strncmp(reply->type, "text/html", 9) == 0 && !names_policy(headers, count))
        headers[count++] = (struct http_header){"Content-Security-Policy", PAGE_POLICY};
    headers[count] = (struct http_header){NULL, NULL};
    return headers;
}

void pinion_reply(struct pinion_exchange *e, const struct pinion_reply *reply)
{
    struct http_header *headers;

    if (reply->status && (reply->status < 200 || reply->status > 599)) {
        log_warn("reply_status_invalid", LOG_INT("status", reply->status));
        pinion_reply_error(e, PINION_INTERNAL, "the route gave a status that there is not");
        return;
    }
    headers = headers_of(e, reply);
    http_reply(e->x, &(struct http_reply){.status = reply->status,
                                          .type = reply->type,
                                          .body = reply->body,
                                          .len = reply->body_len,
                                          .headers = headers});
    free(headers);
    exchange_free(e);
}

void pinion_reply_error(struct pinion_exchange *e, enum pinion_err err, const char *message)
{
    http_reply_error(e->x, err, "%s", message ? message : "");
    exchange_free(e);
}
