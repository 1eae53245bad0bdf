/* control/config_parts.h — what the table of keys and the file's sections both need; private to
 * config*.c. `source` of the struct config says on whose behalf. */
#ifndef PINION_CONTROL_CONFIG_PARTS_H
#define PINION_CONTROL_CONFIG_PARTS_H

#include "base/text.h"
#include "control/config.h"

enum pinion_err config_set_from(struct config *, enum config_source, const char *key,
                                const char *value, struct error *why) must_use;

/* 1 .. max */
enum pinion_err config_parse_count(const char *key, const char *value, unsigned max,
                                   unsigned *ret_count, struct error *why) must_use;
enum pinion_err config_parse_duration(const char *key, const char *value, uint64_t min_ms,
                                      uint64_t max_ms, uint64_t *ret_ms,
                                      struct error *why) must_use;
/* "4096", "64kb", "16mb", "2gb" */
enum pinion_err config_parse_bytes(const char *key, const char *value, uint64_t min, uint64_t max,
                                   uint64_t *ret_bytes, struct error *why) must_use;
/* A kind, or nothing for none; replaces what *text owns. */
enum pinion_err config_parse_on_dead(const char *value, char **text, struct error *why) must_use;

/* The entry of that name, made if it is new. The pointer lasts until the next one is made. */
enum pinion_err config_queue_at(struct config *, struct span name, struct config_queue **ret_queue,
                                struct error *why) must_use;
/* The same; PINION_INVALID also if the kind has one of another sort. */
enum pinion_err config_handler_at(struct config *, enum config_runner, struct span kind,
                                  struct config_handler **ret_handler, struct error *why) must_use;
enum pinion_err config_handler_set(struct config_handler *, const char *key, const char *value,
                                   struct error *why) must_use;
/* What its flag gives: the program of a command. */
enum pinion_err config_handler_set_main(struct config_handler *, const char *value,
                                        struct error *why) must_use;
bool            config_runner_of(struct span name, enum config_runner *ret_runner);
enum pinion_err config_handlers_check(const struct config *, struct error *why) must_use;
void            config_handlers_deinit(struct config *);
/* One of its limits or bounds. PINION_NOT_FOUND: there is no such key; `why` is not filled. */
enum pinion_err config_queue_limit(struct config_queue *, const char *key, const char *value,
                                   struct error *why) must_use;
/* Each limit as a whole: what its keys mean together. */
enum pinion_err config_limits_check(const struct config *, struct error *why) must_use;
void            config_limits_deinit(struct config_queue *);
enum pinion_err config_schedule_at(struct config *, struct span name,
                                   struct config_schedule **ret_schedule,
                                   struct error *why) must_use;
enum pinion_err config_schedule_set(struct config_schedule *, const char *key, const char *value,
                                    struct error *why) must_use;
/* Each as a whole: what its keys mean together. */
enum pinion_err config_schedules_check(const struct config *, struct error *why) must_use;
void            config_schedules_deinit(struct config *);
enum pinion_err config_host_add(struct config *, const char *name, struct error *why) must_use;
enum pinion_err config_plugin_add(struct config *, const char *file, struct error *why) must_use;
enum pinion_err config_allow_add(struct config *, const char *range, struct error *why) must_use;

#endif
