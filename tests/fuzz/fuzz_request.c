/* Whole requests against the real service: parser, routes, gate and handlers, with a Redis that
 * refuses or says nothing. Whatever comes, each answer is HTTP of ours, nothing is read beyond the
 * input, nobody waits for ever, and nothing but an odd Redis breaks us (500).
 *
 * The first byte says who asks and what Redis says, the second where the bytes are cut; of the rest
 * each '~' is CR LF, so that a seed is one line of text. */
#include <ev.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/http/conn.h"
#include "control/service_inside.h"
#include "tests/flow/scratch.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mute_link.h"

#define TURNS       12 /* of the loop: more than any answer takes */
#define ANSWERS_MAX (4u << 20)

static struct config config;
static struct ev_loop *loop;
static struct service *service;
static char scratch[SCRATCH_MAX];
static bool redis_is_odd; /* it says what no script of ours would: that is told by a 500 */

static void must(bool condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "fuzz_request: %s\n", what);
    abort();
}

static void turns(unsigned count)
{
    while (count--) ev_run(loop, EVRUN_NOWAIT);
}

/* ---- the service ----------------------------------------------------------------------------- */

static void remove_scratch(void)
{
    scratch_remove(scratch);
}

static void set(const char *key, const char *value)
{
    struct error why;

    must(config_set(&config, key, value, &why) == PINION_OK, key);
}

static void start_service(void)
{
    struct error why = {0};

    must(scratch_make(scratch), "no scratch folder");
    atexit(remove_scratch);
    log_set(LOG_ERROR, LOG_AS_TEXT);
    config_init(&config);
    set("redis", "redis://127.0.0.1:1");
    set("listen", "127.0.0.1:0");
    set("state", scratch);
    set("command", "wc=wc -w");
    must(config_finish(&config, &why) == PINION_OK, why.text);
    loop = ev_loop_new(EVFLAG_AUTO);
    service = service_new(loop, &config);
    must(service_start(service, &why) == PINION_OK, why.text);
    for (int i = 0; i < 1000 && !service->link; i++) turns(1);
    must(service->link && service->http, "the service did not begin");
}

/* ---- answers --------------------------------------------------------------------------------- */

/* false: a stream, or nothing. */
static bool length_of(struct span head, size_t *ret_len)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *at = memmem(head.data, head.len, name, sizeof name - 1);

    if (at) *ret_len = (size_t)strtoul(at + sizeof name - 1, NULL, 10);
    return at != NULL;
}

static void check_json(struct span head, struct span body)
{
    static const char type[] = "\r\nContent-Type: application/json\r\n";
    json_t *json;

    if (!memmem(head.data, head.len, type, sizeof type - 1) || !body.len) return;
    if (memmem(head.data, head.len, "\r\nContent-Encoding:", 19)) return;
    json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    must(json != NULL, "a body that is not JSON");
    json_decref(json);
}

/* One answer, and its length; 0: what follows is a stream, or the body of none, as of HEAD. */
static size_t check_answer(struct span got)
{
    const char *end = memmem(got.data, got.len, "\r\n\r\n", 4);
    unsigned status = 0;

    must(got.len >= 12 && memcmp(got.data, "HTTP/1.1 ", 9) == 0, "an answer that is not HTTP");
    must(sscanf(got.data + 9, "%3u", &status) == 1 && status >= 100 && status < 600, "no status");
    must(status != 500 || redis_is_odd, got.data);
    must(end != NULL, "a head without end");
    struct span head = {got.data, (size_t)(end - got.data) + 4};
    size_t body = 0;
    if (status == 100 || status == 204) return head.len;
    if (!length_of(head, &body) || head.len + body > got.len) return 0;
    if (body && memcmp(end + 4, "HTTP/1.1 ", got.len - head.len < 9 ? 1 : 9) == 0) return 0;
    check_json(head, (struct span){end + 4, body});
    return head.len + body;
}

static void check_answers(int fd, bool all)
{
    static struct buffer got;
    ssize_t n;
    size_t at = 0, len = 0;

    buffer_clear(&got);
    while ((n = recv(fd, buffer_reserve(&got, 65536), 65536, MSG_DONTWAIT)) > 0) {
        got.len += (size_t)n;
        must(got.len < ANSWERS_MAX, "answers without end");
    }
    if (!all) return;
    while (at < got.len && (len = check_answer((struct span){got.data + at, got.len - at})))
        at += len;
}

/* ---- one client ------------------------------------------------------------------------------ */

static struct http_peer who_asks(unsigned number)
{
    struct http_peer peer = {.local = number != 2, .text = "fuzz"};

    if (number == 0) { /* our own user: an administrator */
        peer.by_unix_socket = true;
        peer.uid = geteuid();
    }
    return peer;
}

static int connect_client(unsigned who)
{
    struct http_peer peer = who_asks(who);
    struct http_peer_key key = {{(unsigned char)who}};
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, "no pair");
    struct http_peer_count *count = http_peers_add(&service->http->peers, &key, 8);
    must(count != NULL, "connections are left over");
    service->http->connections++;
    http_conn_open(service->http, pair[0], &peer, count);
    return pair[1];
}

static void send_bytes(int fd, const char *data, size_t len)
{
    if (len && send(fd, data, len, MSG_NOSIGNAL) < 0) return; /* it has closed: it may */
    turns(TURNS / 2);
}

static void visit(unsigned who, struct span bytes, size_t cut)
{
    int fd = connect_client(who);

    if (cut > bytes.len) cut = bytes.len;
    send_bytes(fd, bytes.data, cut);
    send_bytes(fd, bytes.data + cut, bytes.len - cut);
    turns(TURNS);
    check_answers(fd, true);
    close(fd);
    mute_link_says(MUTE_UNAVAILABLE, 0);
    for (int i = 0; i < 100 && !list_empty(&service->http->conns); i++) {
        turns(2);
        mute_link_flush();
    }
    for (int i = 0; i < 100 && !list_empty(&service->http->closed); i++) {
        turns(2);
        mute_link_flush();
    }
    must(service->http->connections == 0, "a client that left is still there");
    must(list_empty(&service->http->closed), "an exchange that nobody answers");
    must(service->http->buffered == 0, "bytes that nobody has are counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer bytes = BUFFER_INIT;

    if (!service) start_service();
    if (size < 2) return 0;
    for (size_t i = 2; i < size; i++)
        if (data[i] == '~')
            buffer_add_text(&bytes, "\r\n");
        else
            buffer_add_char(&bytes, (char)data[i]);
    enum mute_answer how = data[0] / 3 % MUTE_ANSWERS;
    redis_is_odd = how >= MUTE_REFUSED;
    mute_link_says(how, data[1]);
    visit(data[0] % 3, (struct span){bytes.data ? bytes.data : "", bytes.len}, data[1]);
    buffer_deinit(&bytes);
    return 0;
}
