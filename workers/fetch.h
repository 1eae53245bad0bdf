/* workers/fetch.h — HTTP requests to others, on the loop: libcurl behind one small door.
 *
 * http and https only; verified certificates; no redirects, no proxies, no cookies, no netrc.
 * Every address is judged by the address guard right before its socket is made. Names are looked up
 * on threads of libcurl's own. Connections are kept and used again. Loop thread only.
 */
#ifndef PINION_WORKERS_FETCH_H
#define PINION_WORKERS_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "scheduler/ticker.h"
#include "workers/address_guard.h"

#define FETCH_CONNECT_MS     10000       /* until there is a connection */
#define FETCH_HEAD_BYTES_MAX (32 * 1024) /* of a response; more is an error */
#define FETCH_URL_MAX        2048
#define FETCH_HOST_MAX       300         /* "HOST:PORT" of a URL, with its NUL */
#define FETCH_KEPT_MAX       256         /* idle connections that are kept */
#define FETCH_OPENED_MAX     64          /* ranges of addresses */

struct ev_loop;
struct fetch;
struct fetcher;

struct fetcher_options {
    struct ev_loop *loop;
    struct ticker  *ticker;
    const struct address_range *opened; /* may be reached although forbidden; copied */
    size_t          opened_count;
};

/* PINION_UNAVAILABLE: no libcurl is installed. PINION_INTERNAL: it would block the loop while it
 * looks up a name. */
enum pinion_err fetcher_new(const struct fetcher_options *, struct fetcher **ret_fetcher,
                            struct error *why) must_use;
void fetcher_free(struct fetcher *); /* nothing is fetched any more; NULL: no-op */
/* From now on a name leads there and not where the system says: "HOST:PORT:ADDRESS". For tests. */
void fetcher_pin(struct fetcher *, const char *pin);

/* Is it one that can be fetched: http or https, with a host, without a user, a password or a
 * fragment? `host` (NULL is fine) gets its "HOST:PORT" in small letters. PINION_INVALID. */
enum pinion_err fetch_url_check(const char *url, char host[FETCH_HOST_MAX],
                                struct error *why) must_use;

struct fetch_request {
    const char        *method;  /* "GET", "POST" ... */
    const char        *url;
    const char *const *headers; /* "Name: value", ends with NULL; copied */
    const void        *body;    /* borrowed until the end; NULL: none */
    size_t             body_len;
    uint64_t           timeout_ms;     /* of all of it; 0: none */
    size_t             body_bytes_max; /* of the response; it is cut there */
};

enum fetch_end {
    FETCH_ANSWERED,  /* whatever the status */
    FETCH_FAILED,    /* no answer: `why` says more */
    FETCH_FORBIDDEN, /* by the guard: nobody was asked */
};

/* Borrowed for the call that it is given to. */
struct fetch_response {
    enum fetch_end end;
    unsigned       status;
    struct span    head; /* lines, as they came */
    struct span    body;
    bool           cut;  /* there was more body */
    const char    *why;  /* not for FETCH_ANSWERED */
};

typedef void fetch_done_fn(struct fetch *, const struct fetch_response *);

/* Embed it; all of it is private. */
struct fetch {
    struct fetcher *fetcher;
    fetch_done_fn  *done;
    void           *easy;    /* NULL: idle */
    void           *headers;
    struct buffer   head, body;
    size_t          body_bytes_max;
    bool            cut, too_long;
    const char     *forbidden; /* what the address is, that was asked for last */
    char            address[ADDRESS_TEXT_MAX];
    char            error[256];
    struct alarm    deadline;
};

/* Ends exactly once in `done`, not before it has returned; unless it is stopped. */
void fetch_start(struct fetcher *, struct fetch *, const struct fetch_request *, fetch_done_fn *);
/* At once: the connection is closed, `done` is not called. Idle: no-op. */
void fetch_stop(struct fetch *);

/* The value of that header of a response, the last one; absent if there is none. */
struct span fetch_header(const struct fetch_response *, const char *name);

#endif
