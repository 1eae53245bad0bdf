/* base/metrics.c — log-linear histograms.
 *
 *      bucket   0 .. 15   the values 0 .. 15, one each
 *              16 .. 31   16 .. 31, one each
 *              32 .. 47   32 .. 63, two values each
 *              48 .. 63   64 .. 127, four values each, and so on: every row of 16 is twice as wide
 */
#include "base/metrics.h"

#include <stddef.h>

#define SUB_COUNT (UINT64_C(1) << HISTOGRAM_SUB_BITS)

static size_t bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < SUB_COUNT) return value;
    shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)(shift + 1) << HISTOGRAM_SUB_BITS) + ((value >> shift) & (SUB_COUNT - 1));
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_last(size_t bucket)
{
    size_t row = bucket >> HISTOGRAM_SUB_BITS;
    uint64_t sub = bucket & (SUB_COUNT - 1);

    if (row == 0) return bucket;
    return ((SUB_COUNT + sub) << (row - 1)) + ((UINT64_C(1) << (row - 1)) - 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max) h->max = value;
    h->bucket[bucket_of(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max) into->max = from->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) into->bucket[i] += from->bucket[i];
}

/* The smallest whole number >= share * count, within 1 .. count. */
static uint64_t rank_of(double share, uint64_t count)
{
    double exact = share * (double)count;
    uint64_t rank;

    if (!(exact > 1)) return 1; /* also when share is not a number */
    if (exact >= (double)count) return count;
    rank = (uint64_t)exact;
    return (double)rank < exact ? rank + 1 : rank;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
    uint64_t rank, seen = 0, last;
    size_t i = 0;

    if (h->count == 0) return 0;
    rank = rank_of(share, h->count);
    while ((seen += h->bucket[i]) < rank) i++;
    last = bucket_last(i);
    return last < h->max ? last : h->max;
}

uint64_t histogram_count_le(const struct histogram *h, uint64_t limit)
{
    uint64_t seen = 0;

    if (limit >= h->max) return h->count;
    /* A bucket that the limit cuts may hold larger values: it does not count. */
    for (size_t i = 0; bucket_last(i) <= limit; i++) seen += h->bucket[i];
    return seen;
}
