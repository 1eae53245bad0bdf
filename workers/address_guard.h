/* workers/address_guard.h — which addresses no request of ours may go to, unless they are opened.
 *
 * A URL is given by whoever runs the service, but where its name leads to is said by a name server,
 * and may change from one look to the next. So every address is judged right before its socket is
 * made, in whatever spelling it came. Forbidden is all that is not plainly another host on the
 * Internet: loopback, private and link-local networks, ways to write an IPv4 address in IPv6, and
 * so on. Pure.
 */
#ifndef PINION_WORKERS_ADDRESS_GUARD_H
#define PINION_WORKERS_ADDRESS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/text.h"

#define ADDRESS_TEXT_MAX 48 /* any address as text, with its NUL */

struct sockaddr;

struct address {
    bool          is_v6;
    unsigned char bytes[16]; /* of IPv4 the first four */
};

/* Those that share its first `bits` bits. */
struct address_range {
    struct address address;
    unsigned       bits;
};

/* false: neither IPv4 nor IPv6. */
bool address_of(const struct sockaddr *, struct address *ret_address) must_use;
const char *address_text(const struct address *, char out[ADDRESS_TEXT_MAX]);

/* "10.0.0.0/8", "fd00::/8"; without a slash that address alone. PINION_INVALID: not one, or bits
 * beyond the slash. */
enum pinion_err address_range_parse(struct span, struct address_range *ret_range,
                                    struct error *why) must_use;

/* NULL: it may be reached. Else what it is: "loopback". An IPv4 range opens no IPv6 address that
 * holds an IPv4 one. */
const char *address_forbidden(const struct address *, const struct address_range *opened,
                              size_t opened_count);

#endif
