/* control/service_inside.h — what the files of the service know of each other; nobody else includes
 * it.
 *
 * service.c goes from state to state, service_make.c makes the parts, service_view.c shows them,
 * reload.c changes them while they run.
 */
#ifndef PINION_CONTROL_SERVICE_INSIDE_H
#define PINION_CONTROL_SERVICE_INSIDE_H

#include <ev.h>
#include "control/events/hub.h"
#include "control/http/http.h"
#include "control/pulse.h"
#include "control/redis_child.h"
#include "control/schedule_apply.h"
#include "control/service.h"
#include "control/state.h"
#include "control/submitter.h"
#include "control/watchdog.h"
#include "control/zone_watch.h"
#include "queue/link.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"
#include "workers/fetch.h"
#include "workers/hosts.h"
#include "workers/process.h"
#include "workers/process_record.h"
#include "workers/thread.h"
#include "workers/workers.h"

enum service_at {
    AT_NEW,
    AT_LOCK,  /* waits for the state folder */
    AT_REDIS, /* waits for the embedded Redis */
    AT_LINK,  /* waits for the handshake, and for the seats */
    AT_READY,
    AT_STOP_WORK,
    AT_STOP_HTTP,
    AT_STOP_LINK,
    AT_STOP_REDIS,
    AT_STOPPED,
};

struct service {
    const struct config *config;
    struct config *reloaded; /* owned: what `config` is since the last reload; NULL: none was */
    struct ev_loop *loop;
    bool takes_orphans; /* the process is ours: what programs leave behind may fall to it */
    bool notifies; /* the service manager */
    struct watchdog watchdog;
    bool own_loop, in_run; /* in_run: service_run is on the stack */
    struct ticker *ticker;
    struct state *state;
    struct access *access;
    struct process_record *record;
    struct process_host host;
    struct fetcher *fetcher; /* NULL: nobody fetches */
    struct hosts *hosts;     /* of webhooks; NULL: there are none */
    struct threads *threads; /* NULL: no handler runs on them */
    struct redis_child *child; /* NULL: an external Redis */
    struct redis_url url;
    struct redis_info redis;
    struct link *link;
    struct workers *workers;
    struct registry handlers; /* until the workers are made */
    struct http_server *http;
    service_others_fn *others; /* what the API does not know; NULL: nobody serves it */
    void *others_ctx;
    struct submitter *submitter;
    struct fleet *fleet;
    struct results *results;
    struct outputs *outputs;
    struct hub *hub;
    struct zone_cache *zones;
    struct zone_watch zone_watch;
    struct schedule_apply *schedules; /* of the config file */
    struct pulse pulse;
    ev_timer next; /* leaves a callback before it tears down what called */
    enum service_at at;
    struct error failure; /* why it could not get ready */
};

/* What the parts tell; `ctx` is the service. */
extern const struct link_options      service_link_events; /* its url and names are to be filled */
extern const struct redis_child_events service_child_events;
void service_on_serving(void *ctx);
void service_on_workers_stopped(void *ctx);
void service_on_told_stop(void *ctx);

/* service_make.c: the parts, in the order in which they are made. */
enum pinion_err service_make_parts(struct service *, struct error *why) must_use; /* lock is held */
void            service_make_link(struct service *); /* Redis is there, or will be */
enum pinion_err service_make_handler(struct service *, const struct config_handler *,
                                     struct registry *to, struct error *why) must_use;
struct workers_options service_workers_options(struct service *); /* borrow from the config */
struct http_limits     service_http_limits(const struct config *);
struct queue_options   service_queue_options(const struct config_queue *);
void service_drop_reloaded(struct service *); /* reload.c; at the end */

#endif
