/* workers/signature.h — that a webhook came from us: an HMAC-SHA256 over what it says.
 *
 * Over "TIMESTAMP.ID.ATTEMPT.BODY", so that neither the time nor the job can be changed; hex. Pure;
 * web_libs_load comes first.
 */
#ifndef PINION_WORKERS_SIGNATURE_H
#define PINION_WORKERS_SIGNATURE_H

#include <stdint.h>
#include "base/text.h"

#define SIGNATURE_LEN 64

void signature_make(struct span secret, int64_t timestamp_s, const char *id, unsigned attempt,
                    struct span body, char out[SIGNATURE_LEN + 1]);

#endif
