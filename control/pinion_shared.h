/* control/pinion_shared.h — what the files behind include/pinion.h share; nobody else includes it.
 *
 * pinion_client.c is the client, pinion_service.c the service and its timers, pinion_attempt.c what
 * handlers call: each a thin face of what the house has already.
 */
#ifndef PINION_CONTROL_PINION_SHARED_H
#define PINION_CONTROL_PINION_SHARED_H

#include "base/error.h"
#include "include/pinion.h"

/* Copies the reason to who asked for it; `text` may be NULL. Answers `err`. */
enum pinion_err tell_reason(const struct error *why, enum pinion_err err, char *text, size_t size);

#endif
