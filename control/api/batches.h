/* control/api/batches.h — batches of a queue over HTTP. Route functions; ctx: struct service. */
#ifndef PINION_CONTROL_API_BATCHES_H
#define PINION_CONTROL_API_BATCHES_H

#include "control/http/route.h"

route_fn batches_list, batch_show, batch_put, batch_close;

#endif
