/* cli/bench_child.h — a process that helps a benchmark, and that ends when we end, however we do.
 *
 * We hold one end of its `life`: once that is closed, by us or by the kernel, it tidies up and
 * goes. It tells us single letters, or 'x' and why it failed.
 */
#ifndef PINION_CLI_BENCH_CHILD_H
#define PINION_CLI_BENCH_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

enum child_word { CHILD_READY = 'r', CHILD_DONE = 'd', CHILD_FAILED = 'x' };

/* Our side. */
struct child {
    pid_t pid; /* 0: none */
    int life;  /* to be closed */
    int tell;  /* to be read */
};

/* Its side. */
struct child_self {
    int life; /* readable: go */
    int tell;
};

/* Runs in the child, whose end is its return. */
typedef void child_fn(const struct child_self *, void *arg);

enum pinion_err child_start(struct child *, child_fn *, void *arg, struct error *why) must_use;
/* Until it says the word. PINION_UNAVAILABLE: it failed, said nothing for timeout_ms, or a signal
 * came (`signals` is a signalfd). `what` names it in messages. */
enum pinion_err child_wait(const struct child *, enum child_word, int signals, uint64_t timeout_ms,
                           const char *what, struct error *why) must_use;
void child_stop(struct child *); /* and waits for its end; none: no-op */

/* In the child. */
void child_tell(const struct child_self *, enum child_word);
bool child_orphaned(const struct child_self *); /* shall it go? */
void child_fail(const struct child_self *, const char *why);

#endif
