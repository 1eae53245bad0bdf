/* control/api/auth.h — who may do what over HTTP: the one place that decides.
 *
 * A route of api.c names the role that it needs. Who asks is told by a token, or by the kernel: at
 * a unix socket, the service's own user and root are administrators. Every role may read. On
 * loopback one may read without any, but not the content of jobs: payload, result and error.
 *
 * Some tokens are for some queues only, their scope. A route whose path has a {queue} or a job's
 * {id} is held to that here. Of all others, such a token may use only those that say API_SCOPED:
 * they ask api_may_see() for each queue that they show or touch.
 */
#ifndef PINION_CONTROL_API_AUTH_H
#define PINION_CONTROL_API_AUTH_H

#include <stdbool.h>
#include "control/access/token_set.h"
#include "control/http/http.h"
#include "control/http/route.h"
#include "control/shape.h"

#define API_ROLE(need) ((enum role)((need) & 0xff))
#define API_SCOPED     0x100u /* with a role: what it serves, it serves by the caller's scope */
#define API_CONTENT    0x200u /* with ROLE_READ: it is nothing but content */
#define API_OF_OTHERS  0x400u /* a program's own: what its {id} names may be no job at all */

struct service;

/* An http_gate_fn; ctx is the struct service. Answers 401 (no token, or none of ours) or 403. */
bool api_gate(struct http_exchange *, const struct http_request *, const struct route *,
              const struct route_args *, void *ctx);

/* Of http_server_recall; ctx is the struct service. A token that was good is so still. */
bool api_caller_stays(const struct http_caller *, void *ctx);

/* Of a request that passed the gate. */
enum shape_content api_content(const struct http_request *);
bool               api_may_see(const struct http_request *, struct span queue);
/* 403, in words of what it may. */
void api_reply_out_of_scope(struct http_exchange *, const struct http_request *);

#endif
