/* workers/fetch.c — curl_multi_socket_action on libev.
 *
 *      libev: a socket, the timer ──► curl_multi_socket_action ──► collect what has ended
 *      libcurl: on_socket, on_timer ──► a watcher is set, and nothing else
 *
 * What has ended is told only when libcurl is not on the stack any more, so `done` may start and
 * stop other fetches. */
#include "workers/fetch.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "base/memory.h"
#include "workers/web_libs.h"

#define VERSION_LEAST 0x075700 /* that has CURLOPT_QUICK_EXIT */
#define IDLE_EASY_MAX 64 /* handles that are used again; one has some 8 KB */

struct fetcher {
    struct fetcher_options o;
    CURLM *multi;
    ev_timer timer;
    CURL *idle[IDLE_EASY_MAX];
    size_t idle_count;
    struct curl_slist *pins;
    struct address_range opened[FETCH_OPENED_MAX];
};

struct watch {
    ev_io io;
    struct fetcher *fetcher;
};

_Static_assert(CURL_ERROR_SIZE == sizeof((struct fetch *)0)->error, "libcurl writes into it");

/* ---- libev and libcurl ----------------------------------------------------------------------- */

static void collect(struct fetcher *);

static void act(struct fetcher *f, curl_socket_t fd, int events)
{
    int running;

    web.multi_socket_action(f->multi, fd, events, &running);
    collect(f);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    struct watch *w = container_of(io, struct watch, io);
    int in = events & EV_READ ? CURL_CSELECT_IN : 0;
    int out = events & EV_WRITE ? CURL_CSELECT_OUT : 0;

    (void)loop;
    act(w->fetcher, io->fd, in | out);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct fetcher *f = container_of(timer, struct fetcher, timer);

    (void)events;
    ev_timer_stop(loop, timer);
    act(f, CURL_SOCKET_TIMEOUT, 0);
}

/* It must not call libcurl: it is called by it, also from within curl_multi_add_handle. */
static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct fetcher *f = ctx;

    (void)multi;
    ev_timer_stop(f->o.loop, &f->timer);
    if (ms < 0) return 0;
    ev_now_update(f->o.loop);
    ev_timer_set(&f->timer, (double)ms / 1e3, 0.);
    ev_timer_start(f->o.loop, &f->timer);
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct fetcher *f = ctx;
    struct watch *w = socket_ctx;
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

    (void)easy;
    if (w) ev_io_stop(f->o.loop, &w->io);
    if (what == CURL_POLL_REMOVE) {
        web.multi_assign(f->multi, fd, NULL);
        free(w);
        return 0;
    }
    if (!w) {
        w = xcalloc(1, sizeof *w);
        w->fetcher = f;
        ev_init(&w->io, on_ready);
        web.multi_assign(f->multi, fd, w);
    }
    ev_io_set(&w->io, fd, events);
    ev_io_start(f->o.loop, &w->io);
    return 0;
}

/* ---- one transfer ---------------------------------------------------------------------------- */

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *f = ctx;
    struct address address;
    const char *forbidden = "neither IPv4 nor IPv6";

    if (purpose == CURLSOCKTYPE_IPCXN && address_of(&to->addr, &address)) {
        forbidden = address_forbidden(&address, f->fetcher->opened, f->fetcher->o.opened_count);
        address_text(&address, f->address);
    }
    f->forbidden = forbidden;
    if (forbidden) return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
}

static size_t on_head(char *data, size_t size, size_t count, void *ctx)
{
    struct fetch *f = ctx;
    size_t len = size * count;

    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) buffer_clear(&f->head); /* after a 100 */
    if (f->head.len + len > FETCH_HEAD_BYTES_MAX) {
        f->too_long = true;
        return 0;
    }
    buffer_add(&f->head, data, len);
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct fetch *f = ctx;
    size_t len = size * count, room = f->body_bytes_max - f->body.len;

    buffer_add(&f->body, data, len < room ? len : room);
    if (len <= room) return len;
    f->cut = true; /* the rest is not wanted: an error to libcurl, which closes the connection */
    return 0;
}

static void set_limits(CURL *easy)
{
    web.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    web.easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* to stop must not wait for a name server */
    web.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    web.easy_setopt(easy, CURLOPT_PROXY, "");
    web.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    web.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    web.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_MS);
    web.easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    web.easy_setopt(easy, CURLOPT_USERAGENT, "pinion/" PINION_VERSION);
}

/* One that was used before has these settings already. */
static CURL *take_easy(struct fetcher *f)
{
    CURL *easy = f->idle_count ? f->idle[--f->idle_count] : NULL;

    if (easy) return easy;
    easy = web.easy_init();
    if (!easy) abort(); /* out of memory */
    set_limits(easy);
    web.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    web.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    web.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    return easy;
}

/* One block: the nodes, then their texts. */
static struct curl_slist *copy_headers(const char *const *headers)
{
    static const char *const none[] = {NULL};
    size_t count = 0, bytes = 0;
    struct curl_slist *list;
    char *at;

    if (!headers) headers = none;
    while (headers[count]) bytes += strlen(headers[count++]) + 1;
    list = xmalloc((count + 1) * sizeof *list + bytes + sizeof "Expect:");
    at = (char *)(list + count + 1);
    for (size_t i = 0; i <= count; i++) {
        list[i] = (struct curl_slist){at, i < count ? &list[i + 1] : NULL};
        at = stpcpy(at, i < count ? headers[i] : "Expect:") + 1;
    }
    return list;
}

static void set_request(CURL *easy, struct fetch *f, const struct fetch_request *r)
{
    f->headers = copy_headers(r->headers);
    web.easy_setopt(easy, CURLOPT_PRIVATE, f);
    web.easy_setopt(easy, CURLOPT_ERRORBUFFER, f->error);
    web.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, f);
    web.easy_setopt(easy, CURLOPT_HEADERDATA, f);
    web.easy_setopt(easy, CURLOPT_WRITEDATA, f);
    web.easy_setopt(easy, CURLOPT_URL, r->url);
    web.easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
    web.easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (strcmp(r->method, "HEAD") == 0) web.easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (r->body) {
        web.easy_setopt(easy, CURLOPT_POST, 1L);
        web.easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
        web.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    }
    web.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    web.easy_setopt(easy, CURLOPT_RESOLVE, f->fetcher->pins);
}

/* libcurl forgets it; whatever its connection is in the middle of is closed. */
static void release(struct fetch *f)
{
    struct fetcher *owner = f->fetcher;
    CURL *easy = f->easy;

    ticker_cancel(owner->o.ticker, &f->deadline);
    web.multi_remove_handle(owner->multi, easy);
    f->easy = NULL;
    free(f->headers);
    f->headers = NULL;
    if (owner->idle_count == IDLE_EASY_MAX) {
        web.easy_cleanup(easy);
        return;
    }
    owner->idle[owner->idle_count++] = easy;
}

static void tell(struct fetch *f, const struct fetch_response *r)
{
    /* The owner may free it. */
    struct buffer head = f->head, body = f->body;

    f->head = f->body = BUFFER_INIT;
    f->done(f, r);
    buffer_deinit(&head);
    buffer_deinit(&body);
}

static void end(struct fetch *f, CURLcode code)
{
    struct fetch_response r = {.end = FETCH_FAILED, .cut = f->cut};
    char why[sizeof f->error + ADDRESS_TEXT_MAX];
    long status = 0;

    if (code == CURLE_OK || f->cut) {
        web.easy_getinfo((CURL *)f->easy, CURLINFO_RESPONSE_CODE, &status);
        r.end = FETCH_ANSWERED;
    } else if (f->too_long) {
        snprintf(why, sizeof why, "more than %d bytes of headers", FETCH_HEAD_BYTES_MAX);
    } else if (f->forbidden && code == CURLE_COULDNT_CONNECT) {
        r.end = FETCH_FORBIDDEN;
        snprintf(why, sizeof why, "the address %s is forbidden (%s)", f->address, f->forbidden);
    } else {
        snprintf(why, sizeof why, "%s", f->error[0] ? f->error : web.easy_strerror(code));
    }
    release(f);
    r.status = (unsigned)status;
    r.head = (struct span){f->head.data, f->head.len};
    r.body = (struct span){f->body.data ? f->body.data : "", f->body.len};
    r.why = r.end == FETCH_ANSWERED ? NULL : why;
    tell(f, &r);
}

static void collect(struct fetcher *f)
{
    CURLMsg *message;
    struct fetch *fetch = NULL;
    int left;

    while ((message = web.multi_info_read(f->multi, &left))) {
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE) continue;
        web.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        end(fetch, code);
    }
}

static void on_deadline(struct alarm *alarm)
{
    struct fetch *f = container_of(alarm, struct fetch, deadline);
    struct fetch_response r = {.end = FETCH_FAILED, .why = "no answer in time"};

    release(f);
    tell(f, &r);
}

void fetch_start(struct fetcher *fetcher, struct fetch *f, const struct fetch_request *r,
                 fetch_done_fn *done)
{
    CURL *easy = take_easy(fetcher);

    *f = (struct fetch){.fetcher = fetcher, .done = done, .easy = easy};
    f->body_bytes_max = r->body_bytes_max;
    set_request(easy, f, r);
    alarm_init(&f->deadline, on_deadline);
    if (r->timeout_ms) ticker_set_in(fetcher->o.ticker, &f->deadline, r->timeout_ms);
    if (web.multi_add_handle(fetcher->multi, easy)) abort(); /* out of memory, or a bug */
}

void fetch_stop(struct fetch *f)
{
    if (!f->easy) return;
    release(f);
    buffer_deinit(&f->head);
    buffer_deinit(&f->body);
}

/* ---- what is asked about URLs and answers ---------------------------------------------------- */

struct span fetch_header(const struct fetch_response *r, const char *name)
{
    struct span rest = r->head, found = {NULL, 0};
    size_t name_len = strlen(name);

    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        if (line.len <= name_len || line.data[name_len] != ':') continue;
        if (strncasecmp(line.data, name, name_len) != 0) continue;
        line.data += name_len + 1, line.len -= name_len + 1;
        while (line.len && strchr(" \t", line.data[0])) line.data++, line.len--;
        while (line.len && strchr(" \t\r", line.data[line.len - 1])) line.len--;
        found = line;
    }
    return found;
}

static bool part(CURLU *url, CURLUPart which, unsigned flags, char **ret)
{
    return web.url_get(url, which, ret, flags) == CURLUE_OK;
}

static enum pinion_err check_parts(CURLU *u, const char *url, char *host, struct error *why)
{
    char *scheme = NULL, *name = NULL, *port = NULL, *extra = NULL;
    enum pinion_err err = PINION_OK;

    if (strlen(url) > FETCH_URL_MAX || web.url_set(u, CURLUPART_URL, url, 0) ||
        !part(u, CURLUPART_SCHEME, 0, &scheme) || !part(u, CURLUPART_HOST, 0, &name) ||
        !part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port) || !*name ||
        strcmp(port, "0") == 0 ||
        (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0))
        err = error_set(why, PINION_INVALID,
                        "expected a URL such as https://HOST/PATH, of at most %d bytes, not "
                        "'%.60s'",
                        FETCH_URL_MAX, url);
    else if (part(u, CURLUPART_USER, 0, &extra) || part(u, CURLUPART_PASSWORD, 0, &extra))
        err = error_set(why, PINION_INVALID, "expected a URL without a user and a password");
    else if (part(u, CURLUPART_FRAGMENT, 0, &extra))
        err = error_set(why, PINION_INVALID, "expected a URL without #%.60s", extra);
    if (!err && host) snprintf(host, FETCH_HOST_MAX, "%s:%s", name, port);
    for (char *c = host; !err && host && *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    web.free(scheme);
    web.free(name);
    web.free(port);
    web.free(extra);
    return err;
}

enum pinion_err fetch_url_check(const char *url, char host[FETCH_HOST_MAX], struct error *why)
{
    enum pinion_err err = web_libs_load(why);
    CURLU *u;

    if (err) return err;
    u = web.url();
    if (!u) abort(); /* out of memory */
    err = check_parts(u, url, host, why);
    web.url_cleanup(u);
    return err;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum pinion_err fetcher_new(const struct fetcher_options *options, struct fetcher **ret_fetcher,
                            struct error *why)
{
    const curl_version_info_data *version;
    enum pinion_err err = web_libs_load(why);

    if (err) return err;
    version = web.version_info(CURLVERSION_NOW);
    if (!(version->features & CURL_VERSION_ASYNCHDNS) || version->version_num < VERSION_LEAST)
        return error_set(why, PINION_INTERNAL,
                         "libcurl %s would block while a name is looked up; expected 7.87 or "
                         "newer, with AsynchDNS",
                         version->version);
    if (options->opened_count > FETCH_OPENED_MAX)
        return error_set(why, PINION_INVALID, "expected at most %d ranges of addresses",
                         FETCH_OPENED_MAX);
    if (web.global_init(CURL_GLOBAL_DEFAULT)) abort(); /* out of memory */
    struct fetcher *f = xcalloc(1, sizeof *f);
    f->o = *options;
    for (size_t i = 0; i < options->opened_count; i++) f->opened[i] = options->opened[i];
    f->multi = web.multi_init();
    if (!f->multi) abort(); /* out of memory */
    ev_init(&f->timer, on_timeout);
    web.multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    web.multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    web.multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    web.multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    web.multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)FETCH_KEPT_MAX);
    *ret_fetcher = f;
    return PINION_OK;
}

void fetcher_free(struct fetcher *f)
{
    if (!f) return;
    while (f->idle_count) web.easy_cleanup(f->idle[--f->idle_count]);
    web.multi_cleanup(f->multi);
    ev_timer_stop(f->o.loop, &f->timer);
    web.slist_free_all(f->pins);
    web.global_cleanup();
    free(f);
}

void fetcher_pin(struct fetcher *f, const char *pin)
{
    web.slist_free_all(f->pins);
    f->pins = web.slist_append(NULL, pin);
}
