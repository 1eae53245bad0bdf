/* base/metrics.c — log-linear histograms.
 *
 *      bucket   0 .. 15   the values 0 .. 15, one each
 *              16 .. 31   16 .. 31, one each
 *              32 .. 47   32 .. 63, two values each
 *              48 .. 63   64 .. 127, four values each, and so on: every row of 16 is twice as wide
 */
#include "base/metrics.h"

#include <stddef.h>

/* With rows of 2^bits buckets; of a histogram, and with fewer of a sketch. */
static inline size_t bucket_in(unsigned bits, uint64_t value)
{
    uint64_t row_len = UINT64_C(1) << bits;
    unsigned shift;

    if (value < row_len) return value;
    shift = 63u - (unsigned)__builtin_clzll(value) - bits;
    return ((size_t)(shift + 1) << bits) + ((value >> shift) & (row_len - 1));
}

static inline uint64_t last_in(unsigned bits, size_t bucket)
{
    uint64_t row_len = UINT64_C(1) << bits, sub = bucket & (row_len - 1);
    size_t row = bucket >> bits;

    if (row == 0) return bucket;
    return ((row_len + sub) << (row - 1)) + ((UINT64_C(1) << (row - 1)) - 1);
}

static size_t bucket_of(uint64_t value)
{
    return bucket_in(HISTOGRAM_SUB_BITS, value);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_last(size_t bucket)
{
    return last_in(HISTOGRAM_SUB_BITS, bucket);
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

void histogram_since(const struct histogram *h, const struct histogram *before,
                     struct histogram *ret)
{
    ret->count = h->count - before->count;
    ret->sum = h->sum - before->sum;
    ret->max = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        ret->bucket[i] = h->bucket[i] - before->bucket[i];
        if (ret->bucket[i]) ret->max = bucket_last(i);
    }
    if (ret->max > h->max) ret->max = h->max;
}

/* ---- sketches -------------------------------------------------------------------------------- */

void sketch_add(struct sketch *s, uint64_t value)
{
    if (value >> SKETCH_BITS) value = (UINT64_C(1) << SKETCH_BITS) - 1;
    s->bucket[bucket_in(SKETCH_SUB_BITS, value)]++;
}

static uint32_t added(const struct sketch *s, const struct sketch *before, size_t i)
{
    return s->bucket[i] - (before ? before->bucket[i] : 0);
}

uint64_t sketch_percentile(const struct sketch *s, const struct sketch *before, double share)
{
    uint64_t count = 0, rank, seen = 0;
    size_t i = 0;

    for (size_t k = 0; k < SKETCH_BUCKETS; k++) count += added(s, before, k);
    if (!count) return 0;
    rank = rank_of(share, count);
    while ((seen += added(s, before, i)) < rank) i++;
    return last_in(SKETCH_SUB_BITS, i);
}
