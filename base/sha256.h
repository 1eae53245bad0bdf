/* base/sha256.h — the SHA-256 of a few bytes (FIPS 180-4). Pure.
 *
 * For fingerprints of random secrets. What people choose (passwords) needs a slow hash instead, and
 * what comes in megabytes a library that knows the processor.
 */
#ifndef PINION_BASE_SHA256_H
#define PINION_BASE_SHA256_H

#include <stddef.h>

#define SHA256_BYTES 32

void sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES]);

#endif
