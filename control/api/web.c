#include "control/api/web.h"

#include <stdio.h>
#include "control/api/call.h"
#include "control/http/gzip.h"

#define PAGE     "index.html"
#define OPENAPI  "openapi.json"
#define ETAG_MAX 40

/* Nothing from elsewhere, nothing inline, and no text that becomes HTML: what a job holds can not
 * run here even if a line of the page were wrong. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; "            \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static const struct web_file *file_of(struct span name)
{
    for (size_t i = 0; i < web_files_count; i++)
        if (span_is(name, web_files[i].name)) return &web_files[i];
    return NULL;
}

/* no-cache: kept, but asked for each time, which a 304 answers; so a page is never half of one
 * version and half of the next. */
static void reply_file(struct http_exchange *x, const struct http_request *request,
                       const struct web_file *file)
{
    bool gzip = file->gzip && http_gzip_taken(http_header(request, "Accept-Encoding"));
    char etag[ETAG_MAX];
    struct http_header headers[] = {
        {"ETag",                       etag             },
        {"Cache-Control",              "no-cache"       },
        {"Vary",                       "Accept-Encoding"},
        {"Content-Security-Policy",    POLICY           },
        {"Cross-Origin-Opener-Policy", "same-origin"    },
        {gzip ? "Content-Encoding" : NULL, "gzip"       },
        {NULL,                         NULL             },
    };

    snprintf(etag, sizeof etag, "\"%s%s\"", file->hash, gzip ? "-gzip" : "");
    if (api_knows_tag(request, etag))
        http_reply(x, &(struct http_reply){.status = 304, .headers = headers});
    else
        http_reply(x, &(struct http_reply){.type = file->type,
                                           .body = gzip ? file->gzip : file->data,
                                           .len = gzip ? file->gzip_len : file->len,
                                           .headers = headers});
}

void web_page(struct http_exchange *x, const struct http_request *request,
              const struct route_args *args, void *ctx)
{
    (void)args, (void)ctx;
    reply_file(x, request, file_of(span_of(PAGE)));
}

void web_show(struct http_exchange *x, const struct http_request *request,
              const struct route_args *args, void *ctx)
{
    const struct web_file *file = file_of(args->arg[0]);

    (void)ctx;
    if (file)
        reply_file(x, request, file);
    else
        http_reply_error(x, PINION_NOT_FOUND, "the dashboard has no file of that name");
}

void web_openapi(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    (void)args, (void)ctx;
    reply_file(x, request, file_of(span_of(OPENAPI)));
}
