/* cli/bench_measure.h — what `pinion bench` measures, through pinion.h and a server as people run
 * it.
 */
#ifndef PINION_CLI_BENCH_MEASURE_H
#define PINION_CLI_BENCH_MEASURE_H

#include <stdbool.h>
#include "cli/bench_world.h"
#include "include/pinion.h"
#include "queue/sync.h"

#define BENCH_ROUNDS_MAX 100

struct bench {
    struct world world;
    struct pinion_client *client;
    struct sync *sync; /* to ask Redis what it counted */
    struct redis_url url;
    char *payload;
    size_t payload_len;
    uint64_t over_ms; /* lateness: the span in which jobs are due */
    unsigned rounds;
    enum pinion_runs runs; /* the handler of all measures */
};

enum pinion_err bench_open(struct bench *, enum redis_fsync, struct error *why) must_use;
void bench_close(struct bench *);

/* One round of enqueue and drain, and of redis-benchmark just before it: 0 where it is missing. */
struct round {
    double enqueue, drain;        /* jobs a second */
    double lpush, hset;           /* commands a second, by `redis-benchmark -P 64`, one client */
    double worker_cpu, redis_cpu; /* seconds per million jobs drained */
};
enum pinion_err measure_throughput(struct bench *, size_t jobs, struct round *ret,
                                   struct error *why) must_use;

struct delays {
    double p50_ms, p99_ms, max_ms;
    size_t early; /* jobs that began before their time */
    double hop_p50_ms, hop_p99_ms; /* latency: of a bare PUBLISH beside each job; see bench_hop.h */
};
enum pinion_err measure_latency(struct bench *, size_t jobs, struct delays *ret,
                                struct error *why) must_use;
enum pinion_err measure_lateness(struct bench *, size_t jobs, struct delays *ret,
                                 struct error *why) must_use;

/* bench_redis.c: what Redis itself can do. Leaves zeros if redis-benchmark is not installed. */
enum pinion_err measure_redis(const struct world *, size_t payload_len, double *ret_lpush,
                              double *ret_hset, struct error *why) must_use;

#endif
