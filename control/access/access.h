/* control/access/access.h — whom a service knows: its owner's token, and those of the file
 * `tokens`, which is read again whenever it changes. It tells when somebody is known no more.
 *
 * Loop thread only. What find gives is valid until the loop turns.
 */
#ifndef PINION_CONTROL_ACCESS_ACCESS_H
#define PINION_CONTROL_ACCESS_ACCESS_H

#include "control/access/token_set.h"

#define ACCESS_OWNER "owner" /* what the state folder's own token is called; it is an admin */

struct access;
struct ev_loop;
struct ticker;

struct access_options {
    struct ev_loop *loop;
    struct ticker *ticker;
    const char *dir;
    const char *owner; /* the secret of the state folder */
    void (*changed)(void *ctx); /* tokens came, went or expired: see access_known */
    void *ctx;
};

/* PINION_INVALID: the file is damaged, or others may read it. That its changes cannot be watched is
 * a warning in the log. */
enum pinion_err access_new(const struct access_options *, struct access **ret_access,
                           struct error *why) must_use;
void access_stop(struct access *); /* it notices nothing more; NULL, twice: no-op */
void access_free(struct access *); /* NULL: no-op */

/* Reads the file again. PINION_INVALID: it is damaged; what was known before is still known. */
enum pinion_err access_reload(struct access *, struct error *why) must_use;

/* Somebody there showed a wrong token. false: too many of them lately. */
bool access_wrong(struct access *, const void *peer, size_t len);
/* May the log tell of one more refusal of somebody there? `untold`: of how many it did not, since
 * it last did. */
bool access_tells(struct access *, const void *peer, size_t len, uint64_t *ret_untold);

/* Whose token is that? NULL: nobody's, or one that has expired. */
const struct token *access_find(const struct access *, struct span secret);
/* Is one still good? By its name and its mark; NULL: it is not. */
const struct token *access_known(const struct access *, const char *name, uint64_t mark);
uint64_t            token_mark(const struct token *);
size_t   access_tokens(const struct access *); /* besides the owner's */
uint64_t access_wrong_tokens(const struct access *); /* that were shown so far */

#endif
