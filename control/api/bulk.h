/* control/api/bulk.h — all jobs of a queue that pass a filter: retry, cancel, delete, purge. */
#ifndef PINION_CONTROL_API_BULK_H
#define PINION_CONTROL_API_BULK_H

#include "control/http/route.h"

#define API_BULK_STEPS_MAX 128 /* of one request; then it answers with a `next` */

route_fn jobs_retry, jobs_cancel, jobs_delete, queue_purge;

#endif
