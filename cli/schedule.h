/* cli/schedule.h — what the verbs of `pinion schedule` share. */
#ifndef PINION_CLI_SCHEDULE_H
#define PINION_CLI_SCHEDULE_H

#include <jansson.h>
#include "cli/connect.h"
#include "cli/table.h"
#include "control/schedule_act.h"

/* Runs it to its end: all its steps, one after the other. */
enum pinion_err act_run(struct session *, struct schedule_act *, struct error *why) must_use;
/* The same on a session of its own, which it opens and closes; fills name_space. The zones of
 * `options` stay the caller's. deinit is due, whatever came of it. */
enum pinion_err act_once(const struct common *, const struct act_options *, struct schedule_act *,
                         struct error *why) must_use;

/* Of a shape. */
const char *shape_word(const json_t *shape, const char *key); /* NULL: null, or none */
int64_t     shape_ms(const json_t *shape, const char *key);   /* of a time; 0: none */
/* "30 2 * * * Europe/Berlin", "every 10s", "at 2026-11-23 11:00:00.000 +01:00" */
void        shape_when(const json_t *shape, struct buffer *out);
/* ", next fire at ...", or why there is none. */
void        print_next(const json_t *shape);

#endif
