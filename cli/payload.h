/* cli/payload.h — a payload as it is given on the command line. */
#ifndef PINION_CLI_PAYLOAD_H
#define PINION_CLI_PAYLOAD_H

#include "base/buffer.h"
#include "base/error.h"

/* The word itself; - is all of stdin; NULL: nothing. PINION_TOO_LARGE, PINION_INVALID. */
enum pinion_err payload_read(const char *word, struct buffer *out, struct error *why) must_use;

#endif
