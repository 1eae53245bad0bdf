/* control/api/audit.h — one line in the log for every change that was asked for over HTTP:
 *
 *     event=audit who=shop peer=127.0.0.1 method=POST path=/v1/queues/mail/pause status=200
 *     request=5f3a9c01-000007
 *
 * No query, no body, no token. What is refused for want of a good token is told of at a bounded
 * rate for each peer; how many were not told of stands in the next line, as `untold`.
 */
#ifndef PINION_CONTROL_API_AUDIT_H
#define PINION_CONTROL_API_AUDIT_H

#include "control/http/http.h"

#define AUDIT_PATH_MAX 200 /* bytes; what is longer ends with "..." */

/* An http_answered_fn; ctx is the struct service. */
void audit_answered(const struct http_request *, unsigned status, void *ctx);

#endif
