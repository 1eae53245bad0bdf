/* base/sha1.h — SHA-1, for protocols that name it (the handshake of WebSockets). Not for secrets:
 * who wants that nobody can forge something takes another hash. Pure. */
#ifndef PINION_BASE_SHA1_H
#define PINION_BASE_SHA1_H

#include <stddef.h>

#define SHA1_BYTES 20

void sha1(const void *data, size_t len, unsigned char out[SHA1_BYTES]);

#endif
