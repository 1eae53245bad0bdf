/* queue/boot.h — for which boots of which machines @reboot schedules have fired. Builders, readers.
 *
 * The marks of a queue are kept together, BOOTS_MAX of them, oldest first to go.
 */
#ifndef PINION_QUEUE_BOOT_H
#define PINION_QUEUE_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/id.h"
#include "queue/request.h"

#define BOOTS_MAX 10000

struct redisReply;

struct boot_mark {
    struct span name; /* of the schedule */
    const char *boot; /* what the kernel calls this boot */
};

void boot_ask_build(struct request *, struct span key, struct boot_mark);
bool boot_ask_read(const struct redisReply *); /* has it fired? */
void boot_note_build(struct request *, struct span key, struct boot_mark, int64_t now_ms);
void boot_trim_build(struct request *, struct span key);

/* The local id of its job: the same on all servers of the machine, so that the script that fires
 * makes it once. */
void boot_job_id(struct span key, struct boot_mark, char ret[ID_LEN + 1]);

#endif
