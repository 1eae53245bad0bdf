#include "control/api/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/memory.h"
#include "control/access/access.h"
#include "control/api/call.h"
#include "control/events/hub.h"
#include "control/fleet.h"
#include "control/pulse.h"
#include "control/service.h"
#include "scheduler/ticker.h"
#include "workers/hosts.h"
#include "workers/pull.h"
#include "workers/thread.h"
#include "workers/workers.h"

/* Buckets end where those of the histogram do, so that each count is exact: 2^n - 1 microseconds,
 * from 63 us to over an hour. */
#define BUCKET_FIRST 6
#define BUCKET_LAST  32

/* ---- the format ------------------------------------------------------------------------------ */

static void add_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_counter(struct buffer *out, const char *name, uint64_t value, const char *help)
{
    add_head(out, name, "counter", help);
    buffer_printf(out, "%s %" PRIu64 "\n", name, value);
}

static void add_gauge(struct buffer *out, const char *name, double value, const char *help)
{
    add_head(out, name, "gauge", help);
    buffer_printf(out, "%s %.9g\n", name, value);
}

static void add_histogram(struct buffer *out, const char *name, const struct histogram *h,
                          const char *help)
{
    add_head(out, name, "histogram", help);
    for (unsigned bits = BUCKET_FIRST; bits <= BUCKET_LAST; bits++) {
        uint64_t limit_us = (UINT64_C(1) << bits) - 1;
        buffer_printf(out, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name, (double)limit_us / 1e6,
                      histogram_count_le(h, limit_us));
    }
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, h->count);
    buffer_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)h->sum / 1e6, name,
                  h->count);
}

/* ---- this server ----------------------------------------------------------------------------- */

static void add_ends(struct buffer *out, const struct tally *ends)
{
    add_head(out, "pinion_jobs_total", "counter",
             "Attempts that ended here, as Redis accepted them; past 256 kinds, kind is other.");
    for (size_t i = 0; i < tally_count(ends); i++) {
        const struct tally_row *row = tally_row(ends, i);
        for (unsigned end = 0; end < TALLY_ENDS; end++)
            if (row->count[end])
                buffer_printf(
                    out, "pinion_jobs_total{queue=\"%s\",kind=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
                    row->queue, row->kind, tally_ends[end], row->count[end]);
    }
}

static void add_schedules(struct buffer *out, const struct timetable_totals *t)
{
    const struct {
        const char *outcome;
        uint64_t count;
    } rows[] = {
        {"fired",    t->fired.value   },
        {"skipped",  t->skipped.value },
        {"buffered", t->buffered.value},
        {"missed",   t->missed.value  },
    };

    add_head(out, "pinion_schedule_fires_total", "counter",
             "Times of schedules that this server dealt with, by what came of them.");
    for (size_t i = 0; i < countof(rows); i++)
        buffer_printf(out, "pinion_schedule_fires_total{outcome=\"%s\"} %" PRIu64 "\n",
                      rows[i].outcome, rows[i].count);
    add_counter(out, "pinion_schedules_healed_total", t->healed.value,
                "Schedules that had fired far ahead of Redis's clock, and were set back.");
    add_histogram(out, "pinion_schedule_lateness_seconds", &t->lateness_us,
                  "From the time of a schedule, jitter included, to its job being ready.");
}

static void add_workers(struct buffer *out, const struct service *s)
{
    const struct workers_totals *t = service_totals(s);
    struct threads_view threads = service_threads_view(s);

    add_ends(out, t->ends);
    add_counter(out, "pinion_jobs_claimed_total", t->claimed.value, "Attempts begun here.");
    add_counter(out, "pinion_jobs_pulled_total", t->pulled.value,
                "Of these, those leased to workers elsewhere, over HTTP.");
    add_gauge(out, "pinion_pull_waiting", pull_waiting(service_pull(s)),
              "Workers elsewhere that wait here for jobs.");
    add_counter(out, "pinion_stale_outcomes_refused_total", t->stale.value,
                "Outcomes that came too late: the lease was lost.");
    add_counter(out, "pinion_untold_total", t->untold.value,
                "What another queue could not be told of an end, and was set aside.");
    add_counter(out, "pinion_worker_wakes_total", t->wakes.value,
                "Times Redis woke this server for a job.");
    add_gauge(out, "pinion_jobs_running", service_running(s), "Attempts that run here now.");
    add_gauge(out, "pinion_threads", threads.threads, "Threads for handlers that block.");
    add_gauge(out, "pinion_threads_stuck", threads.stuck,
              "Those whose attempt had to stop, and was given up.");
    add_histogram(out, "pinion_job_wait_seconds", &t->wait_us,
                  "From when a job was due to its first attempt.");
    add_histogram(out, "pinion_job_run_seconds", &t->run_us, "How long an attempt worked.");
    add_histogram(out, "pinion_job_lateness_seconds", &t->late_us,
                  "Of delayed jobs, from when it was due to its first attempt.");
    add_schedules(out, &t->schedules);
}

static void add_hosts(struct buffer *out, const struct hosts *hosts)
{
    static const struct {
        const char *name, *type, *help;
    } metrics[] = {
        {"pinion_webhook_breaker_open", "gauge",
         "Whether webhooks leave the host alone: 1, or 0.5 while one is let through."},
        {"pinion_webhook_running", "gauge", "Requests to the host that are under way."},
        {"pinion_webhook_waiting", "gauge", "Attempts that wait for one of these to end."},
        {"pinion_webhook_requests_total", "counter", "Requests to the host."},
        {"pinion_webhook_failures_total", "counter",
         "Those that had no answer, none in time, or 502, 503 or 504."},
        {"pinion_webhook_postponed_total", "counter",
         "Attempts that were not sent, for the breaker was open."},
    };

    for (size_t m = 0; m < countof(metrics) && hosts_count(hosts); m++) {
        add_head(out, metrics[m].name, metrics[m].type, metrics[m].help);
        for (size_t i = 0; i < hosts_count(hosts); i++) {
            struct host_view v = hosts_view(hosts, i);
            const double breaker[] = {
                [BREAKER_CLOSED] = 0, [BREAKER_OPEN] = 1, [BREAKER_HALF] = 0.5};
            const double values[] = {breaker[v.breaker], v.running,        v.waiting,
                                     (double)v.asked,    (double)v.failed, (double)v.postponed};
            buffer_printf(out, "%s{host=\"%s\"} %.15g\n", metrics[m].name, v.name, values[m]);
        }
    }
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* In memory, as all of /proc: no disk is waited for. */
static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (!f) return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1) pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void add_replies(struct buffer *out, const struct service *s)
{
    add_head(out, "pinion_http_replies_total", "counter", "Replies, by the class of their status.");
    for (unsigned class = 1; class < HTTP_STATUS_CLASSES; class++)
        buffer_printf(out, "pinion_http_replies_total{status=\"%uxx\"} %" PRIu64 "\n", class,
                      service_http_replies(s, class));
}

/* The hub is there from the first time that Redis is up. */
static double listeners_of(const struct hub *hub)
{
    return hub ? (double)hub_listeners(hub) : 0;
}

static void add_process(struct buffer *out, const struct service *s)
{
    struct rusage used;

    add_head(out, "pinion_build_info", "gauge", "Always 1; what runs is in the labels.");
    buffer_printf(out, "pinion_build_info{version=\"%s\",server=\"%s\"} 1\n", PINION_VERSION,
                  service_server_id(s));
    add_gauge(out, "pinion_ready", service_ready(s), "Whether it is connected and takes jobs.");
    add_gauge(out, "pinion_redis_up", service_redis_up(s), "Whether Redis can be reached.");
    add_gauge(out, "pinion_redis_roundtrip_seconds", (double)service_roundtrip_us(s) / 1e6,
              "From the sending of the last call to its reply.");
    add_gauge(out, "pinion_http_connections", service_http_connections(s),
              "Connections of HTTP clients.");
    add_replies(out, s);
    add_gauge(out, "pinion_event_listeners", listeners_of(service_hub(s)),
              "Clients that follow live events here.");
    add_counter(out, "pinion_http_wrong_tokens_total", access_wrong_tokens(service_access(s)),
                "Requests that showed a token that is not known, or has expired.");
    add_histogram(out, "pinion_loop_stall_seconds", service_stall_us(s),
                  "How long the loop was busy between two waits for events.");
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        add_head(out, "process_cpu_seconds_total", "counter", "User and system CPU time.");
        buffer_printf(out, "process_cpu_seconds_total %.6f\n",
                      seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    }
    add_gauge(out, "process_resident_memory_bytes", resident_bytes(), "Resident memory.");
}

/* ---- all queues: every server tells the same ------------------------------------------------- */

static void add_queue_values(struct buffer *out, const struct fleet_view *fleet, const char *name,
                             const char *type, const char *help,
                             double (*value)(const struct queue_view *))
{
    add_head(out, name, type, help);
    for (size_t i = 0; i < fleet->count; i++)
        buffer_printf(out, "%s{queue=\"%s\"} %.15g\n", name, fleet->queues[i].name,
                      value(&fleet->queues[i].view));
}

static double oldest_of(const struct queue_view *v)
{
    return (double)v->oldest_ready_ms / 1e3;
}

static double paused_of(const struct queue_view *v)
{
    return v->paused;
}

static double enqueued_of(const struct queue_view *v)
{
    return (double)v->enqueued;
}

static double reaped_of(const struct queue_view *v)
{
    return (double)v->reaped;
}

static void add_queues(struct buffer *out, const struct fleet_view *fleet)
{
    add_head(out, "pinion_queue_jobs", "gauge", "Jobs of the queue, by state.");
    for (size_t i = 0; i < fleet->count; i++)
        for (size_t k = 0; k < STATES; k++)
            buffer_printf(out, "pinion_queue_jobs{queue=\"%s\",state=\"%s\"} %" PRId64 "\n",
                          fleet->queues[i].name, job_states[k], fleet->queues[i].view.counts[k]);
    add_queue_values(out, fleet, "pinion_queue_oldest_seconds", "gauge",
                     "How long the ready job that waits longest has waited.", oldest_of);
    add_queue_values(out, fleet, "pinion_queue_paused", "gauge", "Whether the queue is paused.",
                     paused_of);
    add_queue_values(out, fleet, "pinion_jobs_enqueued_total", "counter",
                     "Jobs ever made in the queue, by anybody.", enqueued_of);
    add_queue_values(out, fleet, "pinion_jobs_reaped_total", "counter",
                     "Attempts lost with their server, in the queue, by any server.", reaped_of);
}

/* ---- the request ----------------------------------------------------------------------------- */

struct scrape {
    struct fleet_ask ask;
    struct alarm patience;
    struct http_exchange *exchange;
    struct service *service;
};

static void reply_metrics(struct http_exchange *x, const struct service *s,
                          const struct fleet_view *fleet)
{
    struct buffer out = BUFFER_INIT;

    add_process(&out, s);
    add_workers(&out, s);
    add_hosts(&out, service_hosts(s));
    if (fleet) add_queues(&out, fleet);
    http_reply(x, &(struct http_reply){.type = "text/plain; version=0.0.4; charset=utf-8",
                                       .body = out.data,
                                       .len = out.len});
    buffer_deinit(&out);
}

static void end_scrape(struct scrape *scrape, const struct fleet_view *fleet)
{
    fleet_unask(&scrape->ask);
    ticker_cancel(service_ticker(scrape->service), &scrape->patience);
    reply_metrics(scrape->exchange, scrape->service, fleet);
    free(scrape);
}

static void on_fleet(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *fleet)
{
    end_scrape(container_of(ask, struct scrape, ask), err ? NULL : fleet);
}

static void on_patience(struct alarm *alarm)
{
    end_scrape(container_of(alarm, struct scrape, patience), NULL);
}

void metrics_show(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    struct service *s = ctx;
    const struct fleet_view *recent = NULL;
    struct scrape *scrape;

    (void)request, (void)args;
    if (service_redis_up(s)) recent = fleet_recent(service_fleet(s), METRICS_AGE_MS);
    if (recent || !service_redis_up(s)) {
        reply_metrics(x, s, recent);
        return;
    }
    scrape = xcalloc(1, sizeof *scrape);
    *scrape = (struct scrape){.ask.done = on_fleet, .exchange = x, .service = s};
    alarm_init(&scrape->patience, on_patience);
    ticker_set_in(service_ticker(s), &scrape->patience, METRICS_WAIT_MS);
    fleet_ask(service_fleet(s), &scrape->ask);
}
