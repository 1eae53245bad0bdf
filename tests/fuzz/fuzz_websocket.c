/* Frames of a WebSocket, good and bad, against the real server: what it tells its handler, what it
 * sends back and how it ends is what a dumb reading of the same bytes gives, however they are cut;
 * and when the client has left, nothing of it is.
 *
 * The first byte says how it is served, the second where the bytes are cut. The rest spells frames,
 * so that a seed is one line of text: a letter, then the payload up to a '|'.
 *     t text   b binary   m continuation   c close   p ping   o pong   x and two digits: any
 *     T B M the same without FIN
 *     # bytes that are no frame of ours
 * Before the letter: ! not masked, 0 masked by zeros, w or W a length in 16 or 64 bits, + or - one
 * byte more or less said than sent, = and six digits the payload over and over, so many bytes. %xx
 * is a byte. */
#include <ctype.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "control/http/flow.h"
#include "control/http/websocket.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/websocket_twin.h"
#include "tests/support/property.h"

#define PAYLOAD_MAX (HTTP_MESSAGE_BYTES_MAX + 1000u)
#define BYTES_MAX   (256u << 10) /* that one client sends */
#define TURNS_MAX   10000        /* of the loop, until all is taken and answered */
#define NEVER_MS    (UINT64_C(1) << 40)
#define END_CODE    4321

static struct ev_loop *loop;
static struct http_server *server;

/* What the handler is told, and how it serves. */
static struct http_stream stream;
static struct buffer told;
static unsigned messages, ends;
static struct twin_options serving;

static void must(bool condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "fuzz_websocket: %s\n", what);
    abort();
}

/* ---- the server ------------------------------------------------------------------------------ */

static void on_message(struct http_stream *s, struct span message, bool text)
{
    must(!ends, "a message after the end");
    twin_tell(&told, message, text);
    if (serving.echoes) {
        struct http_message *m = http_message_new(message.data, message.len, text);
        must(http_stream_send_message(s, m), "no room for an echo");
        http_message_free(m);
    }
    if (++messages == serving.ends_at) http_stream_end(s, END_CODE, "as told");
}

static void on_ended(struct http_stream *s)
{
    ends++;
    must(!http_stream_is_open(s), "it is told to have ended, and is open");
}

static void handle(struct http_exchange *x, const struct http_request *request, void *ctx)
{
    static const struct http_stream_type type = {on_message, NULL, on_ended};
    struct http_websocket_options options = {.message_bytes_max = serving.message_bytes_max};

    (void)ctx;
    stream = (struct http_stream){.type = &type};
    http_websocket_open(x, request, &stream, &options);
}

static void start_server(void)
{
    struct http_options options = {
        .listen = "127.0.0.1:0",
        /* A machine that stands still for a while is no client that does. */
        .limits = {.head_ms = NEVER_MS,
                   .idle_ms = NEVER_MS,
                   .write_ms = NEVER_MS,
                   .linger_ms = NEVER_MS,
                   .stall_ms = NEVER_MS,
                   .ping_ms = NEVER_MS,
                   .stream_queue_bytes_max = 4 * BYTES_MAX},
    };
    struct error why = {0};

    log_set(LOG_ERROR, LOG_AS_TEXT);
    loop = ev_loop_new(EVFLAG_AUTO);
    must(http_server_open(loop, ticker_new(loop), &options, handle, NULL, &server, &why) ==
             PINION_OK,
         why.text);
}

/* ---- spelling -------------------------------------------------------------------------------- */

struct spelling {
    struct span left;
    struct buffer payload;
    bool bare, zeros; /* ! 0 */
    size_t filled;    /* = */
    char width;       /* w W; 0: as short as it goes */
    int lie;          /* + - */
};

static char next_char(struct spelling *s)
{
    s->left.len--;
    return *s->left.data++;
}

/* -1, and nothing is taken: so many digits do not follow. */
static long read_hex(struct spelling *s, size_t count)
{
    char digits[8] = "";

    if (s->left.len < count) return -1;
    memcpy(digits, s->left.data, count);
    if (strspn(digits, "0123456789abcdefABCDEF") < count) return -1;
    s->left.data += count, s->left.len -= count;
    return strtol(digits, NULL, 16);
}

static void read_payload(struct spelling *s)
{
    char c;

    buffer_clear(&s->payload);
    while (s->left.len && (c = next_char(s)) != '|') {
        long byte = c == '%' ? read_hex(s, 2) : -1;
        buffer_add_char(&s->payload, byte >= 0 ? (char)byte : c);
    }
    while (s->payload.len && s->payload.len < s->filled) {
        size_t more = s->filled - s->payload.len;
        if (more > s->payload.len) more = s->payload.len;
        buffer_reserve(&s->payload, more);
        buffer_add(&s->payload, s->payload.data, more);
    }
}

static void add_frame(struct spelling *s, unsigned first, struct buffer *out)
{
    static const char mask[] = "\x37\xfa\x21\x3d";
    uint64_t len = s->payload.len + (uint64_t)(int64_t)s->lie;
    char width = s->width ? s->width : len < 126 ? 0 : len <= UINT16_MAX ? 'w' : 'W';
    unsigned more = width == 'W' ? 8 : width == 'w' ? 2 : 0;

    buffer_add_char(out, (char)first);
    buffer_add_char(out, (char)((s->bare ? 0 : 0x80) | (more == 8 ? 127 : more ? 126 : len)));
    while (more--) buffer_add_char(out, (char)(len >> (8 * more)));
    if (!s->bare) buffer_add(out, s->zeros ? "\0\0\0\0" : mask, 4);
    char *to = buffer_reserve(out, s->payload.len);
    for (size_t i = 0; i < s->payload.len; i++)
        to[i] = (char)(s->payload.data[i] ^ (s->bare || s->zeros ? 0 : mask[i % 4]));
    out->len += s->payload.len;
}

/* false: no letter of a frame, and perhaps one of what stands before it. */
static bool read_letter(struct spelling *s, char c, unsigned *ret_first)
{
    static const char letters[] = "mtb.....cpo";
    const char *at = strchr(letters, tolower((unsigned char)c));
    long number;

    switch (c) {
    case '!': s->bare = true; return false;
    case '0': s->zeros = true; return false;
    case '=':
        number = read_hex(s, 6);
        s->filled = number > (long)PAYLOAD_MAX ? PAYLOAD_MAX : number < 0 ? 0 : (size_t)number;
        return false;
    case '+': s->lie = 1; return false;
    case '-': s->lie = -1; return false;
    case 'w':
    case 'W': s->width = c; return false;
    case 'x':
        if ((number = read_hex(s, 2)) < 0) return false;
        *ret_first = (unsigned)number;
        return true;
    default:
        if (!at || !*at || c == '.') return false;
        *ret_first = (unsigned)(at - letters) | (isupper((unsigned char)c) ? 0 : 0x80);
        return true;
    }
}

static void spell(struct span text, struct buffer *out)
{
    struct spelling s = {.left = text};
    unsigned first;

    while (s.left.len && out->len < BYTES_MAX) {
        char c = next_char(&s);
        if (c != '#' && !read_letter(&s, c, &first)) continue;
        read_payload(&s);
        if (c == '#') buffer_add(out, s.payload.data, s.payload.len);
        else add_frame(&s, first, out);
        s = (struct spelling){.left = s.left, .payload = s.payload};
    }
    buffer_deinit(&s.payload);
}

/* ---- one client ------------------------------------------------------------------------------ */

static int connect_client(void)
{
    struct http_peer peer = {.local = true, .text = "fuzz"};
    struct http_peer_key key = {{0}};
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, "no pair");
    struct http_peer_count *count = http_peers_add(&server->peers, &key, 8);
    must(count != NULL, "connections are left over");
    server->connections++;
    http_conn_open(server, pair[0], &peer, count);
    return pair[1];
}

static size_t waiting_in(int fd)
{
    int bytes = 0;

    must(ioctl(fd, FIONREAD, &bytes) == 0, "no count of bytes");
    return (size_t)bytes;
}

/* Has the server taken all that was sent, and said all that it has to say? */
static bool is_quiet(void)
{
    const struct http_exchange *x;

    if (!list_empty(&server->again) || !list_empty(&server->closed)) return false;
    if (list_empty(&server->conns)) return true;
    x = container_of(server->conns.next, struct http_exchange, node);
    return !waiting_in(x->fd) && !http_conn_unsent(x) && !(x->flow && x->flow->count);
}

static void settle(int fd, struct buffer *got)
{
    unsigned turns = 0;
    ssize_t n;

    do {
        must(turns++ < TURNS_MAX, "the server does not come to rest");
        ev_run(loop, EVRUN_NOWAIT);
        while (fd >= 0 && (n = recv(fd, buffer_reserve(got, 65536), 65536, 0)) > 0)
            got->len += (size_t)n;
    } while (!is_quiet());
    must(server->buffered <= 4 * HTTP_MESSAGE_BYTES_MAX, "it keeps more than a message needs");
}

static void send_all(int fd, struct span bytes, struct buffer *got)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return; /* it has closed: it may */
        if (n > 0) bytes = (struct span){bytes.data + n, bytes.len - (size_t)n};
        settle(fd, got);
    }
}

/* The whole at once, byte by byte (so far as there are few), or pieces by chance. */
static void send_in_cuts(int fd, struct span bytes, unsigned char how, struct buffer *got)
{
    struct prng prng = {how};
    size_t least = 1 + bytes.len / 256;

    while (bytes.len) {
        size_t cut = how == '0' ? bytes.len : how == '1' ? least : least + prng_below(&prng, 40);
        if (cut > bytes.len) cut = bytes.len;
        send_all(fd, (struct span){bytes.data, cut}, got);
        bytes = (struct span){bytes.data + cut, bytes.len - cut};
    }
}

static void open_websocket(int fd, struct buffer *got)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    send_all(fd, span_of(request), got);
    must(got->len > 12 && memcmp(got->data, "HTTP/1.1 101", 12) == 0, "no WebSocket");
    must(memcmp(got->data + got->len - 4, "\r\n\r\n", 4) == 0, "it speaks first");
    buffer_clear(got);
}

/* ---- what came of it ------------------------------------------------------------------------- */

static void check_close(const struct twin *t, struct span rest)
{
    const unsigned char *b = (const unsigned char *)rest.data;
    unsigned code = rest.len >= 4 ? b[2] * 256u + b[3] : 0;

    must(rest.len >= 2 && b[0] == 0x88 && b[1] == rest.len - 2, "no close, or more than that");
    must(b[1] != 1 && code == t->code, "another close code");
    must(rest.len < 4 || text_is_utf8(rest.data + 4, rest.len - 4), "a reason that is no text");
}

static void check_outcome(const struct twin *t, struct span got)
{
    must(told.len == t->told.len && (!told.len || !memcmp(told.data, t->told.data, told.len)),
         "other messages are told");
    must(got.len >= t->sent.len && (!t->sent.len || !memcmp(got.data, t->sent.data, t->sent.len)),
         "other frames are sent");
    struct span rest = {got.data + t->sent.len, got.len - t->sent.len};
    must(ends == (rest.len > 0), "an end that is not said, or the other way");
    must(t->closed || t->may_be_closed || !rest.len, "a close without need");
    if (t->closed || rest.len) check_close(t, rest);
}

static void visit(struct span bytes, unsigned char how)
{
    static struct buffer got; /* its room is kept */
    struct twin twin = {.messages = 0};
    int fd = connect_client();

    buffer_clear(&got);
    buffer_clear(&told);
    messages = ends = 0;
    open_websocket(fd, &got);
    twin_read(&twin, &serving, bytes);
    send_in_cuts(fd, bytes, how, &got);
    check_outcome(&twin, (struct span){got.data ? got.data : "", got.len});
    close(fd);
    settle(-1, NULL);
    must(ends == 1, "its end was not told once");
    must(server->connections == 0, "a client that left is still there");
    must(server->buffered == 0 && server->unsent == 0, "bytes that nobody has are counted");
    twin_deinit(&twin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer bytes = BUFFER_INIT;

    if (!server) start_server();
    if (size < 2) return 0;
    serving = (struct twin_options){
        .message_bytes_max = data[0] & 2 ? 1000 : HTTP_MESSAGE_BYTES_MAX,
        .echoes = data[0] & 1,
        .ends_at = data[0] >> 2 & 3,
        .end_code = END_CODE,
    };
    spell((struct span){(const char *)data + 2, size - 2}, &bytes);
    visit((struct span){bytes.data ? bytes.data : "", bytes.len}, data[1]);
    buffer_deinit(&bytes);
    return 0;
}
