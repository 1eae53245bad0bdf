/* tests/flow/cases.h — the same jobs for every kind of handler, from one table.
 *
 * The first line of a job's payload is an order to its handler: a verb, then after a blank what it
 * takes.
 *     done [TEXT]        is done, with that result
 *     slow MS            is done after that time; stops when it must
 *     deaf MS            the same, but does not hear that it must stop
 *     fail TEXT          fails; with backoff, as long as attempts are left
 *     reject TEXT        fails for good
 *     again TEXT         fails at the first attempt, is done at the next
 *     later MS           asks at the first attempt for the next one after that time
 *     tell PERCENT NOTE  tells how far it is, then is done
 *     flood BYTES        is done, with a result of so many bytes 'x'
 *     bytes              is done, with four bytes that are no UTF-8
 *     count              is done, with the number of bytes of its payload, order and all
 *     who                is done, with "QUEUE:ID KIND ATTEMPT" of its job
 *     crash              its process ends as if it were shot
 */
#ifndef PINION_TESTS_FLOW_CASES_H
#define PINION_TESTS_FLOW_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct json_t;
struct service;

/* What not every kind of handler can do, or need not. */
#define CASE_REJECTS  1u  /* says that no other attempt would help */
#define CASE_LATER    2u  /* says when the next attempt is to be */
#define CASE_TELLS    4u  /* progress */
#define CASE_CRASHES  8u  /* has a process of its own, that may crash */
#define CASE_STOPS    16u /* what is deaf is stopped all the same, by force */
#define CASE_HEARS    32u /* learns that it must stop */
#define CASE_CUTS     64u /* a result that is too long is cut; else it is refused */
#define CASE_DEAFENS  128u /* what does not hear of a cancel may still be done */

struct case_runner {
    const char *name;
    const char *kind;              /* of its jobs; NULL: "case.NAME" */
    unsigned    can;               /* CASE_... */
    bool        heeds;             /* it cannot be deaf */
    struct json_t *(*wrap)(const char *order, size_t len); /* the payload; NULL: the order is */
    void (*configure)(struct config *); /* NULL: nothing; before the service is made */
    void (*add)(struct service *);      /* NULL: nothing; before it starts */
    void (*end)(void);                  /* NULL: nothing; after it has stopped */
};

extern const struct case_runner callback_cases, command_cases, webhook_cases, coroutine_cases,
    pull_cases, thread_cases, exec_cases;

struct one_case {
    const char *name, *order;
    unsigned    needs;        /* of CASE_... */
    size_t      padding;      /* bytes behind the order, from a newline on: less what it is wrapped
                               * in */
    unsigned    attempts_max; /* 0: 2 */
    uint64_t    timeout_ms;   /* 0: as long as it likes */
    uint64_t    lease_ms;     /* 0: the service's */
    bool        cancel;       /* as soon as it runs */
    bool        deaf;         /* not for a runner that heeds */
    const char *state;        /* what comes of it, */
    unsigned    attempts;     /* how many it had, */
    const char *result;       /* all of it; NULL: none; */
    size_t      result_len;   /* or so many bytes 'x', */
    const char *error;        /* in the last one, or NULL, */
    const char *progress;     /* and "PERCENT NOTE" of what it told, or NULL */
};

extern const struct one_case cases[];
extern const size_t cases_count;

/* An order in its parts; `text` is what follows the verb, to the end of the line. */
struct order {
    char   verb[16];
    const char *text;
    size_t text_len;
};

struct order order_read(const void *payload, size_t len);

/* For handlers in C (cases_orders.c): does what the job says. What takes time is left to `slow`,
 * which finishes the attempt after that, or when it must stop, unless it is deaf. */
struct pinion_attempt;
typedef void order_slow_fn(struct pinion_attempt *, uint64_t ms, bool deaf);
void order_obey(struct pinion_attempt *, order_slow_fn *slow);

#endif
