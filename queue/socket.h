/* queue/socket.h — the settings of a socket to Redis, alike for both clients. */
#ifndef PINION_QUEUE_SOCKET_H
#define PINION_QUEUE_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Not inherited by children. TCP: no delay, keepalive (a peer that vanished is noticed in half a
 * minute also when we only listen), and `timeout_ms` for what was sent and is not acknowledged. */
void socket_tune(int fd, bool tcp, uint64_t timeout_ms);

#endif
