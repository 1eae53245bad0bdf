/* examples/chat.c — a chat and its jobs on one loop: `chat STATE_DIR`, then open the page that it
 * names. What begins with "!" becomes a job, and its result is told to the room. */
#include <ctype.h>
#include <ev.h>
#include <pinion.h>
#include <stdio.h>
#include <string.h>

static char page[] =
    "<!doctype html><html lang=en><meta charset=utf-8><title>Chat</title>"
    "<meta name=viewport content='width=device-width'><script src=/chat/script.js defer></script>"
    "<h1>Chat</h1><ul id=said></ul><form id=form><label>Message <input id=text></label>"
    "<button>Say</button></form><p>A job shouts what begins with an exclamation mark.";
static char script[] =
    "const room = new WebSocket(location.href.replace(/^http/, 'ws') + '/room');\n"
    "const tell = text => said.appendChild(document.createElement('li')).textContent = text;\n"
    "room.onopen = () => tell('(open)'), room.onclose = () => tell('(closed)');\n"
    "room.onmessage = event => tell(event.data);\n"
    "form.onsubmit = event => { event.preventDefault(); room.send(text.value); form.reset(); };\n";

static struct pinion_service *service;
static struct pinion_async *jobs;
static struct pinion_websocket *seats[100]; /* the first `taken` of them */
static size_t taken;

static void tell_room(const void *text, size_t len)
{
    pinion_websocket_send_all(seats, taken, text, len, 1); /* who does not read misses it */
}

static void shout(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);
    char loud[1000];
    size_t len = work->payload_len < sizeof loud ? work->payload_len : sizeof loud;

    (void)ctx;
    for (size_t i = 0; i < len; i++)
        loud[i] = (char)toupper(((const unsigned char *)work->payload)[i]);
    pinion_attempt_done(attempt, loud, len);
}

static void on_ended(enum pinion_err err, const struct pinion_outcome *job, const char *why,
                     void *ctx)
{
    (void)ctx;
    if (err || !job->result) tell_room(why, strlen(why));
    else tell_room(job->result, job->result_len);
}

static void on_made(enum pinion_err err, const struct pinion_enqueued *made, size_t count,
                    const char *why, void *ctx)
{
    if (err || made->err) on_ended(PINION_INTERNAL, NULL, why, ctx);
    else pinion_async_wait(jobs, made->id, count * 10000, on_ended, ctx);
}

static void on_message(struct pinion_websocket *w, const void *data, size_t len, int text,
                       void *ctx)
{
    struct pinion_job j = {.kind = "shout", .payload = data, .payload_len = len, .retain_ms = 1000};

    if (!text) return pinion_websocket_close(w, 1003, "expected text");
    tell_room(data, len);
    if (len && *(const char *)data == '!') pinion_async_enqueue(jobs, &j, 1, on_made, ctx);
}

static void on_closed(struct pinion_websocket *w, void *ctx)
{
    for (size_t i = 0; !ctx && i < taken; i++)
        if (seats[i] == w) seats[i] = seats[--taken];
}

static void on_join(struct pinion_exchange *x, void *ctx)
{
    static const struct pinion_websocket_handler guest = {
        .message = on_message, .closed = on_closed, .message_bytes_max = 1000};

    if (taken == sizeof seats / sizeof *seats) pinion_reply_error(x, PINION_BUSY, "no seat left");
    else seats[taken++] = pinion_websocket_open(x, &guest, ctx);
}

static void on_text(struct pinion_exchange *x, void *ctx)
{
    pinion_reply(x, &(struct pinion_reply){.type = ctx == page ? "text/html" : "text/javascript",
                                           .body = ctx, .body_len = strlen(ctx)});
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)loop, (void)signal, (void)events;
    pinion_service_stop(service);
}

int main(int argc, char **argv)
{
    struct pinion_service_options serve = {.state_dir = argv[1], .listen = "127.0.0.1:0"};
    struct pinion_handler handler = {.kind = "shout", .run = shout};
    struct pinion_route routes[] = {{.path = "/chat", .serve = on_text, .ctx = page},
                                    {.path = "/chat/script.js", .serve = on_text, .ctx = script},
                                    {.path = "/chat/room", .serve = on_join}};
    char why[256] = "usage: chat STATE_DIR";
    int bad = argc != 2 || pinion_service_new(EV_DEFAULT, &serve, &service, why, sizeof why) ||
              pinion_service_handle(service, &handler);
    ev_signal stop;

    for (int i = 0; !bad && i < 3; i++)
        bad = pinion_service_route(service, &routes[i], why, sizeof why) != PINION_OK;
    if (bad || pinion_service_start(service, why, sizeof why) ||
        pinion_async_open(EV_DEFAULT, &(struct pinion_async_options){.state_dir = argv[1]}, &jobs,
                          why, sizeof why))
        return fprintf(stderr, "%s\n", why), 1;
    ev_signal_init(&stop, on_signal, SIGTERM);
    ev_signal_start(EV_DEFAULT, &stop);
    while (!pinion_service_ready(service)) ev_run(EV_DEFAULT, EVRUN_ONCE);
    fprintf(stderr, "http://%s/chat\n", pinion_service_address(service));
    pinion_service_run(service);
    pinion_service_free(service);
}
