/* control/api/api.h — the HTTP API: one route table, one file per noun. */
#ifndef PINION_CONTROL_API_API_H
#define PINION_CONTROL_API_API_H

struct http_exchange;
struct http_request;

/* An http_handler_fn; ctx is the struct service. */
void api_handle(struct http_exchange *, const struct http_request *, void *ctx);

#endif
