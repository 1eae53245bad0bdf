/* queue/redis_url.c — scheme, then [user:password@]host[:port][/db], or a path and ?db=N.
 *
 * The password ends at the last '@', so only '/' and '%' need to be escaped in it. A path is taken
 * as it is: it is pasted together from folders by people and programs that do not escape.
 */
#include "queue/redis_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "base/memory.h"

#define PORT_DEFAULT 6379
#define PORT_MAX     65535
#define DB_MAX       1000000
#define HOST_MAX     253
#define PATH_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

#define EXPECTED "expected redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix://PATH[?db=N]"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: a '%' without two hex digits, or a NUL. Caller frees. */
static char *percent_decode(struct span s)
{
    struct buffer out = BUFFER_INIT;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];

        if (c == '%') {
            bool whole = i + 2 < s.len;
            int high = whole ? hex_digit(s.data[i + 1]) : -1;
            int low = whole ? hex_digit(s.data[i + 2]) : -1;

            if (high < 0 || low < 0) goto fail;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') goto fail;
        buffer_add_char(&out, c);
    }
    return buffer_take(&out, NULL);

fail:
    buffer_deinit(&out);
    return NULL;
}

static void percent_encode(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            buffer_add_char(out, *text);
        else
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static bool find_last(struct span s, char c, size_t *ret_at)
{
    const char *at = s.len ? memrchr(s.data, c, s.len) : NULL;

    if (at) *ret_at = (size_t)(at - s.data);
    return at != NULL;
}

static enum pinion_err parse_db(struct span text, struct redis_url *url, struct error *why)
{
    uint64_t db;

    if (text_parse_u64(text, 0, DB_MAX, &db))
        return error_set(why, PINION_INVALID, "bad database in the URL of Redis, expected 0 to %d",
                         DB_MAX);
    url->db = (unsigned)db;
    return PINION_OK;
}

static enum pinion_err parse_socket(struct span path, struct redis_url *url, struct error *why)
{
    size_t at;

    if (find_last(path, '?', &at)) {
        struct span query = {path.data + at + 1, path.len - at - 1};

        if (!span_starts(query, "db="))
            return error_set(why, PINION_INVALID,
                             "bad part after '?' in the URL of Redis, "
                             "expected unix://PATH?db=N");
        if (parse_db((struct span){query.data + 3, query.len - 3}, url, why)) return PINION_INVALID;
        path.len = at;
    }
    if (path.len == 0 || path.data[0] != '/')
        return error_set(why, PINION_INVALID,
                         "the path of the socket of Redis must begin with '/'");
    if (path.len > PATH_MAX_LEN || memchr(path.data, '\0', path.len))
        return error_set(why, PINION_INVALID,
                         "the path of the socket of Redis has %zu bytes, expected at most %zu",
                         path.len, PATH_MAX_LEN);
    url->path = xmemdup(path.data, path.len);
    return PINION_OK;
}

static enum pinion_err parse_user(struct span user, struct redis_url *url, struct error *why)
{
    struct span password = user, name = span_cut(&password, ':');

    if (name.len == user.len)
        return error_set(why, PINION_INVALID,
                         "a user without a password in the URL of Redis, expected USER:PASSWORD@ "
                         "or :PASSWORD@");
    if (name.len) url->user = percent_decode(name);
    if (password.len) url->password = percent_decode(password);
    if (!url->password || (name.len && !url->user))
        return error_set(why, PINION_INVALID,
                         "bad user or password in the URL of Redis, expected "
                         "text in which / and %% are written as %%2F and %%25");
    return PINION_OK;
}

static bool is_host(struct span host)
{
    if (host.len == 0 || host.len > HOST_MAX) return false;
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.data[i]) && !strchr("-._:%", host.data[i])) return false;
    return !memchr(host.data, '\0', host.len);
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT */
static enum pinion_err parse_host(struct span text, struct redis_url *url, struct error *why)
{
    struct span host = text, port = {0};
    uint64_t number = PORT_DEFAULT;
    bool v6 = span_starts(text, "[");

    if (v6) {
        port = (struct span){text.data + 1, text.len - 1};
        host = span_cut(&port, ']');
        if (host.len + 2 > text.len) host.len = 0; /* no ']' */
    } else {
        port = text;
        host = span_cut(&port, ':');
        if (host.len < text.len) port = (struct span){text.data + host.len, text.len - host.len};
    }
    if (!is_host(host) || (!v6 && memchr(host.data, '%', host.len)))
        return error_set(why, PINION_INVALID, "bad host in the URL of Redis, " EXPECTED);
    if (port.len &&
        (port.data[0] != ':' ||
         text_parse_u64((struct span){port.data + 1, port.len - 1}, 1, PORT_MAX, &number)))
        return error_set(why, PINION_INVALID, "bad port in the URL of Redis, expected 1 to %d",
                         PORT_MAX);
    url->host = xmemdup(host.data, host.len);
    url->port = (unsigned)number;
    return PINION_OK;
}

static enum pinion_err parse_network(struct span rest, struct redis_url *url, struct error *why)
{
    struct span authority = span_cut(&rest, '/'), user;
    size_t at;

    if (rest.len && parse_db(rest, url, why)) return PINION_INVALID;
    if (find_last(authority, '@', &at)) {
        user = (struct span){authority.data, at};
        authority = (struct span){authority.data + at + 1, authority.len - at - 1};
        if (parse_user(user, url, why)) return PINION_INVALID;
    }
    return parse_host(authority, url, why);
}

static bool skip(struct span *s, const char *prefix)
{
    size_t len = strlen(prefix);

    if (!span_starts(*s, prefix)) return false;
    *s = (struct span){s->data + len, s->len - len};
    return true;
}

enum pinion_err redis_url_parse(struct span text, struct redis_url *ret_url, struct error *why)
{
    struct redis_url url = {0};
    enum pinion_err err;

    if (skip(&text, "redis://")) {
        err = parse_network(text, &url, why);
    } else if (skip(&text, "rediss://")) {
        url.tls = true;
        err = parse_network(text, &url, why);
    } else if (skip(&text, "unix://") || skip(&text, "unix:")) {
        err = parse_socket(text, &url, why);
    } else { /* the text may hold a password: it is not repeated */
        err = error_set(why, PINION_INVALID, "bad URL of Redis, " EXPECTED);
    }
    if (err)
        redis_url_deinit(&url);
    else
        *ret_url = url;
    return err;
}

void redis_url_deinit(struct redis_url *url)
{
    free(url->host);
    free(url->path);
    free(url->user);
    free(url->password);
    *url = (struct redis_url){0};
}

char *redis_url_text(const struct redis_url *url)
{
    struct buffer out = BUFFER_INIT;
    bool v6 = url->host && strchr(url->host, ':');

    if (!url->host) {
        buffer_printf(&out, "unix:%s", url->path);
        if (url->db) buffer_printf(&out, "?db=%u", url->db);
        return buffer_take(&out, NULL);
    }
    buffer_add_text(&out, url->tls ? "rediss://" : "redis://");
    if (url->user) {
        percent_encode(&out, url->user);
        buffer_add_char(&out, '@');
    }
    buffer_printf(&out, "%s%s%s:%u", v6 ? "[" : "", url->host, v6 ? "]" : "", url->port);
    if (url->db) buffer_printf(&out, "/%u", url->db);
    return buffer_take(&out, NULL);
}
