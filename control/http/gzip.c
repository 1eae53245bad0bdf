#include "control/http/gzip.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/memory.h"

#define LEVEL       1         /* 300 MB/s of listings, to a tenth; 6 has half the speed */
#define SLICE_BYTES 32768     /* what the first try costs when nothing gets smaller */
#define WINDOW_GZIP (15 + 16) /* 15 bits, and the head and foot of gzip */
#define MEMORY      8

struct http_gzip {
    z_stream stream;
};

/* ---- zlib ------------------------------------------------------------------------------------ */

static struct {
    __typeof__(deflateInit2_) *init;
    __typeof__(deflateReset)  *reset;
    __typeof__(deflateBound)  *bound;
    __typeof__(deflate)       *deflate;
    __typeof__(deflateEnd)    *end;
} zlib;

static void *call_of(void *lib, const char *name, bool *all)
{
    void *call = dlsym(lib, name);

    if (!call) *all = false;
    return call;
}

#define LOAD(field, name) (*(void **)&zlib.field = call_of(lib, name, &all))

static bool load(void)
{
    static enum { UNKNOWN, LOADED, MISSING } state;
    bool all = true;

    if (state != UNKNOWN) return state == LOADED;
    state = MISSING;
    void *lib = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!lib) return false;
    LOAD(init, "deflateInit2_");
    LOAD(reset, "deflateReset");
    LOAD(bound, "deflateBound");
    LOAD(deflate, "deflate");
    LOAD(end, "deflateEnd");
    if (all) state = LOADED;
    return all;
}

/* ---- what fits, and who takes it ------------------------------------------------------------- */

static bool is_text(const char *type)
{
    return !type || strncmp(type, "application/json", 16) == 0 || strncmp(type, "text/", 5) == 0;
}

bool http_gzip_fits(const struct http_reply *reply)
{
    if (reply->len < HTTP_GZIP_BYTES_MIN || reply->len > HTTP_GZIP_BYTES_MAX) return false;
    if (!is_text(reply->type)) return false;
    for (const struct http_header *h = reply->headers; h && h->name; h++)
        if (strcasecmp(h->name, "content-encoding") == 0 || strcasecmp(h->name, "etag") == 0)
            return false; /* it has its encoding; a strong tag names these very bytes */
    return true;
}

static struct span trimmed(struct span s)
{
    while (s.len && strchr(" \t", s.data[s.len - 1])) s.len--;
    while (s.len && strchr(" \t", s.data[0])) s.data++, s.len--;
    return s;
}

static bool is_named(struct span s, const char *name)
{
    return s.len == strlen(name) && strncasecmp(s.data, name, s.len) == 0;
}

/* "q=0.25" is 250; without one, 1000; what cannot be read is 0: then the plain text is right. */
static unsigned quality_of(struct span parameters)
{
    unsigned quality = 0, digits = 0;

    parameters = trimmed(parameters);
    if (!parameters.len) return 1000;
    if (parameters.len < 3 || strncasecmp(parameters.data, "q=", 2) != 0) return 0;
    for (size_t i = 2; i < parameters.len; i++) {
        char c = parameters.data[i];
        if (c == '.' && i == 3) continue;
        if (c < '0' || c > '9' || ++digits > 4 || (i > 2 && parameters.data[3] != '.')) return 0;
        quality = quality * 10 + (unsigned)(c - '0');
    }
    for (; digits < 4; digits++) quality *= 10;
    return quality <= 1000 ? quality : 0;
}

bool http_gzip_taken(struct span accepts)
{
    int gzip = -1, any = -1, identity = -1;

    while (accepts.len) {
        struct span quality = span_cut(&accepts, ','), name = trimmed(span_cut(&quality, ';'));
        int q = (int)quality_of(quality);
        if (is_named(name, "gzip") || is_named(name, "x-gzip"))
            gzip = q;
        else if (is_named(name, "*"))
            any = q;
        else if (is_named(name, "identity"))
            identity = q;
    }
    if (gzip < 0) gzip = any;
    return gzip > 0 && gzip >= identity;
}

/* ---- the work -------------------------------------------------------------------------------- */

static bool make_ready(struct http_gzip **work)
{
    if (*work) return zlib.reset(&(*work)->stream) == Z_OK;
    if (!load()) return false;
    *work = xcalloc(1, sizeof **work);
    if (zlib.init(&(*work)->stream, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY,
                  ZLIB_VERSION, (int)sizeof(z_stream)) == Z_OK)
        return true;
    free(*work);
    *work = NULL;
    return false;
}

static bool pays(size_t before, size_t after)
{
    return after < before / 4 * 3;
}

bool http_gzip(struct http_gzip **work, struct span text, struct buffer *out)
{
    if (!make_ready(work)) return false;
    z_stream *z = &(*work)->stream;
    size_t room = zlib.bound(z, text.len), first = text.len < SLICE_BYTES ? text.len : SLICE_BYTES;

    z->next_out = (Bytef *)buffer_reserve(out, room);
    z->avail_out = (uInt)room;
    z->next_in = (Bytef *)(uintptr_t)text.data;
    z->avail_in = (uInt)first;
    int end = zlib.deflate(z, first < text.len ? Z_BLOCK : Z_FINISH);
    if (first < text.len && end == Z_OK && pays(first, z->total_out)) {
        z->avail_in = (uInt)(text.len - first);
        end = zlib.deflate(z, Z_FINISH);
    }
    if (end != Z_STREAM_END || !pays(text.len, z->total_out)) {
        buffer_deinit(out);
        return false;
    }
    out->len += z->total_out;
    return true;
}

void http_gzip_free(struct http_gzip *work)
{
    if (!work) return;
    zlib.end(&work->stream);
    free(work);
}
