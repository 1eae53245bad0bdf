#include "tests/flow/fetch_world.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

#define BODY_BYTES_MAX 65536

struct ev_loop *fetch_loop;
struct fetcher *fetcher;

static struct ticker *ticker;
static ev_timer pause_timer;

static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    ev_timer_stop(loop, timer);
}

void fetch_world_open(const char *const *opened)
{
    struct address_range ranges[8];
    struct fetcher_options o = {.opened = ranges};
    struct error why = {0};

    for (; opened[o.opened_count]; o.opened_count++)
        if (address_range_parse(span_of(opened[o.opened_count]), &ranges[o.opened_count], &why))
            fail_msg("%s", why.text);
    fetch_loop = o.loop = ev_loop_new(EVFLAG_AUTO);
    ticker = o.ticker = ticker_new(fetch_loop);
    ev_timer_init(&pause_timer, on_pause, 0., 0.);
    if (fetcher_new(&o, &fetcher, &why)) fail_msg("%s", why.text);
}

void fetch_world_close(void)
{
    ev_timer_stop(fetch_loop, &pause_timer);
    fetcher_free(fetcher);
    ticker_free(ticker);
    ev_loop_destroy(fetch_loop);
}

void fetch_world_turn(void)
{
    ev_timer_stop(fetch_loop, &pause_timer);
    ev_timer_set(&pause_timer, 0.01, 0.);
    ev_timer_start(fetch_loop, &pause_timer);
    ev_run(fetch_loop, EVRUN_ONCE);
}

static void on_done(struct fetch *fetch, const struct fetch_response *r)
{
    struct asked *a = container_of(fetch, struct asked, fetch);
    struct span location = fetch_header(r, "location");

    a->ended++;
    a->end = r->end;
    a->status = r->status;
    a->cut = r->cut;
    a->body_len = r->body.len;
    a->body = xmemdup(r->body.data ? r->body.data : "", r->body.len);
    a->why = xstrdup(r->why);
    a->location = location.data ? xmemdup(location.data, location.len) : NULL;
    if (a->then) a->then(a);
}

void ask_start(struct asked *a, const char *url, uint64_t timeout_ms)
{
    struct fetch_request request = {
        .method = "GET",
        .url = url,
        .timeout_ms = timeout_ms,
        .body_bytes_max = BODY_BYTES_MAX,
    };
    void (*then)(struct asked *) = a->then;

    *a = (struct asked){.then = then};
    fetch_start(fetcher, &a->fetch, &request, on_done);
    assert_int_equal(a->ended, 0); /* not before it has returned */
}

void ask_url(struct asked *a, const char *url)
{
    *a = (struct asked){.then = NULL};
    ask_start(a, url, 0);
    turns_until(a->ended);
    assert_int_equal(a->ended, 1);
}

void ask_host(struct asked *a, const char *host, unsigned port, const char *path)
{
    char *url = xasprintf("http://%s:%u/%s", host, port, path);

    ask_url(a, url);
    free(url);
}

void asked_free(struct asked *a)
{
    free(a->body);
    free(a->why);
    free(a->location);
    *a = (struct asked){.ended = 0};
}
