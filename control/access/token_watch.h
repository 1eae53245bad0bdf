/* control/access/token_watch.h — notices at once that the file `tokens` was replaced, by inotify.
 *
 * Embed it. Loop thread only. Where the system does not let it watch, it says so in the log, and
 * SIGHUP is what tells the service.
 */
#ifndef PINION_CONTROL_ACCESS_TOKEN_WATCH_H
#define PINION_CONTROL_ACCESS_TOKEN_WATCH_H

#include <ev.h>

struct token_watch { /* private */
    ev_io readable;
    struct ev_loop *loop;
    int fd; /* -1: it does not watch */
    void (*changed)(void *ctx);
    void *ctx;
};

/* `changed` is called from the loop, once for all that was noticed in its turn. */
void token_watch_start(struct token_watch *, struct ev_loop *, const char *dir,
                       void (*changed)(void *ctx), void *ctx);
void token_watch_stop(struct token_watch *);

#endif
