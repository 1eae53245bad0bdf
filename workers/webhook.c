#include "workers/webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "workers/attempt.h"
#include "workers/fetch.h"
#include "workers/hosts.h"
#include "workers/signature.h"
#include "workers/web_libs.h"

#define HEADERS_MAX 12

struct webhook {
    struct handler handler; /* first: freed as one */
    char *pattern, *url, *secret; /* secret: NULL for none */
    struct status_set retry;
    struct fetcher *fetcher;
    struct host *host;
};

/* One request for one attempt. */
struct delivery {
    struct fetch fetch;
    struct turn turn;
    bool waits;
    struct attempt *attempt;
};

/* ---- what an answer comes to ----------------------------------------------------------------- */

static bool is_retried(const struct webhook *w, unsigned status)
{
    if (status >= 500) return true;
    if (status == 408 || status == 425 || status == 429) return true;
    if (status < 400) return false;
    return w->retry.bits[(status - 400) / 64] >> ((status - 400) % 64) & 1;
}

/* Nothing, or no time to come: by backoff. */
static int64_t retry_after_ms(const struct fetch_response *r)
{
    struct span value = fetch_header(r, "Retry-After");
    uint64_t seconds;
    int64_t ms;

    if (!value.len) return RETRY_BY_BACKOFF;
    if (!text_parse_u64(value, 0, INT32_MAX, &seconds)) {
        ms = (int64_t)seconds * 1000;
    } else {
        char *date = xmemdup(value.data, value.len);
        time_t at = web.getdate(date, NULL);
        free(date);
        if (at < 0) return RETRY_BY_BACKOFF;
        ms = (int64_t)at * 1000 - clock_wall_ms();
    }
    if (ms <= 0) return RETRY_BY_BACKOFF;
    return ms < WEBHOOK_RETRY_AFTER_MAX_MS ? ms : WEBHOOK_RETRY_AFTER_MAX_MS;
}

static void describe(struct buffer *text, const struct fetch_response *r)
{
    size_t len = r->body.len < WEBHOOK_ERROR_BYTES_MAX ? r->body.len : WEBHOOK_ERROR_BYTES_MAX;

    if (r->end != FETCH_ANSWERED) {
        buffer_add_text(text, r->why);
        if (r->end == FETCH_FORBIDDEN) buffer_add_text(text, "; --webhook-allow opens it");
        return;
    }
    buffer_printf(text, "HTTP %u", r->status);
    if (r->status >= 300 && r->status < 400) buffer_add_text(text, ", redirects are not followed");
    while (len && strchr(" \t\r\n", r->body.data[len - 1])) len--;
    if (len) buffer_add_text(text, ": ");
    buffer_add(text, r->body.data, len);
}

static void fail(struct attempt *a, const struct webhook *w, const struct fetch_response *r)
{
    struct buffer text = BUFFER_INIT;
    int64_t delay_ms = RETRY_BY_BACKOFF;

    if (r->end == FETCH_ANSWERED)
        delay_ms = is_retried(w, r->status) ? retry_after_ms(r) : RETRY_NEVER;
    describe(&text, r);
    attempt_finish(a, OUTCOME_FAIL, text.data, text.len, delay_ms);
    buffer_deinit(&text);
}

/* An answer that says that the host is up, whatever it says of the job. */
static enum verdict verdict_of(const struct fetch_response *r)
{
    if (r->end == FETCH_FORBIDDEN) return HOST_UNKNOWN;
    if (r->end == FETCH_FAILED) return HOST_FAILED;
    return r->status >= 502 && r->status <= 504 ? HOST_FAILED : HOST_ANSWERED;
}

static void on_done(struct fetch *fetch, const struct fetch_response *r)
{
    struct delivery *d = container_of(fetch, struct delivery, fetch);
    struct attempt *a = d->attempt;
    struct webhook *w = container_of(a->handler, struct webhook, handler);

    free(d);
    host_leave(w->host, verdict_of(r));
    if (r->end == FETCH_ANSWERED && r->status / 100 == 2)
        attempt_finish(a, OUTCOME_DONE, r->body.data, r->body.len, 0);
    else
        fail(a, w, r);
}

/* ---- the request ----------------------------------------------------------------------------- */

/* Tells at the first byte what cannot be JSON, before all of it is looked at. */
static bool is_json(struct span payload)
{
    size_t blank = 0;

    while (blank < payload.len && strchr(" \t\r\n", payload.data[blank])) blank++;
    if (blank == payload.len || !strchr("{[\"-0123456789tfn", payload.data[blank])) return false;
    json_t *json = json_loadb(payload.data, payload.len, JSON_DECODE_ANY, NULL);
    json_decref(json);
    return json != NULL;
}

struct lines {
    struct buffer text; /* of all, a NUL behind each */
    size_t at[HEADERS_MAX], count;
    const char *line[HEADERS_MAX + 1];
};

static struct buffer *next_line(struct lines *l)
{
    if (l->count) buffer_add_char(&l->text, '\0');
    l->at[l->count++] = l->text.len;
    return &l->text;
}

static void write_lines(struct lines *l, const struct webhook *w, const struct attempt *a)
{
    const struct pinion_work *work = &a->work;
    int64_t now_s = clock_wall_ms() / 1000;
    char due[TIME_TEXT_MAX], hex[SIGNATURE_LEN + 1];

    buffer_printf(next_line(l), "Content-Type: application/%s",
                  is_json(a->job.payload) ? "json" : "octet-stream");
    buffer_printf(next_line(l), "Pinion-Job-Id: %s", work->id);
    buffer_printf(next_line(l), "Pinion-Kind: %s", work->kind);
    buffer_printf(next_line(l), "Pinion-Queue: %s", work->queue);
    buffer_printf(next_line(l), "Pinion-Attempt: %u", work->attempt);
    buffer_printf(next_line(l), "Pinion-Fire-Time: %s", time_format_utc(work->run_at_ms, due));
    buffer_printf(next_line(l), "Pinion-Timestamp: %" PRId64, now_s);
    buffer_printf(next_line(l), "Idempotency-Key: %s", work->id);
    if (work->traceparent && !strpbrk(work->traceparent, "\r\n"))
        buffer_printf(next_line(l), "traceparent: %s", work->traceparent);
    if (w->secret) {
        signature_make(span_of(w->secret), now_s, work->id, work->attempt, a->job.payload, hex);
        buffer_printf(next_line(l), "Pinion-Signature: t=%" PRId64 ",v1=%s", now_s, hex);
    }
    for (size_t i = 0; i < l->count; i++) l->line[i] = l->text.data + l->at[i];
}

static void post(struct delivery *d)
{
    struct attempt *a = d->attempt;
    struct webhook *w = container_of(a->handler, struct webhook, handler);
    struct lines lines = {.count = 0};
    struct fetch_request request = {
        .method = "POST",
        .url = w->url,
        .headers = lines.line,
        .body = a->job.payload.len ? a->job.payload.data : "",
        .body_len = a->job.payload.len,
        .body_bytes_max = RESULT_BYTES_MAX,
    };

    write_lines(&lines, w, a);
    fetch_start(w->fetcher, &d->fetch, &request, on_done);
    buffer_deinit(&lines.text);
}

/* ---- its turn -------------------------------------------------------------------------------- */

static void postpone(struct delivery *d)
{
    struct attempt *a = d->attempt;
    struct webhook *w = container_of(a->handler, struct webhook, handler);
    const char *text = "not sent: the breaker of its host is open";

    free(d);
    attempt_finish(a, OUTCOME_POSTPONE, text, strlen(text), (int64_t)host_rest_ms(w->host));
}

static void on_turn(struct turn *turn, bool may)
{
    struct delivery *d = container_of(turn, struct delivery, turn);

    d->waits = false;
    if (!may) {
        postpone(d);
        return;
    }
    attempt_begin(d->attempt);
    post(d);
}

static void start(struct attempt *a)
{
    struct webhook *w = container_of(a->handler, struct webhook, handler);
    struct delivery *d = xcalloc(1, sizeof *d);

    d->attempt = a;
    d->turn.go = on_turn;
    a->work_state = d;
    switch (host_enter(w->host, &d->turn)) {
    case ENTRY_GO: post(d); return;
    case ENTRY_REFUSED: postpone(d); return;
    case ENTRY_WAIT: break;
    }
    d->waits = true;
    attempt_wait(a);
}

static void stop(struct attempt *a)
{
    struct webhook *w = container_of(a->handler, struct webhook, handler);
    struct delivery *d = a->work_state;

    if (d->waits) {
        host_give_up(&d->turn);
    } else {
        fetch_stop(&d->fetch);
        host_leave(w->host, a->stop == STOP_TIMEOUT ? HOST_FAILED : HOST_UNKNOWN);
    }
    free(d);
    attempt_finish(a, OUTCOME_FAIL, NULL, 0, RETRY_BY_BACKOFF); /* the reason is the attempt's */
}

/* ---- the handler ----------------------------------------------------------------------------- */

enum pinion_err status_set_parse(const char *text, struct status_set *ret_set, struct error *why)
{
    struct span rest = span_of(text);
    struct status_set set = {{0, 0}};
    uint64_t status;

    if (strcmp(text, "yes") == 0) set = (struct status_set){{UINT64_MAX, UINT64_MAX}};
    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) rest.len = 0;
    else if (!rest.len || rest.data[rest.len - 1] == ',') rest = span_of("-");
    while (rest.len) {
        if (text_parse_u64(span_cut(&rest, ','), 400, 499, &status))
            return error_set(why, PINION_INVALID,
                             "expected yes, no, or statuses from 400 to 499 such as 404,409, not "
                             "'%.60s'",
                             text);
        set.bits[(status - 400) / 64] |= UINT64_C(1) << (status - 400) % 64;
    }
    *ret_set = set;
    return PINION_OK;
}

enum pinion_err webhook_secret_check(struct span secret, struct error *why)
{
    if (secret.len < 1 || secret.len > WEBHOOK_SECRET_MAX || memchr(secret.data, 0, secret.len))
        return error_set(why, PINION_INVALID, "expected a secret of 1 to %d bytes, without NUL",
                         WEBHOOK_SECRET_MAX);
    return PINION_OK;
}

static enum pinion_err read_secret(const char *path, char **ret_secret, struct error *why)
{
    char text[WEBHOOK_SECRET_MAX + 3];
    struct error bad;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    int failure = errno;

    if (fd >= 0) close(fd);
    if (len < 0)
        return error_set(why, PINION_INVALID, "secret-file %s: %s", path, strerror(failure));
    if (len && text[len - 1] == '\n') len--;
    if (len && text[len - 1] == '\r') len--;
    if (webhook_secret_check((struct span){text, (size_t)len}, &bad))
        return error_set(why, bad.code, "secret-file %s: %s", path, bad.text);
    *ret_secret = xmemdup(text, (size_t)len);
    return PINION_OK;
}

static void free_webhook(struct handler *h)
{
    struct webhook *w = container_of(h, struct webhook, handler);

    host_part(w->host, h);
    free(w->pattern);
    free(w->url);
    free(w->secret);
}

static const struct runner webhook_runner = {"webhook", start, stop, free_webhook};

enum pinion_err webhook_new(const char *pattern, const struct webhook_options *o,
                            struct fetcher *fetcher, struct hosts *hosts,
                            struct handler **ret_handler, struct error *why)
{
    char *secret, host[FETCH_HOST_MAX];
    enum pinion_err err = fetch_url_check(o->url, host, why);
    struct webhook *w;

    if (err) return err;
    secret = xstrdup(o->secret);
    if (!secret && o->secret_file) err = read_secret(o->secret_file, &secret, why);
    if (err) return err;
    w = xcalloc(1, sizeof *w);
    w->pattern = xstrdup(pattern);
    w->url = xstrdup(o->url);
    w->secret = secret;
    w->retry = o->retry;
    w->fetcher = fetcher;
    w->handler = (struct handler){.pattern = w->pattern, .runner = &webhook_runner};
    w->handler.concurrency = o->host_concurrency ? o->host_concurrency : HOST_CONCURRENCY_DEFAULT;
    w->host = host_join(hosts, host, &w->handler, o->host_concurrency);
    *ret_handler = &w->handler;
    return PINION_OK;
}
