/* control/pinion_shared.h — what the files behind include/pinion.h share; nobody else includes it.
 *
 * pinion_client.c is the client, pinion_service.c the service and its timers, pinion_attempt.c what
 * handlers call, pinion_await*.c what coroutines wait for, pinion_routes.c and pinion_websocket.c
 * routes of one's own: each a thin face of what the house has already.
 */
#ifndef PINION_CONTROL_PINION_SHARED_H
#define PINION_CONTROL_PINION_SHARED_H

#include "base/error.h"
#include "include/pinion.h"

struct await;
struct handler;
struct service;

/* A handler of pinion.h behind one of workers/: struct pinion_attempt is struct attempt. */
struct adapter {
    pinion_run_fn  *run;
    pinion_stop_fn *stop;
    void           *ctx;
    struct service *service;
};

/* The handler itself, of one that is fit to run; yours. */
struct handler *adapt_handler(struct service *, const struct pinion_handler *) must_use;

/* What awaits it is a coroutine of a handler of ours. */
struct service *await_service(const struct await *);

/* Copies the reason to who asked for it; `text` may be NULL. Answers `err`. */
enum pinion_err tell_reason(const struct error *why, enum pinion_err err, char *text, size_t size);

/* pinion_routes.c: those of a service, which asks them for what its API does not know. */
struct routes;
struct routes *routes_new(struct service *) must_use; /* before its start */
void           routes_free(struct routes *); /* it has stopped, and serves nobody; NULL: no-op */
/* Made when they are first asked for; NULL: it is too late. */
struct routes *service_routes(struct pinion_service *);

/* What plugins see of a service that they do not own; borrowed until service_face_free, which comes
 * before service_free. */
struct pinion_service *service_face_new(struct service *);
void                   service_face_free(struct pinion_service *);

#endif
