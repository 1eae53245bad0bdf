/* cli/server.h — the servers of all queues. */
#ifndef PINION_CLI_SERVER_H
#define PINION_CLI_SERVER_H

#include <jansson.h>
#include "cli/connect.h"

/* Name -> shape (control/shape.h), joined over their queues; the caller's. */
enum pinion_err servers_read(struct session *, json_t **ret_servers, struct error *why) must_use;

int server_quiet_main(int argc, char **argv);
int server_resume_main(int argc, char **argv);
int server_stop_main(int argc, char **argv);

#endif
