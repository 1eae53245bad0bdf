/* control/service.h — builds the parts of a server, wires them, and stops them in order.
 *
 *      LOCK ──► REDIS ──► LINK ──► READY ──stop──► WORK ──► HTTP ──► LINK ──► REDIS ──► STOPPED
 *       state    embedded  handshake, leases        graceful, then in this order; Redis last
 *       folder   child     taken back
 *
 * The composition root: nothing else makes a link, workers, HTTP server or Redis child. Loop
 * thread.
 */
#ifndef PINION_CONTROL_SERVICE_H
#define PINION_CONTROL_SERVICE_H

#include <stdbool.h>
#include "base/error.h"
#include "control/config.h"

struct access;
struct ev_loop;
struct fetcher;
struct fleet;
struct handler;
struct histogram;
struct http_exchange;
struct http_request;
struct hosts;
struct hub;
struct json_t;
struct link;
struct process_host;
struct redis_info;
struct pull;
struct outputs;
struct results;
struct submitter;
struct threads;
struct threads_view;
struct ticker;
struct service;
struct workers_totals;
struct zone_cache;

/* `config` is borrowed until service_free. `loop` NULL: makes its own. */
struct service *service_new(struct ev_loop *loop, const struct config *config);
/* NULL: no-op. Only one that is stopped (service_stopped), was never started, or whose start
 * failed: what it asked of Redis ends by turns of the loop. Else it aborts, and says so. */
void            service_free(struct service *);

const char     *service_address(const struct service *); /* of HTTP; NULL: none, or not yet */
struct ev_loop *service_loop(const struct service *);
struct ticker  *service_ticker(const struct service *);

/* Before the start; takes the handler, also when it is refused. */
enum pinion_err service_add_handler(struct service *, struct handler *, struct error *why) must_use;

bool service_handles(const struct service *, const char *pattern); /* one was added for just it */
/* For handlers on threads, from the first one on. */
struct threads *service_threads(struct service *);

/* Before the start, where the process has no other purpose: what programs leave behind in sessions
 * of their own falls to it, and is killed. */
void service_take_orphans(struct service *);

/* Before the start: tells the service manager when it is ready, and when it stops; see notify.h.
 * For a process that is nothing but the service. */
void service_notify(struct service *);

/* What can be refused at once is refused here (folder, lock, address, programs); the rest happens
 * as the loop runs. After a failure only service_free may follow. */
enum pinion_err service_start(struct service *, struct error *why) must_use;
/* Runs the loop until it has stopped, or failed for good before it was ready. */
enum pinion_err service_run(struct service *, struct error *why) must_use;
/* Graceful; called again, it hurries. */
void service_stop(struct service *);
bool service_stopped(const struct service *);
bool service_started(const struct service *); /* or tried to */
bool service_serves(const struct service *); /* it was ready, and is not stopping */

/* While it runs: all of `fresh` (finished) is checked, then applied, without a job lost; what it is
 * made of goes over to the service, also when it is refused. What needs a restart stays as it is,
 * and is named in the log. PINION_CONFLICT: it has not started, or is stopping; PINION_INVALID: as
 * service_start would say it. Then nothing has changed. */
enum pinion_err service_reload(struct service *, struct config *fresh, struct error *why) must_use;

/* For coroutines. The fetcher is made when it is first asked for; errors as fetcher_new(). */
const struct process_host *service_processes(const struct service *);
enum pinion_err service_fetcher(struct service *, struct fetcher **ret_fetcher,
                                struct error *why) must_use;

/* Before the start: what the API does not know is handed to that. */
typedef void service_others_fn(struct http_exchange *, const struct http_request *, void *ctx);
void service_serve_others(struct service *, service_others_fn *, void *ctx);

/* For the API. */
bool                     service_has_others(const struct service *); /* to hand over to */
void                     service_hand_over(const struct service *, struct http_exchange *,
                                           const struct http_request *);
bool                     service_ready(const struct service *);
bool                     service_redis_up(const struct service *);
const struct redis_info *service_redis_info(const struct service *);
const char              *service_server_id(const struct service *);
unsigned                 service_running(const struct service *);
const struct config     *service_config(const struct service *);
struct access           *service_access(const struct service *);
uint64_t                 service_roundtrip_us(const struct service *);
unsigned                 service_http_connections(const struct service *);
uint64_t                 service_http_replies(const struct service *, unsigned class);
const struct histogram  *service_stall_us(const struct service *);
const struct workers_totals *service_totals(const struct service *);
struct json_t           *service_recent(const struct service *); /* of late; the caller's */
const struct hosts      *service_hosts(const struct service *); /* of webhooks; NULL: none */
struct zone_cache       *service_zones(const struct service *);
struct pull             *service_pull(const struct service *); /* those who pull over HTTP */
struct threads_view      service_threads_view(const struct service *);
/* These are there from the first time that Redis is up. */
struct link             *service_link(const struct service *);
struct submitter        *service_submitter(const struct service *);
struct outputs          *service_outputs(const struct service *);
struct results          *service_results(const struct service *);
struct fleet            *service_fleet(const struct service *);
struct hub              *service_hub(const struct service *); /* of live events */
int64_t                  service_now_ms(const struct service *); /* Redis's clock */

#endif
