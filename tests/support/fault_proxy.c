/* tests/support/fault_proxy.c — one thread, one poll; everything shared is under one lock. */
#include "tests/support/fault_proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/memory.h"

#define PAIRS_MAX  16
#define COPY_BYTES 16384

enum way { TO_REDIS, TO_CLIENT, WAYS };

struct pair {
    int client, redis; /* -1: this place is free */
    bool answered;     /* the last bytes came from Redis: the next request begins a turn */
    bool swallowing, stalled;
};

struct fault_proxy {
    pthread_t thread;
    int listener, wake[2];
    char folder[64], path[96], url[112], redis_path[108];
    struct pair pairs[PAIRS_MAX]; /* of the thread alone */

    pthread_mutex_t lock; /* over all below */
    enum fault fault;
    unsigned at_turn, turns, strikes;
    bool has_limit[WAYS];
    size_t limit[WAYS], passed[WAYS];
};

static void fail(const char *what)
{
    perror(what);
    abort();
}

static int unix_socket(const char *path, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    if (fd < 0) fail("socket");
    return fd;
}

static void hang_up(struct pair *p)
{
    if (p->client >= 0) close(p->client);
    if (p->redis >= 0) close(p->redis);
    *p = (struct pair){.client = -1, .redis = -1};
}

static void accept_one(struct fault_proxy *f)
{
    struct sockaddr_un address;
    struct pair *p = f->pairs;
    int client = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

    while (p < f->pairs + PAIRS_MAX && p->client >= 0) p++;
    if (p == f->pairs + PAIRS_MAX) fail("too many connections");
    if (client < 0) return;
    *p = (struct pair){client, unix_socket(f->redis_path, &address), .answered = true};
    if (connect(p->redis, (struct sockaddr *)&address, sizeof address)) hang_up(p);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

        if (sent <= 0) return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* What is to be done with these bytes: how many of them pass, and whether it is over then. */
struct verdict {
    size_t pass;
    bool cut;
};

static struct verdict strike(struct fault_proxy *f, struct verdict v)
{
    f->fault = FAULT_NONE;
    f->strikes++;
    return v;
}

/* A fault that waits for the answer stays set until that comes. */
static struct verdict judge_request(struct fault_proxy *f, struct pair *p, size_t len)
{
    bool begins = p->answered, hit;

    p->answered = false;
    if (begins) f->turns++;
    hit = begins && f->turns == f->at_turn + 1;
    if (hit && f->fault == FAULT_CUT_BEFORE) return strike(f, (struct verdict){0, true});
    if (hit && f->fault == FAULT_STALL) {
        p->stalled = true;
        return strike(f, (struct verdict){0, false});
    }
    return (struct verdict){len, false};
}

static struct verdict judge_answer(struct fault_proxy *f, struct pair *p, size_t len)
{
    bool begins = !p->answered, hit;

    p->answered = true;
    if (begins) p->swallowing = false;
    hit = begins && f->turns == f->at_turn + 1;
    if (hit && f->fault == FAULT_CUT_AFTER) return strike(f, (struct verdict){0, true});
    if (hit && f->fault == FAULT_CUT_MIDDLE) return strike(f, (struct verdict){len / 2, true});
    if (hit && f->fault == FAULT_SWALLOW) {
        p->swallowing = true;
        strike(f, (struct verdict){0});
    }
    return (struct verdict){p->swallowing ? 0 : len, false};
}

static struct verdict judge(struct fault_proxy *f, struct pair *p, enum way way, size_t len)
{
    struct verdict v = way == TO_REDIS ? judge_request(f, p, len) : judge_answer(f, p, len);

    if (f->has_limit[way] && f->passed[way] + v.pass >= f->limit[way]) {
        f->has_limit[way] = false;
        v = strike(f, (struct verdict){f->limit[way] - f->passed[way], true});
    }
    f->passed[way] += v.pass;
    return v;
}

static void copy(struct fault_proxy *f, struct pair *p, enum way way)
{
    int from = way == TO_REDIS ? p->client : p->redis, to = way == TO_REDIS ? p->redis : p->client;
    char bytes[COPY_BYTES];
    ssize_t len = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    struct verdict v;

    if (len <= 0) {
        hang_up(p);
        return;
    }
    pthread_mutex_lock(&f->lock);
    v = judge(f, p, way, (size_t)len);
    pthread_mutex_unlock(&f->lock);
    if (!send_all(to, bytes, v.pass) || v.cut) hang_up(p);
}

static void serve_pair(struct fault_proxy *f, struct pair *p, const struct pollfd wait[WAYS])
{
    for (enum way way = TO_REDIS; way < WAYS; way++) {
        if (wait[way].fd < 0 || !wait[way].revents || p->client < 0) continue;
        if (p->stalled) {
            char byte; /* only to notice that a side has left */

            if (recv(wait[way].fd, &byte, 1, MSG_DONTWAIT) == 0) hang_up(p);
        } else {
            copy(f, p, way);
        }
    }
}

static void *run(void *given)
{
    struct fault_proxy *f = given;
    struct pollfd wait[2 + WAYS * PAIRS_MAX];

    for (;;) {
        wait[0] = (struct pollfd){.fd = f->listener, .events = POLLIN};
        wait[1] = (struct pollfd){.fd = f->wake[0], .events = POLLIN};
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            wait[2 + i * WAYS] = (struct pollfd){.fd = f->pairs[i].client, .events = POLLIN};
            wait[3 + i * WAYS] = (struct pollfd){.fd = f->pairs[i].redis, .events = POLLIN};
        }
        if (poll(wait, sizeof wait / sizeof wait[0], -1) < 0) continue;
        if (wait[1].revents) return NULL;
        for (size_t i = 0; i < PAIRS_MAX; i++) serve_pair(f, &f->pairs[i], &wait[2 + i * WAYS]);
        if (wait[0].revents) accept_one(f);
    }
}

struct fault_proxy *fault_proxy_start(const char *redis_path)
{
    struct fault_proxy *f = xcalloc(1, sizeof *f);
    struct sockaddr_un address;

    strcpy(f->folder, "/tmp/pinion-proxy-XXXXXX");
    if (!mkdtemp(f->folder)) fail("mkdtemp");
    snprintf(f->path, sizeof f->path, "%s/proxy.sock", f->folder);
    snprintf(f->url, sizeof f->url, "unix:%s", f->path);
    snprintf(f->redis_path, sizeof f->redis_path, "%s", redis_path);
    for (size_t i = 0; i < PAIRS_MAX; i++) f->pairs[i] = (struct pair){.client = -1, .redis = -1};
    f->listener = unix_socket(f->path, &address);
    if (bind(f->listener, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (listen(f->listener, PAIRS_MAX)) fail("listen");
    if (pipe(f->wake)) fail("pipe");
    pthread_mutex_init(&f->lock, NULL);
    if (pthread_create(&f->thread, NULL, run, f)) fail("thread");
    return f;
}

void fault_proxy_free(struct fault_proxy *f)
{
    if (!f) return;
    if (write(f->wake[1], "", 1) != 1) fail("wake");
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < PAIRS_MAX; i++) hang_up(&f->pairs[i]);
    close(f->listener);
    close(f->wake[0]);
    close(f->wake[1]);
    unlink(f->path);
    rmdir(f->folder);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

const char *fault_proxy_url(const struct fault_proxy *f)
{
    return f->url;
}

static void set(struct fault_proxy *f, enum fault fault, unsigned turn)
{
    f->fault = fault;
    f->at_turn = turn;
    f->turns = 0;
    memset(f->has_limit, 0, sizeof f->has_limit);
    memset(f->passed, 0, sizeof f->passed);
}

void fault_proxy_set(struct fault_proxy *f, enum fault fault, unsigned turn)
{
    pthread_mutex_lock(&f->lock);
    set(f, fault, turn);
    pthread_mutex_unlock(&f->lock);
}

static void cut_at(struct fault_proxy *f, enum way way, size_t bytes)
{
    pthread_mutex_lock(&f->lock);
    set(f, FAULT_NONE, 0);
    f->has_limit[way] = true;
    f->limit[way] = bytes;
    pthread_mutex_unlock(&f->lock);
}

void fault_proxy_cut_request(struct fault_proxy *f, size_t bytes)
{
    cut_at(f, TO_REDIS, bytes);
}

void fault_proxy_cut_answer(struct fault_proxy *f, size_t bytes)
{
    cut_at(f, TO_CLIENT, bytes);
}

unsigned fault_proxy_strikes(struct fault_proxy *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned strikes = f->strikes;
    pthread_mutex_unlock(&f->lock);
    return strikes;
}

unsigned fault_proxy_turns(struct fault_proxy *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned turns = f->turns;
    pthread_mutex_unlock(&f->lock);
    return turns;
}

static size_t bytes_passed(struct fault_proxy *f, enum way way)
{
    pthread_mutex_lock(&f->lock);
    size_t bytes = f->passed[way];
    pthread_mutex_unlock(&f->lock);
    return bytes;
}

size_t fault_proxy_request_bytes(struct fault_proxy *f)
{
    return bytes_passed(f, TO_REDIS);
}

size_t fault_proxy_answer_bytes(struct fault_proxy *f)
{
    return bytes_passed(f, TO_CLIENT);
}
