/* control/redis_log.h — what the embedded redis-server wrote into its log; for redis_child.c. */
#ifndef PINION_CONTROL_REDIS_LOG_H
#define PINION_CONTROL_REDIS_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#define REDIS_LOG_SAID_MAX  180  /* of its last words, so that they fit into an error */
#define REDIS_LOG_BYTES_MAX 4096 /* of its end, looked at */

void  redis_log_rotate(const char *dir); /* while nobody writes it */
off_t redis_log_end(const char *dir);

/* The last words behind `from`, as one printable line that begins where one began; "" if none. */
void redis_log_said(const char *dir, off_t from, char ret_said[REDIS_LOG_SAID_MAX + 1]);
bool redis_log_has(const char *dir, off_t from, const char *words);

#endif
