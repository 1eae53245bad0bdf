#include "control/http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static void peer_of_user(int fd, struct http_peer *peer, struct http_peer_key *key)
{
    struct ucred who = {0, (uid_t)-1, (gid_t)-1};
    socklen_t len = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) who.uid = (uid_t)-1;
    peer->local = peer->by_unix_socket = true;
    peer->uid = who.uid;
    snprintf(peer->text, sizeof peer->text, "uid %u", (unsigned)who.uid);
    key->bytes[0] = 1;
    memcpy(key->bytes + 8, &who.uid, sizeof who.uid);
}

static void peer_of_v4(const struct in_addr *address, struct http_peer *peer,
                       struct http_peer_key *key)
{
    peer->local = ntohl(address->s_addr) >> 24 == 127;
    inet_ntop(AF_INET, address, peer->text, sizeof peer->text);
    key->bytes[0] = 4;
    memcpy(key->bytes + 8, address, sizeof *address);
}

static void peer_of_v6(const struct in6_addr *address, struct http_peer *peer,
                       struct http_peer_key *key)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        struct in_addr v4;
        memcpy(&v4, address->s6_addr + 12, sizeof v4);
        peer_of_v4(&v4, peer, key);
        return;
    }
    peer->local = IN6_IS_ADDR_LOOPBACK(address);
    inet_ntop(AF_INET6, address, peer->text, sizeof peer->text);
    key->bytes[0] = 6;
    memcpy(key->bytes + 8, address->s6_addr, 8); /* one household: its /64 */
}

void http_peer_of(int fd, const struct sockaddr_storage *from, struct http_peer *ret_peer,
                  struct http_peer_key *ret_key)
{
    memset(ret_peer, 0, sizeof *ret_peer);
    memset(ret_key, 0, sizeof *ret_key);
    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        peer_of_v4(&in.sin_addr, ret_peer, ret_key);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        peer_of_v6(&in6.sin6_addr, ret_peer, ret_key);
    } else {
        peer_of_user(fd, ret_peer, ret_key);
    }
    memcpy(ret_peer->household, ret_key->bytes, sizeof ret_peer->household);
}

void http_peers_init(struct http_peers *peers)
{
    peers->seed = random_u64();
    for (size_t i = 0; i < HTTP_PEER_BUCKETS; i++) list_init(&peers->bucket[i]);
}

static struct list *bucket_of(struct http_peers *peers, const struct http_peer_key *key)
{
    uint64_t high, low;

    memcpy(&high, key->bytes, 8);
    memcpy(&low, key->bytes + 8, 8);
    uint64_t hash = (high ^ low ^ peers->seed) * UINT64_C(0x9e3779b97f4a7c15);
    return &peers->bucket[(hash ^ hash >> 32) % HTTP_PEER_BUCKETS];
}

struct http_peer_count *http_peers_add(struct http_peers *peers, const struct http_peer_key *key,
                                       unsigned max)
{
    struct list *bucket = bucket_of(peers, key);

    list_for_each (node, bucket) {
        struct http_peer_count *count = container_of(node, struct http_peer_count, node);
        if (memcmp(&count->key, key, sizeof *key) != 0) continue;
        if (count->connections >= max) return NULL;
        count->connections++;
        return count;
    }
    struct http_peer_count *count = xmalloc(sizeof *count);
    count->key = *key;
    count->connections = 1;
    list_init(&count->node);
    list_push(bucket, &count->node);
    return count;
}

void http_peers_remove(struct http_peer_count *count)
{
    if (--count->connections) return;
    list_remove(&count->node);
    free(count);
}
