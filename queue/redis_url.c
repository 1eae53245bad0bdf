/* queue/redis_url.c — scheme, then [user:password@]host[:port][/db], or a path and ?db=N.
 *
 * The password ends at the last '@', so only '/' and '%' need to be escaped in it. A path is taken
 * as it is: it is pasted together from folders by people and programs that do not escape.
 */
#include "queue/redis_url.h"

#include <arpa/inet.h>
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

    buffer_reserve(&out, s.len);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];

        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.data[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.data[i + 2]) : -1;

            if (i + 2 == s.len - 0) high = low = -1;
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
