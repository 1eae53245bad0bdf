#include "control/http/route.h"

#include <string.h>

/* The path taken apart: decoded segments, each with a NUL behind it, in the args' text. */
struct path {
    struct span segment[ROUTE_SEGMENTS_MAX];
    unsigned count;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
    return -1;
}

/* One byte of %-coded text, moving `rest`; -1: a bad code. */
static int decode_byte(struct span *rest)
{
    int byte = (unsigned char)rest->data[0], used = 1;

    if (byte == '%') {
        if (rest->len < 3) return -1;
        int high = hex_digit(rest->data[1]), low = hex_digit(rest->data[2]);
        if (high < 0 || low < 0) return -1;
        byte = high << 4 | low;
        used = 3;
    }
    rest->data += used;
    rest->len -= (size_t)used;
    return byte;
}

/* A '/' that comes out of a code is refused: it would be a separator to whoever decodes again. */
static bool decode_segment(struct span raw, char *out, size_t *ret_len)
{
    size_t len = 0;

    while (raw.len) {
        int byte = decode_byte(&raw);
        if (byte < 0x20 || byte == 0x7f || byte == '/') return false;
        out[len++] = (char)byte;
    }
    out[len] = 0;
    *ret_len = len;
    return strcmp(out, ".") != 0 && strcmp(out, "..") != 0 && text_is_utf8(out, len);
}

/* Even a path that fits no row is read to its end: a bad one is bad whatever its length. */
static enum route_found split_path(struct span raw, struct route_args *args, struct path *path)
{
    char *out = args->text;
    size_t len;

    path->count = 0;
    if (raw.len > ROUTE_PATH_BYTES_MAX || !raw.len || raw.data[0] != '/') return ROUTE_NO_PATH;
    bool last = false;
    raw.data++, raw.len--;
    for (unsigned n = 0; !last; n++) {
        const char *slash = raw.len ? memchr(raw.data, '/', raw.len) : NULL;
        struct span part = {raw.data, slash ? (size_t)(slash - raw.data) : raw.len};
        last = !slash;
        if (!decode_segment(part, out, &len)) return ROUTE_BAD_PATH;
        if (n < ROUTE_SEGMENTS_MAX) path->segment[n] = (struct span){out, len};
        path->count = n + 1;
        out += len + 1; /* fits: a NUL stands where the '/' was */
        raw.data += part.len + !last;
        raw.len -= part.len + !last;
    }
    return path->count > ROUTE_SEGMENTS_MAX ? ROUTE_NO_PATH : ROUTE_OK;
}

static bool pattern_fits(const char *pattern, const struct path *path, struct route_args *args)
{
    unsigned n = 0;

    args->count = 0;
    while (*pattern == '/') {
        size_t len = strcspn(++pattern, "/");
        if (n == path->count) return false;
        struct span segment = path->segment[n++];
        if (pattern[0] == '{') {
            if (!segment.len) return false;
            args->arg[args->count++] = segment;
        } else if (segment.len != len || memcmp(segment.data, pattern, len) != 0) {
            return false;
        }
        pattern += len;
    }
    return n == path->count;
}

static void allow_add(char allow[ROUTE_ALLOW_MAX], const char *method)
{
    size_t len = strlen(allow), more = strlen(method);

    if (strstr(allow, method) || len + 2 + more >= ROUTE_ALLOW_MAX) return;
    memcpy(allow + len, len ? ", " : "", len ? 2 : 0);
    memcpy(allow + len + (len ? 2 : 0), method, more + 1);
    if (strcmp(method, "GET") == 0) allow_add(allow, "HEAD");
}

static bool method_fits(const char *offered, const char *asked)
{
    return strcmp(offered, asked) == 0 ||
           (strcmp(asked, "HEAD") == 0 && strcmp(offered, "GET") == 0);
}

enum route_found route_find(const struct route *table, size_t count, const char *method,
                            struct span raw, struct route_match *ret_match)
{
    struct path path;

    ret_match->route = NULL;
    ret_match->allow[0] = 0;
    ret_match->args.count = 0;
    enum route_found found = split_path(raw, &ret_match->args, &path);
    if (found != ROUTE_OK) return found;
    for (size_t i = 0; i < count; i++) {
        if (!pattern_fits(table[i].pattern, &path, &ret_match->args)) continue;
        if (method_fits(table[i].method, method)) {
            ret_match->route = &table[i];
            return ROUTE_OK;
        }
        allow_add(ret_match->allow, table[i].method);
    }
    ret_match->args.count = 0;
    return ret_match->allow[0] ? ROUTE_OTHER_METHOD : ROUTE_NO_PATH;
}

/* ---- the query ------------------------------------------------------------------------------- */

/* Decodes `raw` into `out`; false: a bad code, a NUL, or no room for it. */
static bool decode_query(struct span raw, char *out, size_t size)
{
    size_t len = 0;

    while (raw.len) {
        int byte = raw.data[0] == '+' ? ' ' : 0;
        if (byte)
            raw.data++, raw.len--;
        else
            byte = decode_byte(&raw);
        if (byte <= 0 || len + 1 >= size) return false;
        out[len++] = (char)byte;
    }
    out[len] = 0;
    return text_is_utf8(out, len);
}

enum pinion_err route_query(struct span query, const char *name, char *out, size_t out_size,
                            struct error *why)
{
    bool found = false;

    while (query.len) {
        struct span value = span_cut(&query, '&');
        struct span key = span_cut(&value, '=');
        if (!span_is(key, name)) continue;
        if (found) return error_set(why, PINION_INVALID, "?%s= was given twice", name);
        if (!decode_query(value, out, out_size))
            return error_set(why, PINION_INVALID,
                             "?%s= must be %%-encoded UTF-8 of less than %zu bytes", name,
                             out_size);
        found = true;
    }
    return found ? PINION_OK : PINION_NOT_FOUND;
}
