/* workers/process_record.h — which processes run, in a file that survives the server's kill -9.
 *
 * The next server with the same state folder kills them before it takes its jobs back, so that a
 * command never overlaps itself. The file is mapped: writing is a store to memory. Whoever opens
 * it holds the lock of the state folder. One thread: the loop's.
 */
#ifndef PINION_WORKERS_PROCESS_RECORD_H
#define PINION_WORKERS_PROCESS_RECORD_H

#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

#define PROCESS_RECORD_FILE      "processes"
#define PROCESS_RECORD_BLOCK     4096          /* bytes; the file grows by whole blocks */
#define PROCESS_RECORD_BYTES_MAX (1024 * 1024) /* some 65,000 processes; more are not recorded */
#define PROCESS_RECORD_NONE      0             /* a slot that is none */

struct process_record;

/* Makes the file if it is missing. What no server wrote since the machine started is ignored.
 * PINION_UNAVAILABLE: the file cannot be made, read or mapped. */
enum pinion_err process_record_open(const char *folder, struct process_record **ret_record,
                                    struct error *why) must_use;
void process_record_close(struct process_record *); /* what is recorded stays; NULL: no-op */

/* Kills what the former server left and waits until it is gone, at most wait_ms. It blocks, so call
 * it before the loop runs. A process is killed if it was recorded and started when the record says,
 * or if it is in the session or group of one that was. PINION_BUSY: some are left (not to be
 * killed, or stuck in the kernel), and stay recorded for another try. */
enum pinion_err process_record_sweep(struct process_record *, uint64_t wait_ms,
                                     unsigned *ret_killed, struct error *why) must_use;

/* For the start of a session leader: a slot of its own, which is filled before its program begins,
 * and is for its removal. PROCESS_RECORD_NONE: it cannot be recorded (logged: the disk is full, or
 * there are too many). */
unsigned process_record_reserve(struct process_record *);
/* Stores only: the child itself may do it, see struct process_birth. NONE: no-op. */
void     process_record_fill(struct process_record *, unsigned slot, pid_t, uint64_t start_ticks);
void     process_record_remove(struct process_record *, unsigned slot); /* NONE: no-op */
/* Both at once, for one that runs already. */
unsigned process_record_add(struct process_record *, pid_t);

/* As add, where the start time is known; also what a test forges a record with. */
unsigned process_record_put(struct process_record *, pid_t, uint64_t start_ticks);

#endif
