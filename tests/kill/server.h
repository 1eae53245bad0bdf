/* tests/kill/server.h — the built `pinion serve` as a process, to be killed.
 *
 * Everything dies with the test: servers by the death signal of their parent, their redis-server
 * and commands by theirs; server_clean_up() proves it. Main thread only. What goes wrong here ends
 * the test with a message.
 */
#ifndef PINION_TESTS_KILL_SERVER_H
#define PINION_TESTS_KILL_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVER_WORDS_MAX 32
#define SERVER_WAIT_MS   30000 /* for anything that takes a second on a busy machine */

struct server {
    char folder[64];                     /* state folder; made by the server */
    char log[80], socket[96];            /* its stderr; its embedded Redis */
    const char *words[SERVER_WORDS_MAX]; /* its command line, ended by NULL */
    pid_t pid;                           /* 0: it does not run */
    off_t log_from;                      /* where what this life said begins */
};

/* `folder` must not be there yet. `words`: flags beyond --state, ended by NULL; borrowed. */
void server_init(struct server *, const char *folder, const char *const words[]);
void server_start(struct server *);
/* Until this life has said a line with that text. */
void server_await(struct server *, const char *text);
void server_await_ready(struct server *);
bool server_said(const struct server *, const char *text);
/* A number that follows the last `key=` in what this life said; 0: none. */
long server_number(const struct server *, const char *event, const char *key);
void server_id(const struct server *, char id[32]); /* its name, from pinion.json */

/* Another command of the built pinion, to its end: its exit status. At most SERVER_COMMAND_MAX
 * words. */
#define SERVER_COMMAND_MAX 32
int server_command(const char *const words[]);
/* The same; what it prints, cut to size - 1 bytes, is in `text`. */
int server_ask(const char *const words[], char *text, size_t size);

void server_freeze(struct server *);  /* SIGSTOP, and waits until it stands still */
int64_t server_kill(struct server *); /* SIGKILL; the time in us when it was gone */
/* The same while it stops: SIGTERM, and SIGKILL so much later, if it is there still. */
int64_t server_kill_stopping(struct server *, uint64_t ms);
void server_stop(struct server *);        /* SIGTERM; must leave with exit status 0 */
void server_check_alive(struct server *); /* it did not end by itself */

/* What `pinion doctor` says of that Redis, which it prints: do all keys agree? */
bool doctor_finds_all_well(const char *redis_socket);

/* Orphans become ours, and so can be found. Call it first. */
void server_adopt_orphans(void);
/* Kills what is left of all that was started, which must have been on its way out: true if nothing
 * was left after `wait_ms`. */
bool server_clean_up(uint64_t wait_ms);

_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
void rest_ms(uint64_t ms);                      /* between two looks */
char *read_whole(const char *path, off_t from); /* the caller's; "" when it cannot be read */

#endif
