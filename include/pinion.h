/* pinion.h — enqueue jobs and run them: the one public header of libpinion.
 *
 * Thread rule: a client and a service belong to the thread that made them; a service also to the
 * thread that runs its loop, and an asynchronous client to that alone. Only pinion_call_soon may be
 * called from elsewhere. Options are structs whose zero is a good default. Text is UTF-8 and
 * NUL-terminated; every pointer given is borrowed for the call only, unless a comment says more.
 */
#ifndef PINION_H
#define PINION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINION_VERSION "0.1.0"
#define PINION_ABI     1 /* of what plugins are built against: see struct pinion_plugin */

struct ev_loop;

/* ---- failure ---------------------------------------------------------------------------------
 * The same names everywhere: here, on HTTP, in scripts, as exit status of the command. */
enum pinion_err {
    PINION_OK,
    PINION_INVALID,      /* the request is wrong; repeating it does not help */
    PINION_UNAUTHORIZED, /* no token, or an unknown one */
    PINION_FORBIDDEN,    /* the token does not allow this */
    PINION_NOT_FOUND,
    PINION_CONFLICT,     /* other content under the same id, or the state does not allow it */
    PINION_STALE,        /* the lease was lost: another attempt owns the job now */
    PINION_TOO_LARGE,
    PINION_MISDIRECTED,  /* a foreign Host */
    PINION_BUSY,         /* full for now: try again later */
    PINION_UNAVAILABLE,  /* Redis out of reach: the outcome of a change is unknown, repeat it */
    PINION_INTERNAL,
    PINION_ERRS
};

const char *pinion_err_name(enum pinion_err);

/* ---- a new job ------------------------------------------------------------------------------- */

#define PINION_PRIORITY(n) ((n) + 1) /* 0 most urgent .. 9; .priority = PINION_PRIORITY(0) */

struct pinion_job {
    const char *kind;       /* what handler runs it; [A-Za-z0-9._:/-]{1,128} */
    const void *payload;    /* bytes; at most 1 MiB */
    size_t      payload_len;
    const char *queue;      /* [A-Za-z0-9._-]{1,64}; NULL: "default" */
    const char *id;         /* yours, unique in its queue, same letters as a queue; NULL: made */
    uint64_t    in_ms;      /* run that much later; 0: now */
    int64_t     run_at_ms;  /* or at this time since 1970; 0: now; not together with in_ms */
    unsigned    priority;   /* PINION_PRIORITY(0 .. 9); 0: the default, 5 */
    unsigned    attempts_max; /* 0: 25 */
    const char *backoff;    /* "exponential" (NULL), "fixed:10s", "linear:5s", "list:1s,10s,1m" */
    uint64_t    timeout_ms; /* of one attempt; 0: one hour */
    uint64_t    lease_ms;   /* 0: the server's, 10 s by default; 1 s .. 1 h */
    uint64_t    expires_ms; /* drop it if not started by then; 0: never */
    uint64_t    retain_ms;  /* keep it, and its result, that long when it is done; 0: no */
    const char *group;      /* groups take turns; [A-Za-z0-9._:/@+-]{1,128}; NULL: none */
    const char *tags;       /* "invoice,eu": up to 16 to find it by, each {1,64} of a group's
                             * letters; NULL: none */
    const char *traceparent; /* W3C trace context, handed to its handler; NULL: none */
    const char *unique;     /* "KEY" or "KEY=SPAN": while a job of the queue holds this key, none is
                             * made. SPAN: "start", until it is claimed; "done" (the default), until
                             * it has ended in whatever way; or a duration from now, as "30s". KEY
                             * is made of a group's letters. NULL: none */
    int         replace;    /* 1, with unique: while the job that holds the key waits, it takes over
                             * this payload, time, priority and options, and keeps its id */
    const char *after;      /* "a,mail:b": wait until these jobs, up to 64, are done; ids of its own
                             * queue need not name it; NULL: none. Then in_ms and expires_ms count
                             * from that moment on */
    int         after_any_outcome; /* 1: until they ended, however; 0: cancelled if one fails */
    const char *batch;      /* of its own queue, as "nightly": its end is counted there; begins
                             * with its first member. [A-Za-z0-9._-]{1,64}; NULL: none */
};

struct pinion_enqueued {
    enum pinion_err err;      /* of this one job: a bad item never fails another */
    int             existing; /* 1: it was there already, with the same content or unique key */
    int             replaced; /* 1: it was there, waited, and has this content now */
    int             closed;   /* 1, with PINION_CONFLICT: its batch takes no more jobs */
    char            id[130];  /* QUEUE:LOCAL, also of the job that holds the key; empty if err */
};

/* ---- client: blocking, one connection -------------------------------------------------------- */

struct pinion_client;

struct pinion_client_options {
    const char *redis_url;          /* NULL: found as the command finds it */
    const char *state_dir;          /* NULL: the default one; used when no URL is known */
    const char *name_space;         /* prefix of all keys; NULL: "pinion" */
    uint64_t    connect_timeout_ms; /* 0: 5 s */
    uint64_t    reply_timeout_ms;   /* 0: 10 s */
};

/* On failure *ret_client is untouched and `why` (NULL is fine, else why_size bytes) has the
 * reason. */
enum pinion_err pinion_client_open(const struct pinion_client_options *,
                                   struct pinion_client **ret_client,
                                   char *why, size_t why_size);
void pinion_client_close(struct pinion_client *); /* NULL: no-op */

/* Enqueues `count` jobs, in as few round trips as possible, and says for each what became of it.
 * PINION_OK: every ret[i] is filled (and may hold an error of that job). PINION_UNAVAILABLE: the
 * connection failed and was repeated in vain for the reply timeout; ret[i] is filled for all jobs,
 * those unknown with PINION_UNAVAILABLE. Safe to repeat for jobs with an id. */
enum pinion_err pinion_enqueue(struct pinion_client *, const struct pinion_job *jobs, size_t count,
                               struct pinion_enqueued *ret);

/* How many attempts run at once, and how many start in a time, on all servers together: of a queue,
 * or of what else is named here, one of the three at most. */
struct pinion_limit {
    const char *kind;        /* of the jobs of this kind; NULL: no */
    const char *group;       /* of the jobs of this group; NULL: no */
    int         each_group;  /* 1: of each group that has no limit of its own */
    unsigned    concurrency; /* attempts at once, 1 .. 100,000; 0: as it was */
    unsigned    rate;        /* starts, 1 .. 100,000, in each */
    uint64_t    rate_per_ms; /* of these, 1 .. a day; both 0: as it was */
    unsigned    burst;       /* with a rate: so many at once after a pause; 0: 1 */
    int         clear;       /* 1: no limit any more; beside nothing of the four before */
};

/* Sets limits of a queue (NULL: "default"); those that are not named stay as they are. All are set
 * or none, and what runs is not stopped. They stay until they are cleared, so a program may set the
 * same ones at each start. The queue needs no jobs yet. On failure `why` (NULL is fine, else
 * why_size bytes) has the reason. PINION_BUSY: too much runs to count it now. Safe to repeat. */
enum pinion_err pinion_limit(struct pinion_client *, const char *queue,
                             const struct pinion_limit *limits, size_t count, char *why,
                             size_t why_size);

/* ---- client: asynchronous, on a loop of yours ------------------------------------------------
 * Nothing here blocks, and there is no thread. It connects in the background, again and again; what
 * is called meanwhile waits for the connection. What is called in one turn of the loop travels
 * together, so many small calls are nearly as good as one large one.
 *
 * Each call ends exactly once, in its callback: on the loop, never within the call itself, whatever
 * becomes of Redis or the client. What is handed in is copied; what a callback is given is borrowed
 * until it returns. A callback may be NULL, and may do all, also make calls and close the client.
 * `why` is never NULL: the reason in words. Every call may end as
 *
 *     PINION_INVALID      what was asked for is wrong
 *     PINION_BUSY         too much is on its way, see the options: try again when some has ended
 *     PINION_TOO_LARGE    more than the options ever allow at once
 *     PINION_UNAVAILABLE  no connection within connect_timeout_ms, no answer within
 *                         reply_timeout_ms, the connection was lost, or the client was closed:
 *                         whether a change was made is unknown
 *     PINION_CONFLICT     the client was closed before the call
 *
 * or, if Redis refuses us (a wrong password), as what that is. Loop thread only. An open client
 * keeps the loop alive. The process ignores SIGPIPE from then on, unless it has a handler. */

#define PINION_ASYNC_JOBS     65536   /* the defaults; see the options */
#define PINION_ASYNC_BYTES    67108864
#define PINION_ASYNC_CALLS    4096
#define PINION_ASYNC_WAITS    1000    /* waits at once */
#define PINION_ASYNC_JOBS_MAX 1000000 /* that the options may ask for; of calls, too */

struct pinion_async;

struct pinion_async_options {
    const char *redis_url;          /* NULL: found as the command finds it */
    const char *state_dir;          /* NULL: the default one; used when no URL is known */
    const char *name_space;         /* prefix of all keys; NULL: "pinion" */
    uint64_t    connect_timeout_ms; /* a call waits so long for a connection; 0: 5 s */
    uint64_t    reply_timeout_ms;   /* and then so long for its answer; 0: 10 s */
    unsigned    jobs_max;           /* being enqueued at once; 0: PINION_ASYNC_JOBS */
    size_t      bytes_max;          /* of their payloads and texts; 0: PINION_ASYNC_BYTES */
    unsigned    calls_max;          /* shows, cancels and retries at once; 0: PINION_ASYNC_CALLS */
};

/* Comes back at once. PINION_INVALID: no loop, or wrong options; then *ret_client is untouched and
 * `why` (NULL is fine, else why_size bytes) has the reason. */
enum pinion_err pinion_async_open(struct ev_loop *, const struct pinion_async_options *,
                                  struct pinion_async **ret_client, char *why, size_t why_size);

/* Ends all calls, in the next turns of the loop, and then frees the client: forget the pointer, but
 * in the callbacks that are still to come. `closed` (NULL is fine) is the last of them. The loop
 * must run until then. NULL: no-op. */
typedef void pinion_closed_fn(void *ctx);
void pinion_async_close(struct pinion_async *, pinion_closed_fn *closed, void *ctx);

/* How many jobs are being enqueued: a producer that keeps this below jobs_max is never refused. */
size_t pinion_async_jobs(const struct pinion_async *);

/* As pinion_enqueue: a call whose connection was lost is sent again, if there is another one within
 * connect_timeout_ms, and within 50 s of the call; Redis remembers what it did. made: what became
 * of each, in order, with PINION_OK and PINION_UNAVAILABLE; else NULL. `why`: also of the first job
 * with an error, which makes the call no failure. */
typedef void pinion_enqueued_fn(enum pinion_err, const struct pinion_enqueued *made, size_t count,
                                const char *why, void *ctx);
void pinion_async_enqueue(struct pinion_async *, const struct pinion_job *jobs, size_t count,
                          pinion_enqueued_fn *, void *ctx);

struct pinion_outcome {
    const char *state;  /* "done", "dead" or "cancelled"; NULL, of one that is shown: not ended */
    const char *result; /* a NUL follows; NULL: none, or not kept */
    size_t      result_len;
    const char *error;  /* of its last failure; NULL: none */
    const char *reason; /* why it was cancelled, or is dead; NULL: none */
};

/* Until the job QUEUE:LOCAL has ended for good. timeout_ms 0: for ever, also while Redis is away.
 * PINION_NOT_FOUND: there is none; it may have ended and not been kept: give those that are waited
 * for a retain_ms. PINION_BUSY, also: timeout_ms is over. */
typedef void pinion_ended_fn(enum pinion_err, const struct pinion_outcome *, const char *why,
                             void *ctx);
void pinion_async_wait(struct pinion_async *, const char *id, uint64_t timeout_ms,
                       pinion_ended_fn *, void *ctx);

/* A job as it is. Of one that ended and was not kept, id, queue and state alone are known. Times
 * are in milliseconds since 1970; 0: not yet, or not known. */
struct pinion_shown {
    const char *id, *queue, *kind; /* kind NULL: not known */
    const char *state;             /* as "scheduled", "ready", "active" */
    const void *payload;           /* a NUL follows; NULL: not known */
    size_t      payload_len;
    unsigned    attempt, attempts_max; /* attempt 0: none has begun */
    int64_t     created_at_ms, run_at_ms, started_at_ms, finished_at_ms;
    unsigned    progress_percent;
    const char *progress_note;     /* NULL: none */
    struct pinion_outcome outcome; /* its error is there from the first failure on */
};

/* PINION_NOT_FOUND: there is no such job, nor the memory of one. */
typedef void pinion_shown_fn(enum pinion_err, const struct pinion_shown *, const char *why,
                             void *ctx);
void pinion_async_show(struct pinion_async *, const char *id, pinion_shown_fn *, void *ctx);

/* Cancels a job that has not ended (`why` says whether it is cancelled, or runs and will be
 * stopped); starts one anew that is dead, cancelled, or done and kept. PINION_NOT_FOUND,
 * PINION_CONFLICT: its state does not allow it. */
typedef void pinion_steered_fn(enum pinion_err, const char *why, void *ctx);
void pinion_async_cancel(struct pinion_async *, const char *id, pinion_steered_fn *, void *ctx);
void pinion_async_retry(struct pinion_async *, const char *id, pinion_steered_fn *, void *ctx);

/* ---- service: runs handlers on a loop -------------------------------------------------------- */

struct pinion_service;
struct pinion_attempt; /* one attempt at one job; valid until it is finished */

/* Called where its handler runs. Finish the attempt, exactly once. On a thread: that counts when
 * `run` has returned, and one that returns without it has failed; several run at the same time. */
typedef void pinion_run_fn(struct pinion_attempt *, void *ctx);

/* Called on the loop when the attempt must stop (cancelled, timed out, lease lost, shutdown).
 * Finish it soon; what it answers no longer counts, except on a cancelled one that is done all the
 * same. Of one on a thread: called while `run` runs, perhaps before its first line; make it return,
 * and do not finish the attempt. If it does not return within five seconds, the attempt is given
 * up: it ends without it, and its handler has a slot less until it returns. */
typedef void pinion_stop_fn(struct pinion_attempt *, void *ctx);

/* Where a handler runs. */
enum pinion_runs {
    PINION_ON_LOOP,      /* as said above */
    PINION_ON_THREAD,    /* may block. It finishes the attempt before it returns */
    PINION_AS_COROUTINE, /* on the loop, on a stack of its own: it may await, as said below, and
                          * must not block either. It finishes the attempt before it returns */
};

struct pinion_handler {
    const char     *kind;        /* exact; or a prefix that ends in . : or /, and "*"; or "*" */
    pinion_run_fn  *run;
    pinion_stop_fn *stop;        /* NULL: an attempt that must stop is waited for */
    void           *ctx;
    unsigned        concurrency; /* attempts at once; 0: as many as the service */
    uint64_t        timeout_ms;  /* overrides the job's; 0: does not */
    unsigned        attempts_max; /* a job is dead after so many, if not before; 0: as it says */
    const char     *backoff;     /* overrides the job's; NULL: does not */
    const char     *on_dead;     /* kind of a job that is enqueued for each of its that dies;
                                  * "": none any more; NULL: as the service's */
    enum pinion_runs runs;
    size_t          stack_bytes; /* of a coroutine, 16 KiB .. 64 MiB; 0: 64 KiB */
};

struct pinion_service_options {
    const char        *redis_url;   /* NULL: a private redis-server in the state folder */
    const char        *state_dir;   /* NULL: the default one */
    const char        *name_space;  /* NULL: "pinion" */
    const char        *listen;      /* "127.0.0.1:0", "unix:PATH"; NULL: no HTTP */
    const char *const *queues;      /* "mail", "mail=3" (weight), NULL; NULL: "default" */
    unsigned           concurrency; /* attempts at once; 0: 256 */
    uint64_t           lease_ms;    /* 0: 10 s */
    uint64_t           grace_ms;    /* 0: 25 s */
    int                strict;      /* 1: queues are served strictly in the order given: one gets
                                     * slots only when none before it has a job for us. Then no
                                     * queue may have a weight. 0: they take turns */
    const char        *on_dead;     /* kind of a job that is enqueued for each job that dies, with
                                     * JSON about it as its payload; "": none any more; NULL: as
                                     * it was */
    const char *const *webhook_allow; /* "10.1.0.0/16", NULL: addresses that pinion_await_http may
                                     * reach although they are not public; NULL: none */
    unsigned           threads;     /* attempts at once of a handler on threads that does not say;
                                     * at most 4096; 0: as many as the service, up to that */
};

/* `loop` NULL: the service makes its own. Starts nothing yet. */
enum pinion_err pinion_service_new(struct ev_loop *loop, const struct pinion_service_options *,
                                   struct pinion_service **ret_service, char *why, size_t why_size);
/* Before start. PINION_CONFLICT: the kind has a handler already. */
enum pinion_err pinion_service_handle(struct pinion_service *, const struct pinion_handler *);
/* Connects and begins to claim, as soon as the loop runs. */
enum pinion_err pinion_service_start(struct pinion_service *, char *why, size_t why_size);
/* Runs the loop until the service has stopped. Not needed if you run the loop yourself. */
enum pinion_err pinion_service_run(struct pinion_service *);
/* No more claims, a grace period, then what still runs is released uncharged. Twice: hurries. */
void pinion_service_stop(struct pinion_service *);
int  pinion_service_ready(const struct pinion_service *); /* 1: connected, and it claims */
/* Where it listens, with the port that ":0" became: "127.0.0.1:7466", "unix:PATH"; borrowed. NULL:
 * nowhere, or not yet; one that is ready does. */
const char *pinion_service_address(const struct pinion_service *);
struct ev_loop *pinion_service_loop(struct pinion_service *); /* for watchers of your own */
int  pinion_service_stopped(const struct pinion_service *);
/* Only when stopped (pinion_service_stopped: its loop ran until then), never started, or not able
 * to start: else it aborts, for what it asked of Redis ends by turns of the loop alone.
 * NULL: no-op. */
void pinion_service_free(struct pinion_service *);

/* ---- routes of your own ----------------------------------------------------------------------
 * The service's listener serves them beside its own, on the loop, under the same limits and
 * deadlines. A page of another origin cannot use them through a visitor's browser: what changes
 * something (any method but GET) and WebSockets are refused to it. Loop thread only. */

struct pinion_exchange;  /* one request; valid until it is answered */
struct pinion_websocket; /* valid until its `closed` returns */

/* Whom a route is for: who shows a token with this role, or one of an admin. */
enum pinion_role {
    PINION_FOR_ANYBODY,
    PINION_FOR_READ, /* every role may read */
    PINION_FOR_ENQUEUE,
    PINION_FOR_WORK,
    PINION_FOR_ADMIN,
};

typedef void pinion_serve_fn(struct pinion_exchange *, void *ctx);

struct pinion_route {
    const char      *method; /* "GET" (which NULL is, and which serves HEAD), "POST", "PUT",
                              * "PATCH" or "DELETE" */
    const char      *path;   /* "/rooms/{room}": up to 8 segments; each is [A-Za-z0-9._-]+, or a
                              * {name} that takes whatever stands there. The more literal of two
                              * that fit is taken */
    pinion_serve_fn *serve;  /* answers the exchange, exactly once, at once or within a minute:
                              * pinion_reply, pinion_reply_error or pinion_websocket_open */
    pinion_serve_fn *left;   /* once, if the client left before its answer, or the minute is over;
                              * answer all the same, to nobody. NULL: not told */
    void            *ctx;
    enum pinion_role role;
};

#define PINION_ROUTES_MAX 256

/* Before start; all of it is copied. PINION_INVALID: a bad method, path or role, or the path is
 * within the service's own: what begins with /v1, /metrics and so on. PINION_CONFLICT: there is
 * such a route already, or the service has started. PINION_TOO_LARGE: too many. On failure `why`
 * (NULL is fine, else why_size bytes) has the reason. */
enum pinion_err pinion_service_route(struct pinion_service *, const struct pinion_route *,
                                     char *why, size_t why_size);

/* What was asked; all of it is borrowed until the exchange is answered. */
struct pinion_asked {
    const char *method, *path; /* path: as it was sent, %-encoded */
    const void *body;          /* whole; a NUL does not follow */
    size_t      body_len;
    const char *peer;          /* "127.0.0.1", "uid 1000" */
    const char *caller;        /* the name of its token; "": the route is for anybody */
};

const struct pinion_asked *pinion_exchange_asked(const struct pinion_exchange *);
/* What stands at the path's {name}, decoded. NULL: the route has no such name. */
const char *pinion_exchange_arg(struct pinion_exchange *, const char *name);
/* ?name=, decoded. NULL: it is not there, twice, or badly encoded. */
const char *pinion_exchange_query(struct pinion_exchange *, const char *name);
const char *pinion_exchange_header(struct pinion_exchange *, const char *name); /* NULL: none */

struct pinion_reply {
    unsigned           status; /* 200 .. 599; 0: 200 */
    const char        *type;   /* NULL: "application/json" */
    const void        *body;
    size_t             body_len;
    const char *const *headers; /* "Name: value", NULL; NULL: none. A page (text/html) that says no
                                 * Content-Security-Policy of its own may load and call its own
                                 * origin only, and run no script that stands in it */
};

/* Each of these answers the exchange. Text and bytes are copied. */
void pinion_reply(struct pinion_exchange *, const struct pinion_reply *);
/* {"error":{"code":...,"message":...}}, with the status that the code has. */
void pinion_reply_error(struct pinion_exchange *, enum pinion_err, const char *message);

struct pinion_websocket_handler {
    /* A whole message; `text`: 1, it is UTF-8. Borrowed for the call. NULL: dropped. */
    void (*message)(struct pinion_websocket *, const void *data, size_t len, int text, void *ctx);
    /* All that was queued has gone to the network: more may be sent. NULL: not told. */
    void (*ready)(struct pinion_websocket *, void *ctx);
    /* It left, was refused or too slow, the service stops, or you closed it. The last call, exactly
     * once for each that was opened, and never within a call of yours but pinion_service_free.
     * NULL: not told; then forget the pointer before that may be. */
    void (*closed)(struct pinion_websocket *, void *ctx);
    size_t      message_bytes_max; /* 0: 64 KiB; who sends more is closed (1009) */
    uint64_t    ping_ms;  /* it was silent so long: a ping; as long again: closed; 0: 30 s */
    const char *protocol; /* agreed to if the client offers it; lives on; NULL: none */
};

/* Makes the request a WebSocket. One that is none is refused, with a reason: then the first call
 * is `closed`. The handler is copied; `ctx` is for its calls. */
struct pinion_websocket *pinion_websocket_open(struct pinion_exchange *,
                                               const struct pinion_websocket_handler *, void *ctx);

#define PINION_WEBSOCKET_QUEUE_BYTES 262144 /* of one that does not read; 64 count for a message */

/* A message, copied, that goes in the next turn of the loop. PINION_BUSY: its queue is full;
 * PINION_INVALID: a text that is no UTF-8; PINION_CONFLICT: it is closed. Nothing was queued. */
enum pinion_err pinion_websocket_send(struct pinion_websocket *, const void *data, size_t len,
                                      int text);
/* The same to many, and kept once; gives how many it was queued for. */
size_t pinion_websocket_send_all(struct pinion_websocket *const *, size_t count, const void *data,
                                 size_t len, int text);
size_t pinion_websocket_queued(const struct pinion_websocket *); /* by the measure of the limit */
/* What was queued still goes. `code`: 1000, or 3000 .. 4999 for what you agreed on; 0: none. `why`
 * (NULL is fine): up to 123 bytes. No message comes any more, but `closed` does. */
void pinion_websocket_close(struct pinion_websocket *, unsigned code, const char *why);

/* ---- timers ----------------------------------------------------------------------------------
 * They fire on the service's loop and need nothing else: also before the service is started or
 * ready, and while Redis is away. Pending ones keep the loop alive. When the service has stopped,
 * no timer fires any more.
 *
 * A timer belongs to the service. One that fires once (later, at) is freed when its callback has
 * returned: forget the pointer in the callback. One that repeats lives until it is cancelled. What
 * is left goes with pinion_service_free.
 *
 * A callback must not block and must not free the service; else it may do all, also cancel itself
 * and others. No timer is early by its clock, and none fires within the call that made it.
 *
 * Each pinion_call_...: ret_timer may be NULL, and is untouched on failure. PINION_INVALID: no
 * callback, or as said below. PINION_CONFLICT: the service has stopped. Loop thread only. */

struct pinion_timer;
typedef void pinion_timer_fn(struct pinion_timer *, void *ctx);

/* Once, that much later; 0: in the next turn of the loop. Steps of the wall clock do not matter. */
enum pinion_err pinion_call_later(struct pinion_service *, uint64_t ms, pinion_timer_fn *,
                                  void *ctx, struct pinion_timer **ret_timer);

/* Once, when the wall clock shows that time since 1970; one that has passed: in the next turn. It
 * follows steps of the clock: a step back delays it, one past it fires it within a second. */
enum pinion_err pinion_call_at(struct pinion_service *, int64_t wall_ms, pinion_timer_fn *,
                               void *ctx, struct pinion_timer **ret_timer);

struct pinion_every {
    uint64_t interval_ms; /* from start to start; 1 .. a hundred years */
    uint64_t phase_ms;    /* first call after it, 1 .. interval_ms; 0: within interval_ms */
    int      align;       /* 1: whenever the wall clock shows a multiple of interval_ms since 1970
                           * UTC, plus phase_ms, which is then 0 .. interval_ms - 1 */
};

/* Again and again. What is planned is a grid, and calls do not shift it, however late they are or
 * long they take; the ticks that pass meanwhile are passed over, never made up for in a burst.
 * With phase_ms 0, timers of one interval are spread over it: the n-th repeating timer of a service
 * has the same place in each run of the program. */
enum pinion_err pinion_call_every(struct pinion_service *, const struct pinion_every *,
                                  pinion_timer_fn *, void *ctx, struct pinion_timer **ret_timer);

/* At the times of a cron expression in a zone ("Europe/Berlin", "UTC"; NULL: the system's), whose
 * file is read now. PINION_INVALID, with the reason in `why` (NULL is fine, else why_size bytes): a
 * bad expression or zone, @reboot, or an expression without a time to come. Clocks that change and
 * clocks that step do no harm: a fixed time comes once a night; a tick is not repeated. */
enum pinion_err pinion_call_cron(struct pinion_service *, const char *spec, const char *tz,
                                 pinion_timer_fn *, void *ctx, struct pinion_timer **ret_timer,
                                 char *why, size_t why_size);

/* In its callback: how many ticks were passed over since the call before, for the loop was busy,
 * the clock stepped or the machine slept. At most PINION_TIMER_MISSED_MAX are counted for cron. */
#define PINION_TIMER_MISSED_MAX 1000
uint64_t pinion_timer_missed(const struct pinion_timer *);

/* It fires no more, and is freed: now, or when its callback has returned. NULL: no-op. Not for one
 * that has fired for the last time, for it is gone. Loop thread only. */
void pinion_timer_cancel(struct pinion_timer *);

/* A call from elsewhere: yours, embedded where you like. It stays where it is while it is pending,
 * which ends just before its call: the callback may schedule or free it. */
struct pinion_soon;
typedef void pinion_soon_fn(struct pinion_soon *, void *ctx);
struct pinion_soon {
    pinion_soon_fn     *fn;
    void               *ctx;
    struct pinion_soon *next;    /* private, zero at first */
    int                 pending; /* private, zero at first */
};

/* Calls it on the loop, once, soon. From any thread and from signal handlers: no lock, no malloc,
 * errno is kept. 1: scheduled; 0: it was pending already, and that call is still to come. It sees
 * all that was written before either. What one thread schedules is called in that order. Such calls
 * do not keep the loop alive. They work until pinion_service_free, which other threads must be done
 * with this service for; those that are pending then are forgotten, and not pending any more. */
int pinion_call_soon(struct pinion_service *, struct pinion_soon *);

/* ---- inside a handler ------------------------------------------------------------------------
 * Loop thread only. Of a handler on a thread: on that thread and within `run` only, but for _work
 * and _stopping, which its `stop` may call, too. */

struct pinion_work {
    const char *id, *queue, *kind; /* id: QUEUE:LOCAL */
    const void *payload;
    size_t      payload_len;
    unsigned    attempt;           /* 1 is the first */
    const char *group, *traceparent; /* NULL: none */
    int64_t     run_at_ms, created_at_ms, deadline_ms; /* since 1970 */
};

/* Borrowed until the attempt is finished. */
const struct pinion_work *pinion_attempt_work(const struct pinion_attempt *);
/* 1: finish soon, nobody waits for what it answers. */
int pinion_attempt_stopping(const struct pinion_attempt *);

#define PINION_PROGRESS_NOTE_MAX 256 /* bytes */

/* How far it is, 0 to 100, for people to see; `note` (copied; NULL: none) says where. Call it as
 * often as you like: of several within a quarter of a second only the last is sent, and the very
 * last with the outcome, if the job is kept. It may be lost while Redis is full. PINION_INVALID,
 * and nothing is changed: percent > 100, a note that is too long or no UTF-8. */
enum pinion_err pinion_attempt_progress(struct pinion_attempt *, unsigned percent,
                                        const char *note);

/* Each of these finishes the attempt. Text and bytes are copied. */
void pinion_attempt_done(struct pinion_attempt *, const void *result, size_t len); /* 64 KiB kept */
void pinion_attempt_fail(struct pinion_attempt *, const char *error);               /* 1 KiB kept */
void pinion_attempt_retry_in(struct pinion_attempt *, const char *error, uint64_t ms);
/* No other attempt would help: the job is dead at once. */
void pinion_attempt_reject(struct pinion_attempt *, const char *error);

/* ---- inside a coroutine ----------------------------------------------------------------------
 * A handler with .runs = PINION_AS_COROUTINE may await: it stands still, the loop goes on. `a` is
 * its own attempt, not finished yet. What each of these gives:
 *
 *     PINION_STALE    the attempt must stop (cancelled, timed out, lease lost, shutdown). So says
 *                     each await from then on, at once: finish the attempt, and return
 *     PINION_BUSY     its time was over
 *     PINION_INVALID  what was asked for is wrong, or this is not the coroutine of this attempt
 *
 * and what is said below. pinion_await_why has the reason, in words. What is given is filled in on
 * PINION_OK only, unless said otherwise, and its texts live until the handler returns, or drops
 * them. Texts and bytes that are handed in are borrowed until the await is over. A handler that
 * returns without an outcome has failed. While others run, what they share may change: so look
 * again after each await. */

/* 0: in the next turn of the loop. */
enum pinion_err pinion_await_ms(struct pinion_attempt *, uint64_t ms);

#define PINION_READABLE 1
#define PINION_WRITABLE 2

/* Until the descriptor can be read or written, as `events` says, or has an end or an error to tell.
 * It must not be closed meanwhile. timeout_ms 0: as long as the attempt may take. */
enum pinion_err pinion_await_fd(struct pinion_attempt *, int fd, int events, uint64_t timeout_ms);

/* Calls `work` on a thread, where it may block, and waits until it has returned, in any case: if
 * the attempt must stop, `stop` (NULL: nothing) is called on the loop while `work` runs, perhaps
 * before its first line; make it return. Of pinion.h, `work` may call pinion_call_soon alone.
 * PINION_STALE: `work` has returned, or never began. */
typedef void pinion_work_fn(void *ctx);
enum pinion_err pinion_await_thread(struct pinion_attempt *, pinion_work_fn *work,
                                    pinion_work_fn *stop, void *ctx);

/* A program, started from an argument vector, never by a shell. */
struct pinion_command {
    const char *const *argv;   /* the program, found by PATH, its arguments, NULL */
    const char        *folder; /* working folder; NULL: ours */
    const char *const *env;    /* "NAME=VALUE", or "NAME" as we have it, NULL: beside our PATH,
                                * HOME, LANG and TZ, and nothing else; NULL: none */
    const void        *input;  /* for its stdin */
    size_t             input_len;
    size_t             output_bytes; /* kept of stdout, and of stderr; 0: 64 KiB */
    uint64_t           timeout_ms;   /* then it is killed; 0: as long as the attempt may take */
};

struct pinion_command_end {
    int         status;  /* 0 .. 255; -1: a signal killed it */
    int         signal;  /* 0: none did */
    const char *output;  /* the first bytes of stdout; a NUL follows */
    size_t      output_len;
    const char *errors;  /* the last bytes of stderr; a NUL follows */
    size_t      errors_len;
    int         cut;     /* 1: there was more of either */
};

/* Until it has ended, in whatever way. If the attempt must stop, its process group gets TERM, and
 * KILL a grace later, and is waited for. PINION_INVALID: it cannot be run. PINION_BUSY, also: no
 * process is to be had for now. */
enum pinion_err pinion_await_command(struct pinion_attempt *, const struct pinion_command *,
                                     struct pinion_command_end *ret_end);

struct pinion_request {
    const char        *method;  /* NULL: "GET", or "POST" with a body */
    const char        *url;     /* http or https */
    const char *const *headers; /* "Name: value", NULL; NULL: none */
    const void        *body;    /* NULL: none */
    size_t             body_len;
    uint64_t           timeout_ms;     /* of all of it; 0: 30 s */
    size_t             body_bytes_max; /* of the response, which is cut there; 0: 64 KiB */
};

struct pinion_response {
    unsigned    status;
    const char *head;  /* lines, as they came; a NUL follows */
    size_t      head_len;
    const char *body;  /* a NUL follows */
    size_t      body_len;
    int         cut;   /* 1: there was more body */
};

/* PINION_OK: there was an answer, whatever its status; redirects are not followed.
 * PINION_FORBIDDEN: the address is not public, nor in the service's webhook_allow.
 * PINION_UNAVAILABLE: no answer, or no libcurl is installed. If the attempt must stop, the
 * connection is closed. */
enum pinion_err pinion_await_http(struct pinion_attempt *, const struct pinion_request *,
                                  struct pinion_response *ret_response);

/* As pinion_enqueue, on the service's own connection; it is finished also if the attempt must stop
 * meanwhile. To await their ends, give them a retain_ms. */
enum pinion_err pinion_await_enqueue(struct pinion_attempt *, const struct pinion_job *jobs,
                                     size_t count, struct pinion_enqueued *ret);

/* Until the job QUEUE:LOCAL has ended for good. timeout_ms 0: as long as the attempt may take.
 * PINION_NOT_FOUND: there is none; it may have ended and not been kept. PINION_BUSY, also: a
 * thousand wait already. The coroutine keeps its slot meanwhile: let it not take those that the
 * others need. */
enum pinion_err pinion_await_job(struct pinion_attempt *, const char *id, uint64_t timeout_ms,
                                 struct pinion_outcome *ret_outcome);

/* Frees all that awaits have given so far: for handlers that loop for long. */
void        pinion_await_drop(struct pinion_attempt *);
/* Why the last await of this coroutine failed, or the first job of pinion_await_enqueue that did;
 * "" if none did. Borrowed until the next one. */
const char *pinion_await_why(const struct pinion_attempt *);

/* ---- plugins ---------------------------------------------------------------------------------
 * Handlers for `pinion serve --plugin FILE.so`. The file defines `const struct pinion_plugin
 * pinion_plugin`, and needs to be linked with nothing: the program has all functions of this
 * header. It stays loaded until the program ends. */

struct pinion_plugin {
    unsigned abi; /* PINION_ABI; looked at before anything of the plugin is called */
    /* Once, before the start: pinion_service_handle, timers, watchers on the loop. The service is
     * the program's: PINION_CONFLICT for start and run, and free does nothing. What is not
     * PINION_OK stops the start; `why` has why_size bytes for the reason. */
    enum pinion_err (*init)(struct pinion_service *, char *why, size_t why_size);
    void (*deinit)(void); /* once, after the last attempt; NULL: nothing to do */
};

#ifdef __cplusplus
}
#endif

#endif
