#include "control/http/http.h"

#include <string.h>
#include <strings.h>

/* "https://" and what follows it, less the port that its scheme stands for; absent: no such URL. */
static struct span authority_of(struct span origin)
{
    static const struct {
        const char *scheme, *port;
    } known[] = {
        {"http://",  ":80" },
        {"https://", ":443"},
    };

    for (size_t i = 0; i < countof(known); i++) {
        size_t len = strlen(known[i].scheme), port = strlen(known[i].port);
        if (origin.len <= len || strncasecmp(origin.data, known[i].scheme, len) != 0) continue;
        struct span rest = {origin.data + len, origin.len - len};
        if (rest.len > port && memcmp(rest.data + rest.len - port, known[i].port, port) == 0)
            rest.len -= port;
        return rest;
    }
    return (struct span){NULL, 0};
}

/* Host names the port too, unless it is that of the scheme; then it may. */
static bool is_host(struct span authority, struct span host, const char *port)
{
    size_t more = strlen(port);

    if (host.len > more && memcmp(host.data + host.len - more, port, more) == 0) host.len -= more;
    return host.len == authority.len && strncasecmp(host.data, authority.data, host.len) == 0;
}

bool http_origin_is_ours(const struct http_request *request)
{
    struct span origin = http_header(request, "Origin"), host = http_header(request, "Host");
    struct span site = http_header(request, "Sec-Fetch-Site");

    if (site.data) return span_is(site, "same-origin") || span_is(site, "none");
    if (!origin.data) return true;
    struct span authority = authority_of(origin); /* "null", of a page in a box, has none */
    if (!authority.data || !host.data) return false;
    return is_host(authority, host, (origin.data[4] | 0x20) == 's' ? ":443" : ":80");
}
