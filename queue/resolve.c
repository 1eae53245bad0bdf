/* A lookup is shared by the loop and its thread, and freed by the last of the two:
 *
 *      loop:    asks ----------------------> reads the pipe, takes the answer   (or leaves early)
 *      thread:        getaddrinfo -- closes its end of the pipe -- lets go
 */
#include "queue/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/memory.h"

struct lookup {
    atomic_int holders;
    atomic_bool is_done; /* all below is the loop's from then on */
    int end[2];          /* the loop reads [0] and gets its end when the thread closes [1] */
    char *host;
    int error; /* of getaddrinfo */
    char address[RESOLVE_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    size_t count;
};

static void let_go(struct lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) > 1) return;
    free(l->host);
    free(l);
}

static void note_addresses(struct lookup *l, const struct addrinfo *found)
{
    for (; found && l->count < RESOLVE_ADDRESSES_MAX; found = found->ai_next)
        if (getnameinfo(found->ai_addr, found->ai_addrlen, l->address[l->count],
                        sizeof l->address[0], NULL, 0, NI_NUMERICHOST) == 0)
            l->count++;
}

static void *look_up(void *shared)
{
    struct lookup *l = shared;
    struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;

    l->error = getaddrinfo(l->host, NULL, &want, &found);
    if (l->error == 0) note_addresses(l, found);
    if (found) freeaddrinfo(found);
    atomic_store(&l->is_done, true);
    close(l->end[1]);
    let_go(l);
    return NULL;
}

/* Detached, and deaf to signals: those belong to the threads of the house. */
static int start_thread(struct lookup *l)
{
    pthread_attr_t detached;
    sigset_t all, before;
    pthread_t thread;
    int err;

    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&thread, &detached, look_up, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return err;
}

void resolver_stop(struct resolver *r)
{
    ev_timer_stop(r->loop, &r->failure);
    if (!r->lookup) return;
    ev_io_stop(r->loop, &r->answer);
    close(r->lookup->end[0]);
    let_go(r->lookup);
    r->lookup = NULL;
}

static void on_end(struct ev_loop *loop, ev_io *io, int events)
{
    struct resolver *r = container_of(io, struct resolver, answer);
    int error;

    (void)loop;
    (void)events;
    if (!atomic_load(&r->lookup->is_done)) return;
    error = r->lookup->error;
    r->count = r->lookup->count;
    memcpy(r->address, r->lookup->address, sizeof r->address);
    resolver_stop(r);
    r->on_answer(r, r->count ? "" : error ? gai_strerror(error) : "the name has no address");
}

static void on_failure(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct resolver *r = container_of(timer, struct resolver, failure);

    (void)loop;
    (void)events;
    r->on_answer(r, strerror(r->error));
}

void resolver_init(struct resolver *r, struct ev_loop *loop,
                   void (*on_answer)(struct resolver *, const char *why))
{
    *r = (struct resolver){.loop = loop, .on_answer = on_answer};
    ev_init(&r->answer, on_end);
    ev_init(&r->failure, on_failure);
}

bool resolver_is_address(const char *host)
{
    unsigned char out[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, out) == 1 || strchr(host, ':');
}

/* No descriptor or no thread is to be had: that is told from the loop, too. */
static void fail_later(struct resolver *r, int number)
{
    r->error = number;
    ev_timer_stop(r->loop, &r->failure);
    ev_timer_set(&r->failure, 0., 0.);
    ev_timer_start(r->loop, &r->failure);
}

void resolver_ask(struct resolver *r, const char *host)
{
    struct lookup *l = xcalloc(1, sizeof *l);
    int err;

    resolver_stop(r);
    r->count = 0;
    l->host = xstrdup(host);
    atomic_init(&l->holders, 1);
    if (pipe2(l->end, O_CLOEXEC)) {
        err = errno;
        let_go(l);
        fail_later(r, err);
        return;
    }
    atomic_store(&l->holders, 2);
    err = start_thread(l);
    if (err) {
        close(l->end[0]);
        close(l->end[1]);
        atomic_store(&l->holders, 1);
        let_go(l);
        fail_later(r, err);
        return;
    }
    r->lookup = l;
    ev_io_set(&r->answer, l->end[0], EV_READ);
    ev_io_start(r->loop, &r->answer);
}
