/* control/shape_token.h — the JSON shape "token", for the command and for HTTP. The caller's.
 *
 *     {"name","roles":[...],"queues":"mail." or null,"made_at","expires_at"}
 *
 * Of whoever shows no token, times are null.
 */
#ifndef PINION_CONTROL_SHAPE_TOKEN_H
#define PINION_CONTROL_SHAPE_TOKEN_H

#include <jansson.h>
#include "control/access/token_set.h"

json_t *shape_token(const struct token *) must_use;

#endif
