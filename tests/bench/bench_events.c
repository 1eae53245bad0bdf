/* bench_events — clients of /v1/events for events.py, as light as they can be, for they run on the
 * machine that is measured.
 *
 *     bench_events PORT listen N                  N clients; a line when all of them hear; at the
 *                                                 end of stdin another: frames, of the one with
 *                                                 the fewest and the most, bytes, CPU seconds
 *     bench_events PORT latency TOKEN RATE SECONDS   RATE jobs a second, one by one; from a job's
 *                                                 request to its events of `ready` and `done`
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define READ_BYTES  (256u << 10)
#define SENDERS     32 /* connections: on each, a job waits for the answer of the one before */
#define LEFT_OVER_S 2 /* for the last events, after the last job */
#define FRAME_BYTES_MIN 40 /* less is the greeting, or a comment */
#define ROUND_US  20000 /* between two readings of all that came: nobody who sends wakes a client */
#define ROUND_MAX 256

static void give_up(const char *why)
{
    fprintf(stderr, "bench_events: %s: %s\n", why, strerror(errno));
    exit(1);
}

static int dial(const char *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in)) give_up("cannot connect");
    return fd;
}

static void send_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0) give_up("cannot send");
        text += n;
        len -= (size_t)n;
    }
}

static int follow(const char *port, const char *query)
{
    char text[256];
    int fd = dial(port);

    snprintf(text, sizeof text, "GET /v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query);
    send_all(fd, text);
    return fd;
}

/* ---- listen ---------------------------------------------------------------------------------- */

static char bytes[READ_BYTES + 1];

/* The stream, taken apart no further than into its chunks. */
enum ear_at { EAR_HEAD, EAR_SIZE, EAR_DATA };

struct ear {
    int fd;
    enum ear_at at;
    unsigned frames;
    size_t size, left; /* of the chunk: as its head says; of its data, what is to come */
    unsigned newlines; /* of the head's end */
};

struct listeners {
    unsigned count, hearing;
    struct ear *ears;
    unsigned long long bytes;
};

static unsigned digit_of(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static void end_of_chunk_head(struct ear *e)
{
    e->frames += e->size >= FRAME_BYTES_MIN;
    e->left = e->size + 2; /* and CR LF */
    e->size = 0;
    e->at = EAR_DATA;
}

static void hear_head(struct ear *e, char c)
{
    if (c == '\n') e->newlines++;
    else if (c != '\r') e->newlines = 0;
    if (e->newlines == 2) e->at = EAR_SIZE;
}

static void hear_bytes(struct ear *e, const char *at, size_t len)
{
    for (const char *end = at + len; at < end;) {
        if (e->at == EAR_DATA) {
            size_t step = (size_t)(end - at) < e->left ? (size_t)(end - at) : e->left;
            at += step;
            if (!(e->left -= step)) e->at = EAR_SIZE;
        } else if (e->at == EAR_HEAD) {
            hear_head(e, *at++);
        } else if (*at == '\n') {
            at++;
            end_of_chunk_head(e);
        } else {
            if (*at != '\r') e->size = 16 * e->size + digit_of(*at);
            at++;
        }
    }
}

static void hear(struct listeners *l, struct ear *e)
{
    ssize_t n = recv(e->fd, bytes, READ_BYTES, MSG_DONTWAIT);
    unsigned before = e->frames;

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) return;
        fprintf(stderr, "bench_events: a listener was cut off\n");
        exit(1);
    }
    l->bytes += (unsigned long long)n;
    hear_bytes(e, bytes, (size_t)n);
    if (!before && e->frames && ++l->hearing == l->count) {
        puts("all hear");
        fflush(stdout);
    }
}

static double cpu_s(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void report(const struct listeners *l)
{
    unsigned least = l->ears[0].frames, most = 0;
    unsigned long long all = 0;

    for (unsigned i = 0; i < l->count; i++) {
        unsigned frames = l->ears[i].frames;
        least = frames < least ? frames : least;
        most = frames > most ? frames : most;
        all += frames;
    }
    printf("{\"frames\":%llu,\"least\":%u,\"most\":%u,\"bytes\":%llu,\"clients_cpu_s\":%.2f}\n",
           all, least, most, l->bytes, cpu_s());
}

static int open_all(struct listeners *l, const char *port)
{
    struct epoll_event one = {.events = EPOLLIN};
    int set = epoll_create1(0);

    l->ears = xcalloc(l->count, sizeof *l->ears);
    for (unsigned i = 0; i < l->count; i++) {
        l->ears[i].fd = follow(port, "");
        one.data.ptr = &l->ears[i];
        epoll_ctl(set, EPOLL_CTL_ADD, l->ears[i].fd, &one);
    }
    one.data.ptr = NULL;
    epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &one);
    return set;
}

static void listen_all(const char *port, unsigned count)
{
    struct listeners l = {.count = count};
    struct epoll_event events[ROUND_MAX];
    int set = open_all(&l, port);

    for (bool ended = false; !ended;) {
        int n = epoll_wait(set, events, ROUND_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr) hear(&l, events[i].data.ptr);
            else ended = read(STDIN_FILENO, bytes, 1) <= 0;
        }
        if (n < ROUND_MAX) usleep(ROUND_US);
    }
    report(&l);
}

/* ---- latency --------------------------------------------------------------------------------- */

struct times {
    uint64_t *sent_us, *ready_us, *done_us; /* 0: did not happen yet */
    unsigned jobs;
};

static void note(struct times *t, const char *line, uint64_t now_us)
{
    unsigned i = (unsigned)strtoul(line, NULL, 10);
    const char *state = memchr(line, ',', 16);

    if (i >= t->jobs || !state) return;
    if (strncmp(state, ",\"state\":\"ready\"", 16) == 0) t->ready_us[i] = now_us;
    if (strncmp(state, ",\"state\":\"done\"", 15) == 0) t->done_us[i] = now_us;
}

/* Whole lines only; what is left stays. */
static void read_events(int fd, struct buffer *got, struct times *t)
{
    ssize_t n = recv(fd, buffer_reserve(got, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
    uint64_t now_us = clock_mono_us();
    char *end, *at;

    if (n <= 0) give_up("the stream ended");
    got->len += (size_t)n;
    got->data[got->len] = '\0';
    if (!(end = memrchr(got->data, '\n', got->len))) return;
    *end = '\0';
    at = got->data;
    while ((at = strstr(at, "\"job\":\"growth:n"))) note(t, at += 15, now_us);
    buffer_consume(got, (size_t)(end + 1 - got->data));
}

static void make_job(int fd, const char *token, struct times *t, unsigned i)
{
    char body[128], text[512];
    int len = snprintf(body, sizeof body, "{\"kind\":\"pinion.noop\",\"id\":\"n%u\"}", i);

    snprintf(text, sizeof text,
             "POST /v1/queues/growth/jobs HTTP/1.1\r\nHost: localhost\r\n"
             "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n%s",
             token, len, body);
    t->sent_us[i] = clock_mono_us();
    send_all(fd, text);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void print_spread(const char *name, const struct times *t, const uint64_t *at)
{
    uint64_t *us = xcalloc(t->jobs, sizeof *us);
    unsigned n = 0;

    for (unsigned i = 0; i < t->jobs; i++)
        if (at[i]) us[n++] = at[i] - t->sent_us[i];
    qsort(us, n, sizeof *us, by_value);
    printf("{\"event\":\"%s\",\"jobs\":%u,\"told\":%u", name, t->jobs, n);
    if (n)
        printf(",\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f", (double)us[n / 2] / 1e3,
               (double)us[(n - 1) * 99ul / 100] / 1e3, (double)us[n - 1] / 1e3);
    puts("}");
    free(us);
}

static void measure(const char *port, const char *token, unsigned rate, unsigned seconds)
{
    unsigned jobs = rate * seconds, next = 0;
    struct times t = {xcalloc(jobs, 8), xcalloc(jobs, 8), xcalloc(jobs, 8), jobs};
    struct buffer got = BUFFER_INIT;
    struct pollfd p[1 + SENDERS] = {{.fd = follow(port, "?type=job"), .events = POLLIN}};
    uint64_t begun_us, until_us;

    for (unsigned i = 1; i <= SENDERS; i++)
        p[i] = (struct pollfd){.fd = dial(port), .events = POLLIN};
    sleep(1); /* until it follows the queue */
    begun_us = clock_mono_us();
    until_us = begun_us + (seconds + LEFT_OVER_S) * UINT64_C(1000000);
    for (uint64_t now_us; (now_us = clock_mono_us()) < until_us;) {
        for (; next < jobs && now_us >= begun_us + next * UINT64_C(1000000) / rate; next++)
            make_job(p[1 + next % SENDERS].fd, token, &t, next);
        if (poll(p, 1 + SENDERS, 1) <= 0) continue;
        if (p[0].revents) read_events(p[0].fd, &got, &t);
        for (unsigned i = 1; i <= SENDERS; i++)
            if (p[i].revents && recv(p[i].fd, bytes, READ_BYTES, MSG_DONTWAIT) <= 0)
                give_up("no answers any more");
    }
    print_spread("ready", &t, t.ready_us);
    print_spread("done", &t, t.done_us);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "listen") == 0) {
        listen_all(argv[1], (unsigned)strtoul(argv[3], NULL, 10));
    } else if (argc == 6 && strcmp(argv[2], "latency") == 0) {
        measure(argv[1], argv[3], (unsigned)strtoul(argv[4], NULL, 10),
                (unsigned)strtoul(argv[5], NULL, 10));
    } else {
        fprintf(stderr, "bench_events: see its source for how it is called\n");
        return 2;
    }
    return 0;
}
