/* control/redis_conf.h — what the embedded redis-server is told on its standard input. */
#ifndef PINION_CONTROL_REDIS_CONF_H
#define PINION_CONTROL_REDIS_CONF_H

#include "base/buffer.h"
#include "control/redis_child.h"

#define REDIS_CONF_STORE  "store"          /* folders and files below the state folder */
#define REDIS_CONF_APPEND "appendonlydir"
#define REDIS_CONF_LOG    "redis.log"
#define REDIS_CONF_NOTIFY "notify.sock"

void redis_conf_write(struct buffer *, const struct redis_child_options *);

/* Half of what this process may use: of the machine's memory or of its cgroup's limit. */
uint64_t redis_conf_memory(void);

#endif
