/* tests/flow/one_service.h — a service of pinion.h on a real Redis, that runs one job and stops. */
#ifndef PINION_TESTS_FLOW_ONE_SERVICE_H
#define PINION_TESTS_FLOW_ONE_SERVICE_H

#include "include/pinion.h"
#include "tests/support/redis_server.h"

struct ev_loop;

extern struct redis_server *server;
extern struct ev_loop *loop;
extern struct pinion_service *service;

/* For cmocka, around each test. The service is new, and not started; it gives dead jobs to the kind
 * "report", serves the queues "default" and "other", runs 20,000 at once, and may reach
 * 127.0.0.1. */
int one_service_begin(void **state);
int one_service_end(void **state);
#define service_test(name) \
    cmocka_unit_test_setup_teardown(name, one_service_begin, one_service_end)

/* The job `x` of this handler, in "default", until it has ended for good. `job`: what it asks for
 * besides. */
void run_one(const struct pinion_handler *handler, struct pinion_job job);

#endif
