/* base/metrics.h — counters and histograms without a lock: each belongs to one thread.
 *
 * A histogram has log-linear buckets: 16 per power of two, so a percentile is at most 6.25 % off,
 * for any uint64_t value, in 8 KB. Empty is all zero.
 */
#ifndef PINION_BASE_METRICS_H
#define PINION_BASE_METRICS_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

/* A sketch is a coarser histogram, of which one may have hundreds: 8 buckets per power of two, so
 * 12.5 %, for values below 2^40 (larger ones count as that), in 1.2 KB. Its counts wrap around: ask
 * it for what was added since a copy of it was made, less than 2^32 values. Empty is all zero. */
#define SKETCH_SUB_BITS 3
#define SKETCH_BITS     40
#define SKETCH_BUCKETS  ((SKETCH_BITS - SKETCH_SUB_BITS + 1) << SKETCH_SUB_BITS)

struct counter {
    uint64_t value;
};

struct histogram {
    uint64_t count, sum, max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

struct sketch {
    uint32_t bucket[SKETCH_BUCKETS];
};

static inline void counter_add(struct counter *c, uint64_t n)
{
    c->value += n;
}

void     histogram_add(struct histogram *, uint64_t value);
void     histogram_merge(struct histogram *into, const struct histogram *from);
/* The value below which `share` (0 .. 1) of the values lie; never above max; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *, double share);
/* How many values were <= limit (exact at bucket bounds); for Prometheus. */
uint64_t histogram_count_le(const struct histogram *, uint64_t limit);
/* What was added since `before`, a former copy of it; the max is the largest that it may be. */
void     histogram_since(const struct histogram *, const struct histogram *before,
                         struct histogram *ret);

void     sketch_add(struct sketch *, uint64_t value);
/* Of the values added since `before` (NULL: of all); 0 when there are none. */
uint64_t sketch_percentile(const struct sketch *, const struct sketch *before, double share);

#endif
