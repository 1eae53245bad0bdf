/* control/http/listen.h — from an address as people write it to a listening socket. */
#ifndef PINION_CONTROL_HTTP_LISTEN_H
#define PINION_CONTROL_HTTP_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

struct http_listener {
    int fd; /* non-blocking, close-on-exec */
    bool is_unix;
    char *address; /* "127.0.0.1:7466", "[::1]:80", "unix:PATH": what reaches it */
    char *host;    /* "192.0.2.1", "[2001:db8::1]"; NULL: unix, or any address of the machine */
    char *path;    /* of the socket file that we made; NULL: none */
    dev_t dev;     /* whose identity is this, so that a successor's file is left alone */
    ino_t ino;
};

/* "127.0.0.1:7466" "[::1]:0" "unix:PATH" "fd:3"; numeric, for a look-up would block. */
enum pinion_err http_listen_open(const char *text, struct http_listener *ret_listener,
                                 struct error *why) must_use;
/* Does it reach this machine only: loopback, a unix socket? What is no address at all counts as one
 * that does; opening it says why. */
bool http_listen_is_local(const char *text);
void http_listen_close(struct http_listener *); /* twice is fine */

#endif
