/* tests/flow/process_run.h — for tests of programs: start one, turn the loop, look at its end.
 *
 * Every test that uses it runs between process_run_setup() and process_run_teardown(), which fails
 * where a child or a descriptor is left behind. The shells are programs under test.
 */
#ifndef PINION_TESTS_FLOW_PROCESS_RUN_H
#define PINION_TESTS_FLOW_PROCESS_RUN_H

#include <stdbool.h>
#include "tests/support/check.h"
#include "workers/process.h"

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})
#define WORD(text) ((char *)(uintptr_t)(text)) /* exec takes char *, and writes to none of them */
#define SH(script) ARGV(WORD("sh"), WORD("-c"), WORD(script))

struct run {
    struct process        process;
    unsigned              ended; /* how often on_end was called */
    struct process_result result;
};

extern struct process_host run_host;

int process_run_setup(void **state);
int process_run_teardown(void **state);

unsigned count_fds(void);     /* open ones, and a constant */
char     state_of(pid_t pid); /* the letter of /proc: 'T' is halted; 'X' if there is none */
bool     is_alive(pid_t pid);
void     assert_dies(pid_t pid);

enum pinion_err run_start(struct run *, const struct process_spec *, struct error *why);
void            run_program(struct run *, const char *path, char *const *argv);
void            run_script(struct run *, const char *script);
void            run_wait_end(struct run *);
void            run_wait_output(struct run *); /* it has said so much that it is ready */
void            run_free(struct run *);

void  assert_ended(const struct run *, enum process_end, int code);
void  assert_out(const struct run *, const char *text);
pid_t printed_pid(const struct run *);

#endif
