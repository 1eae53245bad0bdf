/* control/api/jobs_page.h — jobs by the page: of one queue, or of all. Route functions; ctx: struct
 * service. */
#ifndef PINION_CONTROL_API_JOBS_PAGE_H
#define PINION_CONTROL_API_JOBS_PAGE_H

#include "control/http/route.h"

#define API_JOBS_DEFAULT   100 /* of one page */
#define API_JOBS_MAX       1000
#define API_JOBS_BYTES_MAX (1024 * 1024) /* of payloads; the page ends behind what passes them */
#define API_JOBS_CALLS_MAX 32            /* of one page: a rare kind is looked for in steps */

route_fn jobs_list;     /* ?state=&kind=&tag=&error=&older_than=&newer_than=&after=&limit= */
route_fn jobs_list_all; /* the same, and ?queue= */

#endif
