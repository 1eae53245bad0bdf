/* control/api/filter.h — which jobs a query is about: kind, tag, error, older_than, newer_than. */
#ifndef PINION_CONTROL_API_FILTER_H
#define PINION_CONTROL_API_FILTER_H

#include <stdbool.h>
#include "control/http/http.h"
#include "queue/filter.h"
#include "queue/limits.h"

#define API_FILTER_KEYS "kind", "tag", "error", "older_than", "newer_than"

struct api_filter {
    struct job_filter filter; /* points into the rooms */
    char kind[KIND_MAX + 1], tag[TAG_MAX + 1], error[FILTER_ERROR_MAX + 1], older[32], newer[32];
};

/* false: it has answered. What is left to be checked, filter_check does. */
bool api_filter_read(struct api_filter *, struct http_exchange *,
                     const struct http_request *) must_use;

#endif
