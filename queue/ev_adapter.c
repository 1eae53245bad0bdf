/* Four hooks say what hiredis waits for:
 *
 *      connecting:  addWrite -> watch the socket       (writable means: connected, or failed)
 *      connected:   addWrite -> flush before the loop sleeps; a rest: watch the socket
 *
 * A context may be freed inside of HandleRead and HandleWrite: neither is followed by a look at it.
 */
#include "queue/ev_adapter.h"

#include <assert.h>
#include "base/macros.h"

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    redisAsyncHandleRead(container_of(io, struct ev_adapter, read)->ctx);
}

static void write_out(struct ev_adapter *a)
{
    a->unsent = false;
    a->flushing = true;
    redisAsyncHandleWrite(a->ctx);
    a->flushing = false;
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    write_out(container_of(io, struct ev_adapter, write));
}

/* Always on, for one that another ev_prepare starts would not run before the loop sleeps. */
static void on_sleep(struct ev_loop *loop, ev_prepare *flush, int events)
{
    struct ev_adapter *a = container_of(flush, struct ev_adapter, flush);

    (void)loop;
    (void)events;
    if (a->unsent) write_out(a);
}

static void add_read(void *data)
{
    struct ev_adapter *a = data;

    ev_io_start(a->loop, &a->read);
}

static void del_read(void *data)
{
    struct ev_adapter *a = data;

    ev_io_stop(a->loop, &a->read);
}

static void add_write(void *data)
{
    struct ev_adapter *a = data;

    if (a->flushing || !a->connected)
        ev_io_start(a->loop, &a->write);
    else if (!ev_is_active(&a->write))
        a->unsent = true;
}

static void del_write(void *data)
{
    struct ev_adapter *a = data;

    ev_io_stop(a->loop, &a->write);
}

static void stop_watchers(struct ev_adapter *a)
{
    ev_io_stop(a->loop, &a->read);
    ev_io_stop(a->loop, &a->write);
    ev_prepare_stop(a->loop, &a->flush);
}

static void cleanup(void *data)
{
    struct ev_adapter *a = data;
    redisAsyncContext *ctx = a->ctx;

    ev_adapter_detach(a);
    a->on_gone(a, ctx->c.errstr);
}

void ev_adapter_init(struct ev_adapter *a, struct ev_loop *loop,
                     void (*on_gone)(struct ev_adapter *, const char *why))
{
    *a = (struct ev_adapter){.loop = loop, .on_gone = on_gone};
    ev_init(&a->read, on_readable);
    ev_init(&a->write, on_writable);
    ev_prepare_init(&a->flush, on_sleep);
    ev_set_priority(&a->flush, EV_MINPRI); /* after whoever else prepares, and may send */
}

void ev_adapter_attach(struct ev_adapter *a, redisAsyncContext *ctx)
{
    assert(!a->ctx);
    a->ctx = ctx;
    a->connected = false;
    a->unsent = false;
    ev_prepare_start(a->loop, &a->flush);
    ev_io_set(&a->read, ctx->c.fd, EV_READ);
    ev_io_set(&a->write, ctx->c.fd, EV_WRITE);
    ctx->ev.data = a;
    ctx->ev.addRead = add_read;
    ctx->ev.delRead = del_read;
    ctx->ev.addWrite = add_write;
    ctx->ev.delWrite = del_write;
    ctx->ev.cleanup = cleanup;
}

void ev_adapter_detach(struct ev_adapter *a)
{
    redisAsyncContext *ctx = a->ctx;

    if (!ctx) return;
    stop_watchers(a);
    a->ctx = NULL;
    ctx->data = NULL;
    ctx->ev.data = NULL;
    ctx->ev.addRead = ctx->ev.delRead = ctx->ev.addWrite = ctx->ev.delWrite = NULL;
    ctx->ev.cleanup = NULL;
}
