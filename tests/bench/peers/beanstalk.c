/* beanstalk.c — beanstalkd at its best setting: a client in C that sends 512 commands before it
 * reads their answers, reserves and deletes so too; TCP on 127.0.0.1.
 *
 *     beanstalk PORT enqueue N | delay N OVER_MS | trickle N | work N [mono|wall]
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW        512
#define PAYLOAD_BYTES 100
#define TRICKLE_NS    10000000
#define TTR_S         60

static FILE *in, *out; /* of one socket */

static int64_t now_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what)
{
    fprintf(stderr, "beanstalk: %s\n", what);
    exit(1);
}

static void dial(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    in = fdopen(fd, "r");
    out = fdopen(dup(fd), "w");
    if (!in || !out) fail("no stream");
    setvbuf(in, NULL, _IOFBF, 1 << 16);
    setvbuf(out, NULL, _IOFBF, 1 << 18);
}

static void expect(const char *word, char line[256])
{
    if (!fgets(line, 256, in) || strncmp(line, word, strlen(word)) != 0) fail(line);
}

static void put(int64_t stamp, int64_t delay_s)
{
    char payload[PAYLOAD_BYTES + 1];
    int len = snprintf(payload, sizeof payload, "%lld", (long long)stamp);

    memset(payload + len, 'x', (size_t)(PAYLOAD_BYTES - len));
    payload[PAYLOAD_BYTES] = '\0';
    fprintf(out, "put 1024 %lld %d %d\r\n%s\r\n", (long long)delay_s, TTR_S, PAYLOAD_BYTES,
            payload);
}

/* Delays are whole seconds: what is due within one is due at its end, so never early. */
static void put_many(long count, long over_ms)
{
    int64_t start = now_us(CLOCK_MONOTONIC);
    char line[256];

    for (long at = 0, n; at < count; at += n) {
        n = count - at < WINDOW ? count - at : WINDOW;
        for (long i = 0; i < n; i++) {
            int64_t ms = over_ms ? 2000 + over_ms * (at + i) / count : 0;
            put(over_ms ? now_us(CLOCK_REALTIME) + ms * 1000 : 0, (ms + 999) / 1000);
        }
        fflush(out);
        for (long i = 0; i < n; i++) expect("INSERTED", line);
    }
    printf("{\"seconds\":%f}\n", (double)(now_us(CLOCK_MONOTONIC) - start) / 1e6);
}

static void trickle(long count)
{
    struct timespec pause = {0, TRICKLE_NS};
    char line[256];

    for (long i = 0; i < count; i++) {
        nanosleep(&pause, NULL);
        put(now_us(CLOCK_MONOTONIC), 0);
        fflush(out);
        expect("INSERTED", line);
    }
}

static int64_t read_job(unsigned long long *ret_id)
{
    char line[256], body[PAYLOAD_BYTES + 3];

    expect("RESERVED", line);
    if (sscanf(line, "RESERVED %llu", ret_id) != 1) fail(line);
    if (fread(body, 1, PAYLOAD_BYTES + 2, in) != PAYLOAD_BYTES + 2) fail("short body");
    body[PAYLOAD_BYTES] = '\0';
    return strtoll(body, NULL, 10);
}

/* Many at a time to drain; one at a time where the start of each is what counts. */
static void work(long count, const char *clock)
{
    long window = clock ? 1 : WINDOW;
    int64_t start = 0, *samples = calloc((size_t)count, sizeof *samples);
    unsigned long long ids[WINDOW];
    double cpu = cpu_s();
    char line[256];

    printf("{\"ready\":true}\n");
    fflush(stdout);
    for (long at = 0, n; at < count; at += n) {
        n = count - at < window ? count - at : window;
        for (long i = 0; i < n; i++) fputs("reserve\r\n", out);
        fflush(out);
        for (long i = 0; i < n; i++) {
            int64_t stamp = read_job(&ids[i]);
            if (!start) start = now_us(CLOCK_MONOTONIC);
            if (!clock) continue;
            samples[at + i] =
                now_us(strcmp(clock, "mono") == 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME) - stamp;
        }
        for (long i = 0; i < n; i++) fprintf(out, "delete %llu\r\n", ids[i]);
        fflush(out);
        for (long i = 0; i < n; i++) expect("DELETED", line);
    }
    printf("{\"seconds\":%f,\"cpu\":%f,\"samples\":[",
           (double)(now_us(CLOCK_MONOTONIC) - start) / 1e6, cpu_s() - cpu);
    for (long i = 0; clock && i < count; i++)
        printf("%s%lld", i ? "," : "", (long long)samples[i]);
    printf("]}\n");
    free(samples);
}

int main(int argc, char **argv)
{
    if (argc < 4) fail("expected PORT ROLE N");
    dial(argv[1]);
    if (strcmp(argv[2], "enqueue") == 0)
        put_many(atol(argv[3]), 0);
    else if (strcmp(argv[2], "delay") == 0 && argc > 4)
        put_many(atol(argv[3]), atol(argv[4]));
    else if (strcmp(argv[2], "trickle") == 0)
        trickle(atol(argv[3]));
    else
        work(atol(argv[3]), argc > 4 && argv[4][0] ? argv[4] : NULL);
    return 0;
}
