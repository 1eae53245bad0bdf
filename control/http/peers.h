/* control/http/peers.h — who connected, and how many connections each of them has. */
#ifndef PINION_CONTROL_HTTP_PEERS_H
#define PINION_CONTROL_HTTP_PEERS_H

#include <sys/socket.h>
#include "base/list.h"
#include "control/http/http.h"

#define HTTP_PEER_BUCKETS 256

/* What counts as one peer: an IPv4 address, an IPv6 /64, a user of the unix socket. */
struct http_peer_key {
    unsigned char bytes[HTTP_HOUSEHOLD_BYTES];
};

struct http_peer_count {
    struct list node;
    struct http_peer_key key;
    unsigned connections; /* never 0 */
};

struct http_peers {
    uint64_t seed; /* so that nobody can choose addresses of one bucket */
    struct list bucket[HTTP_PEER_BUCKETS];
};

/* Fills both from an accepted descriptor and the address that accept gave. */
void http_peer_of(int fd, const struct sockaddr_storage *, struct http_peer *ret_peer,
                  struct http_peer_key *ret_key);

void http_peers_init(struct http_peers *); /* nothing to free while it counts nobody */
/* One connection more; NULL: the peer has `max` already. */
struct http_peer_count *http_peers_add(struct http_peers *, const struct http_peer_key *,
                                       unsigned max);
void http_peers_remove(struct http_peer_count *);

#endif
