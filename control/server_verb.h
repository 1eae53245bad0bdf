/* control/server_verb.h — what a server can be told by people, for the command and for HTTP. Pure.
 *
 *     serving ──quiet──► quiet ──resume──► serving          any ──stop──► stopping ──► not there
 *
 * It is told through its channel, and says what became of it by its heartbeat: its `state` in the
 * list of servers. A message may be lost, and may be repeated.
 */
#ifndef PINION_CONTROL_SERVER_VERB_H
#define PINION_CONTROL_SERVER_VERB_H

#include <jansson.h>
#include <stdbool.h>
#include "base/error.h"

#define SERVER_TELL_MS  5000 /* for a server to do as told */
#define SERVER_LOOK_MS  50   /* between two looks at it, */
#define SERVER_LOOKS    20   /* of which each so manieth tells it again */

enum server_verb { SERVER_QUIET, SERVER_RESUME, SERVER_STOP, SERVER_VERBS };

const char *server_verb_name(enum server_verb);

/* `servers`: name -> shape. The one that is meant, borrowed; `name` NULL: the only one that is
 * alive. PINION_NOT_FOUND says which name is nearest; PINION_CONFLICT: it is lost, or it is
 * stopping and cannot do so any more; PINION_INVALID: there are several. */
enum pinion_err server_pick(enum server_verb, json_t *servers, const char *name,
                            json_t **ret_server, struct error *why) must_use;
/* Is it so? `server` NULL: it is not there any more. */
bool server_verb_done(enum server_verb, const json_t *server);

#endif
