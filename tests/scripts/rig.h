/* tests/scripts/rig.h — a private Redis in virtual time, and one queue `q` in it.
 *
 * Requests are made by the builders of queue/ and sent as they are, one at a time. The scripts were
 * built with the clock of tests/support/lua: time stands still until a test moves it. What fails
 * here fails the test.
 */
#ifndef PINION_TESTS_SCRIPTS_RIG_H
#define PINION_TESTS_SCRIPTS_RIG_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include "base/buffer.h"
#include "queue/key.h"
#include "queue/request.h"

struct redis_server;

#define RIG_START_MS INT64_C(1790000000000)

struct rig {
    struct redis_server *server;
    redisContext    *redis, *ear; /* ear: NULL until rig_listen */
    struct queue_key key;
    struct request   request; /* fill it by a builder, then rig_send */
    struct buffer    heard;
    int64_t          now_us;
};

void rig_open(struct rig *);
void rig_close(struct rig *);
void rig_reset(struct rig *);              /* an empty Redis, the clock at the start */
void rig_step_us(struct rig *, int64_t);   /* also back */
void rig_step(struct rig *, int64_t ms);
int64_t rig_now_ms(const struct rig *);

struct span rig_key(const struct rig *);
redisReply *rig_send(struct rig *);        /* the request; an error reply is given back too */
redisReply *rig_ask(struct rig *);         /* the same, but an error reply fails */
redisReply *rig_ask_with(struct rig *, struct request *); /* the same with another request */
redisReply *rig_command(struct rig *, const char *format, ...);
/* What tests/sim/look.lua says of the raw keys. Fails when they contradict each other. */
redisReply *rig_look(struct rig *);
int64_t rig_int(struct rig *, const char *format, ...); /* a command with a number for an answer */

/* As if a minute had passed: the answers of calls end by Redis's own clock. How many there were. */
int64_t rig_forget_calls(struct rig *);

void rig_listen(struct rig *, const char *channel);
/* What was published since the last call: lines `CHANNEL TEXT\n`. Borrowed until the next call. */
const char *rig_heard(struct rig *);

#endif
