/* tests/sim/store.h — the real Redis of a simulation: it runs what arrives, at the virtual time.
 *
 * Its scripts are those of queue/scripts with a clock that a key sets; which idle server is woken
 * is chosen by the world. After every call the queue is looked at (look.lua) and entered in the
 * books.
 */
#ifndef PINION_TESTS_SIM_STORE_H
#define PINION_TESTS_SIM_STORE_H

#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "queue/script.h"

struct redisReply;
struct ear;

extern const char *const look_script; /* look.lua */

/* A fault that is planted in a script: the first place of `from` becomes `to`. */
struct planted {
    enum script script;
    const char *from, *to; /* from NULL: none */
};

void store_open(void);
void store_close(void);
void store_begin(const struct planted *); /* an empty Redis; NULL: with the scripts as they are */

/* One request as it is on the wire. The answer is the caller's. */
struct redisReply *store_run(struct span request, enum script);

struct span store_key(void); /* of the one queue, `q` in the namespace `pinion` */
int64_t store_now_us(void);
void store_step_clock(int64_t us); /* Redis's clock alone, also back */

/* One real subscription. What is published is heard right after the call that published it. */
typedef void ear_fn(void *ctx, const char *channel, struct span text);
struct ear *ear_new(ear_fn *, void *ctx);
void ear_open(struct ear *, const char *const channels[], size_t count);
void ear_close(struct ear *); /* Redis knows at once that nobody listens */
void ear_free(struct ear *);

#endif
