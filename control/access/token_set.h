/* control/access/token_set.h — the tokens that a service knows besides its owner's: who may do what
 * in which queues, and until when. Pure: no file, no clock.
 *
 * Of a token itself only its hash is kept. As text, one line each, the fields parted by blanks:
 *
 *     # pinion tokens 1
 *     NAME ROLES QUEUES MADE EXPIRES SHA256
 *     ci enqueue,work mail.* 2026-11-23T19:00:00.000Z never 9f86d081884c7d65...
 *
 * QUEUES is how the names of its queues begin, with a '*' behind it; '*' alone is all of them.
 */
#ifndef PINION_CONTROL_ACCESS_TOKEN_SET_H
#define PINION_CONTROL_ACCESS_TOKEN_SET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "queue/limits.h"

#define TOKENS_MAX           1000
#define TOKEN_NAME_MAX       64
#define TOKEN_SECRET_PREFIX  "pinion_" /* so that a search for leaked secrets knows it */
#define TOKEN_SECRET_LEN     (sizeof TOKEN_SECRET_PREFIX - 1 + 64) /* 32 random bytes as hex */
#define TOKEN_LINE_MAX       320
#define TOKENS_BYTES_MAX     (TOKENS_MAX * TOKEN_LINE_MAX)

/* What a role lets do: reading, in all of them; making jobs and batches; leasing and settling jobs;
 * everything. */
enum role { ROLE_NONE, ROLE_READ, ROLE_ENQUEUE, ROLE_WORK, ROLE_ADMIN, ROLES };

#define ROLE_BIT(role) (1u << (role))

struct token {
    char name[TOKEN_NAME_MAX + 1];
    unsigned roles; /* ROLE_BIT of each */
    char queues[QUEUE_NAME_MAX + 1]; /* how their names begin; "": all queues */
    int64_t made_ms, expires_ms;     /* since 1970; expires 0: never */
    unsigned char hash[SHA256_BYTES];
};

struct token_set {
    struct token *tokens; /* in the order in which they were made */
    size_t count;
};

const char *role_name(enum role);
/* "enqueue", "enqueue,work". PINION_INVALID: says which there are. */
enum pinion_err roles_parse(struct span, unsigned *ret_roles, struct error *why) must_use;
void            roles_print(unsigned roles, struct buffer *out);
/* PINION_INVALID: says what was expected. */
enum pinion_err token_name_check(struct span, struct error *why) must_use;
enum pinion_err token_queues_check(struct span prefix, struct error *why) must_use;

/* PINION_INVALID: "line N: what was expected". Empty text is the empty set. */
enum pinion_err token_set_parse(struct span text, struct token_set *ret_set,
                                struct error *why) must_use;
void            token_set_print(const struct token_set *, struct buffer *out);
void            token_set_deinit(struct token_set *); /* empty and usable afterwards */

/* Copies it. PINION_CONFLICT: the name is taken; PINION_TOO_LARGE: there are TOKENS_MAX. */
enum pinion_err token_set_add(struct token_set *, const struct token *, struct error *why) must_use;
bool            token_set_remove(struct token_set *, const char *name); /* false: not there */

bool token_expired(const struct token *, int64_t now_ms);
void token_hash(struct span secret, unsigned char hash[SHA256_BYTES]);
/* Whose is that? NULL: nobody's. An expired one is found, too. Takes the same time wherever, and
 * whether or not, it is found. */
const struct token *token_set_find(const struct token_set *,
                                   const unsigned char hash[SHA256_BYTES]);
bool token_hash_equal(const unsigned char a[SHA256_BYTES], const unsigned char b[SHA256_BYTES]);

/* Is the queue one of those that begin so? */
bool queues_include(const char *prefix, struct span queue);

#endif
