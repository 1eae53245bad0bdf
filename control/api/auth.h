/* control/api/auth.h — who may do what over HTTP: the one place that decides.
 *
 * A route of api.c names the role that it needs. Whoever shows the token of the state folder is an
 * administrator, and may do everything; on loopback one may read without any, but not the content
 * of jobs: payload, result and error are for those who showed a token.
 */
#ifndef PINION_CONTROL_API_AUTH_H
#define PINION_CONTROL_API_AUTH_H

#include <stdbool.h>
#include "control/http/http.h"
#include "control/shape.h"

enum api_role { ROLE_NONE, ROLE_READ, ROLE_ENQUEUE, ROLE_WORK, ROLE_ADMIN };

struct service;

/* An http_gate_fn; ctx is the struct service. Answers 401 (no token, or none of ours) or 403. */
bool api_gate(struct http_exchange *, const struct http_request *, const struct route *, void *ctx);

enum shape_content api_content(const struct service *, const struct http_request *);

#endif
