/* control/api/api.h — the HTTP API: one route table, one file per noun. */
#ifndef PINION_CONTROL_API_API_H
#define PINION_CONTROL_API_API_H

#include <stdbool.h>
#include <stddef.h>

struct http_exchange;
struct http_request;
struct route;

/* An http_handler_fn; ctx is the struct service. */
void api_handle(struct http_exchange *, const struct http_request *, void *ctx);
const struct route *api_routes(size_t *ret_count); /* the table */

/* Does a path, or a pattern, begin with a segment that one of ours begins with? */
bool api_owns(const char *path);

#endif
