/* base/random.c — the kernel's randomness, fetched a block at a time.
 *
 * Bytes are wiped when given out, and what is left of the block is dropped in a forked child, so
 * no byte is ever used twice. Each thread has its own block.
 */
#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BLOCK_BYTES = 256 }; /* up to here getrandom(2) is never cut short by a signal */

static _Thread_local struct {
    unsigned char bytes[BLOCK_BYTES];
    size_t left; /* at the end of the block */
} block;

static void drop_block(void)
{
    block.left = 0;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, drop_block) != 0) abort();
}

/* Only a kernel without getrandom(2) fails here, and nothing that we do is safe on it. */
static void refill(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ssize_t got;

    pthread_once(&once, watch_forks);
    do got = getrandom(block.bytes, sizeof(block.bytes), 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(block.bytes)) abort();
    block.left = sizeof(block.bytes);
}

void random_fill(void *out, size_t bytes)
{
    unsigned char *to = out, *from;
    size_t take;

    for (; bytes; to += take, bytes -= take) {
        if (block.left == 0) refill();
        take = bytes < block.left ? bytes : block.left;
        from = block.bytes + sizeof(block.bytes) - block.left;
        memcpy(to, from, take);
        explicit_bzero(from, take);
        block.left -= take;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;

    random_fill(&value, sizeof(value));
    return value;
}

/* 53 bits are what a double holds exactly, so 1 itself is never rounded to. */
double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}
