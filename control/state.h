/* control/state.h — the state folder: who serves it, where the service listens, who it is.
 *
 *     lock          held by the service and by its redis-server only: "PID START-TIME"
 *     pinion.json   where the service listens, while it runs
 *     token         of the administrator, made on first start
 *     server        the id of this server and the boot of the machine it belongs to
 *     redis.sock, redis.log, notify.sock, store/   see redis_child.h
 *
 * One thread: the loop's. Small local files are read and written at start only, never later.
 */
#ifndef PINION_CONTROL_STATE_H
#define PINION_CONTROL_STATE_H

#include <stdbool.h>
#include "base/error.h"

#define STATE_TOKEN_LEN     64 /* 32 random bytes as hex */
#define STATE_SERVER_LEN    12
#define STATE_SOCKET_MAX    107 /* of a unix socket's path, without its NUL */
#define STATE_SOCKET        "redis.sock"
#define STATE_LOCK_WAIT_MS  10000
#define STATE_LOCK_RETRY_MS 20

struct ticker;
struct state;

/* ---- which folder: the caller frees *ret_dir --------------------------------------------------*/

/* `given` (of --state; may be NULL), else PINION_STATE, else $XDG_STATE_HOME/pinion, else
 * ~/.local/state/pinion. Always absolute. */
enum pinion_err state_dir_of_server(const char *given, char **ret_dir, struct error *why) must_use;
/* The same for a client, which takes /var/lib/pinion if only that one holds a pinion.json. */
enum pinion_err state_dir_of_client(const char *given, char **ret_dir, struct error *why) must_use;

/* Does a service hold the folder's lock? It may still be starting, or be about to end. false also
 * where the lock may not be read. */
bool state_is_served(const char *dir);

/* ---- the server's side ------------------------------------------------------------------------*/

/* Makes the folder (0700) where it is missing. PINION_INVALID: it cannot be written, others may
 * write to it, or its path is too long for a socket. Locks nothing yet. */
enum pinion_err state_open(const char *dir, struct state **ret_state, struct error *why) must_use;
/* NULL: no-op. A redis-server that inherited the lock keeps it until it has ended. */
void state_close(struct state *);

/* Takes the lock, and reads or makes token and server id. PINION_CONFLICT: another service has it.
 * PINION_BUSY: what the redis-server of a dead service still holds will be free soon. */
enum pinion_err state_lock(struct state *, struct error *why) must_use;

/* The same, waiting up to STATE_LOCK_WAIT_MS where state_lock answers PINION_BUSY (then CONFLICT).
 * `done` is called once, from the loop; not at all if the state is closed before. */
typedef void state_locked_fn(void *ctx, enum pinion_err, const struct error *why);
void state_lock_wait(struct state *, struct ticker *, state_locked_fn *done, void *ctx);

const char *state_dir(const struct state *);
int         state_lock_fd(const struct state *);   /* close-on-exec; -1: not locked */
const char *state_token(const struct state *);     /* once locked; a secret */
const char *state_boot(const struct state *);      /* once locked: the id of this boot */
const char *state_server_id(const struct state *); /* once locked; the same until the next boot */

/* What a client must know. Text is owned: state_info_deinit. */
struct state_info {
    char *http;   /* "127.0.0.1:7466", "unix:/PATH"; NULL: not served */
    char *redis;  /* URL */
    char *server; /* its id */
    long  pid;
};

enum pinion_err state_publish(struct state *, const struct state_info *,
                              struct error *why) must_use;
void state_unpublish(struct state *); /* at a clean stop */

/* ---- the client's side ------------------------------------------------------------------------*/

/* PINION_NOT_FOUND: nobody serves that folder, as far as it tells. */
enum pinion_err state_read_info(const char *dir, struct state_info *ret,
                                struct error *why) must_use;
void state_info_deinit(struct state_info *);
enum pinion_err state_read_token(const char *dir, char ret_token[STATE_TOKEN_LEN + 1],
                                 struct error *why) must_use;

#endif
