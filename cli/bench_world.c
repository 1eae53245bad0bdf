#include "cli/bench_world.h"

#include <errno.h>
#include <ev.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "control/state.h"
#include "scheduler/ticker.h"

#define REDIS_START_MS 10000
#define REMOVE_TRIES   5 /* a server that ends at the same time may still drop a file */

/* ---- the process that keeps Redis, and the folder -------------------------------------------- */

struct keeper {
    const struct child_self *self;
    struct ev_loop *loop;
    struct redis_child *redis;
    ev_io life;
};

static void on_up(void *ctx)
{
    child_tell(((struct keeper *)ctx)->self, CHILD_READY);
}

static void on_down(void *ctx, const struct error *why)
{
    struct keeper *k = ctx;

    child_fail(k->self, why->text);
    redis_child_stop(k->redis);
}

static void on_stopped(void *ctx)
{
    ev_break(((struct keeper *)ctx)->loop, EVBREAK_ALL);
}

static void on_keeper_life(struct ev_loop *loop, ev_io *life, int events)
{
    (void)events;
    ev_io_stop(loop, life);
    redis_child_stop(container_of(life, struct keeper, life)->redis);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static void remove_dir(const char *dir)
{
    for (int i = 0; i < REMOVE_TRIES; i++)
        if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0) return;
    fprintf(stderr, "pinion: cannot remove %s: %s\n", dir, strerror(errno));
}

static void keep_redis(const struct child_self *self, void *arg)
{
    const struct world *w = arg;
    struct keeper k = {.self = self, .loop = ev_loop_new(EVFLAG_AUTO)};
    struct ticker *ticker = ticker_new(k.loop);
    struct redis_child_options options = {.dir = w->dir, .lock_fd = -1, .fsync = w->fsync};
    struct redis_child_events events = {on_up, on_down, on_stopped, &k};
    struct error why = {0};

    close(w->signals);
    log_set(LOG_ERROR, LOG_AS_TEXT);
    k.redis = redis_child_new(k.loop, ticker, &options, &events);
    ev_io_init(&k.life, on_keeper_life, self->life, EV_READ);
    ev_io_start(k.loop, &k.life);
    if (redis_child_start(k.redis, &why))
        child_fail(self, why.text);
    else
        ev_run(k.loop, 0);
    redis_child_free(k.redis);
    ticker_free(ticker);
    ev_io_stop(k.loop, &k.life);
    ev_loop_destroy(k.loop);
    remove_dir(w->dir);
}

/* ---- the process of a server ----------------------------------------------------------------- */

struct server_self {
    const struct child_self *self;
    const struct bench_server *server;
    struct pinion_service *service;
    ev_io life;
    ev_prepare turn;
};

static uint64_t cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int32_t as_sample(int64_t us)
{
    return us > INT32_MAX ? INT32_MAX : us < INT32_MIN ? INT32_MIN : (int32_t)us;
}

static int32_t sample_of(const struct pinion_work *work, enum tally_what what)
{
    uint64_t stamp = 0;

    if (what == TALLY_LATENESS) return as_sample(clock_wall_us() - work->run_at_ms * 1000);
    if (work->payload_len >= sizeof stamp) memcpy(&stamp, work->payload, sizeof stamp);
    return as_sample((int64_t)(clock_mono_us() - stamp));
}

/* The handler: does nothing but note that it was called. */
static void run_job(struct pinion_attempt *attempt, void *ctx)
{
    struct server_self *s = ctx;
    const struct bench_server *server = s->server;
    struct bench_tally *t = server->tally;

    size_t nth = __atomic_fetch_add(&t->count, 1, __ATOMIC_RELAXED);

    if (server->what != TALLY_COUNT && nth < server->jobs)
        t->sample_us[nth] = sample_of(pinion_attempt_work(attempt), server->what);
    pinion_attempt_done(attempt, NULL, 0);
    if (nth + 1 == server->jobs) t->done_cpu_us = cpu_us();
    if (nth + 1 == server->jobs || server->what == TALLY_STAMP) child_tell(s->self, CHILD_DONE);
}

static void on_server_life(struct ev_loop *loop, ev_io *life, int events)
{
    (void)events;
    ev_io_stop(loop, life);
    pinion_service_stop(container_of(life, struct server_self, life)->service);
}

static void on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
    struct server_self *s = container_of(turn, struct server_self, turn);

    (void)events;
    if (!pinion_service_ready(s->service)) return;
    s->server->tally->ready_us = clock_mono_us();
    s->server->tally->ready_cpu_us = cpu_us();
    ev_prepare_stop(loop, turn);
    child_tell(s->self, CHILD_READY);
}

static enum pinion_err make_service(struct server_self *s, struct ev_loop *loop, char *why,
                                    size_t why_size)
{
    const struct world *w = s->server->world;
    const char *queues[] = {s->server->queue, NULL};
    char state[WORLD_DIR_MAX + 16];
    struct pinion_service_options options = {.redis_url = w->url,
                                             .state_dir = state,
                                             .queues = queues,
                                             .concurrency = WORLD_SERVER_SLOTS};
    struct pinion_handler handler = {.kind = BENCH_KIND, .run = run_job, .ctx = s,
                                     .runs = s->server->runs};
    enum pinion_err err;

    snprintf(state, sizeof state, "%s/server", w->dir);
    err = pinion_service_new(loop, &options, &s->service, why, why_size);
    if (!err) err = pinion_service_handle(s->service, &handler);
    if (!err) err = pinion_service_start(s->service, why, why_size);
    return err;
}

static void serve(const struct child_self *self, void *arg)
{
    struct server_self s = {.self = self, .server = arg};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    char why[ERROR_TEXT_MAX] = "";

    world_forget(s.server->world);
    log_set(LOG_WARN, LOG_AS_TEXT);
    if (make_service(&s, loop, why, sizeof why)) {
        child_fail(self, why);
        return;
    }
    ev_io_init(&s.life, on_server_life, self->life, EV_READ);
    ev_io_start(loop, &s.life);
    ev_prepare_init(&s.turn, on_turn);
    ev_prepare_start(loop, &s.turn);
    if (pinion_service_run(s.service)) child_fail(self, "the server could not start");
    pinion_service_free(s.service);
    ev_io_stop(loop, &s.life);
    ev_prepare_stop(loop, &s.turn);
    ev_loop_destroy(loop);
}

static size_t tally_bytes(size_t samples)
{
    return sizeof(struct bench_tally) + samples * sizeof(int32_t);
}

struct bench_tally *tally_shared_new(size_t samples)
{
    void *memory = mmap(NULL, tally_bytes(samples), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void tally_shared_free(struct bench_tally *t, size_t samples)
{
    if (t) munmap(t, tally_bytes(samples));
}

enum pinion_err bench_server_start(struct bench_server *s, const struct world *w, struct error *why)
{
    enum pinion_err err;

    s->world = w;
    s->tally = tally_shared_new(s->jobs);
    if (!s->tally) return error_set(why, PINION_INTERNAL, "no memory: %s", strerror(errno));
    err = child_start(&s->child, serve, s, why);
    if (!err)
        err = child_wait(&s->child, CHILD_READY, w->signals, REDIS_START_MS, "the server", why);
    return err;
}

void bench_server_stop(struct bench_server *s)
{
    child_stop(&s->child);
    tally_shared_free(s->tally, s->jobs);
    s->tally = NULL;
}

/* ---- the world ------------------------------------------------------------------------------- */

static sigset_t ending_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

/* They are held back and only looked at, until all is tidied up. */
static int open_signals(void)
{
    sigset_t set = ending_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum pinion_err world_open(struct world *w, enum redis_fsync fsync, struct error *why)
{
    const char *parent = getenv("TMPDIR");
    enum pinion_err err;
    int len;

    *w = (struct world){.fsync = fsync, .signals = open_signals()};
    len = snprintf(w->dir, sizeof w->dir, "%s/pinion-bench-XXXXXX", parent ? parent : "/tmp");
    if (w->dir[0] != '/' || len >= (int)sizeof w->dir)
        return error_set(why, PINION_INVALID, "TMPDIR '%.80s': expected an absolute, shorter path",
                         parent);
    if (!mkdtemp(w->dir))
        return error_set(why, PINION_INVALID, "cannot make a folder in %.80s: %s",
                         parent ? parent : "/tmp", strerror(errno));
    snprintf(w->socket, sizeof w->socket, "%s/" STATE_SOCKET, w->dir);
    snprintf(w->url, sizeof w->url, "unix://%s", w->socket);
    err = child_start(&w->redis, keep_redis, w, why);
    if (err) {
        remove_dir(w->dir);
        return err;
    }
    return child_wait(&w->redis, CHILD_READY, w->signals, REDIS_START_MS, "redis-server", why);
}

void world_forget(const struct world *w)
{
    close(w->redis.life);
    close(w->redis.tell);
    close(w->signals);
}

void world_close(struct world *w)
{
    sigset_t set = ending_signals();

    child_stop(&w->redis);
    if (w->signals <= 0) return;
    close(w->signals);
    w->signals = 0;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool world_interrupted(const struct world *w)
{
    struct pollfd fd = {w->signals, POLLIN, 0};

    return poll(&fd, 1, 0) > 0;
}
