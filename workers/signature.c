#include "workers/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buffer.h"
#include "workers/web_libs.h"

void signature_make(struct span secret, int64_t timestamp_s, const char *id, unsigned attempt,
                    struct span body, char out[SIGNATURE_LEN + 1])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    struct buffer text = BUFFER_INIT;

    buffer_printf(&text, "%" PRId64 ".%s.%u.", timestamp_s, id, attempt);
    buffer_add(&text, body.data, body.len);
    if (!web.hmac(web.sha256(), secret.data, (int)secret.len, (unsigned char *)text.data, text.len,
                  mac, &mac_len) ||
        mac_len * 2 != SIGNATURE_LEN)
        abort(); /* out of memory, or an OpenSSL without SHA-256 */
    for (unsigned i = 0; i < mac_len; i++) snprintf(out + 2 * i, 3, "%02x", mac[i]);
    buffer_deinit(&text);
}
