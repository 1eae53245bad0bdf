/* tests/support/redis_server.h — a private redis-server in a folder of its own.
 *
 * Listens on a unix socket, keeps nothing on disk unless told so by options, dies with the test.
 * Whatever goes wrong here ends the test with a message.
 */
#ifndef PINION_TESTS_SUPPORT_REDIS_SERVER_H
#define PINION_TESTS_SUPPORT_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server;

/* `options`: words as on its command line ("--requirepass", "secret"), ended by NULL; NULL: none.
 * Comes back when it answers PING, or answers that it wants a password. */
struct redis_server *redis_server_start(const char *const options[]);
/* Kills it if it runs, removes the folder. NULL: no-op. */
void redis_server_free(struct redis_server *);

const char *redis_server_path(const struct redis_server *);   /* of the socket */
const char *redis_server_url(const struct redis_server *);    /* "unix:" and that path */
const char *redis_server_folder(const struct redis_server *); /* socket, redis.log, data */
pid_t       redis_server_pid(const struct redis_server *);    /* 0: it does not run */

void redis_server_kill(struct redis_server *);     /* SIGKILL, and waits until it is gone */
void redis_server_shut(struct redis_server *);     /* SIGTERM: it saves if it is told to; waits */
void redis_server_freeze(struct redis_server *);   /* SIGSTOP, and waits until it stands still */
void redis_server_thaw(struct redis_server *);
void redis_server_begin(struct redis_server *);    /* starts it again, does not wait */
void redis_server_await(struct redis_server *);    /* until it answers */
/* Until it says that it reads its file. Give it --key-load-delay 50 (microseconds a key) and
 * --loading-process-events-interval-bytes 1024, or it is silent meanwhile. */
void redis_server_await_loading(struct redis_server *);
void redis_server_restart(struct redis_server *);  /* kill, begin, await */

/* One command over a connection of its own; printf, then cut at blanks. Gives the answer as text
 * (the caller's): of a number its digits, of nil "", of an array its parts, one a line. */
char *redis_server_do(const struct redis_server *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

unsigned redis_server_free_port(void); /* a TCP port of 127.0.0.1 where nobody listens now */

#endif
