/* tests/bench/bench_pull.c — how fast workers elsewhere drain a queue: lease a batch, ack a batch.
 *
 *     bench_pull STATE_FOLDER [JOBS [BATCH [WORKERS]]]     default: 400000 100 2
 *
 * Against a service that runs (`pinion serve --state STATE_FOLDER`) and that has nothing else to
 * do: fills the queue `default` with no-op jobs of the kind `bench.pull`, then drains it, each
 * worker on one connection of its own. One JSON object a line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/state.h"
#include "tests/support/plain_http.h"

#define QUEUE     "/v1/queues/default/"
#define FILL_JOBS 10000 /* of one request */

static unsigned port;
static char token[STATE_TOKEN_LEN + 1];

static void give_up(const char *what, unsigned status, const char *body, size_t len)
{
    fprintf(stderr, "bench_pull: %s: %u %.*s\n", what, status, (int)(len < 300 ? len : 300), body);
    exit(1);
}

static void fill(unsigned jobs)
{
    struct plain_http http = PLAIN_HTTP(port, token);
    struct buffer body = BUFFER_INIT;
    const char *answer = "";
    size_t len = 0;

    for (unsigned n; jobs; jobs -= n) {
        n = jobs < FILL_JOBS ? jobs : FILL_JOBS;
        buffer_clear(&body);
        for (unsigned i = 0; i < n; i++)
            buffer_printf(&body, "%c{\"kind\":\"bench.pull\",\"payload\":\"%0100u\"}",
                          i ? ',' : '[', i);
        buffer_add_char(&body, ']');
        unsigned status = plain_post(&http, QUEUE "jobs", body.data, body.len, &answer, &len);
        if (status != 201) give_up("enqueue", status, answer, len);
    }
    buffer_deinit(&body);
    plain_close(&http);
}

/* The text of "key":"TEXT" from *at on, which is moved behind it; NULL: there is none. */
static const char *text_after(const char **at, const char *end, const char *key, size_t *ret_len)
{
    const char *from = memmem(*at, (size_t)(end - *at), key, strlen(key)), *to;

    if (!from) return NULL;
    from += strlen(key);
    to = memchr(from, '"', (size_t)(end - from));
    *at = to;
    *ret_len = (size_t)(to - from);
    return from;
}

/* [{"id","token"}, ...] of what was leased; gives how many. */
static unsigned acks_of(struct buffer *body, const char *leased, size_t len)
{
    const char *at = leased, *end = leased + len, *id;
    size_t id_len, token_len;
    unsigned count = 0;

    buffer_clear(body);
    while ((id = text_after(&at, end, "{\"id\":\"", &id_len))) {
        const char *its_token = text_after(&at, end, "\"token\":\"", &token_len);
        buffer_printf(body, "%c{\"id\":\"%.*s\",\"token\":\"%.*s\"}", count++ ? ',' : '[',
                      (int)id_len, id, (int)token_len, its_token);
    }
    buffer_add_char(body, ']');
    return count;
}

static void drain(unsigned batch)
{
    struct plain_http http = PLAIN_HTTP(port, token);
    struct buffer body = BUFFER_INIT;
    char target[96];
    const char *answer = "";
    size_t len = 0;

    snprintf(target, sizeof target, QUEUE "lease?kind=bench.pull&lease_ms=60000&max=%u", batch);
    for (;;) {
        unsigned status = plain_post(&http, target, NULL, 0, &answer, &len);
        if (status != 200) give_up("lease", status, answer, len);
        if (!acks_of(&body, answer, len)) break;
        status = plain_post(&http, QUEUE "ack", body.data, body.len, &answer, &len);
        if (status != 200) give_up("ack", status, answer, len);
    }
    buffer_deinit(&body);
    plain_close(&http);
}

static unsigned number(char *argv[], int argc, int i, unsigned otherwise)
{
    return i < argc ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
    unsigned jobs = number(argv, argc, 2, 400000), batch = number(argv, argc, 3, 100);
    unsigned workers = number(argv, argc, 4, 2);
    struct state_info info = {0};
    struct error why = {0};
    int status, failed = 0;

    if (argc < 2 || state_read_info(argv[1], &info, &why) ||
        state_read_token(argv[1], token, &why)) {
        fprintf(stderr, "bench_pull: expected the state folder of a service: %s\n", why.text);
        return 2;
    }
    port = (unsigned)strtoul(strrchr(info.http, ':') + 1, NULL, 10);
    state_info_deinit(&info);
    fill(jobs);
    uint64_t began_us = clock_mono_us();
    for (unsigned i = 0; i < workers; i++)
        if (fork() == 0) {
            drain(batch);
            exit(0);
        }
    while (wait(&status) > 0) failed |= status;
    if (failed) return 1;
    printf("{\"measure\":\"pull\",\"jobs\":%u,\"batch\":%u,\"workers\":%u,\"per_second\":%.0f}\n",
           jobs, batch, workers, jobs / ((double)(clock_mono_us() - began_us) / 1e6));
    return 0;
}
